//! How far a command has come, on standard error: a line that changes on a terminal, and plain lines elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Without a terminal, a line for each so many passes.
const PASSES_A_LINE: u64 = 1000;

/// How often the time and the rate are shown anew while nothing else happens.
const TICK: Duration = Duration::from_millis(500);

/// Taken off the terminal when it is dropped, so that what follows stands on a line of its own.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Passes sent one after the other, `already` by an earlier command; `about` of how many, where that is known.
    pub fn of_passes(already: u64, about: Option<u64>) -> Self {
        let shown = match about {
            Some(_) => "{bar:24} {human_pos} of about {human_len} passes sent, {per_sec:.0}, {elapsed}",
            None => "{spinner} {human_pos} passes sent, {per_sec:.0}, {elapsed}",
        };
        Self::begin(already, about, shown)
    }

    /// So many passes are sent, those of before included.
    pub fn passes_sent(&self, sent: u64) {
        let before = self.bar.position();
        // There are more than it was thought.
        if self.bar.length().is_some_and(|about| about < sent) {
            self.bar.set_length(sent);
        }
        self.bar.set_position(sent);
        if self.bar.is_hidden() && sent / PASSES_A_LINE > before / PASSES_A_LINE {
            eprintln!("{sent} passes sent");
        }
    }

    /// Segments of a sweep. Nothing is shown without a terminal, where the end is enough.
    pub fn of_segments(all: u8) -> Self {
        Self::begin(0, Some(all.into()), "{bar:24} {msg}, {elapsed}")
    }

    /// So many segments are done; `told` says more.
    pub fn segments(&self, done: usize, told: String) {
        self.bar.set_position(done as u64);
        self.bar.set_message(told);
    }

    fn begin(already: u64, length: Option<u64>, shown: &str) -> Self {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        let style = ProgressStyle::with_template(shown).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_position(already);
        // The rate is this command's own.
        bar.reset_eta();
        bar.enable_steady_tick(TICK);
        Self { bar }
    }
}
