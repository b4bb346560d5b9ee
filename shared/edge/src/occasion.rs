//! What a function without HTTP is invoked for: a batch of the stream, a batch of a queue, or its
//! schedule.

pub use aws_lambda_events::event::dynamodb::Event as StreamBatch;
pub use aws_lambda_events::event::sqs::SqsEvent as QueueBatch;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Told apart by the source of the event's records. One without records is the schedule's.
#[derive(Debug)]
pub enum Occasion {
    Stream(StreamBatch),
    Queue(QueueBatch),
    Schedule,
}

impl<'de> Deserialize<'de> for Occasion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let Some(records) = event.get("Records") else {
            return Ok(Self::Schedule);
        };
        // Numbers keep their literal only on the way through text.
        let text = event.to_string();
        match records[0]["eventSource"].as_str() {
            Some("aws:dynamodb") => serde_json::from_str(&text).map(Self::Stream).map_err(D::Error::custom),
            Some("aws:sqs") => serde_json::from_str(&text).map(Self::Queue).map_err(D::Error::custom),
            _ => Err(D::Error::custom("the records are neither of a stream nor of a queue")),
        }
    }
}

/// What of a batch has to come again, as Lambda wants to be told (`ReportBatchItemFailures`).
///
/// Of a stream, Lambda goes on from the lowest sequence number, so the first that failed is
/// enough. Of a queue, each message that failed is named by its id, and the others are deleted.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl FromIterator<String> for BatchAnswer {
    fn from_iter<I: IntoIterator<Item = String>>(failed: I) -> Self {
        let failed = failed.into_iter();
        Self {
            batch_item_failures: failed.map(|item_identifier| ItemFailure { item_identifier }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str) -> Result<Occasion, String> {
        serde_json::from_str(event).map_err(|error| error.to_string())
    }

    #[test]
    fn an_event_is_known_by_the_source_of_its_records() {
        let stream = r#"{"Records":[{"eventSource":"aws:dynamodb","awsRegion":"x","eventID":"1","eventName":"MODIFY",
            "dynamodb":{"ApproximateCreationDateTime":1795255200.5,"Keys":{},"SequenceNumber":"1","SizeBytes":1}}]}"#;
        let stream = read(stream);
        assert!(
            matches!(&stream, Ok(Occasion::Stream(batch)) if batch.records.len() == 1),
            "{stream:?}"
        );
        let queue = read(r#"{"Records":[{"eventSource":"aws:sqs","messageId":"m","body":"{}"}]}"#);
        assert!(
            matches!(&queue, Ok(Occasion::Queue(batch)) if batch.records.len() == 1),
            "{queue:?}"
        );
        for schedule in ["{}", r#"{"source":"aws.scheduler","detail":"{}"}"#] {
            assert!(matches!(read(schedule), Ok(Occasion::Schedule)));
        }
    }

    #[test]
    fn records_of_another_source_are_refused() {
        for event in [
            r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
            r#"{"Records":[{}]}"#,
            r#"{"Records":[]}"#,
            r#"{"Records":7}"#,
        ] {
            assert_eq!(
                read(event).unwrap_err(),
                "the records are neither of a stream nor of a queue"
            );
        }
    }

    #[test]
    fn what_failed_is_named_in_lambdas_words() {
        let answer = |failed: &[&str]| -> String {
            let failed: BatchAnswer = failed.iter().map(|id| (*id).to_owned()).collect();
            serde_json::to_value(failed).unwrap().to_string()
        };
        assert_eq!(answer(&[]), r#"{"batchItemFailures":[]}"#);
        assert_eq!(
            answer(&["7", "8"]),
            r#"{"batchItemFailures":[{"itemIdentifier":"7"},{"itemIdentifier":"8"}]}"#
        );
    }
}
