//! Rendering: record + template -> the final pass.json.

mod lay;
mod origin;

use std::collections::HashSet;

use pkpass::canonical_json;
use pkpass::pass_json::{Context, MAX_PASS_JSON_BYTES, Verdict, check, write_in_one_form};
use serde_json::{Map, Value};

use crate::ids::PassKey;
use crate::problem::{Problem, ProblemKind};
use crate::record::PassRecord;
use origin::{Origin, Origins};

/// What livepass itself puts into every pass, last, over whatever the template or record say.
pub struct Injected<'a> {
    pub key: &'a PassKey,
    pub team: &'a str,
    pub web_service_url: &'a str,
    pub token: &'a str,
}

/// A pass.json that every phone takes.
#[derive(Debug, PartialEq)]
pub struct Rendering {
    /// In canonical form: sorted keys, compact UTF-8.
    pub pass_json: Vec<u8>,
    /// Where phones show something else than the row seems to mean. What the template causes is said at
    /// the template, once.
    pub warnings: Vec<Problem>,
}

/// Renders pass.json.
///
/// Order: template skeleton, `fields`, the row's own attributes, `pass`, injected keys. Refuses what
/// Wallet would refuse, and names all of it, in the words of whoever can mend it.
pub fn render(
    record: &PassRecord,
    skeleton: &Value,
    injected: &Injected<'_>,
    context: &Context<'_>,
) -> Result<Rendering, Vec<Problem>> {
    let mut pass = skeleton.clone();
    let mut problems = lay::fields(&mut pass, &record.fields);
    problems.extend(lay::own_attributes(&mut pass, record));
    problems.extend(lay::patch(&mut pass, &record.patch));
    let object = as_object(&mut pass);
    for (name, value) in [
        ("passTypeIdentifier", injected.key.pass_type.as_str()),
        ("serialNumber", injected.key.serial.as_str()),
        ("teamIdentifier", injected.team),
        ("webServiceURL", injected.web_service_url),
        ("authenticationToken", injected.token),
    ] {
        object.insert(name.into(), value.into());
    }
    write_in_one_form(&mut pass);
    let origins = Origins {
        record,
        skeleton,
        pass: &pass,
    };
    // What cannot be read of the row, or may not be written there, is not told a second time for what it led to.
    let told: HashSet<String> = record
        .faults
        .iter()
        .chain(&problems)
        .map(|fault| fault.name().to_owned())
        .collect();
    let mut warnings = Vec::new();
    for finding in check(&pass, context) {
        match (finding.verdict(), origins.of(&finding)) {
            (_, Origin::Row(name)) if told.contains(&name) => {}
            (Verdict::Refuse, Origin::Row(name) | Origin::Template(name)) => problems.push(Problem::new(
                ProblemKind::WalletWouldRefuse,
                format!("{name}: {}", finding.reason),
            )),
            (Verdict::Warn, Origin::Row(name)) => warnings.push(Problem::new(
                ProblemKind::Warning,
                format!("{name}: {}", finding.reason),
            )),
            (Verdict::Warn, Origin::Template(_)) => {}
        }
    }
    let pass_json = canonical_json(&pass);
    if pass_json.len() > MAX_PASS_JSON_BYTES {
        problems.push(Problem::new(
            ProblemKind::WalletWouldRefuse,
            format!(
                "{}: pass.json has {} bytes with them, and at most {MAX_PASS_JSON_BYTES} can be published: \
                 shorten the texts",
                brought_by(record),
                pass_json.len()
            ),
        ));
    }
    if problems.is_empty() {
        Ok(Rendering { pass_json, warnings })
    } else {
        // A slip is often what led to the fault.
        problems.extend(warnings);
        Err(problems)
    }
}

/// The attributes that bring content, as the name of what is wrong with all of them.
fn brought_by(record: &PassRecord) -> String {
    let maps = [("fields", &record.fields), ("pass", &record.patch)];
    let maps = maps
        .into_iter()
        .filter(|(_, map)| !map.is_empty())
        .map(|(name, _)| name);
    let message = record.barcode_message.as_ref().map(|_| "barcodeMessage");
    let names: Vec<&str> = maps
        .chain(record.own.keys().map(String::as_str))
        .chain(message)
        .collect();
    match names.is_empty() {
        true => "pass.json".into(),
        false => names.join(", "),
    }
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
            template: Some("loyalty".parse().unwrap()),
            fields: fields.as_object().unwrap().clone(),
            own: Map::new(),
            barcode_message: None,
            patch: patch.as_object().unwrap().clone(),
            images: Default::default(),
            authentication_token: None,
            urgency: UpdateUrgency::Now,
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn render_with(record: &PassRecord, skeleton: &Value, url: &str) -> Result<Rendering, Problem> {
        let key = PassKey::parse("pass.com.example.loyalty", "A-1").unwrap();
        let injected = Injected {
            key: &key,
            team: "A1B2C3D4E5",
            web_service_url: url,
            token: "0123456789abcdef",
        };
        render(record, skeleton, &injected, &Context::default()).map_err(|problems| Problem::all(problems).unwrap())
    }

    fn rendered_with(record: &PassRecord, url: &str) -> Result<Value, Problem> {
        let rendering = render_with(record, &skeleton(), url)?;
        Ok(serde_json::from_slice(&rendering.pass_json).unwrap())
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
        assert!(problem.sentence.starts_with("pass.expirationDate: "), "{problem}");
    }

    #[test]
    fn http_is_for_loopback_hosts_only() {
        let plain = record(json!({}), json!({}));
        assert!(rendered_with(&plain, "http://127.0.0.1:8080").is_ok());
        let problem = rendered_with(&plain, "http://passes.example.com").unwrap_err();
        assert!(problem.sentence.starts_with("pass.json webServiceURL: "), "{problem}");
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
        let one = PassRecord::read(&attributes([a.clone(), b.clone()]));
        let two = PassRecord::read(&attributes([b, a]));
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
        assert!(problem.sentence.starts_with("fields: pass.json has 360"), "{problem}");
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
