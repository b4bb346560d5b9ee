//! Rules of styles and of the fields in them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::finding::{Place, Step};
use super::judge::Judge;
use super::rules::Rule;
use super::table::{CLASSIC_STYLES, FRONT_GROUPS, GROUPS, POSTER_STYLE};
use super::texts::Texts;
use super::{dates, styles_of};

/// How many fields of a group the poster shows. Source: Apple's Pass Builder.
const POSTER_ROOM: [(&str, usize); 5] = [
    ("headerFields", 1),
    ("primaryFields", 4),
    ("footerFields", 2),
    ("secondaryFields", 0),
    ("auxiliaryFields", 0),
];

pub(super) fn check(judge: &mut Judge, pass: &Map<String, Value>, texts: &Texts) {
    number_of_styles(judge, pass);
    for style in styles_of(pass) {
        let Some(content) = pass[style].as_object() else {
            continue;
        };
        let place = Place::default().key(style);
        if style == "boardingPass" && !content.contains_key("transitType") {
            let reason = "a boarding pass needs it: write PKTransitTypeAir, PKTransitTypeBoat, PKTransitTypeBus, \
                          PKTransitTypeGeneric or PKTransitTypeTrain";
            judge.open(Rule::Missing, vec![place.key("transitType")], reason);
        }
        room(judge, style, &place, content);
        keys(judge, &place, content);
        for (field_place, field) in fields(&place, content) {
            check_field(judge, &field_place, field, texts);
        }
    }
}

fn number_of_styles(judge: &mut Judge, pass: &Map<String, Value>) {
    let classic: Vec<&str> = CLASSIC_STYLES
        .into_iter()
        .filter(|style| pass.contains_key(*style))
        .collect();
    let has_poster = pass.contains_key(POSTER_STYLE);
    let at = |style: &str| Place::default().key(style);
    match classic.as_slice() {
        [] if has_poster => judge.find(
            Rule::PosterAlone,
            at(POSTER_STYLE),
            "phones before iOS 27 show no pass: add a generic, storeCard, coupon or eventTicket with the same fields",
        ),
        [] => judge.find_at(
            Rule::NoStyle,
            [at("style")].into_iter().chain(CLASSIC_STYLES.map(at)).collect(),
            format!("the pass has none: add one of {}", CLASSIC_STYLES.join(", ")),
        ),
        ["boardingPass"] if has_poster => judge.find(
            Rule::PosterBesideBoardingPass,
            at(POSTER_STYLE),
            "it stands beside generic, storeCard, coupon or eventTicket only: take it out of a boarding pass",
        ),
        [_] => {}
        several => judge.find_at(
            Rule::SeveralStyles,
            several.iter().map(|style| at(style)).collect(),
            format!(
                "the pass has {} styles ({}): keep one",
                several.len(),
                several.join(", ")
            ),
        ),
    }
}

/// Every field that is an object, group by group, with its place.
fn fields<'a>(
    style: &'a Place,
    content: &'a Map<String, Value>,
) -> impl Iterator<Item = (Place, &'a Map<String, Value>)> {
    GROUPS.iter().flat_map(move |group| {
        let fields = content
            .get(*group)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let place = style.key(group);
        fields
            .iter()
            .enumerate()
            .filter_map(move |(position, field)| Some((place.index(position), field.as_object()?)))
    })
}

fn room(judge: &mut Judge, style: &str, place: &Place, content: &Map<String, Value>) {
    let count = |group: &str| content.get(group).and_then(Value::as_array).map_or(0, Vec::len);
    if style != POSTER_STYLE {
        if count("footerFields") > 0 {
            let reason = "only posterGeneric shows them: move them to another group";
            judge.find(Rule::GroupOfOtherStyle, place.key("footerFields"), reason);
        }
        return;
    }
    for (group, room) in POSTER_ROOM {
        if count(group) > room {
            let reason = match room {
                0 => "a poster has no place for them: move them to primaryFields, footerFields or backFields".into(),
                room => format!("a poster shows {room} of its {} fields: move the others", count(group)),
            };
            judge.find(Rule::PosterRoom, place.key(group), reason);
        }
    }
}

/// Keys are unique on either side of a style; the same key on both sides is issued by live systems.
fn keys(judge: &mut Judge, style: &Place, content: &Map<String, Value>) {
    // The first field of a key on the front, and on the back.
    let mut seen: HashMap<&str, [Option<Place>; 2]> = HashMap::new();
    for (place, field) in fields(style, content) {
        // An empty one is a finding of its own.
        let Some(key) = field.get("key").and_then(Value::as_str).filter(|key| !key.is_empty()) else {
            continue;
        };
        let is_front = matches!(place.0.get(1), Some(Step::Key(group)) if FRONT_GROUPS.contains(&group.as_str()));
        let [front, back] = seen.entry(key).or_default();
        let (own, other) = if is_front { (front, back) } else { (back, front) };
        match (own.as_ref(), other.as_ref()) {
            (Some(first), _) => {
                let reason = format!("{first} has the same key: give this field another one");
                judge.find(Rule::SameKeyOnFront, place.key("key"), reason);
            }
            (None, first) => {
                if let Some(first) = first {
                    let reason =
                        format!("{first} has the same key, and phones may refuse that: give this field another one");
                    judge.find(Rule::SameKeyOnBack, place.key("key"), reason);
                }
                *own = Some(place.key("key"));
            }
        }
    }
}

/// The keys that make a field's value a date, whatever they are set to.
pub(super) const DATE_KEYS: [&str; 4] = ["dateStyle", "timeStyle", "isRelative", "ignoresTimeZone"];

fn check_field(judge: &mut Judge, place: &Place, field: &Map<String, Value>, texts: &Texts) {
    let value = field.get("value");
    if let Some(date_key) = DATE_KEYS.iter().find(|key| field.contains_key(**key)) {
        // A value that is missing is a finding of its own.
        let refusal = match value {
            Some(Value::String(text)) => dates::parse(text).err().map(|refusal| refusal.sentence()),
            Some(Value::Number(_)) => Some("it is a number: write a date like 2026-11-21T09:30:00+01:00".into()),
            _ => None,
        };
        if let Some(refusal) = refusal {
            let mut places = vec![place.key("value")];
            places.extend(
                DATE_KEYS
                    .iter()
                    .filter(|key| field.contains_key(**key))
                    .map(|key| place.key(key)),
            );
            let reason = format!("{date_key} makes it a date, and {refusal}");
            judge.find_at(Rule::FormatsDates, places, reason);
        }
    }
    number_format(judge, place, field, value);
    change_message(judge, place, field, texts);
}

fn number_format(judge: &mut Judge, place: &Place, field: &Map<String, Value>, value: Option<&Value>) {
    let formats: Vec<&str> = ["currencyCode", "numberStyle"]
        .into_iter()
        .filter(|key| field.contains_key(*key))
        .collect();
    if let [currency, style] = formats.as_slice() {
        let places = vec![place.key(style), place.key(currency)];
        let reason = "the field has a currencyCode and a numberStyle, and a phone goes by one of the two: keep one";
        judge.find_at(Rule::CurrencyAndStyle, places, reason);
    }
    if let Some(Value::String(code)) = field.get("currencyCode")
        && !(code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()))
    {
        let reason = "it is no currency: write three capitals of ISO 4217, such as EUR";
        judge.find(Rule::Currency, place.key("currencyCode"), reason);
    }
    if let Some(Value::String(_)) = value
        && let Some(format) = formats.first()
    {
        let mut places = vec![place.key("value")];
        places.extend(formats.iter().map(|key| place.key(key)));
        let reason = format!("{format} formats numbers only, and it is text: write a number without quotes");
        judge.find_at(Rule::FormatsNumbers, places, reason);
    }
}

fn change_message(judge: &mut Judge, place: &Place, field: &Map<String, Value>, texts: &Texts) {
    let Some(Value::String(message)) = field.get("changeMessage") else {
        return;
    };
    // An empty one counts as absent.
    if message.is_empty() || message.contains("%@") {
        return;
    }
    let place = place.key("changeMessage");
    match texts.languages_without_format(message) {
        None => judge.find(
            Rule::StaticMessage,
            place,
            "it has no %@, so a phone shows a general sentence: put %@ where the value belongs",
        ),
        Some(languages) if languages.is_empty() => {}
        Some(languages) => judge.find(
            Rule::MessageInSomeLanguages,
            place,
            format!(
                "it is a key of pass.strings, but not in {}: add a text with %@ there",
                languages.join(", ")
            ),
        ),
    }
}
