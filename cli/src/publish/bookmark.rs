//! How far a command has come, in a file that is whole at every moment.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws::files::write_whole;
use passes::ports::RecordCursor;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The place of one command.
pub struct Bookmark {
    path: PathBuf,
    command: String,
    /// The last record that is done with; `None` before the first.
    pub after: Option<RecordCursor>,
    /// Passes sent, those of earlier runs included.
    pub sent: u64,
    /// Records whose key cannot be a pass.
    pub unusable: u64,
    /// Revisions of before are written anew, in Unix seconds.
    pub restored_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    command: String,
    after: Option<Key>,
    sent: u64,
    unusable: u64,
    restored_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    pass_type_identifier: String,
    serial_number: String,
}

impl Bookmark {
    /// A file of its own, which nobody else had or will have.
    pub fn begin(command: String) -> Result<Self, Failure> {
        let mut file = tempfile::Builder::new();
        let file = file.prefix("livepass-publish-").suffix(".json").tempfile()?;
        let (_, path) = file.keep()?;
        Ok(Self::at_the_beginning(path, command))
    }

    /// Reads the file, or begins anew where there is none. One of another command is refused: its
    /// place means nothing here.
    pub fn open(path: &Path, command: String) -> Result<Self, Failure> {
        let path = std::path::absolute(path).map_err(|error| Failure::of_file(path, &error))?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::at_the_beginning(path, command)),
            Err(error) => return Err(Failure::of_file(&path, &error)),
        };
        let content: Content = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!(
                "{} keeps no place of `livepass publish`: {error}; name another file",
                path.display()
            ))
        })?;
        if content.command != command {
            return Err(Failure::new(format!(
                "{} keeps the place of\n  {}\nand not of\n  {command}\nname another file, or delete it",
                path.display(),
                content.command
            )));
        }
        Ok(Self {
            path,
            command,
            after: content.after.map(|key| RecordCursor {
                pass_type: key.pass_type_identifier,
                serial: key.serial_number,
            }),
            sent: content.sent,
            unusable: content.unusable,
            restored_at: content.restored_at,
        })
    }

    fn at_the_beginning(path: PathBuf, command: String) -> Self {
        Self {
            path,
            command,
            after: None,
            sent: 0,
            unusable: 0,
            restored_at: None,
        }
    }

    /// What the place belongs to.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Absolute: it is told to somebody who may be in another folder by then.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that is killed leaves a whole file.
    pub fn store(&self) -> Result<(), Failure> {
        let content = Content {
            command: self.command.clone(),
            after: self.after.as_ref().map(|cursor| Key {
                pass_type_identifier: cursor.pass_type.clone(),
                serial_number: cursor.serial.clone(),
            }),
            sent: self.sent,
            unusable: self.unusable,
            restored_at: self.restored_at,
        };
        write_whole(&self.path, &serde_json::to_vec(&content)?).map_err(|error| Failure::of_file(&self.path, &error))
    }

    /// Once everything is sent, there is no place to go on from.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_that_was_named_nobody_elses_place_is_gone_on_from() {
        let command = || "livepass publish --all".to_owned();
        let mut first = Bookmark::begin(command()).unwrap();
        first.sent = 7;
        first.store().unwrap();
        let second = Bookmark::begin(command()).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(second.sent, 0);
        assert_eq!(Bookmark::open(first.path(), command()).unwrap().sent, 7);
        first.remove();
        second.remove();
    }
}
