//! `AWS::SQS::Queue`.

use std::{collections::BTreeMap, time::Duration};

use super::intrinsics::{Document, Place};
use crate::Error;

/// One queue of the template, with SQS's defaults where it is silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// How long a message that was given out is given to nobody else.
    pub visibility_timeout: Duration,
    /// Where a message goes that was given out too often; `None` keeps it.
    pub redrive: Option<Redrive>,
}

/// `RedrivePolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// Logical id of the queue that takes such messages.
    pub dead_letters: String,
    /// How often a message is given out before.
    pub max_receive_count: u32,
}

/// Seconds; SQS's own default for `VisibilityTimeout`.
const DEFAULT_VISIBILITY: u64 = 30;

pub(super) fn queues(document: &Document) -> Result<BTreeMap<String, Queue>, Error> {
    document
        .resources_of("AWS::SQS::Queue")
        .map(|(logical_id, resource)| {
            let place = Place::new(logical_id);
            let properties = &resource["Properties"];
            for unknown in ["FifoQueue", "DelaySeconds"] {
                if !properties[unknown].is_null() {
                    return Err(place.child(unknown).fault("cannot be followed here"));
                }
            }
            let visibility = match &properties["VisibilityTimeout"] {
                serde_json::Value::Null => DEFAULT_VISIBILITY,
                given => place.child("VisibilityTimeout").number(given)?,
            };
            let policy = &properties["RedrivePolicy"];
            let redrive = (!policy.is_null())
                .then(|| {
                    let place = place.child("RedrivePolicy");
                    let count = place.child("maxReceiveCount");
                    Ok::<_, Error>(Redrive {
                        dead_letters: place.resource(&policy["deadLetterTargetArn"])?,
                        max_receive_count: u32::try_from(count.number(&policy["maxReceiveCount"])?)
                            .map_err(|_| count.fault("at most 1,000"))?,
                    })
                })
                .transpose()?;
            let queue = Queue {
                visibility_timeout: Duration::from_secs(visibility),
                redrive,
            };
            Ok((logical_id.to_owned(), queue))
        })
        .collect()
}
