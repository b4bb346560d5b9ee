use serde_json::{Map, Value};

use super::Inspection;

const COLOURS: [&str; 4] = [
    "foregroundColor",
    "backgroundColor",
    "labelColor",
    "footerBackgroundColor",
];

pub(super) fn check(inspection: &mut Inspection, pass: &Map<String, Value>) {
    for key in COLOURS {
        if let Some(value) = pass.get(key)
            && !value.as_str().is_some_and(is_colour)
        {
            inspection.fault(key, "it is no colour: write it like rgb(23, 187, 82)");
        }
    }
}

/// `rgb(r, g, b)` with whole numbers from 0 to 255.
fn is_colour(text: &str) -> bool {
    let Some(inner) = text.trim().strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')')) else {
        return false;
    };
    let channels: Vec<&str> = inner.split(',').map(str::trim).collect();
    channels.len() == 3
        && channels
            .iter()
            .all(|channel| channel.bytes().all(|digit| digit.is_ascii_digit()) && channel.parse::<u8>().is_ok())
}
