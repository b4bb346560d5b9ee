//! Rows over templates, rendered and judged.

use passes::ids::PassKey;
use passes::record::{Attribute, Attributes, PassRecord};
use passes::render::{Injected, render};
use pkpass::pass_json::Context;
use serde_json::{Value, json};

/// What becomes of a row.
#[derive(Debug, PartialEq)]
pub struct Verdicts {
    /// The pass, if it is published.
    pub pass: Option<Value>,
    pub refused: Vec<String>,
    pub warned: Vec<String>,
}

pub fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Null => Attribute::Null,
        Value::Bool(value) => Attribute::Bool(*value),
        Value::Number(number) => Attribute::Number(number.to_string()),
        Value::String(text) => Attribute::Text(text.clone()),
        Value::Array(items) => Attribute::List(items.iter().map(attribute).collect()),
        Value::Object(_) => Attribute::Map(attributes(value)),
    }
}

pub fn attributes(row: &Value) -> Attributes {
    let entries = row.as_object().unwrap().iter();
    entries.map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// 2026-11-21T09:30:00Z.
pub const NOW: i64 = 1_795_253_400;

pub fn judged(template: &Value, row: Value, context: &Context<'_>) -> Verdicts {
    let mut row = row;
    row["template"] = json!("card");
    let record = PassRecord::read(&attributes(&row));
    let key = PassKey::parse("pass.com.example.loyalty", "A-1").unwrap();
    let injected = Injected {
        key: &key,
        team: "A1B2C3D4E5",
        web_service_url: "https://passes.example.com",
        token: "0123456789abcdef",
    };
    let (mut refused, mut warned) = (record.faults.clone(), record.warnings.clone());
    let mut pass = None;
    match render(&record, template, &injected, context) {
        Ok(rendering) => {
            warned.extend(rendering.warnings);
            pass = serde_json::from_slice(&rendering.pass_json).ok();
        }
        Err(problems) => refused.extend(problems),
    }
    let sentences = |problems: Vec<passes::problem::Problem>| problems.into_iter().map(|it| it.sentence).collect();
    Verdicts {
        pass: pass.filter(|_| refused.is_empty()),
        refused: sentences(refused),
        warned: sentences(warned),
    }
}

/// A row over a template with these further keys.
pub fn row_over(more: Value, row: Value) -> Verdicts {
    let mut template = json!({"formatVersion": 1, "description": "Card", "organizationName": "Example"});
    let more = more.as_object().unwrap().clone();
    template.as_object_mut().unwrap().extend(more);
    judged(&template, row, &context())
}

pub fn context() -> Context<'static> {
    Context {
        nfc_certificate: Some(false),
        now: Some(NOW),
        ..Context::default()
    }
}

pub fn card(field: Value) -> Value {
    json!({"storeCard": {"primaryFields": [field]}})
}

pub fn balance() -> Value {
    card(json!({"key": "balance", "label": "BALANCE", "value": 5}))
}

#[track_caller]
pub fn refuses(verdicts: &Verdicts, sentences: &[&str]) {
    assert_eq!(verdicts.refused.len(), sentences.len(), "{verdicts:#?}");
    for (found, start) in verdicts.refused.iter().zip(sentences) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[track_caller]
pub fn warns(verdicts: &Verdicts, sentences: &[&str]) {
    assert_eq!(verdicts.refused, [""; 0]);
    assert_eq!(verdicts.warned.len(), sentences.len(), "{verdicts:#?}");
    for (found, start) in verdicts.warned.iter().zip(sentences) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[track_caller]
pub fn takes(verdicts: Verdicts) -> Value {
    assert_eq!((&verdicts.refused[..], &verdicts.warned[..]), (&[][..], &[][..]));
    verdicts.pass.unwrap()
}
