//! What reads texts and JSON from outside.

use std::sync::Arc;

use edge::occasion::Occasion;
use passes::device_log::DeviceLog;
use passes::ids::{DeviceLibraryIdentifier, PassKey, TemplateId};
use passes::link::LinkSignature;
use passes::record::{Attribute, Attributes, PassRecord};
use passes::render::{Injected, Rendering, render, render_voided};
use passes::tag::UpdateTag;
use passes::time::Timestamp;
use passes::tokens::{AuthenticationToken, KeyRing, NamedKey, PushToken};
use pkpass::pass_json::{Context, MAX_PASS_JSON_BYTES, Verdict};
use serde_json::{Value, json};

use super::Target;
use crate::{DEMO, LOYALTY};

type Take = Box<dyn Fn(&[u8]) -> bool>;

/// A target that keeps nothing between two inputs.
struct Parser {
    name: &'static str,
    seeds: Vec<Vec<u8>>,
    take: Take,
}

impl Target for Parser {
    fn name(&self) -> &'static str {
        self.name
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        self.seeds.clone()
    }

    fn take(&mut self, input: &[u8]) -> bool {
        (self.take)(input)
    }
}

fn parser<S: AsRef<[u8]>>(
    name: &'static str,
    seeds: impl IntoIterator<Item = S>,
    take: impl Fn(&[u8]) -> bool + 'static,
) -> Box<dyn Target> {
    Box::new(Parser {
        name,
        seeds: seeds.into_iter().map(|seed| seed.as_ref().to_vec()).collect(),
        take: Box::new(take),
    })
}

pub fn all() -> Vec<Box<dyn Target>> {
    vec![
        parser("update tag", ["1795255200", "0", "18446744073709551615"], update_tag),
        parser(
            "identifiers",
            ["DEMO-1", LOYALTY, "8a1f0e9c7b5d4f3e2a1b0c9d8e7f6a5b"],
            identifiers,
        ),
        parser("device log", device_log_seeds(), device_log),
        record(),
        link(),
        parser("key ring", [include_str!("../../../docs/links.md"), KEYS], |input| {
            aws::secrets::parse_key_ring(input).is_ok()
        }),
        parser("APNs key", [apns_key_seed()], |input| {
            apns::ProviderKey::from_json(input).is_ok()
        }),
        parser("event", event_seeds(), event),
        parser("pass.json", [voidable()], |input| {
            let _ = render_voided(input);
            serde_json::from_slice::<Value>(input).is_ok_and(|value| {
                let context = Context::default();
                let _ = pkpass::pass_json::check(&value, &context);
                pkpass::pass_json::check_skeleton(&value, &context).is_empty()
            })
        }),
    ]
}

const KEYS: &str = r#"{"current":"k1","keys":{"k1":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#;

fn update_tag(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let tag = UpdateTag::parse(&text);
    if let Some(tag) = tag {
        let digits = text.trim_start_matches('0');
        assert_eq!(tag.to_string(), if digits.is_empty() { "0" } else { digits });
    }
    tag.is_some()
}

/// What is taken is plain: it can stand in a key, a path and a log line as it is.
fn identifiers(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    for taken in [
        text.parse::<DeviceLibraryIdentifier>().map(|id| id.as_str().to_owned()),
        text.parse::<TemplateId>().map(|id| id.as_str().to_owned()),
        PassKey::parse(LOYALTY, &text).map(|key| key.serial.as_str().to_owned()),
        PassKey::parse(&text, DEMO).map(|key| key.pass_type.as_str().to_owned()),
    ]
    .into_iter()
    .flatten()
    {
        assert!(plain(&taken) && (1..=128).contains(&taken.len()), "{taken:?}");
    }
    if let Ok(token) = text.parse::<PushToken>() {
        assert!(
            token.expose().bytes().all(|b| b.is_ascii_hexdigit()),
            "it stands in a path at APNs"
        );
    }
    let _ = text.parse::<AuthenticationToken>();
    text.parse::<DeviceLibraryIdentifier>().is_ok()
}

fn device_log_seeds() -> Vec<Vec<u8>> {
    [
        json!({"logs": ["[2026-11-21 10:00:00 +0000] Register task (for device 0123456789abcdef0123456789abcdef, pass type pass.com.example.loyalty, serial number DEMO-1; with web service url https://a.example) encountered error: Authentication failure"]}),
        json!({"logs": ["Unexpected response code 404", "Server response was malformed", 7]}),
        json!({"logs": "none"}),
    ]
    .map(|value| value.to_string().into_bytes())
    .into()
}

/// Lines from devices can neither forge log lines nor grow without bound.
fn device_log(input: &[u8]) -> bool {
    let log = DeviceLog::read(input);
    assert!(log.messages.len() <= 50);
    for message in &log.messages {
        assert!(message.text.len() <= 4096 + 3, "{} bytes", message.text.len());
        assert!(!message.text.chars().any(char::is_control), "{:?}", message.text);
    }
    !log.malformed
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Null => Attribute::Null,
        Value::Bool(bool) => Attribute::Bool(*bool),
        Value::Number(number) => Attribute::Number(number.to_string()),
        Value::String(text) if text == "\0" => Attribute::Unsupported("B"),
        Value::String(text) => Attribute::Text(text.clone()),
        Value::Array(items) => Attribute::List(items.iter().map(attribute).collect()),
        Value::Object(map) => Attribute::Map(
            map.iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
    }
}

/// A row that is rendered is one that Wallet takes.
fn record() -> Box<dyn Target> {
    let files = seed::templates::loyalty();
    let template = Arc::new(pkpass::Template::from_files(files).expect("the demo's template"));
    let seeds = [
        json!({"template": "loyalty", "fields": {"balance": 25, "member": "Grace Hopper", "tier": {"value": "Gold", "label": "LEVEL", "changeMessage": "Now %@"}}}),
        json!({"template": "loyalty", "pass": {"voided": true, "expirationDate": "2027-01-01T00:00:00Z", "barcodes": [{"format": "PKBarcodeFormatQR", "message": "DEMO-1", "messageEncoding": "iso-8859-1"}], "relevantDates": [{"date": "2027-01-01T00:00:00Z"}], "locations": [{"latitude": 1.5, "longitude": -2}], "userInfo": {"a": [1, 2]}}}),
        json!({"template": "loyalty", "voided": true, "expirationDate": "2027-01-01T00:00:00.5Z", "barcodeMessage": "4711", "relevantDate": "2027-01-01T00:00Z", "locations": [{"latitude": 1.5, "longitude": -2}], "pass": {"labelColor": "#FFF"}}),
        json!({"template": "loyalty", "images": {"thumbnail.png": "members/1.png"}, "updateUrgency": "relaxed", "authenticationToken": "0123456789abcdef"}),
    ]
    .map(|value| value.to_string());
    parser("record", seeds, move |input| {
        let Ok(Value::Object(row)) = serde_json::from_slice(input) else {
            return false;
        };
        let attributes: Attributes = row
            .iter()
            .map(|(name, value)| (name.clone(), attribute(value)))
            .collect();
        let record = PassRecord::read(&attributes);
        if !record.faults.is_empty() {
            return false;
        }
        let key = PassKey::parse(LOYALTY, DEMO).expect("a pass key");
        let injected = Injected {
            key: &key,
            team: "A1B2C3D4E5",
            web_service_url: "https://passes.example.com",
            token: "0123456789abcdef",
        };
        let context = Context::default();
        let Ok(Rendering { pass_json, .. }) = render(&record, template.skeleton(), &injected, &context) else {
            return false;
        };
        assert!(pass_json.len() <= MAX_PASS_JSON_BYTES);
        let pass: Value = serde_json::from_slice(&pass_json).expect("what is rendered is JSON");
        let found = pkpass::pass_json::check(&pass, &context);
        assert!(
            found.iter().all(|finding| finding.verdict() == Verdict::Warn),
            "{found:?}"
        );
        assert_eq!(pass["serialNumber"], DEMO);
        assert_eq!(pass["authenticationToken"], "0123456789abcdef");
        render_voided(&pass_json).expect("what was published can be voided");
        true
    })
}

/// No link is taken that the key did not sign.
fn link() -> Box<dyn Target> {
    let ring = KeyRing::new(NamedKey::new("k1", &[7; 32]), Vec::new());
    let key = PassKey::parse(LOYALTY, DEMO).expect("a pass key");
    let signed = LinkSignature::sign(ring.current(), &key, 1_795_255_200);
    let seed = format!("{}\n{}\n{}", signed.expiry, signed.key_name, signed.mac);
    parser("link", [seed], move |input| {
        let text = String::from_utf8_lossy(input);
        let mut parts = text.splitn(3, '\n').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let offered = LinkSignature {
            expiry: part(),
            key_name: part(),
            mac: part(),
        };
        let holds = offered
            .verify(&ring, &key, Timestamp::from_seconds(1_795_000_000), 366)
            .is_ok();
        assert!(!holds || offered == signed, "{offered:?} was never signed");
        holds
    })
}

fn apns_key_seed() -> String {
    let team = "A1B2C3D4E5".parse().expect("a team");
    serde_json::to_string(&seed::ApnsTestKey::generate(&team).expect("a key")).expect("JSON")
}

fn event_seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../../events/publish-changes--same-pass-twice.json").to_vec(),
        include_bytes!("../../../events/publish-changes--keys-of-the-queue.json").to_vec(),
        include_bytes!("../../../events/push-devices--page.json").to_vec(),
        include_bytes!("../../../events/publish-changes--pages-of-a-sweep.json").to_vec(),
        include_bytes!("../../../events/publish-template--uploaded.json").to_vec(),
    ]
}

fn event(input: &[u8]) -> bool {
    match serde_json::from_slice(input) {
        Ok(Occasion::Stream(batch)) => edge::stream::hints(batch).iter().any(|hint| hint.key.is_ok()),
        Ok(Occasion::Queue(batch)) => edge::queue::deliveries(batch)
            .iter()
            .any(|delivery| delivery.message.is_ok()),
        Ok(Occasion::Schedule) | Err(_) => serde_json::from_slice::<publish_template::ObjectCreated>(input).is_ok(),
    }
}

fn voidable() -> Vec<u8> {
    seed::templates::loyalty().remove("pass.json").expect("pass.json")
}
