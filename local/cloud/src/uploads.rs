//! A folder as the part of a bucket whose new objects a function is told of: S3, a rule of EventBridge,
//! and an asynchronous invocation.
//!
//! Which objects have been told of is known to the process alone: after a start all of them are
//! told of once more, as EventBridge may do at any time.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    ACCOUNT, Clock, Error, Function, REGION, calendar, function::invoke_attached, identifiers, template::UploadSettings,
};

/// Lambda's own for asynchronous invocations that fail: twice more, after one minute and after two.
const RETRIES_MS: [u64; 2] = [60_000, 120_000];

/// What an upload source needs.
pub struct UploadOptions {
    /// Stands for `prefix` in the bucket; it is made if it is not there.
    pub folder: PathBuf,
    /// The rule, from the template.
    pub settings: UploadSettings,
    pub function: Arc<dyn Function>,
    /// Named in logs.
    pub function_name: String,
    /// Decides when an invocation that failed is tried again.
    pub clock: Clock,
    /// How often the folder is looked at.
    pub poll_interval: Duration,
}

/// A running source. Dropping it is a crash; [`UploadSource::shutdown`] lets an invocation end.
pub struct UploadSource {
    looks: watch::Receiver<u64>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl UploadSource {
    /// Starts with everything that lies there. Needs a Tokio runtime.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn start(options: UploadOptions) -> Result<Self, Error> {
        fs::create_dir_all(&options.folder).map_err(|source| Error::Bucket {
            path: options.folder.clone(),
            source,
        })?;
        let (looks_sender, looks) = watch::channel(0);
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let watcher = Watcher {
            options,
            told: BTreeMap::new(),
            looks: looks_sender,
            wake: Arc::clone(&wake),
            stop: stop.clone(),
        };
        let task = tokio::spawn(watcher.run());
        Ok(Self {
            looks,
            wake,
            stop,
            task,
        })
    }

    /// Resolves when the function has been told of everything that lies there. What waits to be
    /// tried again does not count.
    pub async fn drained(&self) -> Result<(), Error> {
        let mut looks = self.looks.clone();
        // The look that is under way may have begun before the last object was there.
        let enough = *looks.borrow() + 2;
        loop {
            self.wake.notify_one();
            looks.changed().await.map_err(|_| Error::Stopped)?;
            if *looks.borrow() >= enough {
                return Ok(());
            }
        }
    }

    /// Lets a running invocation end and stops.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(failure) = (&mut self.task).await {
            tracing::error!(%failure, "the upload source ended unexpectedly");
        }
    }
}

impl Drop for UploadSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What tells one upload from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stored {
    modified: SystemTime,
    bytes: u64,
}

/// How far the function has been told of an object.
struct Told {
    of: Stored,
    failures: usize,
    /// `None` once it has been told, or has failed for good.
    again_at: Option<u64>,
}

struct Watcher {
    options: UploadOptions,
    told: BTreeMap<String, Told>,
    looks: watch::Sender<u64>,
    wake: Arc<Notify>,
    stop: CancellationToken,
}

impl Watcher {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            match self.stored() {
                Ok(stored) => {
                    for (name, object) in stored {
                        self.tell(name, object).await;
                    }
                }
                Err(failure) => tracing::error!(%failure, "the uploads could not be read"),
            }
            self.looks.send_modify(|looks| *looks += 1);
            tokio::select! {
                () = tokio::time::sleep(self.options.poll_interval) => {}
                () = self.wake.notified() => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Objects that the rule is about, by their names below the prefix.
    fn stored(&self) -> io::Result<BTreeMap<String, Stored>> {
        let mut stored = BTreeMap::new();
        for entry in fs::read_dir(&self.options.folder)? {
            let entry = entry?;
            let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else {
                continue;
            };
            if metadata.is_file() && name.ends_with(&self.options.settings.suffix) {
                let object = Stored {
                    modified: metadata.modified()?,
                    bytes: metadata.len(),
                };
                stored.insert(name, object);
            }
        }
        Ok(stored)
    }

    async fn tell(&mut self, name: String, object: Stored) {
        let now = (self.options.clock)();
        let failures = match self.told.get(&name) {
            Some(told) if told.of == object => match told.again_at {
                Some(at) if at <= now => told.failures,
                _ => return,
            },
            _ => 0,
        };
        let event = self.event(&name, &object);
        let mut told = Told {
            of: object,
            failures,
            again_at: None,
        };
        if let Err(failure) = invoke_attached(&self.options.function, event).await {
            let function = &self.options.function_name;
            tracing::error!(function, object = name, %failure, "the function failed on an upload");
            told.again_at = RETRIES_MS.get(failures).map(|pause| now + pause);
            told.failures += 1;
        }
        self.told.insert(name, told);
    }

    fn event(&self, name: &str, object: &Stored) -> Value {
        let bucket = "livepass-templates";
        json!({
            "version": "0",
            "id": identifiers::uuid(),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": ACCOUNT,
            "time": calendar::rfc3339((self.options.clock)() / 1_000),
            "region": REGION,
            "resources": [format!("arn:aws:s3:::{bucket}")],
            "detail": {
                "version": "0",
                "bucket": { "name": bucket },
                "object": {
                    "key": format!("{}{name}", self.options.settings.prefix),
                    "size": object.bytes,
                },
                "reason": "PutObject",
            },
        })
    }
}
