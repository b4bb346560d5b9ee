use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Inspection, dates};

/// The groups that hold fields. `additionalInfoFields` came with the event tickets of iOS 18.
const GROUPS: [&str; 6] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
    "additionalInfoFields",
];

pub(super) fn check(inspection: &mut Inspection, style: &str, content: &Map<String, Value>) {
    let mut seen: HashMap<&str, String> = HashMap::new();
    for group in GROUPS {
        let Some(fields) = content.get(group) else {
            continue;
        };
        let Value::Array(fields) = fields else {
            inspection.fault(format!("{style}.{group}"), "it is no array: write [...]");
            continue;
        };
        for (position, field) in fields.iter().enumerate() {
            let path = format!("{style}.{group}[{position}]");
            let Value::Object(field) = field else {
                inspection.fault(path, "it is not a JSON object: write {\"key\": ...}");
                continue;
            };
            match field.get("key") {
                None => inspection.fault(
                    format!("{path}.key"),
                    "the field has no key: add a name that no other field has",
                ),
                Some(Value::String(key)) if !key.is_empty() => {
                    if let Some(first) = seen.get(key.as_str()) {
                        let reason = format!(
                            "`{key}` is the key of {first} already: keys are unique over all \
                             groups, so give this field another one",
                        );
                        inspection.fault(format!("{path}.key"), reason);
                    } else {
                        seen.insert(key, path.clone());
                    }
                }
                Some(_) => inspection.fault(
                    format!("{path}.key"),
                    "it is no text: write a name that no other field has",
                ),
            }
            check_field(inspection, &path, field);
        }
    }
}

fn check_field(inspection: &mut Inspection, path: &str, field: &Map<String, Value>) {
    let value = field.get("value");
    match value {
        None => inspection.lacks(
            format!("{path}.value"),
            "the field has no value: add a text or a number",
        ),
        Some(Value::String(_) | Value::Number(_)) => {}
        Some(_) => inspection.fault(
            format!("{path}.value"),
            "it is neither text nor number: write one of the two",
        ),
    }
    number_format(inspection, path, field, value);
    for style in ["dateStyle", "timeStyle"] {
        if !field.contains_key(style) {
            continue;
        }
        if let Some(value) = value {
            dates::check_value(inspection, &format!("{path}.value"), value);
        }
        // One fault about the value is enough when a field has both styles.
        break;
    }
    match field.get("changeMessage") {
        None => {}
        Some(Value::String(message)) if message.contains("%@") => {}
        Some(_) => inspection.fault(
            format!("{path}.changeMessage"),
            "it does not contain %@, so Wallet shows no message: put %@ where the value belongs",
        ),
    }
}

fn number_format(inspection: &mut Inspection, path: &str, field: &Map<String, Value>, value: Option<&Value>) {
    let currency = field.get("currencyCode");
    let number_style = field.get("numberStyle");
    if currency.is_some() && number_style.is_some() {
        inspection.fault(
            format!("{path}.numberStyle"),
            "the field has a currencyCode too: keep one of the two",
        );
    }
    if let Some(code) = currency
        && !code.as_str().is_some_and(is_currency_code)
    {
        inspection.fault(
            format!("{path}.currencyCode"),
            format!("{code} is no currency: write three capitals of ISO 4217, such as EUR"),
        );
    }
    let format = match (currency, number_style) {
        (Some(_), _) => "currencyCode",
        (None, Some(_)) => "numberStyle",
        (None, None) => return,
    };
    if let Some(value) = value
        && !value.is_number()
    {
        inspection.fault(
            format!("{path}.value"),
            format!("{format} formats numbers only: write a number without quotes"),
        );
    }
}

fn is_currency_code(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase())
}
