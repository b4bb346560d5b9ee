//! Two states of a pass, compared.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::face::{Face, Field, is_group, styles};

/// Keys of pass.json whose old and new value are told; so are colours. Of others only that they have changed: they
/// are too long for a line, or nobody's business.
const TOLD: [&str; 5] = [
    "description",
    "expirationDate",
    "logoText",
    "organizationName",
    "relevantDate",
];

/// Keys of pass.json of which a person sees nothing.
const UNSEEN: [&str; 6] = [
    "authenticationToken",
    "formatVersion",
    "passTypeIdentifier",
    "serialNumber",
    "teamIdentifier",
    "userInfo",
];

/// Keys of pass.json that have rules of their own.
const JUDGED: [&str; 4] = ["barcode", "barcodes", "voided", "webServiceURL"];

/// Key, old and new value of every field that shows something else than before; nothing for an absent field.
pub(super) fn values(old: Face<'_>, new: Face<'_>) -> Vec<(String, Option<String>, Option<String>)> {
    let value_of = |face: Face<'_>, key: &str| face.field(key).map(|field| face.value(field));
    keys(old, new)
        .into_iter()
        .map(|key| (key.to_owned(), value_of(old, key), value_of(new, key)))
        .filter(|(_, old, new)| old != new)
        .collect()
}

/// What differs, each part as it is told.
pub(super) fn parts(old: Face<'_>, new: Face<'_>) -> Vec<String> {
    let mut difference = Difference {
        old,
        new,
        seen: Vec::new(),
        unseen: Vec::new(),
    };
    difference.style();
    difference.barcode();
    difference.keys_of_pass();
    difference.files();
    let Difference {
        seen: mut parts,
        unseen,
        ..
    } = difference;
    let is_seen = !parts.is_empty();
    parts.extend(unseen);
    if !is_seen {
        parts.push("nothing that a person sees".to_owned());
    }
    parts
}

struct Difference<'a> {
    old: Face<'a>,
    new: Face<'a>,
    /// What a person sees.
    seen: Vec<String>,
    unseen: Vec<String>,
}

impl Difference<'_> {
    fn style(&mut self) {
        let (before, after) = (self.old.style(), self.new.style());
        let alike = self.old.content() == self.new.content();
        for (key, old, new) in values(self.old, self.new) {
            self.seen.push(told(&key, old, new));
        }
        match (before, after) {
            (_, None) => {
                let ios = self.new.reading.ios;
                self.seen.push(format!("this pass has no style that {ios} shows"));
            }
            (None, Some(_)) => self.seen.push(told("style", before, after)),
            (Some(_), Some(_)) if before != after => self.seen.push(told("style", before, after)),
            (Some(style), Some(_)) => {
                self.fields();
                self.keys_of_style();
                if !alike && self.seen.is_empty() && self.unseen.is_empty() {
                    // The order of fields, for one.
                    self.seen.push(format!("{style} changed"));
                }
            }
        }
        // Where both faces follow one row, the one that is shown tells of it.
        if alike {
            let differs = |style: &&str| self.old.pass.get(*style) != self.new.pass.get(*style);
            for style in styles().filter(|style| Some(*style) != after).filter(differs) {
                let ios = self.new.reading.ios;
                self.unseen.push(format!("{style} changed, which {ios} does not show"));
            }
        }
    }

    /// What fields have beside their values.
    fn fields(&mut self) {
        for key in keys(self.old, self.new) {
            if let (Some(before), Some(after)) = (self.old.field(key), self.new.field(key)) {
                self.field(key, before, after);
            }
        }
    }

    fn field(&mut self, key: &str, before: Field<'_>, after: Field<'_>) {
        let label = |face: Face<'_>, field: Field<'_>| field.json.get("label").map(|label| face.shown(label));
        let (old_label, new_label) = (label(self.old, before), label(self.new, after));
        if old_label != new_label {
            self.seen.push(told(&format!("{key} label"), old_label, new_label));
        }
        if before.group != after.group {
            self.seen
                .push(format!("{key} moved from {} to {}", before.group, after.group));
        }
        let reads_alike = self.old.value(before) == self.new.value(after);
        for attribute in names(before.json, after.json) {
            if before.json.get(attribute) == after.json.get(attribute) {
                continue;
            }
            match attribute {
                "label" => {}
                "value" if reads_alike && after.json.get("attributedValue").is_some() => self
                    .unseen
                    .push(format!("{key}: value changed, but attributedValue is shown")),
                "value" | "attributedValue" if reads_alike => {
                    self.unseen
                        .push(format!("{key} {attribute} changed, but reads as before"));
                }
                "value" | "attributedValue" => {}
                "changeMessage" | "semantics" => self.unseen.push(format!("{key} {attribute} changed")),
                _ => self.seen.push(format!("{key} {attribute} changed")),
            }
        }
    }

    fn keys_of_style(&mut self) {
        let (Some(before), Some(after), Some(style)) = (self.old.content(), self.new.content(), self.new.style())
        else {
            return;
        };
        for key in names(before, after) {
            if !is_group(key) && before.get(key) != after.get(key) {
                self.seen
                    .push(by_name(&format!("{style}.{key}"), before.get(key), after.get(key)));
            }
        }
    }

    fn barcode(&mut self) {
        let (before, after) = (self.old.barcode(), self.new.barcode());
        if before != after {
            self.seen.push(by_name("barcode", before, after));
            return;
        }
        for key in ["barcodes", "barcode"] {
            if self.old.pass.get(key) != self.new.pass.get(key) {
                self.unseen
                    .push(format!("{key} changed, but not the one that is shown"));
            }
        }
    }

    fn keys_of_pass(&mut self) {
        self.voided();
        self.web_service();
        for key in names(self.old.pass, self.new.pass) {
            let (before, after) = (self.old.pass.get(key), self.new.pass.get(key));
            if JUDGED.contains(&key) || styles().any(|style| style == key) {
                continue;
            }
            if TOLD.contains(&key) || key.ends_with("Color") {
                let old = before.map(|value| self.old.shown(value));
                let new = after.map(|value| self.new.shown(value));
                if old != new {
                    self.seen.push(told(key, old, new));
                    continue;
                }
            }
            if before != after {
                let part = by_name(key, before, after);
                if UNSEEN.contains(&key) {
                    self.unseen.push(part);
                } else {
                    self.seen.push(part);
                }
            }
        }
    }

    fn voided(&mut self) {
        let is_voided = |face: Face<'_>| face.pass["voided"] == true;
        match (is_voided(self.old), is_voided(self.new)) {
            (false, true) => self.seen.push("voided: no longer valid".to_owned()),
            (true, false) => self.seen.push("not voided any more: valid again".to_owned()),
            _ => {}
        }
    }

    fn web_service(&mut self) {
        const KEY: &str = "webServiceURL";
        match (self.old.pass.get(KEY), self.new.pass.get(KEY)) {
            (Some(_), None) => self.seen.push(format!("{KEY} removed: no longer updates")),
            (None, Some(_)) => self.seen.push(format!("{KEY} added: updates from now on")),
            (before, after) if before != after => self.unseen.push(format!("{KEY} changed")),
            _ => {}
        }
    }

    fn files(&mut self) {
        let (before, after) = (&self.old.reading.files, &self.new.reading.files);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (before, after) = (before.get(name), after.get(name));
            if before != after {
                self.seen.push(by_name(name, before, after));
            }
        }
    }
}

/// `name: old -> new`.
fn told(name: &str, old: Option<impl ToString>, new: Option<impl ToString>) -> String {
    fn or_absent(value: Option<impl ToString>) -> String {
        value.map_or_else(|| "(absent)".to_owned(), |value| value.to_string())
    }
    format!("{name}: {} -> {}", or_absent(old), or_absent(new))
}

/// `name changed`, where the values are not told.
fn by_name<T>(name: &str, old: Option<T>, new: Option<T>) -> String {
    let what = match (old, new) {
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        _ => "changed",
    };
    format!("{name} {what}")
}

/// The keys of all fields that are shown, each once, in the order in which they are met.
fn keys<'a>(old: Face<'a>, new: Face<'a>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let keys = old.fields().chain(new.fields());
    keys.filter_map(|field| field.json["key"].as_str())
        .filter(|key| seen.insert(*key))
        .collect()
}

/// The keys of two objects, each once.
fn names<'a>(old: &'a Value, new: &'a Value) -> BTreeSet<&'a str> {
    let objects = [old, new].into_iter().filter_map(Value::as_object);
    objects.flat_map(|object| object.keys().map(String::as_str)).collect()
}
