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
