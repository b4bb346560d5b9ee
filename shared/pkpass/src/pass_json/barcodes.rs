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
    if text("message") == Some("") {
        let reason = "it is empty, and a phone shows no barcode: write what the code says";
        judge.open(Rule::Empty, vec![place.key("message")], reason);
    }
    if text("messageEncoding").is_some_and(|encoding| !is_known(encoding)) {
        let reason = "it is no encoding that is known here: write iso-8859-1 or utf-8";
        judge.find(Rule::UnknownEncoding, place.key("messageEncoding"), reason);
    }
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

/// Names of the character sets that barcodes are found with, as IANA has them.
fn is_known(encoding: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["iso-8859-", "iso8859-", "iso_8859-", "windows-125", "utf-", "iso-2022-"];
    const NAMES: [&str; 12] = [
        "us-ascii",
        "ascii",
        "latin1",
        "utf8",
        "shift_jis",
        "shift-jis",
        "euc-jp",
        "euc-kr",
        "gb2312",
        "gbk",
        "gb18030",
        "big5",
    ];
    let encoding = encoding.to_ascii_lowercase();
    NAMES.contains(&encoding.as_str()) || BEGINNINGS.iter().any(|beginning| encoding.starts_with(beginning))
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

/// A phone shows the first barcode of a format that it knows; the single one only where there is no list.
fn old_format_after_new(judge: &mut Judge, pass: &Map<String, Value>) {
    let list = pass
        .get("barcodes")
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty());
    let single = pass.get("barcode").filter(|_| list.is_none());
    let places = (0..).map(|position| Place::default().key("barcodes").index(position));
    let formats: Vec<(Place, &str)> = places
        .zip(list.into_iter().flatten())
        .chain(single.map(|barcode| (Place::default().key("barcode"), barcode)))
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
