//! Batches of a DynamoDB stream with keys only.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use passes::ids::PassKey;
use passes::unusable_key::{UnusableKey, pass_key_of};

/// One pass of a batch, with the sequence number of its first record there.
#[derive(Debug)]
pub struct Hint {
    pub sequence_number: String,
    /// A key that is none cannot become a pass, and is noted instead.
    pub key: Result<PassKey, UnusableKey>,
}

/// The passes of a batch in order, each once: what counts is the record as it is now, so several
/// changes of one row are one hint.
pub fn hints(event: Event) -> Vec<Hint> {
    let mut seen = std::collections::HashSet::new();
    event
        .records
        .into_iter()
        .filter_map(|record| {
            let (serial, pass_type) = key_of(&record);
            seen.insert((serial.clone(), pass_type.clone())).then(|| Hint {
                sequence_number: record.change.sequence_number.unwrap_or_default(),
                key: pass_key_of(&pass_type, &serial),
            })
        })
        .collect()
}

fn key_of(record: &EventRecord) -> (String, String) {
    let text = |name: &str| match record.change.keys.get(name) {
        Some(serde_dynamo::AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    };
    (text("serialNumber"), text("passTypeIdentifier"))
}
