//! The one form in which livepass writes what Wallet reads in several.

use serde_json::{Map, Value};

use super::styles::DATE_KEYS;
use super::table::{GROUPS, Kind, Object, PASS};
use super::{colours, dates, styles_of};

/// Writes hexadecimal colours as `rgb(...)`, and cuts fractions of a second: phones have refused dates
/// with them. Everything else stays as it is, also what is wrong.
pub fn write_in_one_form(pass: &mut Value) {
    let Value::Object(pass) = pass else {
        return;
    };
    object(&PASS, pass);
    for style in styles_of(pass) {
        for group in GROUPS {
            let fields = pass[style].get_mut(group).and_then(Value::as_array_mut);
            for field in fields.into_iter().flatten().filter_map(Value::as_object_mut) {
                if DATE_KEYS.iter().any(|key| field.contains_key(*key)) {
                    replace(field.get_mut("value"), dates::written);
                }
            }
        }
    }
}

fn object(object: &'static Object, map: &mut Map<String, Value>) {
    for key in object.keys {
        if let Some(value) = map.get_mut(key.name) {
            one(&key.kind, value);
        }
    }
}

fn one(kind: &'static Kind, value: &mut Value) {
    match (kind, value) {
        (Kind::Colour, value) => replace(Some(value), colours::written),
        (Kind::Date, value) => replace(Some(value), dates::written),
        (Kind::Object(inner), Value::Object(map)) => object(inner, map),
        (Kind::List(each, _), Value::Array(items)) => items.iter_mut().for_each(|item| one(each, item)),
        _ => {}
    }
}

fn replace(value: Option<&mut Value>, written: fn(&str) -> Option<String>) {
    if let Some(value) = value
        && let Some(text) = value.as_str().and_then(written)
    {
        *value = text.into();
    }
}
