//! Rendering: record + template -> the final pass.json.

use pkpass::canonical_json;
use serde_json::{Map, Value};

use crate::ids::{PassKey, TeamIdentifier};
use crate::problem::{Problem, ProblemKind};
use crate::record::PassRecord;
use crate::tokens::AuthenticationToken;

/// The six groups of fields in a style dictionary.
const FIELD_GROUPS: [&str; 6] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
    "additionalInfoFields",
];

/// The largest pass.json that is published, in bytes. A revision is one item of at most 400 KB with
/// its body deflated; 256 KiB fit even where nothing can be deflated. A full card takes some KB.
pub const MAX_PASS_JSON_BYTES: usize = 256 * 1024;

/// What livepass itself puts into every pass, last, over whatever the template or record say.
pub struct Injected<'a> {
    pub key: &'a PassKey,
    pub team: &'a TeamIdentifier,
    pub web_service_url: &'a str,
    pub token: &'a AuthenticationToken,
}

/// Renders pass.json in canonical form (sorted keys, compact UTF-8).
///
/// Order: template skeleton, `fields`, `pass`, injected keys. Refuses what Wallet would refuse.
pub fn render(record: &PassRecord, skeleton: &Value, style: &str, injected: &Injected<'_>) -> Result<Vec<u8>, Problem> {
    let mut pass = skeleton.clone();
    lay_fields(&mut pass, style, &record.fields)?;
    refuse_patched_fields(&record.patch, style)?;
    merge_patch(&mut pass, &Value::Object(record.patch.clone()));
    let object = as_object(&mut pass);
    for (name, value) in [
        ("passTypeIdentifier", injected.key.pass_type.as_str()),
        ("serialNumber", injected.key.serial.as_str()),
        ("teamIdentifier", injected.team.as_str()),
        ("webServiceURL", injected.web_service_url),
        ("authenticationToken", injected.token.expose()),
    ] {
        object.insert(name.into(), value.into());
    }
    let faults = pkpass::pass_json::check(&pass);
    if !faults.is_empty() {
        let sentences: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.path, fault.reason))
            .collect();
        return Err(Problem::new(ProblemKind::WalletWouldRefuse, sentences.join("; ")));
    }
    let pass_json = canonical_json(&pass);
    if pass_json.len() > MAX_PASS_JSON_BYTES {
        return Err(Problem::new(
            ProblemKind::WalletWouldRefuse,
            format!(
                "pass.json: it has {} bytes, and at most {MAX_PASS_JSON_BYTES} can be published: shorten its texts",
                pass_json.len()
            ),
        ));
    }
    Ok(pass_json)
}

/// The pass as it was, marked as no longer valid. It keeps its web service, so that writing the
/// record again brings the pass back.
pub fn render_voided(published: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut pass: Value = serde_json::from_slice(published)?;
    as_object(&mut pass).insert("voided".into(), true.into());
    Ok(canonical_json(&pass))
}

/// The last rendering of a pass whose record has been gone for long: voided, and no longer bound to
/// the web service, so that its phones stop asking.
pub fn render_ended(published: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut pass: Value = serde_json::from_slice(published)?;
    let object = as_object(&mut pass);
    object.insert("voided".into(), true.into());
    // Wallet takes both or none.
    object.remove("webServiceURL");
    object.remove("authenticationToken");
    Ok(canonical_json(&pass))
}

/// Whether phones that hold this rendering still ask for newer ones.
pub(crate) fn is_bound(published: &[u8]) -> Result<bool, serde_json::Error> {
    let pass: Value = serde_json::from_slice(published)?;
    Ok(pass.get("webServiceURL").is_some())
}

/// The object inside; anything else becomes an empty one (a template's skeleton is always one).
fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}

fn lay_fields(pass: &mut Value, style: &str, fields: &Map<String, Value>) -> Result<(), Problem> {
    for (key, value) in fields {
        let Some((group, index)) = find_field(pass, style, key) else {
            return Err(Problem::new(
                ProblemKind::FieldUnknown,
                format!(
                    "fields.{key}: the template has no field with this key; it has {}",
                    field_keys(pass, style).join(", ")
                ),
            ));
        };
        // find_field has just walked this path.
        let Some(Value::Array(group)) = pass[style].get_mut(group) else {
            continue;
        };
        match value {
            Value::Null => {
                group.remove(index);
            }
            Value::Object(overlay) => {
                if overlay.get("key").is_some_and(|k| k != key.as_str()) {
                    return Err(Problem::new(
                        ProblemKind::FieldUnknown,
                        format!("fields.{key}.key: a field's key cannot be changed; leave it out"),
                    ));
                }
                merge_patch(&mut group[index], value);
            }
            Value::Array(_) => {
                return Err(Problem::new(
                    ProblemKind::AttributeType,
                    format!("fields.{key}: must be a string, a number or a map with `value`"),
                ));
            }
            scalar => {
                as_object(&mut group[index]).insert("value".into(), scalar.clone());
            }
        }
    }
    Ok(())
}

fn find_field(pass: &Value, style: &str, key: &str) -> Option<(&'static str, usize)> {
    FIELD_GROUPS.iter().find_map(|group| {
        let fields = pass.get(style)?.get(group)?.as_array()?;
        let index = fields
            .iter()
            .position(|field| field.get("key").and_then(Value::as_str) == Some(key))?;
        Some((*group, index))
    })
}

fn field_keys<'a>(pass: &'a Value, style: &str) -> Vec<&'a str> {
    FIELD_GROUPS
        .iter()
        .filter_map(|group| pass.get(style)?.get(group)?.as_array())
        .flatten()
        .filter_map(|field| field.get("key")?.as_str())
        .collect()
}

fn refuse_patched_fields(patch: &Map<String, Value>, style: &str) -> Result<(), Problem> {
    let Some(dictionary) = patch.get(style) else {
        return Ok(());
    };
    // Replacing or removing the whole dictionary takes the fields with it.
    let touched = match dictionary {
        Value::Object(entries) => FIELD_GROUPS.iter().find(|group| entries.contains_key(**group)),
        _ => Some(&"the whole dictionary"),
    };
    match touched {
        None => Ok(()),
        Some(group) => Err(Problem::new(
            ProblemKind::PatchTouchesFields,
            format!("pass.{style}: may not change {group}; write field values to `fields` by key"),
        )),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Attribute, Attributes, UpdateUrgency};
    use serde_json::json;

    fn skeleton() -> Value {
        json!({
            "formatVersion": 1,
            "description": "Loyalty card",
            "organizationName": "Example",
            "voided": false,
            "storeCard": {
                "headerFields": [{"key": "tier", "label": "TIER", "value": "Silver"}],
                "primaryFields": [{"key": "balance", "label": "BALANCE", "value": 0, "changeMessage": "Now %@"}],
                "backFields": [{"key": "terms", "value": "..."}]
            }
        })
    }

    fn record(fields: Value, patch: Value) -> PassRecord {
        PassRecord {
            template: "loyalty".parse().unwrap(),
            fields: fields.as_object().unwrap().clone(),
            patch: patch.as_object().unwrap().clone(),
            images: Default::default(),
            authentication_token: None,
            urgency: UpdateUrgency::Now,
        }
    }

    fn rendered_with(record: &PassRecord, url: &str) -> Result<Value, Problem> {
        let key = PassKey::parse("pass.com.example.loyalty", "A-1").unwrap();
        let team = "A1B2C3D4E5".parse().unwrap();
        let token = "0123456789abcdef".parse().unwrap();
        render(
            record,
            &skeleton(),
            "storeCard",
            &Injected {
                key: &key,
                team: &team,
                web_service_url: url,
                token: &token,
            },
        )
        .map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    fn rendered(fields: Value, patch: Value) -> Result<Value, Problem> {
        rendered_with(&record(fields, patch), "https://passes.example.com")
    }

    #[test]
    fn a_value_lands_in_the_field_of_its_key_in_whichever_group() {
        let pass = rendered(json!({"balance": 12.50, "terms": "New", "tier": "Gold"}), json!({})).unwrap();
        assert_eq!(
            pass["storeCard"]["primaryFields"][0],
            json!({"key": "balance", "label": "BALANCE", "value": 12.50, "changeMessage": "Now %@"})
        );
        assert_eq!(pass["storeCard"]["backFields"][0]["value"], "New");
        assert_eq!(pass["storeCard"]["headerFields"][0]["value"], "Gold");
    }

    #[test]
    fn an_object_is_laid_over_the_field_and_null_removes_it() {
        let pass = rendered(
            json!({"balance": {"value": 7, "label": "POINTS", "changeMessage": null}, "terms": null}),
            json!({}),
        )
        .unwrap();
        assert_eq!(
            pass["storeCard"],
            json!({
                "headerFields": [{"key": "tier", "label": "TIER", "value": "Silver"}],
                "primaryFields": [{"key": "balance", "label": "POINTS", "value": 7}],
                "backFields": []
            })
        );
    }

    #[test]
    fn a_key_that_the_template_lacks_is_refused_with_the_keys_that_it_has() {
        assert_eq!(
            rendered(json!({"points": 1}), json!({})).unwrap_err().to_string(),
            "field-unknown: fields.points: the template has no field with this key; it has tier, balance, terms"
        );
    }

    #[test]
    fn a_fields_key_cannot_be_changed() {
        let problem = rendered(json!({"tier": {"key": "x"}}), json!({})).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::FieldUnknown);
    }

    #[test]
    fn a_list_is_no_field_value() {
        let problem = rendered(json!({"tier": [1]}), json!({})).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::AttributeType);
    }

    #[test]
    fn the_patch_merges_by_rfc_7396() {
        let pass = rendered(
            json!({}),
            json!({"voided": true, "userInfo": {"a": {"b": 1}}, "description": "New"}),
        )
        .unwrap();
        assert_eq!(pass["voided"], true);
        assert_eq!(pass["userInfo"], json!({"a": {"b": 1}}));
        assert_eq!(pass["description"], "New");
        let pass = rendered(json!({}), json!({"voided": null})).unwrap();
        assert!(pass.get("voided").is_none());
    }

    #[test]
    fn the_patch_may_not_touch_the_field_groups() {
        for patch in [json!({"storeCard": {"backFields": []}}), json!({"storeCard": null})] {
            let problem = rendered(json!({}), patch).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::PatchTouchesFields);
        }
    }

    #[test]
    fn injected_keys_come_last() {
        let pass = rendered(
            json!({}),
            json!({"serialNumber": "other", "webServiceURL": "https://evil.example.com", "authenticationToken": null}),
        )
        .unwrap();
        assert_eq!(pass["serialNumber"], "A-1");
        assert_eq!(pass["passTypeIdentifier"], "pass.com.example.loyalty");
        assert_eq!(pass["teamIdentifier"], "A1B2C3D4E5");
        assert_eq!(pass["webServiceURL"], "https://passes.example.com");
        assert_eq!(pass["authenticationToken"], "0123456789abcdef");
    }

    #[test]
    fn what_wallet_would_refuse_is_refused_and_the_field_named() {
        let problem = rendered(json!({}), json!({"expirationDate": "tomorrow"})).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::WalletWouldRefuse);
        assert!(problem.sentence.starts_with("expirationDate: "), "{problem}");
    }

    #[test]
    fn http_is_for_loopback_hosts_only() {
        let plain = record(json!({}), json!({}));
        assert!(rendered_with(&plain, "http://127.0.0.1:8080").is_ok());
        let problem = rendered_with(&plain, "http://passes.example.com").unwrap_err();
        assert!(problem.sentence.starts_with("webServiceURL: "), "{problem}");
    }

    #[test]
    fn equal_records_render_to_equal_bytes_whatever_the_order_of_their_attributes() {
        let attributes = |order: [(&str, Attribute); 2]| {
            Attributes::from([
                ("template".into(), Attribute::Text("loyalty".into())),
                (
                    "fields".into(),
                    Attribute::Map(order.map(|(k, v)| (k.to_owned(), v)).into()),
                ),
            ])
        };
        let a = ("balance", Attribute::Number("5".into()));
        let b = ("tier", Attribute::Text("Gold".into()));
        let one = PassRecord::parse(&attributes([a.clone(), b.clone()])).unwrap();
        let two = PassRecord::parse(&attributes([b, a])).unwrap();
        assert_eq!(
            rendered_with(&one, "https://a.example"),
            rendered_with(&two, "https://a.example")
        );
    }

    #[test]
    fn a_pass_json_too_large_to_be_kept_is_refused_and_not_written() {
        // One byte in the table, six in JSON.
        let problem = rendered(json!({"terms": "\u{1}".repeat(60_000)}), json!({})).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::WalletWouldRefuse);
        assert!(problem.sentence.starts_with("pass.json: it has 360"), "{problem}");
    }

    #[test]
    fn voiding_changes_nothing_but_voided() {
        let pass = rendered(json!({}), json!({})).unwrap();
        let voided: Value = serde_json::from_slice(&render_voided(&canonical_json(&pass)).unwrap()).unwrap();
        let mut expected = pass;
        expected["voided"] = true.into();
        assert_eq!(voided, expected);
    }
}
