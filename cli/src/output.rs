//! How commands print.

use passes::time::Timestamp;

/// What `--format` takes: sentences to read, or one line of JSON for scripts.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// `2026-11-22T05:06:01Z`.
pub fn date(at: Timestamp) -> String {
    humantime::format_rfc3339_seconds(at.system_time()).to_string()
}
