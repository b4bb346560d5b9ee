use serde_json::{Map, Value};

use super::Inspection;

pub(super) fn check(inspection: &mut Inspection, pass: &Map<String, Value>) {
    match pass.get("barcodes") {
        None => {}
        Some(Value::Array(barcodes)) => {
            for (position, barcode) in barcodes.iter().enumerate() {
                check_barcode(inspection, &format!("barcodes[{position}]"), barcode);
            }
        }
        Some(_) => inspection.fault("barcodes", "it is no array: write [{...}]"),
    }
    // The single form is from before iOS 9; phones still read it.
    if let Some(barcode) = pass.get("barcode") {
        check_barcode(inspection, "barcode", barcode);
    }
}

fn check_barcode(inspection: &mut Inspection, path: &str, barcode: &Value) {
    let Value::Object(barcode) = barcode else {
        inspection.fault(path, "it is not a JSON object: write {\"format\": ...}");
        return;
    };
    let format = text(inspection, path, barcode, "format");
    if let Some(format) = format
        && !format.starts_with("PKBarcodeFormat")
    {
        inspection.fault(
            format!("{path}.format"),
            "it is no barcode format: write PKBarcodeFormatQR, PKBarcodeFormatPDF417, \
             PKBarcodeFormatAztec or PKBarcodeFormatCode128",
        );
    }
    let message = text(inspection, path, barcode, "message");
    let encoding = text(inspection, path, barcode, "messageEncoding");
    if let (Some(message), Some(encoding)) = (message, encoding)
        && let Some(stranger) = first_unencodable(message, encoding)
    {
        inspection.fault(
            format!("{path}.message"),
            format!(
                "`{stranger}` does not exist in {encoding}: write utf-8 as messageEncoding, or \
                 leave the character out"
            ),
        );
    }
}

fn text<'a>(inspection: &mut Inspection, path: &str, barcode: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    match barcode.get(key) {
        Some(Value::String(text)) => return Some(text),
        Some(_) => inspection.fault(format!("{path}.{key}"), "it is no text: put it in quotes"),
        None => inspection.lacks(
            format!("{path}.{key}"),
            "it is missing: a barcode needs format, message and messageEncoding",
        ),
    }
    None
}

/// Encodings that are not known here pass: their tables are Wallet's.
fn first_unencodable(message: &str, encoding: &str) -> Option<char> {
    let highest = match encoding.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" => '\u{ff}',
        "us-ascii" | "ascii" => '\u{7f}',
        _ => return None,
    };
    message.chars().find(|character| *character > highest)
}
