//! Laying a row over its template's pass.json.

use pkpass::pass_json::table::GROUPS;
use pkpass::pass_json::{STYLES, field_keys, slip_of};
use serde_json::{Map, Value};

use super::as_object;
use crate::problem::{Problem, ProblemKind};
use crate::record::PassRecord;

/// Lays each value over every field of its key, in whichever style and group: iOS 27 reads the poster,
/// other phones the classic style beside it. Gives every fault.
pub(super) fn fields(pass: &mut Value, fields: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in fields {
        let keys = field_keys(pass);
        if !keys.contains(&key.as_str()) {
            problems.push(unknown_field(&keys, key, problems.is_empty()));
            continue;
        }
        match value {
            Value::Array(_) => problems.push(Problem::new(
                ProblemKind::AttributeType,
                format!("fields.{key}: must be a string, a number or a map with `value`"),
            )),
            Value::Object(overlay) if overlay.get("key").is_some_and(|k| k != key.as_str()) => {
                problems.push(Problem::new(
                    ProblemKind::FieldUnknown,
                    format!("fields.{key}.key: a field's key cannot be changed; leave it out"),
                ));
            }
            value => lay_over_each(pass, key, value),
        }
    }
    problems
}

fn lay_over_each(pass: &mut Value, key: &str, value: &Value) {
    for style in STYLES {
        for group in GROUPS {
            let Some(Value::Array(fields)) = pass.get_mut(style).and_then(|style| style.get_mut(group)) else {
                continue;
            };
            let has_key = |field: &Value| field.get("key").and_then(Value::as_str) == Some(key);
            if value.is_null() {
                fields.retain(|field| !has_key(field));
                continue;
            }
            for field in fields.iter_mut().filter(|field| has_key(field)) {
                lay_over(field, value);
            }
        }
    }
}

/// Phones show `attributedValue` in place of `value`. A row that brings a value means that one to be
/// seen, so the template's attributedValue goes, unless the row brings one of its own.
fn lay_over(field: &mut Value, value: &Value) {
    match value {
        Value::Object(overlay) => {
            if overlay.contains_key("value") {
                as_object(field).remove("attributedValue");
            }
            merge_patch(field, value);
        }
        plain => {
            let field = as_object(field);
            field.remove("attributedValue");
            field.insert("value".into(), plain.clone());
        }
    }
}

/// With the keys that there are, once: a row that names many others would tell nothing else.
fn unknown_field(keys: &[&str], key: &str, is_first: bool) -> Problem {
    let mut sentence = format!("fields.{key}: the template has no field with this key");
    if is_first {
        sentence.push_str(&format!("; it has {}", keys.join(", ")));
    }
    if let Some(meant) = slip_of(key, keys.iter().copied()) {
        sentence.push_str(&format!("; write {meant} if that is meant"));
    }
    Problem::new(ProblemKind::FieldUnknown, sentence)
}

/// Lays the attributes over it that nearly every pass has of its own.
pub(super) fn own_attributes(pass: &mut Value, record: &PassRecord) -> Option<Problem> {
    let object = as_object(pass);
    for (name, value) in &record.own {
        object.insert(name.clone(), value.clone());
    }
    let message = record.barcode_message.as_deref()?;
    let mut found = false;
    let barcodes = object.get_mut("barcodes").and_then(Value::as_array_mut);
    for barcode in barcodes.into_iter().flatten().filter_map(Value::as_object_mut) {
        set_message(barcode, message);
        found = true;
    }
    // The single form, which phones before iOS 9 read; templates have it beside the list.
    if let Some(barcode) = object.get_mut("barcode").and_then(Value::as_object_mut) {
        set_message(barcode, message);
        found = true;
    }
    (!found).then(|| {
        Problem::new(
            ProblemKind::WalletWouldRefuse,
            "barcodeMessage: the template has no barcode that could say it; add one to the template, or remove this",
        )
    })
}

/// The text below the code follows where it repeats the message, and goes where nobody could read that.
fn set_message(barcode: &mut Map<String, Value>, message: &str) {
    if barcode.contains_key("altText") && barcode.get("altText") == barcode.get("message") {
        match message.chars().any(char::is_control) {
            true => barcode.remove("altText"),
            false => barcode.insert("altText".into(), message.into()),
        };
    }
    barcode.insert("message".into(), message.into());
}

/// Merges `pass` in. What belongs to `fields` is refused, all of it.
pub(super) fn patch(pass: &mut Value, patch: &Map<String, Value>) -> Vec<Problem> {
    let problems: Vec<_> = STYLES.iter().filter_map(|style| touched_fields(patch, style)).collect();
    merge_patch(pass, &Value::Object(patch.clone()));
    problems
}

fn touched_fields(patch: &Map<String, Value>, style: &str) -> Option<Problem> {
    // Replacing or removing the whole dictionary takes the fields with it.
    let touched = match patch.get(style)? {
        Value::Object(entries) => GROUPS.into_iter().find(|group| entries.contains_key(*group))?,
        _ => "the whole dictionary",
    };
    Some(Problem::new(
        ProblemKind::PatchTouchesFields,
        format!("pass.{style}: may not change {touched}; write field values to `fields` by key"),
    ))
}

/// RFC 7396: objects merge, `null` removes, everything else replaces.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(entries) = patch else {
        *target = patch.clone();
        return;
    };
    let object = as_object(target);
    for (key, value) in entries {
        if value.is_null() {
            object.remove(key);
        } else {
            merge_patch(object.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
