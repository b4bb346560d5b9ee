//! How far a long run has come, on standard error: a bar on a terminal, and a line now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

pub struct Progress {
    bar: ProgressBar,
    what: String,
    begun: Instant,
    told: Instant,
}

impl Progress {
    /// `what` of which there are `all`, e.g. `schedules`.
    pub fn begin(what: &str, all: u64) -> Self {
        let bar = ProgressBar::new(all);
        let style = ProgressStyle::with_template(
            "{bar:30} {human_pos} of {human_len} {msg}, {per_sec:.0}, {elapsed}, {eta} left",
        );
        bar.set_style(style.expect("a template").progress_chars("=> "));
        bar.set_message(what.to_owned());
        let now = Instant::now();
        Self {
            bar,
            what: what.to_owned(),
            begun: now,
            told: now,
        }
    }

    /// So many are done.
    pub fn is_at(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            let rate = done as f64 / self.begun.elapsed().as_secs_f64();
            let all = self.bar.length().unwrap_or_default();
            eprintln!("{done} of {all} {}, {rate:.0}/s", self.what);
        }
    }
}

impl Drop for Progress {
    /// What follows stands on a line of its own.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
