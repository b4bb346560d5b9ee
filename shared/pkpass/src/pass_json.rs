//! The rules of pass.json.
//!
//! Judged is what is known to make Wallet refuse or ignore a pass. Keys that are not known here
//! are left alone, because Apple adds new ones every year.

mod barcodes;
mod colours;
mod dates;
mod fields;
mod web_service;

use serde_json::{Map, Value};

pub use web_service::check_web_service_url;

use crate::fault::Fault;

/// The keys of which pass.json holds exactly one: the pass's style.
pub const STYLES: [&str; 5] = ["boardingPass", "coupon", "eventTicket", "generic", "storeCard"];

/// Judges a finished pass.json, in which the keys that the server injects are present.
///
/// Returns every fault, in the order of the rules; none means that Wallet takes the pass. Paths
/// are those of the JSON: `storeCard.primaryFields[0].key`.
///
/// ```
/// let faults = pkpass::pass_json::check(&serde_json::json!({
///     "formatVersion": 1,
///     "description": "Coffee card",
///     "organizationName": "Example Coffee",
///     "passTypeIdentifier": "pass.com.example.coffee",
///     "teamIdentifier": "A1B2C3D4E5",
///     "serialNumber": "4711",
///     "expirationDate": "2026-12-31T23:59:59.000Z",
///     "storeCard": {},
/// }));
/// assert_eq!(faults[0].path, "expirationDate");
/// ```
pub fn check(pass: &Value) -> Vec<Fault> {
    check_at(Stage::Finished, pass)
}

/// Judges a template's pass.json, before a record's fields are laid over it and the server's keys
/// are injected.
///
/// What is absent may still come, so only this must be there: one style, the key of every field, and what all
/// passes of a template have: `formatVersion`, `description` and `organizationName`. A record may set these
/// too, but left to records, a slip in a template would be a fault of each of them. What is present must be right, except the keys that are always overwritten:
/// `passTypeIdentifier`, `teamIdentifier`, `serialNumber`, `webServiceURL` and
/// `authenticationToken`.
pub fn check_skeleton(pass: &Value) -> Vec<Fault> {
    check_at(Stage::Skeleton, pass)
}

/// The styles that `pass` holds, in [`STYLES`]'s order.
pub(crate) fn styles_of(pass: &Map<String, Value>) -> Vec<&'static str> {
    STYLES.into_iter().filter(|style| pass.contains_key(*style)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Skeleton,
    Finished,
}

struct Inspection {
    stage: Stage,
    faults: Vec<Fault>,
}

impl Inspection {
    fn fault(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.faults.push(Fault::new(path, reason));
    }

    /// A fault of something that a record could still bring, so a skeleton does not have it.
    fn lacks(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        if self.stage == Stage::Finished {
            self.fault(path, reason);
        }
    }
}

fn check_at(stage: Stage, pass: &Value) -> Vec<Fault> {
    let mut inspection = Inspection {
        stage,
        faults: Vec::new(),
    };
    let Value::Object(pass) = pass else {
        inspection.fault("pass.json", "it is not a JSON object: write {...}");
        return inspection.faults;
    };
    format_version(&mut inspection, pass);
    names(&mut inspection, pass);
    if stage == Stage::Finished {
        identifiers(&mut inspection, pass);
        web_service::check(&mut inspection, pass);
    }
    style(&mut inspection, pass);
    dates::check(&mut inspection, pass);
    barcodes::check(&mut inspection, pass);
    colours::check(&mut inspection, pass);
    companions(&mut inspection, pass);
    inspection.faults
}

fn format_version(inspection: &mut Inspection, pass: &Map<String, Value>) {
    const FIX: &str = "write the number 1, the only version that there is";
    match pass.get("formatVersion") {
        None => inspection.fault("formatVersion", format!("it is missing: {FIX}")),
        Some(version) if version.as_u64() == Some(1) => {}
        Some(version) => inspection.fault("formatVersion", format!("it is {version}: {FIX}")),
    }
}

fn names(inspection: &mut Inspection, pass: &Map<String, Value>) {
    for (key, purpose) in [
        ("description", "what VoiceOver reads for the pass"),
        ("organizationName", "the name that stands in notifications"),
    ] {
        match pass.get(key) {
            None => inspection.fault(key, format!("it is missing: add {purpose}")),
            Some(Value::String(text)) if !text.is_empty() => {}
            Some(_) => inspection.fault(key, format!("it is no text: write {purpose}")),
        }
    }
}

fn identifiers(inspection: &mut Inspection, pass: &Map<String, Value>) {
    for key in ["passTypeIdentifier", "teamIdentifier", "serialNumber"] {
        match pass.get(key) {
            None => inspection.fault(key, "it is missing: add it as text"),
            Some(Value::String(text)) if text.is_empty() => {
                inspection.fault(key, "it is empty: write the identifier");
            }
            Some(Value::String(text)) if key == "passTypeIdentifier" && !text.starts_with("pass.") => {
                let reason = format!("`{text}` is no pass type: they begin with `pass.`");
                inspection.fault(key, reason);
            }
            Some(Value::String(_)) => {}
            Some(_) => inspection.fault(key, "it is no text: put it in quotes"),
        }
    }
}

fn style(inspection: &mut Inspection, pass: &Map<String, Value>) {
    let styles = styles_of(pass);
    match styles.as_slice() {
        [] => inspection.fault(
            "style",
            format!("the pass has none: add exactly one of {}", STYLES.join(", ")),
        ),
        [_] => {}
        several => inspection.fault(
            "style",
            format!(
                "the pass has {} ({}): keep exactly one",
                several.len(),
                several.join(", ")
            ),
        ),
    }
    // Each one's fields are judged even when there is one style too many, so that one reading
    // names everything that has to be mended.
    for style in styles {
        match &pass[style] {
            Value::Object(content) => {
                if style == "boardingPass" {
                    transit_type(inspection, content);
                }
                fields::check(inspection, style, content);
            }
            _ => inspection.fault(style, "it is not a JSON object: write {...}"),
        }
    }
}

fn transit_type(inspection: &mut Inspection, boarding_pass: &Map<String, Value>) {
    const PATH: &str = "boardingPass.transitType";
    const FIX: &str = "write PKTransitTypeAir, PKTransitTypeBoat, PKTransitTypeBus, \
                       PKTransitTypeGeneric or PKTransitTypeTrain";
    match boarding_pass.get("transitType") {
        None => inspection.lacks(PATH, format!("a boarding pass needs it: {FIX}")),
        // By its prefix, so that a type that Apple adds is not refused here.
        Some(Value::String(kind)) if kind.starts_with("PKTransitType") => {}
        Some(kind) => inspection.fault(PATH, format!("{kind} is no transit type: {FIX}")),
    }
}

fn companions(inspection: &mut Inspection, pass: &Map<String, Value>) {
    let has_store_identifiers = pass
        .get("associatedStoreIdentifiers")
        .and_then(Value::as_array)
        .is_some_and(|identifiers| !identifiers.is_empty());
    if pass.contains_key("appLaunchURL") && !has_store_identifiers {
        inspection.lacks(
            "appLaunchURL",
            "Wallet does not know which app to open: add associatedStoreIdentifiers",
        );
    }
    let groups = styles_of(pass)
        .iter()
        .any(|style| ["boardingPass", "eventTicket"].contains(style));
    if pass.contains_key("groupingIdentifier") && !groups {
        inspection.fault(
            "groupingIdentifier",
            "only event tickets and boarding passes are grouped: remove it",
        );
    }
}
