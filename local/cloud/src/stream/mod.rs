//! A DynamoDB stream as an event source: what Lambda's poller does between table and function.
//!
//! Records reach the function in order and at least once. What is done is remembered in a
//! checkpoint, written after the fact: a process that is killed repeats its last batch and never
//! skips one.
//!
//! The engine tells nobody that a record was written, so its stream is read every
//! [`Pace::poll_interval`]; [`StreamSource::wake`] makes it look at once.

mod checkpoint;
mod failures;
mod handle;
mod poller;
mod reader;
mod verdict;

use std::{path::PathBuf, sync::Arc, time::Duration};

use dynoxide::Database;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{Clock, Error, Function, template::StreamSettings};
use checkpoint::Checkpoint;
pub(crate) use checkpoint::write_whole;
use failures::FailureFolder;
pub use handle::StreamHandle;
use poller::Poller;
use reader::StreamReader;

/// What a stream source needs.
pub struct StreamOptions {
    /// The engine; the same handle that its HTTP server was given.
    pub database: Database,
    /// The table's name in the engine.
    pub table: String,
    /// From the template.
    pub settings: StreamSettings,
    pub function: Arc<dyn Function>,
    /// Named in logs and in the records of failed batches.
    pub function_name: String,
    /// The file that remembers how far the function has come.
    pub checkpoint: PathBuf,
    /// The folder that takes what was given up, one JSON file a batch.
    pub failures_dir: PathBuf,
    /// Decides how old a record is.
    pub clock: Clock,
    pub pace: Pace,
}

/// How quickly the source looks and tries again, in real time.
#[derive(Debug, Clone)]
pub struct Pace {
    pub poll_interval: Duration,
    /// The pause before the first retry; it doubles with each further one.
    pub first_retry: Duration,
    pub longest_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(50),
            first_retry: Duration::from_millis(100),
            longest_retry: Duration::from_secs(10),
        }
    }
}

/// A running source. Dropping it is a crash: an invocation is cut off in its middle and repeated
/// after the next start. [`StreamSource::shutdown`] lets it end first.
pub struct StreamSource {
    handle: StreamHandle,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl StreamSource {
    /// Starts where the checkpoint stands, or with the oldest record. Needs a Tokio runtime.
    ///
    /// # Errors
    /// A table without a stream, and a checkpoint that cannot be read.
    pub fn start(options: StreamOptions) -> Result<Self, Error> {
        let reader = StreamReader::open(options.database, &options.table)?;
        let (checkpoint, position) = Checkpoint::open(options.checkpoint, reader.arn())?;
        let (done_sender, done) = watch::channel(position);
        let failures = options
            .settings
            .keeps_failures
            .then(|| FailureFolder::new(options.failures_dir, &options.function_name, reader.clone()));
        let wake = Arc::new(Notify::new());
        let handle = StreamHandle {
            reader: reader.clone(),
            done,
            wake: Arc::clone(&wake),
            function: Arc::clone(&options.function),
        };
        let stop = CancellationToken::new();
        let poller = Poller {
            reader,
            settings: options.settings,
            pace: options.pace,
            function: options.function,
            function_name: options.function_name,
            clock: options.clock,
            checkpoint,
            failures,
            done: done_sender,
            wake,
            stop: stop.clone(),
        };
        let task = tokio::spawn(poller.run());
        Ok(Self { handle, stop, task })
    }

    /// For somebody who does not own the source.
    pub fn handle(&self) -> StreamHandle {
        self.handle.clone()
    }

    /// Looks for records now, and ends a pause before a retry.
    pub fn wake(&self) {
        self.handle.wake();
    }

    /// Resolves when every record that was written before the call is done with: taken by the
    /// function, or given up. With a function that keeps failing that is never.
    pub async fn drained(&self) -> Result<(), Error> {
        self.handle.drained().await
    }

    /// Lets a running invocation end, remembers what it did, and stops.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(failure) = (&mut self.task).await {
            tracing::error!(%failure, "the stream source ended unexpectedly");
        }
    }
}

impl Drop for StreamSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}
