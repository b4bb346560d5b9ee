//! The folder of a local stack.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws::dynamodb::{Registry, Sources};
use aws::files::{FileStore, Folder, Templates, write_whole};
use aws::queues::{Queue, QueueFolder, QueueStore};
use edge::WallClock;
use edge::platform::WorkQueue;
use passes::ids::PassTypeIdentifier;
use passes::ports::StoreError;

use crate::failure::Failure;
use crate::link::endpoints;

pub struct LocalFolder {
    dir: PathBuf,
}

impl LocalFolder {
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        if !dir.join("secrets").is_dir() {
            return Err(Failure::new(format!(
                "{} is not the folder of a local stack; run `livepass dev --dir {}` first, or name a deployed stack \
                 with --stack",
                dir.display(),
                dir.display()
            )));
        }
        Ok(Self { dir: dir.to_owned() })
    }

    pub fn name(&self) -> String {
        self.dir.display().to_string()
    }

    pub fn web_service_url(&self) -> Result<String, Failure> {
        Ok(endpoints(&self.dir)?.web_service_url)
    }

    pub fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.dir.join("secrets").join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::of_file(&path, &error)),
        }
    }

    pub fn put_secret(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let path = self.dir.join("secrets").join(name);
        write_whole(&path, content).map_err(|error| Failure::of_file(&path, &error))
    }

    pub fn pass_types(&self) -> Result<Vec<PassTypeIdentifier>, Failure> {
        let path = self.dir.join("secrets/pass-types");
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::of_file(&path, &error)),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// The records are in the engine, so the local stack has to run.
    pub async fn records_and_queue(&self) -> Result<(Sources, WorkQueue), Failure> {
        let endpoints = endpoints(&self.dir)?;
        let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
        Ok((
            Sources::new(client, endpoints.passes_table, endpoints.registry_table),
            self.queue("PublishQueue"),
        ))
    }

    pub fn templates(&self) -> (Templates<FileStore>, WorkQueue) {
        let versions = FileStore::Folder(Folder::new(self.dir.join("templates")));
        (Templates::new(versions), self.queue("SweepQueue"))
    }

    fn queue(&self, logical_id: &str) -> WorkQueue {
        let folder = stack::queue_folder(&self.dir, logical_id);
        let clock = WallClock::system().as_fn();
        Queue::new(QueueStore::Folder(QueueFolder::new(folder, clock)))
    }

    /// Pointers are in the Registry, so the local stack has to run.
    pub async fn registry(&self) -> Result<Registry, Failure> {
        let endpoints = endpoints(&self.dir)?;
        let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
        Ok(Registry::new(client, endpoints.registry_table))
    }

    /// An engine that does not answer is one that does not run.
    pub fn failure(&self, error: &StoreError) -> Failure {
        match (error, endpoints(&self.dir)) {
            (StoreError::OutcomeUnknown { .. }, Ok(endpoints)) => Failure::new(format!(
                "the local stack does not answer at {}; is `livepass dev` running?",
                endpoints.dynamodb_endpoint
            )),
            _ => Failure::from_error(error),
        }
    }
}
