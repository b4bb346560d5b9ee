//! SQS.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use passes::ports::{StoreError, StoreResult};

use super::SendMessages;
use crate::connections::Connections;
use crate::refusal::{fault, is_throttling};

const CALL: &str = "send-messages";

/// One standard queue.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    connections: Connections,
    url: String,
}

/// Messages of a batch that SQS did not take.
#[derive(Debug, thiserror::Error)]
#[error("{count} of {all} messages were not taken: {code}")]
struct NotTaken {
    count: usize,
    all: usize,
    code: String,
}

impl SqsQueue {
    /// Makes no call.
    pub fn new(connections: Connections, url: impl Into<String>) -> Self {
        Self {
            connections,
            url: url.into(),
        }
    }
}

impl SendMessages for SqsQueue {
    async fn send_messages(&self, bodies: &[String], delay: Duration) -> StoreResult<()> {
        if bodies.is_empty() {
            return Ok(());
        }
        let delay = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
        let entries: Vec<_> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .delay_seconds(delay)
                    .build()
            })
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::Refused {
                call: CALL,
                source: error.into(),
            })?;
        let send = self
            .connections
            .sqs()
            .await
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let answer = send.send().await.map_err(|error| {
            let remedy = "grant sqs:SendMessage on it".to_owned();
            fault(CALL, format!("queue {}", self.url), remedy, error)
        })?;
        // The call as a whole succeeds also when SQS took none of them.
        let Some(first) = answer.failed().first() else {
            return Ok(());
        };
        let source = Box::new(NotTaken {
            count: answer.failed().len(),
            all: bodies.len(),
            code: first.code().to_owned(),
        });
        Err(match first.sender_fault() {
            _ if is_throttling(first.code()) => StoreError::Throttled { call: CALL, source },
            true => StoreError::Refused { call: CALL, source },
            false => StoreError::OutcomeUnknown { call: CALL, source },
        })
    }
}
