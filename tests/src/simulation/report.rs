//! A schedule that a person can read.

use serde_json::Value;

use super::engine::{Answer, Call};
use super::world::START;

/// Lines of a schedule; kept only where somebody will read them.
#[derive(Debug, Default)]
pub(super) struct Log {
    kept: bool,
    pub lines: Vec<String>,
}

impl Log {
    pub fn new(kept: bool) -> Self {
        Self {
            kept,
            lines: Vec::new(),
        }
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if self.kept {
            self.lines.push(line());
        }
    }
}

/// Tags and revisions are seconds: shown since the schedule began.
pub(super) fn since_start(number: Option<u64>) -> String {
    match number {
        Some(number) => (number as i64 - START as i64).to_string(),
        None => "nothing".into(),
    }
}

/// One request to DynamoDB in the domain's words.
pub(super) fn describe(call: &Call) -> String {
    let body = &call.body;
    let key = |item: &Value| {
        let part = |name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        name(&part("PK"), &part("SK"), &part("serialNumber"))
    };
    match call.action.as_str() {
        "GetItem" => format!("reads {}", key(&body["Key"])),
        "Scan" => format!("scans segment {}", body["Segment"]),
        "Query" => {
            let condition = body["KeyConditionExpression"].as_str().unwrap_or_default();
            let pk = body["ExpressionAttributeValues"][":pk"]["S"]
                .as_str()
                .unwrap_or_default();
            let serial = pk.rsplit('#').next().unwrap_or_default();
            if condition.contains("#due_at") {
                "reads the due index".into()
            } else if condition.contains("begins_with") {
                format!("looks up the devices of {serial}")
            } else {
                format!("locks {serial}: reads its revision")
            }
        }
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object();
            let keys = tables.into_iter().flatten().flat_map(|(_, table)| {
                let keys = table["Keys"].as_array().cloned().unwrap_or_default();
                keys.into_iter().map(|item| key(&item))
            });
            let mut keys: Vec<_> = keys.collect();
            keys.sort();
            format!("reads once more {}", keys.join(" and "))
        }
        "PutItem" => {
            let item = &body["Item"];
            match item["revision"]["N"].as_str() {
                Some(revision) => {
                    let before = body["ExpressionAttributeValues"][":replaced"]["N"].as_str();
                    let before = before.map_or("nothing".into(), shifted);
                    format!("replaces {} {before} by {}", key(item), shifted(revision))
                }
                None => format!("writes {}", key(item)),
            }
        }
        "DeleteItem" => format!("deletes {}", key(&body["Key"])),
        "UpdateItem" => format!("{}: {}", key(&body["Key"]), update(body)),
        "TransactWriteItems" => transaction(body, key),
        other => other.to_owned(),
    }
}

fn name(pk: &str, sk: &str, row: &str) -> String {
    let last = pk.rsplit('#').next().unwrap_or_default();
    match sk {
        "" => format!("the row of {row}"),
        "REVISION" => format!("the revision of {last}"),
        "PROBLEM" => format!("the problem of {last}"),
        "TEMPLATE" => "the template's pointer".into(),
        "UPLOAD" => "the note of the upload".into(),
        "DEVICE" => format!("device {}", pk.split('#').nth(1).unwrap_or_default()),
        registration => format!("{registration} of {last}"),
    }
}

/// An update's expression with its values filled in, and the same of its condition.
fn update(body: &Value) -> String {
    let filled = |name: &str| {
        let mut text = body[name].as_str().unwrap_or_default().to_owned();
        if let Some(names) = body["ExpressionAttributeNames"].as_object() {
            let mut names: Vec<_> = names.iter().collect();
            names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
            for (name, attribute) in names {
                text = text.replace(name.as_str(), attribute.as_str().unwrap_or_default());
            }
        }
        if let Some(values) = body["ExpressionAttributeValues"].as_object() {
            let mut values: Vec<_> = values.iter().collect();
            values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
            for (name, value) in values {
                text = text.replace(name.as_str(), &plain(value));
            }
        }
        text
    };
    let condition = filled("ConditionExpression");
    let update = filled("UpdateExpression");
    match condition.as_str() {
        "" => update,
        _ => format!("{update} IF {condition}"),
    }
}

fn transaction(body: &Value, key: impl Fn(&Value) -> String) -> String {
    let items = body["TransactItems"].as_array().cloned().unwrap_or_default();
    let parts = items.iter().filter_map(|item| {
        let (kind, of) = item.as_object()?.iter().next()?;
        Some(match kind.as_str() {
            "Put" => format!("writes {}", key(&of["Item"])),
            "Delete" => format!("deletes {}", key(&of["Key"])),
            "ConditionCheck" => format!("if {}: {}", key(&of["Key"]), update(of)),
            _ => format!("{}: {}", key(&of["Key"]), update(of)),
        })
    });
    format!("at once: {}", parts.collect::<Vec<_>>().join("; "))
}

fn plain(value: &Value) -> String {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return String::new();
    };
    match (kind.as_str(), value) {
        ("N", Value::String(number)) => shifted(number),
        ("M", Value::Object(map)) => {
            let parts = map.iter().map(|(name, value)| format!("{name}: {}", plain(value)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// Times by the second or the millisecond become times since the start.
fn shifted(number: &str) -> String {
    match number.parse::<u64>() {
        Ok(number) if number > START * 500 => format!("{}ms", number as i64 - START as i64 * 1000),
        Ok(number) if number > START / 2 => since_start(Some(number)),
        _ => number.to_owned(),
    }
}

/// What came of a request, where that is worth a word.
pub(super) fn outcome(answer: &Answer) -> &'static str {
    if answer.is_ok() {
        ""
    } else if answer.body.contains("ConditionalCheckFailed") {
        " -> condition failed"
    } else {
        " -> refused"
    }
}
