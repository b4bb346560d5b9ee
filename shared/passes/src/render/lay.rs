//! Laying a row over its template's pass.json.

use std::collections::HashSet;

use pkpass::pass_json::table::GROUPS;
use pkpass::pass_json::{STYLES, field_keys, slip_of};
use serde_json::{Map, Value};

use super::as_object;
use crate::problem::{Problem, ProblemKind};
use crate::record::{MOST_FAULTS, PassRecord};

/// Lays each value over every field of its key, in whichever style and group: iOS 27 reads the poster,
/// other phones the classic style beside it. Gives the faults.
pub(super) fn fields(pass: &mut Value, fields: &Map<String, Value>) -> Vec<Problem> {
    let problems = faults_of(pass, fields);
    for style in STYLES {
        for group in GROUPS {
            let Some(Value::Array(of_group)) = pass.get_mut(style).and_then(|style| style.get_mut(group)) else {
                continue;
            };
            of_group.retain_mut(|field| {
                let value = field.get("key").and_then(Value::as_str).and_then(|key| fields.get(key));
                if let Some(value) = value {
                    lay_over(field, value);
                }
                value != Some(&Value::Null)
            });
        }
    }
    problems
}

fn faults_of(pass: &Value, fields: &Map<String, Value>) -> Vec<Problem> {
    let keys = field_keys(pass);
    let known: HashSet<&str> = keys.iter().copied().collect();
    let mut problems = Vec::new();
    let mut unknown = 0;
    for (key, value) in fields {
        if problems.len() == MOST_FAULTS {
            break;
        }
        if !known.contains(key.as_str()) {
            problems.push(unknown_field(&keys, key, unknown == 0));
            unknown += 1;
        } else if value.is_array() {
            problems.push(Problem::new(
                ProblemKind::AttributeType,
                format!("fields.{key}: must be a string, a number or a map with `value`"),
            ));
        } else if value.get("key").is_some_and(|changed| changed != key.as_str()) {
            problems.push(Problem::new(
                ProblemKind::FieldUnknown,
                format!("fields.{key}.key: a field's key cannot be changed; leave it out"),
            ));
        }
    }
    problems
}

/// Phones show `attributedValue` in place of `value`. A row that brings a value means that one to be
/// seen, so the template's attributedValue goes, unless the row brings one of its own.
fn lay_over(field: &mut Value, value: &Value) {
    match value {
        Value::Object(overlay) => {
            if overlay.contains_key("value") {
                as_object(field).remove("attributedValue");
            }
            let key = field.get("key").cloned();
            merge_patch(field, value);
            // Another one is a fault, and what else the row says of the field is judged as of this one.
            as_object(field).insert("key".into(), key.unwrap_or_default());
        }
        Value::Null | Value::Array(_) => {}
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

/// Merges `pass` in. What belongs to `fields` is refused, all of it, and left out.
pub(super) fn patch(pass: &mut Value, patch: &Map<String, Value>) -> Vec<Problem> {
    let mut patch = patch.clone();
    let mut problems = Vec::new();
    for style in STYLES {
        if let Some(problem) = touched_fields(&patch, style) {
            problems.push(problem);
            patch.remove(style);
        }
    }
    merge_patch(pass, &Value::Object(patch));
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
