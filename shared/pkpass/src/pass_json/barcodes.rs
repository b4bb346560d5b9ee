//! Rules of barcodes.

use serde_json::{Map, Value};

use super::finding::Place;
use super::judge::Judge;
use super::rules::Rule;
use super::table::{BARCODE_FORMATS, OLD_BARCODE_FORMATS};

pub(super) fn check(judge: &mut Judge, pass: &Map<String, Value>) {
    let list = pass.get("barcodes").and_then(Value::as_array);
    let place = Place::default().key("barcodes");
    for (position, barcode) in list.into_iter().flatten().enumerate() {
        encoding(judge, &place.index(position), barcode);
    }
    if let Some(barcode) = pass.get("barcode") {
        encoding(judge, &Place::default().key("barcode"), barcode);
    }
    old_format_after_new(judge, pass);
}

fn encoding(judge: &mut Judge, place: &Place, barcode: &Value) {
    let text = |key: &str| barcode.get(key).and_then(Value::as_str);
    let (Some(message), Some(encoding)) = (text("message"), text("messageEncoding")) else {
        return;
    };
    if let Some(position) = first_unencodable(message, encoding) {
        // The position and not the character: a message is a secret of its holder.
        let reason = format!(
            "its character {} does not exist in the barcode's messageEncoding: write utf-8 there, or leave the \
             character out",
            position + 1
        );
        judge.find_at(
            Rule::Unencodable,
            vec![place.key("message"), place.key("messageEncoding")],
            reason,
        );
    }
}

/// Encodings that are not known here pass: their tables are Wallet's.
fn first_unencodable(message: &str, encoding: &str) -> Option<usize> {
    let highest = match encoding.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" => '\u{ff}',
        "us-ascii" | "ascii" => '\u{7f}',
        _ => return None,
    };
    message.chars().position(|character| character > highest)
}

/// A phone shows the first barcode of a format that it knows.
fn old_format_after_new(judge: &mut Judge, pass: &Map<String, Value>) {
    let list = pass.get("barcodes").and_then(Value::as_array);
    let places = (0..).map(|position| Place::default().key("barcodes").index(position));
    let single = pass
        .get("barcode")
        .map(|barcode| (Place::default().key("barcode"), barcode));
    let formats: Vec<(Place, &str)> = places
        .zip(list.into_iter().flatten())
        .chain(single)
        .filter_map(|(place, barcode)| Some((place.key("format"), barcode.get("format")?.as_str()?)))
        .collect();
    if formats.iter().any(|(_, format)| OLD_BARCODE_FORMATS.contains(format)) {
        return;
    }
    let is_new = |format: &str| BARCODE_FORMATS.known.contains(&format);
    if let Some((place, _)) = formats.into_iter().find(|(_, format)| is_new(format)) {
        let reason = "phones before iOS 27 do not show this format: add a barcode with PKBarcodeFormatQR, \
                      PKBarcodeFormatPDF417, PKBarcodeFormatAztec or PKBarcodeFormatCode128 after it";
        judge.find(Rule::NewBarcodeAlone, place, reason);
    }
}
