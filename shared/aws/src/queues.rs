//! Queues: keys to publish, and pages of a fan-out, under a URL.
//!
//! | URL | kept in |
//! | --- | --- |
//! | `https://sqs.{region}.amazonaws.com/{account}/{name}` | an SQS queue |
//! | `file:///path` | a folder, one file a message, e.g. of a local stack |
//!
//! Only sending is done here: what a function is invoked with, Lambda receives.

mod folder;
mod message;
mod queue;
mod sqs;
mod store;

use std::future::Future;
use std::time::Duration;

use passes::ports::StoreResult;

pub use folder::{FolderMessage, QueueFolder};
pub use message::{Message, UnreadableMessage};
pub use queue::Queue;
pub use sqs::SqsQueue;
pub use store::{QueueStore, QueueUrlError};

/// Port of this crate: hands messages to a queue.
pub trait SendMessages: Send + Sync {
    /// At most [`KEYS_AT_A_TIME`](passes::work::KEYS_AT_A_TIME) bodies, which nobody gets before
    /// `delay` (up to 15 minutes) is over. Taken for good once this returns. After an error some
    /// may have been taken.
    fn send_messages(&self, bodies: &[String], delay: Duration) -> impl Future<Output = StoreResult<()>> + Send;
}
