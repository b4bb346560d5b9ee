//! What a function's answer says about its batch of messages.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::collections::BTreeSet;

use serde_json::Value;

/// Ids of the messages that failed; `None` for an answer that cannot be understood, which fails
/// the whole batch: an identifier that is empty, no text or of no message in it.
pub(super) fn failed<'a>(answer: &'a Value, ids: &BTreeSet<&str>) -> Option<BTreeSet<&'a str>> {
    let failures = match answer {
        Value::Null => return Some(BTreeSet::new()),
        Value::String(text) if text.is_empty() => return Some(BTreeSet::new()),
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Some(BTreeSet::new()),
            Some(Value::Array(failures)) => failures,
            Some(_) => return None,
        },
        _ => return None,
    };
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().filter(|id| ids.contains(id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers() {
        let ids = BTreeSet::from(["a", "b"]);
        let named = |identifiers: Value| json!({ "batchItemFailures": identifiers });
        for (answer, expected) in [
            (json!(null), Some(vec![])),
            (json!(""), Some(vec![])),
            (json!({}), Some(vec![])),
            (named(json!(null)), Some(vec![])),
            (named(json!([])), Some(vec![])),
            (named(json!([{ "itemIdentifier": "b" }])), Some(vec!["b"])),
            (
                named(json!([{ "itemIdentifier": "b" }, { "itemIdentifier": "a" }])),
                Some(vec!["a", "b"]),
            ),
            (named(json!([{ "itemIdentifier": "c" }])), None),
            (named(json!([{ "itemIdentifier": "" }])), None),
            (named(json!([{ "identifier": "a" }])), None),
            (named(json!("a")), None),
            (json!("done"), None),
            (json!([]), None),
        ] {
            let found = failed(&answer, &ids).map(Vec::from_iter);
            assert_eq!(found, expected, "{answer}");
        }
    }
}
