//! How far the function has come, in a file that is whole at every moment.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::Error;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    stream_arn: String,
    sequence_number: String,
}

pub(super) struct Checkpoint {
    path: PathBuf,
    stream_arn: String,
}

impl Checkpoint {
    /// Opens the file and gives the position in it. A position in another stream (the table was
    /// created anew) counts as none.
    pub fn open(path: PathBuf, stream_arn: &str) -> Result<(Self, Option<String>), Error> {
        let position = match read(&path) {
            Ok(position) => position,
            Err(source) => return Err(Error::Checkpoint { path, source }),
        };
        let position = position
            .filter(|position| position.stream_arn == stream_arn)
            .map(|position| position.sequence_number);
        let checkpoint = Self {
            path,
            stream_arn: stream_arn.to_owned(),
        };
        Ok((checkpoint, position))
    }

    /// Remembers that everything up to here is done with.
    pub fn store(&self, sequence_number: &str) -> io::Result<()> {
        let position = Position {
            stream_arn: self.stream_arn.clone(),
            sequence_number: sequence_number.to_owned(),
        };
        write_whole(&self.path, &serde_json::to_vec(&position)?)
    }
}

fn read(path: &Path) -> io::Result<Option<Position>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Writes beside the file and renames: whoever reads, whenever the process dies, finds the old
/// content or the new one.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    // Without it a power cut may keep the rename and lose the content.
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_and_belongs_to_its_stream() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nested/checkpoint.json");
        let (checkpoint, position) = Checkpoint::open(path.clone(), "arn:a").unwrap();
        assert_eq!(position, None);
        checkpoint.store("1").unwrap();
        checkpoint.store("2").unwrap();

        let (_, position) = Checkpoint::open(path.clone(), "arn:a").unwrap();
        assert_eq!(position.as_deref(), Some("2"));
        let (_, position) = Checkpoint::open(path, "arn:b").unwrap();
        assert_eq!(position, None);
    }

    #[test]
    fn a_file_that_is_no_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        fs::write(&path, "{}").unwrap();
        assert!(matches!(Checkpoint::open(path, "arn:a"), Err(Error::Checkpoint { .. })));
    }
}
