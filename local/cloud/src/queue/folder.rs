//! Messages as files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, stream::write_whole};

/// What stands in a file. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    pub body: String,
    pub sent_at: u64,
    pub visible_at: u64,
    pub receive_count: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The file's name without `.json`, and the message's id.
    pub id: String,
    pub content: Content,
}

pub(super) struct QueueFolder {
    root: PathBuf,
    dead_letters: Option<PathBuf>,
}

impl QueueFolder {
    pub fn open(root: PathBuf, dead_letters: Option<PathBuf>) -> Result<Self, Error> {
        for path in [Some(&root), dead_letters.as_ref()].into_iter().flatten() {
            fs::create_dir_all(path).map_err(|source| Error::Queue {
                path: path.clone(),
                source,
            })?;
        }
        Ok(Self { root, dead_letters })
    }

    pub fn has_dead_letters(&self) -> bool {
        self.dead_letters.is_some()
    }

    /// All messages, in the order of their names, which is that of their sending.
    pub fn messages(&self) -> io::Result<Vec<Message>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            if let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".json")) {
                names.push(id.to_owned());
            }
        }
        names.sort_unstable();
        let messages = names.into_iter().filter_map(|id| self.read(id)).collect();
        Ok(messages)
    }

    /// A file that is no message is put aside, so that it is named once and not at every look.
    fn read(&self, id: String) -> Option<Message> {
        let path = self.path(&id);
        let content = fs::read(&path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        match content {
            Ok(content) => Some(Message { id, content }),
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => None,
            Err(failure) => {
                tracing::error!(path = %path.display(), %failure, "a file in a queue is no message");
                let _ = fs::rename(&path, path.with_extension("unreadable"));
                None
            }
        }
    }

    pub fn store(&self, message: &Message) -> io::Result<()> {
        write_whole(&self.path(&message.id), &serde_json::to_vec(&message.content)?)
    }

    pub fn delete(&self, id: &str) -> io::Result<()> {
        fs::remove_file(self.path(id))
    }

    /// Moves a message to the dead letters.
    pub fn bury(&self, id: &str) -> io::Result<()> {
        match &self.dead_letters {
            Some(folder) => fs::rename(self.path(id), folder.join(format!("{id}.json"))),
            None => Err(io::Error::other("there is no folder for dead letters")),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        Path::new(&self.root).join(format!("{id}.json"))
    }
}
