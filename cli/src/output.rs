//! How commands print.

use std::io::{ErrorKind, Write as _};

use passes::time::Timestamp;

/// What `--format` takes: sentences to read, or one line of JSON for scripts.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// What a shell reports of a program that wrote to nobody.
const NOBODY_READS: i32 = 128 + 13;

/// Prints a line. `livepass ... | head` ends when `head` does, as other commands do; `println!` would panic.
/// (The signal that does this for programs in C is not let through: it would also end a command whose
/// connection the other side has closed.)
macro_rules! say {
    ($($words:tt)*) => {
        $crate::output::line(format_args!($($words)*))
    };
}
pub(crate) use say;

/// As [`say!`].
pub fn line(words: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{words}")
        && error.kind() == ErrorKind::BrokenPipe
    {
        std::process::exit(NOBODY_READS);
    }
}

/// `2026-11-22T05:06:01Z`.
pub fn date(at: Timestamp) -> String {
    humantime::format_rfc3339_seconds(at.system_time()).to_string()
}

/// A word for a shell's command line, for whoever pastes it.
pub fn quoted(word: impl std::fmt::Display) -> String {
    let word = word.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_a_shell_would_take_apart_is_quoted() {
        for (word, shown) in [
            ("/tmp/a-1_b.json", "/tmp/a-1_b.json"),
            ("my folder", "'my folder'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
