//! An SQS queue in a folder as an event source: what Lambda does between queue and function.
//!
//! A message is a file `{name}.json` that says `body`, `sentAt`, `visibleAt` (both in milliseconds)
//! and `receiveCount`; whoever sends writes it whole, e.g. by renaming. A message is deleted once
//! the function has taken it. One that failed is given out again when its visibility timeout is
//! over, and moves to the folder of its dead letters after it was given out often enough.
//!
//! What is in flight is known to the process alone: after a crash all messages are given out
//! again, so that none is lost.

mod folder;
mod poller;
mod verdict;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{Clock, Error, Function, template::Queue, template::QueueSettings};
use folder::QueueFolder;
use poller::Poller;

/// What a queue source needs.
pub struct QueueOptions {
    /// The folder of the messages; it is made if it is not there.
    pub folder: PathBuf,
    /// The folder that takes messages which were given out too often. Needed if the queue has a
    /// redrive policy.
    pub dead_letters: Option<PathBuf>,
    /// The queue, from the template.
    pub queue: Queue,
    /// The event source, from the template.
    pub settings: QueueSettings,
    pub function: Arc<dyn Function>,
    /// Named in logs.
    pub function_name: String,
    /// Decides what is visible; the same that the senders date their messages by.
    pub clock: Clock,
    /// How often the folder is looked at.
    pub poll_interval: Duration,
}

/// A running source. Dropping it is a crash; [`QueueSource::shutdown`] lets an invocation end.
pub struct QueueSource {
    handle: QueueHandle,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Watches a queue source without owning it.
#[derive(Clone)]
pub struct QueueHandle {
    looks: watch::Receiver<u64>,
    wake: Arc<Notify>,
}

impl QueueSource {
    /// Starts with the oldest message. Needs a Tokio runtime.
    ///
    /// # Errors
    /// A folder that cannot be made, and a redrive policy without a folder for dead letters.
    pub fn start(options: QueueOptions) -> Result<Self, Error> {
        let folder = QueueFolder::open(options.folder, options.dead_letters)?;
        if options.queue.redrive.is_some() && !folder.has_dead_letters() {
            return Err(Error::template(
                &options.settings.queue,
                "its dead letters have no folder",
            ));
        }
        let (looks_sender, looks) = watch::channel(0);
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let poller = Poller {
            folder,
            queue: options.queue,
            settings: options.settings,
            function: options.function,
            function_name: options.function_name,
            clock: options.clock,
            poll_interval: options.poll_interval,
            looks: looks_sender,
            wake: Arc::clone(&wake),
            stop: stop.clone(),
        };
        let task = tokio::spawn(poller.run());
        let handle = QueueHandle { looks, wake };
        Ok(Self { handle, stop, task })
    }

    /// Resolves when every message that could be given out has been: taken, moved to the dead
    /// letters, or hidden until its time comes. Messages that rest do not count.
    pub async fn drained(&self) -> Result<(), Error> {
        self.handle.drained().await
    }

    /// For somebody who does not own the source.
    pub fn handle(&self) -> QueueHandle {
        self.handle.clone()
    }

    /// Lets a running invocation end and stops.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(failure) = (&mut self.task).await {
            tracing::error!(%failure, "the queue source ended unexpectedly");
        }
    }
}

impl QueueHandle {
    /// As [`QueueSource::drained`].
    pub async fn drained(&self) -> Result<(), Error> {
        let mut looks = self.looks.clone();
        // The look that is under way may have begun before the last message was sent.
        let enough = *looks.borrow() + 2;
        loop {
            self.wake.notify_one();
            let looked = looks.changed().await;
            looked.map_err(|_| Error::Stopped)?;
            if *looks.borrow() >= enough {
                return Ok(());
            }
        }
    }
}

impl Drop for QueueSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}
