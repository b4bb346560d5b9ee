//! The pass record: the row that a backend team writes, read and never written by livepass.

use std::collections::BTreeMap;
use std::fmt;

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

/// What of a row concerns the pass. Two rows with equal records are the same pass.
#[derive(Clone, PartialEq)]
pub struct PassRecord {
    pub template: TemplateId,
    /// Field key -> value, or an object laid over the field; `null` removes the field.
    pub fields: Map<String, Value>,
    /// An RFC 7396 merge patch over the rest of pass.json.
    pub patch: Map<String, Value>,
    /// File name in the package -> key in the assets bucket.
    pub images: BTreeMap<String, String>,
    pub authentication_token: Option<String>,
    pub urgency: UpdateUrgency,
}

/// Without values: they are a person's, or a token.
impl fmt::Debug for PassRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassRecord")
            .field("template", &self.template)
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .field("patch", &self.patch.keys().collect::<Vec<_>>())
            .field("urgency", &self.urgency)
            .finish_non_exhaustive()
    }
}

impl PassRecord {
    /// Reads the attributes that livepass knows; all others are the backend's own business.
    pub fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let template = match attributes.get("template") {
            Some(Attribute::Text(id)) => id
                .parse::<TemplateId>()
                .map_err(|error| Problem::new(ProblemKind::TemplateMissing, error.to_string()))?,
            Some(_) => {
                return Err(wrong_type("template", "a string (S), the id of a template"));
            }
            None => {
                return Err(Problem::new(
                    ProblemKind::TemplateMissing,
                    "template: is missing; set it to the id of a published template",
                ));
            }
        };
        let urgency = match attributes.get("updateUrgency") {
            None | Some(Attribute::Null) => UpdateUrgency::Now,
            Some(Attribute::Text(text)) if text == "now" => UpdateUrgency::Now,
            Some(Attribute::Text(text)) if text == "relaxed" => UpdateUrgency::Relaxed,
            Some(_) => return Err(wrong_type("updateUrgency", "\"now\" or \"relaxed\"")),
        };
        let images = object(attributes, "images")?
            .into_iter()
            .filter(|(_, key)| !key.is_null())
            .map(|(name, key)| match key {
                Value::String(key) => Ok((name, key)),
                _ => Err(wrong_type(
                    &format!("images.{name}"),
                    "a string (S), a key in the assets bucket",
                )),
            })
            .collect::<Result<_, _>>()?;
        let authentication_token = match attributes.get("authenticationToken") {
            None | Some(Attribute::Null) => None,
            Some(Attribute::Text(token)) => Some(token.clone()),
            Some(_) => return Err(wrong_type("authenticationToken", "a string (S)")),
        };
        Ok(Self {
            template,
            fields: object(attributes, "fields")?,
            patch: object(attributes, "pass")?,
            images,
            authentication_token,
            urgency,
        })
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

fn wrong_type(path: &str, wanted: &str) -> Problem {
    Problem::new(ProblemKind::AttributeType, format!("{path}: must be {wanted}"))
}

fn object(attributes: &Attributes, name: &str) -> Result<Map<String, Value>, Problem> {
    match attributes.get(name) {
        None | Some(Attribute::Null) => Ok(Map::new()),
        Some(Attribute::Map(entries)) => entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), json(value, &format!("{name}.{key}"))?)))
            .collect(),
        Some(_) => Err(wrong_type(name, "a map (M)")),
    }
}

/// N becomes its exact literal; binary and sets have no place in a pass.
fn json(attribute: &Attribute, path: &str) -> Result<Value, Problem> {
    Ok(match attribute {
        Attribute::Text(text) => Value::String(text.clone()),
        Attribute::Number(literal) => {
            Value::Number(serde_json::from_str(literal).map_err(|_| wrong_type(path, "a number that JSON can write"))?)
        }
        Attribute::Bool(value) => Value::Bool(*value),
        Attribute::Null => Value::Null,
        Attribute::List(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| json(item, &format!("{path}[{index}]")))
                .collect::<Result<_, _>>()?,
        ),
        Attribute::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), json(value, &format!("{path}.{key}"))?)))
                .collect::<Result<_, Problem>>()?,
        ),
        Attribute::Unsupported(kind) => {
            return Err(Problem::new(
                ProblemKind::AttributeType,
                format!("{path}: is of type {kind}, which a pass cannot show; use S, N, BOOL, L or M"),
            ));
        }
    })
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
        let record = PassRecord::parse(&row(&[(
            "fields",
            map(&[("balance", Attribute::Number("12345678901234567890.123456789".into()))]),
        )]))
        .unwrap();
        assert_eq!(
            serde_json::to_string(&record.fields).unwrap(),
            r#"{"balance":12345678901234567890.123456789}"#
        );
    }

    #[test]
    fn attributes_that_livepass_does_not_know_are_ignored_whatever_their_type() {
        let plain = PassRecord::parse(&row(&[])).unwrap();
        let busy = PassRecord::parse(&row(&[
            ("photo", Attribute::Unsupported("B")),
            ("visits", Attribute::Number("17".into())),
        ]))
        .unwrap();
        assert_eq!(plain, busy);
    }

    #[test]
    fn binary_and_sets_are_refused_with_their_path_where_they_would_be_shown() {
        let problem = PassRecord::parse(&row(&[(
            "pass",
            map(&[("userInfo", Attribute::List(vec![Attribute::Unsupported("SS")]))]),
        )]))
        .unwrap_err();
        assert_eq!(
            problem.to_string(),
            "attribute-type: pass.userInfo[0]: is of type SS, which a pass cannot show; use S, N, BOOL, L or M"
        );
    }

    #[test]
    fn null_stays_null_because_it_removes() {
        let record = PassRecord::parse(&row(&[("fields", map(&[("tier", Attribute::Null)]))])).unwrap();
        assert_eq!(Value::Object(record.fields), json!({"tier": null}));
    }

    #[test]
    fn each_wrong_type_is_named() {
        for (name, value, sentence) in [
            (
                "template",
                Attribute::Bool(true),
                "attribute-type: template: must be a string (S), the id of a template",
            ),
            ("fields", text("x"), "attribute-type: fields: must be a map (M)"),
            (
                "updateUrgency",
                text("soon"),
                "attribute-type: updateUrgency: must be \"now\" or \"relaxed\"",
            ),
            (
                "images",
                map(&[("a.png", Attribute::Bool(true))]),
                "attribute-type: images.a.png: must be a string (S), a key in the assets bucket",
            ),
            (
                "template",
                text("a b"),
                "template-missing: template: contains ' '; letters, digits, '.', '_' and '-' are allowed",
            ),
        ] {
            let problem = PassRecord::parse(&row(&[(name, value)])).unwrap_err();
            assert_eq!(problem.to_string(), sentence);
        }
        assert_eq!(
            PassRecord::parse(&Attributes::new()).unwrap_err().kind,
            ProblemKind::TemplateMissing
        );
    }
}
