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
}

#[derive(Serialize, Deserialize)]
struct Content {
    command: String,
    after: Option<Key>,
    sent: u64,
    unusable: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    pass_type_identifier: String,
    serial_number: String,
}

impl Bookmark {
    /// Reads the file, or begins anew where there is none. One of another command is refused: its
    /// place means nothing here.
    pub fn open(path: PathBuf, command: String) -> Result<Self, Failure> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    command,
                    after: None,
                    sent: 0,
                    unusable: 0,
                });
            }
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
        })
    }

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
        };
        write_whole(&self.path, &serde_json::to_vec(&content)?).map_err(|error| Failure::of_file(&self.path, &error))
    }

    /// Once everything is sent, there is no place to go on from.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
