//! What a function's answer says about its batch.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use serde_json::Value;

use super::reader::Record;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All records are done with.
    Success,
    /// The records before this index are done with; the batch goes on with the one at it.
    FailedFrom(usize),
    /// The answer cannot be understood, which fails the whole batch.
    Unreadable,
}

/// Reads the answer to a batch under `ReportBatchItemFailures`.
///
/// Success is `null`, an empty text, and an object whose `batchItemFailures` is missing, `null` or
/// empty. Otherwise the lowest failed sequence number counts, whatever the order of the list: the
/// stream is in order, so everything after it is tried again. An identifier that is empty, no text
/// or of no record in the batch is unreadable.
pub(super) fn verdict(answer: &Value, records: &[Record]) -> Verdict {
    let failures = match answer {
        Value::Null => return Verdict::Success,
        Value::String(text) if text.is_empty() => return Verdict::Success,
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Verdict::Success,
            Some(Value::Array(failures)) => failures,
            Some(_) => return Verdict::Unreadable,
        },
        _ => return Verdict::Unreadable,
    };
    let mut lowest = None;
    for failure in failures {
        let index = failure["itemIdentifier"]
            .as_str()
            .and_then(|identifier| records.iter().position(|record| record.sequence_number == identifier));
        match (index, lowest) {
            (None, _) => return Verdict::Unreadable,
            (Some(index), Some(before)) if index >= before => {}
            (Some(index), _) => lowest = Some(index),
        }
    }
    lowest.map_or(Verdict::Success, Verdict::FailedFrom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers() {
        let records: Vec<Record> = ["10", "11", "12"]
            .map(|sequence_number| Record {
                sequence_number: sequence_number.to_owned(),
                created_at: 0,
                json: Value::Null,
            })
            .into();
        let failed = |identifiers: &[Value]| {
            let failures: Vec<Value> = identifiers
                .iter()
                .map(|identifier| json!({ "itemIdentifier": identifier }))
                .collect();
            json!({ "batchItemFailures": failures })
        };
        for (answer, expected) in [
            (json!(null), Verdict::Success),
            (json!(""), Verdict::Success),
            (json!({}), Verdict::Success),
            (json!({ "batchItemFailures": null }), Verdict::Success),
            (failed(&[]), Verdict::Success),
            (failed(&[json!("12"), json!("11")]), Verdict::FailedFrom(1)),
            (failed(&[json!("10")]), Verdict::FailedFrom(0)),
            (failed(&[json!("11"), json!("13")]), Verdict::Unreadable),
            (failed(&[json!("")]), Verdict::Unreadable),
            (failed(&[json!(null)]), Verdict::Unreadable),
            (failed(&[json!(11)]), Verdict::Unreadable),
            (
                json!({ "batchItemFailures": [{ "identifier": "11" }] }),
                Verdict::Unreadable,
            ),
            (json!({ "batchItemFailures": ["11"] }), Verdict::Unreadable),
            (json!({ "batchItemFailures": "11" }), Verdict::Unreadable),
            (json!("done"), Verdict::Unreadable),
            (json!([]), Verdict::Unreadable),
        ] {
            assert_eq!(verdict(&answer, &records), expected, "{answer}");
        }
    }
}
