//! Judging by the table: types, ranges, words, needed keys and slips.

use serde_json::{Map, Value};

use super::finding::{Finding, Place};
use super::rules::Rule;
use super::table::{Key, Kind, Need, Object, SEMANTICS, Words};
use super::{Verdict, colours, dates};

/// How far a pass has come when it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A template's pass.json: rows and livepass add to it.
    Skeleton,
    /// What a phone gets.
    Finished,
}

/// So many are kept of each verdict.
const MOST_FINDINGS: usize = 100;

pub(super) struct Judge {
    pub(super) stage: Stage,
    pub(super) findings: Vec<Finding>,
}

impl Judge {
    pub(super) fn new(stage: Stage) -> Self {
        Self {
            stage,
            findings: Vec::new(),
        }
    }

    /// Whoever mends a pass reads the first ones; a row or template can have a hundred thousand.
    fn keep(&mut self, finding: Finding) {
        let of_verdict = self.findings.iter().filter(|kept| kept.verdict == finding.verdict);
        if of_verdict.count() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    pub(super) fn find(&mut self, rule: Rule, place: Place, reason: impl Into<String>) {
        self.find_at(rule, vec![place], reason);
    }

    /// A finding in which several places take part; the one that is wrong comes first.
    pub(super) fn find_at(&mut self, rule: Rule, places: Vec<Place>, reason: impl Into<String>) {
        self.keep(Finding {
            rule,
            places,
            reason: reason.into(),
            open: false,
            verdict: rule.verdict(),
        });
    }

    /// What neither template nor row has to mend, but the certificate: a template is only warned.
    pub(super) fn certificate(&mut self, rule: Rule, place: Place, reason: &str) {
        let verdict = match self.stage {
            Stage::Finished => rule.verdict(),
            Stage::Skeleton => Verdict::Warn,
        };
        self.keep(Finding {
            rule,
            places: vec![place],
            reason: reason.to_owned(),
            open: false,
            verdict,
        });
    }

    /// Something is absent that a row can bring: a template is only warned.
    pub(super) fn open(&mut self, rule: Rule, places: Vec<Place>, reason: &str) {
        let (verdict, reason) = match self.stage {
            Stage::Finished => (rule.verdict(), reason.to_owned()),
            Stage::Skeleton => (Verdict::Warn, format!("each row has to bring it: {reason}")),
        };
        self.keep(Finding {
            rule,
            places,
            reason,
            open: true,
            verdict,
        });
    }

    pub(super) fn object(&mut self, place: &Place, object: &'static Object, map: &Map<String, Value>) {
        for key in object.keys {
            if self.stage == Stage::Skeleton && super::table::INJECTED.contains(&key.name) && place.0.is_empty() {
                continue;
            }
            match map.get(key.name) {
                Some(Value::String(text))
                    if text.is_empty() && key.need != Need::No && matches!(key.kind, Kind::Text) =>
                {
                    self.find(
                        Rule::Empty,
                        place.key(key.name),
                        "it is empty: write what it is there for",
                    );
                }
                Some(value) => self.value(&place.key(key.name), &key.kind, value),
                None => self.absent(place, key),
            }
        }
        if std::ptr::eq(object, &SEMANTICS) {
            return;
        }
        for name in map.keys() {
            if object.find(name).is_none()
                && let Some(known) = slip_of(name, object.keys.iter().map(|key| key.name))
            {
                let reason = format!("Wallet does not know this key: write {known} if that is meant");
                self.find(Rule::Slip, place.key(name), reason);
            }
        }
    }

    fn absent(&mut self, around: &Place, key: &Key) {
        if key.need == Need::No {
            return;
        }
        let place = around.key(key.name);
        let reason = format!("it is missing: add it as {}", wanted(&key.kind));
        match key.need {
            Need::TemplateOrRow => self.open(Rule::Missing, vec![place], &reason),
            _ => self.find(Rule::Missing, place, reason),
        }
    }

    fn value(&mut self, place: &Place, kind: &'static Kind, value: &Value) {
        match (kind, value) {
            (Kind::Text, Value::String(text)) => self.text(place, text),
            (Kind::Scalar, Value::String(text)) => self.text(place, text),
            (Kind::Scalar, Value::Number(number)) => self.long_number(place, number),
            (Kind::Bytes, Value::String(_)) | (Kind::Bool, Value::Bool(_)) | (Kind::Map, Value::Object(_)) => {}
            (Kind::Number(least, most), Value::Number(number)) => {
                if !number.as_f64().is_some_and(|number| (*least..=*most).contains(&number)) {
                    self.find(Rule::OutOfRange, place.clone(), out_of_range(kind));
                }
            }
            (Kind::Integer(least, most), Value::Number(number)) => {
                if !number.as_i64().is_some_and(|number| (*least..=*most).contains(&number)) {
                    self.find(Rule::OutOfRange, place.clone(), out_of_range(kind));
                }
            }
            (Kind::Date, Value::String(text)) => {
                if let Err(refusal) = dates::parse(text) {
                    self.find(Rule::Date, place.clone(), refusal.sentence());
                }
            }
            (Kind::Colour, Value::String(text)) => {
                if !colours::is_colour(text) {
                    let reason = "it is no colour: write it like rgb(23, 187, 82) or #17BB52";
                    self.find(Rule::Colour, place.clone(), reason);
                }
            }
            (Kind::Word(words), Value::String(text)) => self.word(place, words, text),
            (Kind::Object(object), Value::Object(map)) => self.object(place, object, map),
            (Kind::List(each, most), Value::Array(items)) => {
                for (position, item) in items.iter().enumerate() {
                    self.value(&place.index(position), each, item);
                }
                if let Some(most) = most
                    && items.len() > *most
                {
                    let reason = format!("it has {} items, and a phone reads {most}: keep as many", items.len());
                    self.find(Rule::TooMany, place.clone(), reason);
                }
            }
            _ => {
                let reason = format!("it must be {}, and is {}", wanted(kind), found(value));
                self.find(Rule::WrongType, place.clone(), reason);
            }
        }
    }

    fn text(&mut self, place: &Place, text: &str) {
        if text.contains('\0') {
            let reason = "it holds a NUL character, at which a phone stops reading: take it out";
            self.find(Rule::Nul, place.clone(), reason);
        }
    }

    /// A phone keeps numbers as IEEE 754 doubles, which are sure of 15 significant digits.
    fn long_number(&mut self, place: &Place, number: &serde_json::Number) {
        const DIGITS: usize = 15;
        if !number.as_f64().is_some_and(f64::is_finite) {
            let reason = "it is larger than any number that a phone can hold: write it as text";
            self.find(Rule::OutOfRange, place.clone(), reason);
            return;
        }
        let text = number.to_string();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (
                mantissa,
                exponent
                    .parse::<i64>()
                    .unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX }),
            ),
            None => (text.as_str(), 0),
        };
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{}{}", whole.trim_start_matches('-'), decimals);
        let significant = digits.trim_matches('0').len();
        let places = i64::try_from(decimals.trim_end_matches('0').len())
            .unwrap_or(i64::MAX)
            .saturating_sub(exponent);
        let above = number.as_f64().is_none_or(|number| number.abs() > 1e15);
        if significant > DIGITS || above || (places > 15 && significant > 0) {
            let reason = "a phone keeps 15 digits of a number and rounds this one: write it as text";
            self.find(Rule::LongNumber, place.clone(), reason);
        }
    }

    fn word(&mut self, place: &Place, words: &'static Words, text: &str) {
        if words.known.contains(&text) {
            return;
        }
        let nearest = nearest(text, words.known);
        if words.extended && text.starts_with(words.prefix) {
            let reason = format!("it is none of the words that are known here; the nearest one is {nearest}");
            self.find(Rule::UnknownWord, place.clone(), reason);
        } else {
            let reason = format!("it is none of {}; the nearest one is {nearest}", words.known.join(", "));
            self.find(Rule::WrongWord, place.clone(), reason);
        }
    }
}

/// What a key wants, for sentences: `text`, `a number from 0 to 65535`.
pub(super) fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Bytes => "text".into(),
        Kind::Bool => "a boolean (true or false, without quotes)".into(),
        Kind::Number(least, most) if *least == 0.0 && *most == f64::MAX => "a number from 0 on, without quotes".into(),
        Kind::Number(least, _) if *least == -f64::MAX => "a number, without quotes".into(),
        Kind::Number(least, most) => format!("a number from {least} to {most}, without quotes"),
        Kind::Integer(least, most) if least == most => format!("the number {least}, without quotes"),
        Kind::Integer(least, i64::MAX) => format!("a whole number from {least} on, without quotes"),
        Kind::Integer(least, most) => format!("a whole number from {least} to {most}, without quotes"),
        Kind::Scalar => "text or a number".into(),
        Kind::Date => "a date in text, like 2026-11-21T09:30:00+01:00".into(),
        Kind::Colour => "a colour in text, like rgb(23, 187, 82)".into(),
        Kind::Word(words) => format!("one of {}", words.known.join(", ")),
        Kind::Map | Kind::Object(_) => "an object, {...}".into(),
        Kind::List(..) => "a list, [...]".into(),
    }
}

fn out_of_range(kind: &Kind) -> String {
    format!("it must be {}", wanted(kind).trim_end_matches(", without quotes"))
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null: leave the key out",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The known name that `name`, which is none of them, was meant to be, if it is one slip away: the same but for the case of
/// its letters, or one letter added, left out, wrong or swapped with its neighbour. Of names of up
/// to four letters a wrong letter makes another word.
pub fn slip_of<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const SHORT: usize = 4;
    let name = name.to_ascii_lowercase();
    let near = known.into_iter().filter(|known| known.len().abs_diff(name.len()) <= 1);
    let slips = near.filter_map(|known| {
        let lower = known.to_ascii_lowercase();
        let distance = strsim::osa_distance(&name, &lower);
        let is_slip = match distance {
            0 => true,
            1 => name.len() != lower.len() || lower.len() > SHORT || is_swap(&name, &lower),
            _ => false,
        };
        is_slip.then_some((distance, known))
    });
    // Another case is nearer than another letter: `relevantdates` is no `relevantDate`.
    slips.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

fn is_swap(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    sorted(one) == sorted(other)
}

fn nearest(text: &str, known: &[&'static str]) -> &'static str {
    let text = text.to_ascii_lowercase();
    known
        .iter()
        .min_by_key(|known| {
            let known = known.to_ascii_lowercase();
            // A word without its prefix is nearest to the one that ends with it.
            let ends = !text.is_empty() && known.ends_with(&text);
            (!ends, strsim::osa_distance(&text, &known))
        })
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::slip_of;

    const KNOWN: [&str; 6] = ["expirationDate", "fields", "pass", "row", "barcode", "barcodes"];

    #[test]
    fn one_slip_from_a_known_name_names_it() {
        for (name, known) in [
            ("expirationdate", "expirationDate"),
            ("fieds", "fields"),
            ("fiedls", "fields"),
            ("fieldss", "fields"),
            ("fislds", "fields"),
            ("Pass", "pass"),
            ("psas", "pass"),
            ("passs", "pass"),
            ("BARCODES", "barcodes"),
        ] {
            assert_eq!(slip_of(name, KNOWN), Some(known), "{name}");
        }
    }

    #[test]
    fn another_word_is_no_slip() {
        for name in ["path", "past", "note", "expiration", "balance", ""] {
            assert_eq!(slip_of(name, KNOWN), None, "{name}");
        }
    }
}
