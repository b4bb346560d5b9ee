//! Where secrets and templates are kept: a local stack's folder, or a deployed stack.

mod deployed;
mod folder;

use std::path::{Path, PathBuf};

use aws::dynamodb::{Registry, Sources};
use aws::files::{FileStore, Templates};
use edge::WallClock;
use edge::platform::WorkQueue;
use passes::ids::PassTypeIdentifier;
use passes::link::MAX_LINK_DAYS;
use passes::ports::{StoreError, StoreResult};
use passes::time::Clock as _;

use crate::failure::Failure;
use crate::output::quoted;
use deployed::Deployed;
use folder::LocalFolder;

// Options that say which stack is meant. No docstring: it would become the text of each command with them.
#[derive(clap::Args)]
pub struct PlaceArguments {
    /// Folder of a local stack
    #[arg(long, value_name = "DIR", conflicts_with = "stack")]
    dir: Option<PathBuf>,
    /// Name of a deployed stack; credentials and region as for the AWS CLI
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
}

/// Attempts at one call while the service asks for patience.
const ATTEMPTS: u32 = 6;

/// A stack that secrets and templates can be put into.
pub enum Place {
    Folder(LocalFolder),
    Deployed(Box<Deployed>),
}

impl PlaceArguments {
    /// The place, for a command that needs none.
    pub async fn open_where_given(&self) -> Result<Option<Place>, Failure> {
        match self.dir.is_some() || self.stack.is_some() {
            true => self.open().await.map(Some),
            false => Ok(None),
        }
    }

    pub async fn open(&self) -> Result<Place, Failure> {
        match &self.stack {
            Some(stack) => Ok(Place::Deployed(Box::new(Deployed::find(stack).await?))),
            None => {
                let dir = self.dir.as_deref().unwrap_or(Path::new(".livepass"));
                Place::of_folder(dir)
            }
        }
    }
}

impl Place {
    /// A local stack's folder.
    pub fn of_folder(dir: &Path) -> Result<Self, Failure> {
        Ok(Self::Folder(LocalFolder::open(dir)?))
    }

    /// The stored secret of this name.
    pub async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Folder(folder) => folder.secret(name),
            Self::Deployed(stack) => stack.secret(name).await,
        }
    }

    /// Stores a secret in the place of what was there.
    pub async fn put_secret(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => folder.put_secret(name, content),
            Self::Deployed(stack) => stack.put_secret(name, content).await,
        }
    }

    /// Pass types that have a certificate stored.
    pub async fn pass_types(&self) -> Result<Vec<PassTypeIdentifier>, Failure> {
        match self {
            Self::Folder(folder) => folder.pass_types(),
            Self::Deployed(stack) => stack.pass_types().await,
        }
    }

    /// How many days its links may hold, and what says so.
    pub fn max_link_days(&self) -> (u64, String) {
        match self {
            Self::Folder(_) => (MAX_LINK_DAYS, "on a local stack".to_owned()),
            Self::Deployed(stack) => (
                stack.max_link_days,
                format!("by the parameter MaxLinkDays of {}", self.name()),
            ),
        }
    }

    /// Where template pointers stand, and deletions are counted.
    pub async fn registry(&self) -> Result<Registry, Failure> {
        match self {
            Self::Folder(folder) => folder.registry().await,
            Self::Deployed(stack) => Ok(stack.registry()),
        }
    }

    /// What is baked into the stack's passes, and what its links begin with.
    pub fn web_service_url(&self) -> Result<String, Failure> {
        match self {
            Self::Folder(folder) => folder.web_service_url(),
            Self::Deployed(stack) => Ok(stack.web_service_url.clone()),
        }
    }

    /// The records, and the queue of keys to publish.
    pub async fn records_and_queue(&self) -> Result<(Sources, WorkQueue), Failure> {
        match self {
            Self::Folder(folder) => folder.records_and_queue().await,
            Self::Deployed(stack) => stack.records_and_queue().await,
        }
    }

    /// Where published versions stand, and the queue of sweeps.
    pub fn templates(&self) -> Result<(Templates<FileStore>, WorkQueue), Failure> {
        match self {
            Self::Folder(folder) => Ok(folder.templates()),
            Self::Deployed(stack) => stack.templates(),
        }
    }

    /// Repeats what a service asks patience for; other faults the SDK has repeated by itself.
    pub async fn patiently<T>(&self, call: impl AsyncFn() -> StoreResult<T>) -> Result<T, Failure> {
        let mut attempt = 0;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(StoreError::Throttled { .. }) if attempt + 1 < ATTEMPTS => {
                    WallClock::system().back_off(attempt).await;
                    attempt += 1;
                }
                Err(error) => return Err(self.failure(&error)),
            }
        }
    }

    /// What a fault of this place's stores means.
    pub fn failure(&self, error: &StoreError) -> Failure {
        match self {
            Self::Folder(folder) => folder.failure(error),
            Self::Deployed(_) => Failure::from_error(error),
        }
    }

    /// The option that names this place, to be pasted.
    pub fn option(&self) -> String {
        match self {
            Self::Folder(folder) => format!("--dir {}", quoted(folder.name())),
            Self::Deployed(stack) => format!("--stack {}", quoted(stack.stack_name())),
        }
    }

    /// For the sentence that says where something went.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.name(),
            Self::Deployed(stack) => stack.name(),
        }
    }
}
