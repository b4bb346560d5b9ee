//! How far a command has come, on standard error: a line that changes on a terminal, and plain lines elsewhere.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// Without a terminal, a line for each so many passes.
const PASSES_A_LINE: u64 = 1000;

/// The same for rows, which are looked at many at once.
const ROWS_A_LINE: u64 = 100_000;

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
            Some(_) => "[{bar:24}] {human_pos} of about {human_len} passes sent, {rate}, {elapsed}",
            None => "{spinner} {human_pos} passes sent, {rate}, {elapsed}",
        };
        Self::begin(already, about, shown)
    }

    /// So many passes are sent, those of before included.
    pub fn passes_sent(&self, sent: u64) {
        self.come_to(sent, PASSES_A_LINE, "passes sent");
    }

    /// Rows of a table that are looked at, about so many, where that is known.
    pub fn of_rows(about: Option<u64>) -> Self {
        let shown = match about {
            Some(_) => "[{bar:24}] {human_pos} of about {human_len} rows looked at, {rate}, {elapsed}",
            None => "{spinner} {human_pos} rows looked at, {rate}, {elapsed}",
        };
        Self::begin(0, about, shown)
    }

    /// So many rows have been looked at.
    pub fn rows_looked_at(&self, rows: u64) {
        self.come_to(rows, ROWS_A_LINE, "rows looked at");
    }

    fn come_to(&self, place: u64, a_line: u64, done: &str) {
        let before = self.bar.position();
        // There are more than it was thought.
        if self.bar.length().is_some_and(|about| about < place) {
            self.bar.set_length(place);
        }
        self.bar.set_position(place);
        if self.bar.is_hidden() && place / a_line > before / a_line {
            eprintln!("{place} {done}");
        }
    }

    /// Segments of a sweep. Nothing is shown without a terminal, where the end is enough.
    pub fn of_segments(all: u8) -> Self {
        let shown = "[{bar:16}] {pos} of {len} segments, {msg} passes followed, {elapsed}";
        let progress = Self::begin(0, Some(all.into()), shown);
        progress.segments(0, 0);
        progress
    }

    /// So many segments are done, and so many passes have followed.
    pub fn segments(&self, done: usize, followed: u64) {
        self.bar.set_position(done as u64);
        self.bar.set_message(followed.to_string());
    }

    fn begin(already: u64, length: Option<u64>, shown: &str) -> Self {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        let style = ProgressStyle::with_template(shown).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, to: &mut dyn Write| {
            let _ = write!(to, "{:.0}/s", state.per_sec());
        };
        bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
        bar.set_position(already);
        // The rate is this command's own.
        bar.reset_eta();
        bar.enable_steady_tick(TICK);
        Self { bar }
    }
}
