//! Batches of a queue.

use aws::queues::{Message, UnreadableMessage};
use aws_lambda_events::event::sqs::SqsEvent;

use crate::http::chain;

/// One message of a batch.
#[derive(Debug)]
pub struct Delivery {
    /// By which the answer names it.
    pub message_id: String,
    pub message: Result<Message, UnreadableMessage>,
}

pub fn deliveries(event: SqsEvent) -> Vec<Delivery> {
    let records = event.records.into_iter();
    records
        .map(|record| Delivery {
            message_id: record.message_id.unwrap_or_default(),
            message: Message::parse(&record.body.unwrap_or_default()),
        })
        .collect()
}

/// A message that this function can do nothing with. It comes again until it lands in the dead
/// letters, where somebody can look at it.
pub fn unreadable(message_id: &str, error: &UnreadableMessage) {
    metrics::counter!("unreadable_messages").increment(1);
    tracing::error!(
        message_id,
        error = chain(error),
        "a message of the queue cannot be read"
    );
}

/// A message of another queue, as after a redrive into the wrong one.
pub fn misplaced(message_id: &str) {
    metrics::counter!("unreadable_messages").increment(1);
    tracing::error!(message_id, "a message belongs into another queue");
}
