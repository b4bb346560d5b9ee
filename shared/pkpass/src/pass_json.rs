//! What a pass.json may contain.
//!
//! [`table`] has every known key with its type, range and words; [`Rule`] what is held against a pass
//! beyond that. Both have verdict and evidence, and `docs/pass.md` is written from them. Keys that are
//! not known pass unchanged, because Apple adds new ones every year.

mod barcodes;
mod colours;
mod companions;
mod dates;
mod finding;
mod judge;
mod rules;
mod styles;
pub mod table;
mod texts;
mod web_service;
mod written;

use std::collections::HashSet;

use serde_json::{Map, Value};

pub use companions::EXPIRED_ALREADY;
pub use finding::{Finding, Place, Step, Verdict};
pub use judge::slip_of;
pub use rules::Rule;
pub use table::{CLASSIC_STYLES, STYLES};
pub use texts::Texts;
pub use web_service::check_web_service_url;
pub use written::write_in_one_form;

use judge::{Judge, Stage};

/// The largest pass.json that is taken, in bytes. A revision is one item of at most 400 KB with its
/// body deflated; 256 KiB fit even where nothing can be deflated. A full card takes some KB.
pub const MAX_PASS_JSON_BYTES: usize = 256 * 1024;

/// What a pass.json depends on beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The template's texts; without them no change message is a key.
    pub texts: Option<&'a Texts>,
    /// Whether the certificate may sign passes with NFC; `None` where that is not known.
    pub nfc_certificate: Option<bool>,
    /// Unix seconds; `None` leaves out what depends on the time.
    pub now: Option<i64>,
    /// Whether the pass is published for the first time.
    pub is_new: bool,
}

/// Judges a finished pass.json, in which the keys that the server injects are present.
///
/// Returns everything that was found, in the order of the table and the rules; nothing means that a
/// phone takes the pass and shows what was meant.
///
/// ```
/// use pkpass::pass_json::{Context, check};
///
/// let found = check(&serde_json::json!({
///     "formatVersion": 1,
///     "description": "Coffee card",
///     "organizationName": "Example Coffee",
///     "passTypeIdentifier": "pass.com.example.coffee",
///     "teamIdentifier": "A1B2C3D4E5",
///     "serialNumber": "4711",
///     "labelColor": "red",
///     "storeCard": {},
/// }), &Context::default());
/// assert_eq!(found[0].place().to_string(), "labelColor");
/// ```
pub fn check(pass: &Value, context: &Context<'_>) -> Vec<Finding> {
    check_at(Stage::Finished, pass, context)
}

/// Judges a template's pass.json as a row without any fields would make it.
///
/// What a row can bring may be absent and is warned of: the value of a field, a boarding pass's
/// `transitType`, the message of a barcode. What all passes of a template have must be there:
/// `formatVersion`, `description`, `organizationName`, one style, the key of every field; left to rows, a slip in
/// a template would be a fault of each of them. What is present must be right, except the keys that are
/// always overwritten: [`table::INJECTED`].
pub fn check_skeleton(pass: &Value, context: &Context<'_>) -> Vec<Finding> {
    let mut pass = pass.clone();
    write_in_one_form(&mut pass);
    check_at(Stage::Skeleton, &pass, context)
}

/// The styles that `pass` holds, in [`STYLES`]'s order: a classic one before the poster.
pub fn styles_of(pass: &Map<String, Value>) -> Vec<&'static str> {
    STYLES.into_iter().filter(|style| pass.contains_key(*style)).collect()
}

/// The key of each field of a pass.json, each once, in whichever style and group it stands.
pub fn field_keys(pass: &Value) -> Vec<&str> {
    let (mut keys, mut seen) = (Vec::new(), HashSet::new());
    for style in STYLES {
        for group in table::GROUPS {
            let fields = pass.get(style).and_then(|style| style.get(group)?.as_array());
            for key in fields
                .into_iter()
                .flatten()
                .filter_map(|field| field.get("key")?.as_str())
            {
                if seen.insert(key) {
                    keys.push(key);
                }
            }
        }
    }
    keys
}

fn check_at(stage: Stage, pass: &Value, context: &Context<'_>) -> Vec<Finding> {
    let mut judge = Judge::new(stage);
    let Value::Object(pass) = pass else {
        let place = Place::default().key("pass.json");
        judge.find(Rule::NotAnObject, place, "it is not a JSON object: write {...}");
        return judge.findings;
    };
    let no_texts = Texts::default();
    judge.object(&Place::default(), &table::PASS, pass);
    if stage == Stage::Finished {
        companions::pass_type(&mut judge, pass);
        web_service::check(&mut judge, pass);
    }
    styles::check(&mut judge, pass, context.texts.unwrap_or(&no_texts));
    barcodes::check(&mut judge, pass);
    companions::check(&mut judge, pass, context);
    judge.findings
}
