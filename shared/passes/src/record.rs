//! The pass record: the row that a backend team writes, read and never written by livepass.

use std::collections::BTreeMap;
use std::fmt;

use pkpass::pass_json::table::PASS;
use serde_json::{Map, Value};

use crate::ids::TemplateId;
use crate::problem::{Problem, ProblemKind};
use crate::tokens::AuthenticationToken;

/// One attribute as the table holds it. Kept apart from JSON because a record may hold types that
/// JSON lacks, which matter only in the attributes that livepass reads.
#[derive(Clone, PartialEq)]
pub enum Attribute {
    Text(String),
    /// The exact decimal literal.
    Number(String),
    Bool(bool),
    Null,
    List(Vec<Attribute>),
    Map(BTreeMap<String, Attribute>),
    /// Binary or a set, with the type's name.
    Unsupported(&'static str),
}

/// The type alone: values are a person's.
impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "S",
            Self::Number(_) => "N",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::List(_) => "L",
            Self::Map(_) => "M",
            Self::Unsupported(kind) => kind,
        })
    }
}

/// A whole row, as read.
pub type Attributes = BTreeMap<String, Attribute>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateUrgency {
    /// The device is pushed at once.
    Now,
    /// The device may be pushed later, together with other changes.
    Relaxed,
}

/// The attributes of a row that livepass reads, with their type in DynamoDB; all others are the backend's own
/// business. `docs/table.md` lists the same.
pub const ATTRIBUTES: [(&str, &str); 13] = [
    ("serialNumber", "S"),
    ("passTypeIdentifier", "S"),
    ("template", "S"),
    ("fields", "M"),
    ("voided", "BOOL"),
    ("expirationDate", "S"),
    ("barcodeMessage", "S"),
    ("relevantDate", "S"),
    ("locations", "L"),
    ("pass", "M"),
    ("images", "M"),
    ("authenticationToken", "S"),
    ("updateUrgency", "S"),
];

/// What of a row concerns the pass. Two rows with equal records are the same pass.
#[derive(Clone, PartialEq)]
pub struct PassRecord {
    /// `None` where it is missing or no template id; [`PassRecord::faults`] says so.
    pub template: Option<TemplateId>,
    /// Field key -> value, or an object laid over the field; `null` removes the field.
    pub fields: Map<String, Value>,
    /// `voided`, `expirationDate`, `relevantDate` and `locations`, as far as the row has them.
    pub own: Map<String, Value>,
    /// The message of each of the template's barcodes.
    pub barcode_message: Option<String>,
    /// An RFC 7396 merge patch over the rest of pass.json; it wins over the attributes above.
    pub patch: Map<String, Value>,
    /// File name in the package -> key in the assets bucket.
    pub images: BTreeMap<String, String>,
    pub authentication_token: Option<String>,
    pub urgency: UpdateUrgency,
    /// What cannot be read of the row, all of it. What it concerns is absent above.
    pub faults: Vec<Problem>,
    /// What is ignored, but may be a typing error.
    pub warnings: Vec<Problem>,
}

/// Without values: they are a person's, or a token.
impl fmt::Debug for PassRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassRecord")
            .field("template", &self.template)
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .field("own", &self.own.keys().collect::<Vec<_>>())
            .field("patch", &self.patch.keys().collect::<Vec<_>>())
            .field("urgency", &self.urgency)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl PassRecord {
    /// Reads the attributes that livepass knows.
    pub fn read(attributes: &Attributes) -> Self {
        let mut reading = Reading {
            attributes,
            faults: Vec::new(),
        };
        let template = reading.template_id();
        let fields = reading.object("fields");
        let own = [
            ("voided", reading.boolean("voided")),
            (
                "expirationDate",
                reading.text("expirationDate", DATE).map(Value::String),
            ),
            ("relevantDate", reading.text("relevantDate", DATE).map(Value::String)),
            ("locations", reading.list("locations")),
        ];
        let barcode_message = reading.text("barcodeMessage", "a string (S), what the barcode says");
        let patch = reading.object("pass");
        let images = reading.images();
        let authentication_token = reading.text("authenticationToken", "a string (S)");
        let urgency = reading.urgency();
        Self {
            template,
            fields,
            own: own
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
            barcode_message,
            patch,
            images,
            authentication_token,
            urgency,
            faults: reading.faults,
            warnings: slips(attributes),
        }
    }

    /// The record's own token, for passes brought along from another system.
    pub(crate) fn own_token(&self) -> Result<Option<AuthenticationToken>, Problem> {
        self.authentication_token
            .as_deref()
            .map(|token| {
                token.parse().map_err(|error: crate::ids::InvalidIdentifier| {
                    Problem::new(ProblemKind::AttributeType, error.to_string())
                })
            })
            .transpose()
    }
}

const DATE: &str = "a string (S), a date like 2026-11-21T09:30:00+01:00";

/// So many are told of one row.
pub(crate) const MOST_FAULTS: usize = 100;

/// Reads attributes one by one and goes on after a fault, so that one look names all of them.
struct Reading<'a> {
    attributes: &'a Attributes,
    faults: Vec<Problem>,
}

impl<'a> Reading<'a> {
    /// NULL in an optional attribute counts as if it were absent.
    fn get(&self, name: &str) -> Option<&'a Attribute> {
        self.attributes
            .get(name)
            .filter(|value| !matches!(value, Attribute::Null))
    }

    /// Whoever mends a row reads the first ones; a row can have a hundred thousand.
    fn fault(&mut self, problem: Problem) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(problem);
        }
    }

    fn wrong_type(&mut self, path: &str, wanted: &str) {
        let sentence = format!("{path}: must be {wanted}");
        self.fault(Problem::new(ProblemKind::AttributeType, sentence));
    }

    fn template_id(&mut self) -> Option<TemplateId> {
        let missing = |sentence: String| Problem::new(ProblemKind::TemplateMissing, sentence);
        match self.attributes.get("template") {
            Some(Attribute::Text(id)) => match id.parse() {
                Ok(id) => return Some(id),
                Err(error) => self.faults.push(missing(error.to_string())),
            },
            Some(_) => self.wrong_type("template", "a string (S), the id of a template"),
            None => self.faults.push(missing(
                "template: is missing; set it to the id of a published template".into(),
            )),
        }
        None
    }

    fn text(&mut self, name: &str, wanted: &str) -> Option<String> {
        match self.get(name)? {
            Attribute::Text(text) => Some(text.clone()),
            _ => {
                self.wrong_type(name, wanted);
                None
            }
        }
    }

    fn boolean(&mut self, name: &str) -> Option<Value> {
        match self.get(name)? {
            Attribute::Bool(value) => Some(Value::Bool(*value)),
            _ => {
                self.wrong_type(name, "a boolean (BOOL)");
                None
            }
        }
    }

    fn list(&mut self, name: &str) -> Option<Value> {
        match self.attributes.get(name) {
            None | Some(Attribute::Null) => None,
            Some(list @ Attribute::List(_)) => Some(self.json(list, name, false)),
            Some(_) => {
                self.wrong_type(name, "a list (L)");
                None
            }
        }
    }

    fn object(&mut self, name: &str) -> Map<String, Value> {
        match self.attributes.get(name) {
            None | Some(Attribute::Null) => Map::new(),
            Some(Attribute::Map(entries)) => entries
                .iter()
                .map(|(key, value)| (key.clone(), self.json(value, &format!("{name}.{key}"), false)))
                .collect(),
            Some(_) => {
                self.wrong_type(name, "a map (M)");
                Map::new()
            }
        }
    }

    fn images(&mut self) -> BTreeMap<String, String> {
        let mut images = BTreeMap::new();
        for (name, key) in self.object("images") {
            match key {
                Value::Null => {}
                Value::String(key) if !key.is_empty() => {
                    images.insert(name, key);
                }
                _ => self.wrong_type(&format!("images.{name}"), "a string (S), a key in the assets bucket"),
            }
        }
        images
    }

    fn urgency(&mut self) -> UpdateUrgency {
        match self.get("updateUrgency") {
            None => UpdateUrgency::Now,
            Some(Attribute::Text(text)) if text == "now" => UpdateUrgency::Now,
            Some(Attribute::Text(text)) if text == "relaxed" => UpdateUrgency::Relaxed,
            Some(_) => {
                self.wrong_type("updateUrgency", "\"now\" or \"relaxed\"");
                UpdateUrgency::Now
            }
        }
    }

    /// N becomes its exact literal; binary and sets have no place in a pass. After a fault null stands there, so
    /// that what is around it is judged as well.
    ///
    /// NULL removes from a map, by RFC 7396, and removes nothing from a list.
    fn json(&mut self, attribute: &Attribute, path: &str, in_list: bool) -> Value {
        match attribute {
            Attribute::Text(text) => Value::String(text.clone()),
            Attribute::Number(literal) => serde_json::from_str(literal).map(Value::Number).unwrap_or_else(|_| {
                self.wrong_type(path, "a number that JSON can write");
                Value::Null
            }),
            Attribute::Bool(value) => Value::Bool(*value),
            Attribute::Null => {
                if in_list {
                    let sentence = format!("{path}: is NULL, which removes nothing inside a list; leave it out");
                    self.fault(Problem::new(ProblemKind::AttributeType, sentence));
                }
                Value::Null
            }
            Attribute::List(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.json(item, &format!("{path}[{index}]"), true))
                    .collect()
            }
            Attribute::Map(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(key, value)| {
                    let inner = self.json(value, &format!("{path}.{key}"), in_list);
                    (key.clone(), inner)
                });
                Value::Object(entries.collect())
            }
            Attribute::Unsupported(kind) => {
                let sentence = format!("{path}: is of type {kind}, which a pass cannot show; use S, N, BOOL, L or M");
                self.fault(Problem::new(ProblemKind::AttributeType, sentence));
                Value::Null
            }
        }
    }
}

/// Attributes that are ignored, one slip from one that is read.
fn slips(attributes: &Attributes) -> Vec<Problem> {
    let known = || ATTRIBUTES.into_iter().map(|(name, _)| name);
    let unknown = attributes
        .keys()
        .filter(|name| known().all(|known| known != name.as_str()));
    unknown
        .filter_map(|name| {
            let known = pkpass::pass_json::slip_of(name, known())?;
            // `relevantDates` is a key of pass.json, and a slip from an attribute as well.
            let of_pass = PASS
                .find(name)
                .map_or(String::new(), |key| format!("pass.{} or ", key.name));
            let sentence = format!("{name}: is not read by livepass; write {of_pass}{known} if that is meant");
            Some(Problem::new(ProblemKind::Warning, sentence))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(text: &str) -> Attribute {
        Attribute::Text(text.into())
    }

    fn row(extra: &[(&str, Attribute)]) -> Attributes {
        let mut row = Attributes::from([("template".into(), text("loyalty"))]);
        row.extend(extra.iter().map(|(k, v)| ((*k).into(), v.clone())));
        row
    }

    fn map(entries: &[(&str, Attribute)]) -> Attribute {
        Attribute::Map(entries.iter().map(|(k, v)| ((*k).into(), v.clone())).collect())
    }

    #[test]
    fn numbers_keep_their_exact_decimal_literal() {
        let record = PassRecord::read(&row(&[(
            "fields",
            map(&[("balance", Attribute::Number("12345678901234567890.123456789".into()))]),
        )]));
        assert_eq!(
            serde_json::to_string(&record.fields).unwrap(),
            r#"{"balance":12345678901234567890.123456789}"#
        );
    }

    /// The sentences of what cannot be read.
    fn faults(row: &Attributes) -> Vec<String> {
        PassRecord::read(row).faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn attributes_that_livepass_does_not_know_are_ignored_whatever_their_type() {
        let plain = PassRecord::read(&row(&[]));
        let busy = PassRecord::read(&row(&[
            ("photo", Attribute::Unsupported("B")),
            ("visits", Attribute::Number("17".into())),
        ]));
        assert_eq!(plain, busy);
        assert_eq!(plain.faults, []);
    }

    #[test]
    fn an_attribute_that_is_one_slip_from_a_known_one_is_warned_of() {
        let record = PassRecord::read(&row(&[
            ("fieds", map(&[])),
            ("expirationdate", text("x")),
            ("path", text("y")),
        ]));
        let warnings: Vec<_> = record.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "warning: expirationdate: is not read by livepass; write expirationDate if that is meant",
                "warning: fieds: is not read by livepass; write fields if that is meant",
            ]
        );
        assert_eq!(record.faults, []);
    }

    #[test]
    fn binary_and_sets_are_refused_with_their_path_where_they_would_be_shown() {
        assert_eq!(
            faults(&row(&[(
                "pass",
                map(&[("userInfo", Attribute::List(vec![Attribute::Unsupported("SS")]))]),
            )])),
            ["attribute-type: pass.userInfo[0]: is of type SS, which a pass cannot show; use S, N, BOOL, L or M"]
        );
    }

    #[test]
    fn null_stays_null_because_it_removes() {
        let record = PassRecord::read(&row(&[("fields", map(&[("tier", Attribute::Null)]))]));
        assert_eq!(Value::Object(record.fields), json!({"tier": null}));
        assert_eq!(record.faults, []);
    }

    #[test]
    fn null_inside_a_list_removes_nothing_and_is_refused() {
        let place = |latitude| map(&[("latitude", latitude), ("relevantText", text("Shop"))]);
        let locations = |latitude| map(&[("locations", Attribute::List(vec![place(latitude)]))]);
        assert_eq!(
            faults(&row(&[("pass", locations(Attribute::Null))])),
            ["attribute-type: pass.locations[0].latitude: is NULL, which removes nothing inside a list; leave it out"]
        );
        assert_eq!(
            faults(&row(&[("pass", locations(Attribute::Number("52.5".into())))])),
            [""; 0]
        );
    }

    #[test]
    fn what_nearly_every_pass_needs_of_its_own_has_attributes() {
        let record = PassRecord::read(&row(&[
            ("voided", Attribute::Bool(true)),
            ("expirationDate", text("2030-12-31T23:59:59Z")),
            ("relevantDate", Attribute::Null),
            ("barcodeMessage", text("4711")),
        ]));
        assert_eq!(
            Value::Object(record.own),
            json!({"voided": true, "expirationDate": "2030-12-31T23:59:59Z"})
        );
        assert_eq!(record.barcode_message.as_deref(), Some("4711"));
        assert_eq!(record.faults, []);
    }

    #[test]
    fn every_wrong_type_of_a_row_is_named_at_once() {
        assert_eq!(
            faults(&row(&[
                ("template", Attribute::Bool(true)),
                ("fields", text("x")),
                ("voided", text("true")),
                ("expirationDate", Attribute::Number("1".into())),
                ("barcodeMessage", Attribute::Number("4711".into())),
                ("locations", map(&[])),
                ("updateUrgency", text("soon")),
                ("images", map(&[("a.png", Attribute::Bool(true))])),
            ])),
            [
                "attribute-type: template: must be a string (S), the id of a template",
                "attribute-type: fields: must be a map (M)",
                "attribute-type: voided: must be a boolean (BOOL)",
                "attribute-type: expirationDate: must be a string (S), a date like 2026-11-21T09:30:00+01:00",
                "attribute-type: locations: must be a list (L)",
                "attribute-type: barcodeMessage: must be a string (S), what the barcode says",
                "attribute-type: images.a.png: must be a string (S), a key in the assets bucket",
                "attribute-type: updateUrgency: must be \"now\" or \"relaxed\"",
            ]
        );
        assert_eq!(
            faults(&row(&[("template", text("a b"))])),
            ["template-missing: template: contains ' '; letters, digits, '.', '_' and '-' are allowed"]
        );
        assert_eq!(
            PassRecord::read(&Attributes::new()).faults[0].kind,
            ProblemKind::TemplateMissing
        );
    }
}
