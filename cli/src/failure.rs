//! Why a command failed, with what to do about it.

use std::fmt;
use std::path::Path;

/// One or more lines for the person at the terminal.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// A file that cannot be read or written.
    pub fn of_file(path: &Path, error: &std::io::Error) -> Self {
        Self(format!("{}: {error}", path.display()))
    }

    /// What an AWS service answered, behind a sentence that says what was tried.
    pub fn from_sdk(sentence: &str, error: impl std::error::Error + 'static) -> Self {
        let Self(answer) = Self::from_error(&error);
        Self(format!("{sentence}\n  caused by: {answer}"))
    }

    /// The error with its sources, one a line.
    pub fn from_error(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut lines = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !lines.ends_with(&text) {
                lines.push_str("\n  caused by: ");
                lines.push_str(&text);
            }
            source = cause.source();
        }
        Self(lines)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::from_error(&error)
    }
}
