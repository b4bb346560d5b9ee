//! Whose words a finding is told in: the row's attribute that brought it, or the template's key.

use pkpass::pass_json::table::GROUPS;
use pkpass::pass_json::{Finding, Place, STYLES, Step};
use serde_json::{Map, Value};

use crate::record::PassRecord;

/// Who can mend what was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// `fields.balance`, `pass.locations[0].latitude`, `expirationDate`.
    Row(String),
    /// `pass.json storeCard.primaryFields[0].label`: the template's file and the place in it.
    Template(String),
}

/// A rendered pass and what it was made from.
pub(super) struct Origins<'a> {
    pub record: &'a PassRecord,
    pub skeleton: &'a Value,
    pub pass: &'a Value,
}

impl Origins<'_> {
    pub fn of(&self, finding: &Finding) -> Origin {
        if let Some(name) = finding.places.iter().find_map(|place| self.written_by_row(place)) {
            return Origin::Row(name);
        }
        if finding.open {
            return Origin::Row(self.where_a_row_brings(finding.place()));
        }
        Origin::Template(format!("pass.json {}", self.in_template(finding.place())))
    }

    /// The row's name for a place, if the row wrote what stands there, or took it away.
    fn written_by_row(&self, place: &Place) -> Option<String> {
        let steps = place.0.as_slice();
        if let Some(field) = self.field(steps) {
            let within = Place(field.rest.to_vec());
            return match self.record.fields.get(field.key)? {
                Value::Object(overlay) => {
                    has_written(overlay, field.rest).then(|| named(&format!("fields.{}", field.key), &within))
                }
                _ => (field.rest == [Step::Key("value".into())]).then(|| format!("fields.{}", field.key)),
            };
        }
        if has_written(&self.record.patch, steps) {
            return Some(named("pass", place));
        }
        if has_written(&self.record.own, steps) {
            return Some(place.to_string());
        }
        (self.record.barcode_message.is_some() && is_barcode_message(steps)).then(|| "barcodeMessage".into())
    }

    /// Where a row writes what the template leaves open.
    fn where_a_row_brings(&self, place: &Place) -> String {
        // Within what the row's own patch has begun: a barcode of its own.
        let around = place.0.split_last().map_or(&[][..], |(_, around)| around);
        match self.field(&place.0) {
            Some(field) => match self.record.fields.get(field.key) {
                Some(Value::Object(_)) => named(&format!("fields.{}", field.key), &Place(field.rest.to_vec())),
                _ => format!("fields.{}", field.key),
            },
            None if has_written(&self.record.patch, around) => named("pass", place),
            None if is_barcode_message(&place.0) => "barcodeMessage".into(),
            None => named("pass", place),
        }
    }

    /// The same place in the template, where fields may stand at other positions.
    fn in_template(&self, place: &Place) -> Place {
        let mut place = place.clone();
        if let [Step::Key(style), Step::Key(group), Step::Index(index), ..] = place.0.as_mut_slice() {
            let key = self.pass[&*style][&*group][*index].get("key").cloned();
            let fields = self.skeleton[&*style][&*group].as_array();
            let position = fields.and_then(|fields| fields.iter().position(|field| field.get("key") == key.as_ref()));
            *index = position.unwrap_or(*index);
        }
        place
    }

    /// The field that a place lies in.
    fn field<'p>(&'p self, steps: &'p [Step]) -> Option<FieldPlace<'p>> {
        let [Step::Key(style), Step::Key(group), Step::Index(index), rest @ ..] = steps else {
            return None;
        };
        if !STYLES.contains(&style.as_str()) || !GROUPS.contains(&group.as_str()) {
            return None;
        }
        let key = self.pass[style][group][*index]["key"].as_str()?;
        Some(FieldPlace { key, rest })
    }
}

struct FieldPlace<'a> {
    key: &'a str,
    /// The steps within the field.
    rest: &'a [Step],
}

/// Whether a patch wrote what stands at this place, or took it away.
fn has_written(patch: &Map<String, Value>, steps: &[Step]) -> bool {
    let Some((Step::Key(key), rest)) = steps.split_first() else {
        return false;
    };
    match patch.get(key) {
        None => false,
        Some(Value::Object(inner)) if !rest.is_empty() => has_written(inner, rest),
        // Anything but an object replaces what was there, with all that lies in it.
        Some(_) => true,
    }
}

fn is_barcode_message(steps: &[Step]) -> bool {
    let key = |step: &Step, key: &str| *step == Step::Key(key.into());
    let last = |step: &Step| key(step, "message") || key(step, "altText");
    match steps {
        [list, Step::Index(_), step] => key(list, "barcodes") && last(step),
        [single, step] => key(single, "barcode") && last(step),
        _ => false,
    }
}

fn named(attribute: &str, within: &Place) -> String {
    match within.0.first() {
        Some(Step::Key(_)) => format!("{attribute}.{within}"),
        _ => format!("{attribute}{within}"),
    }
}
