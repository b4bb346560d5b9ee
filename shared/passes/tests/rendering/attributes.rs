//! The row's own attributes beside `fields` and `pass`.

use serde_json::json;

use crate::harness::{balance, refuses, row_over, takes, warns};

#[test]
fn a_relevance_that_is_over_archives_what_is_no_ticket() {
    let over = json!({"relevantDate": "2026-11-20T19:00:00+01:00"});
    warns(
        &row_over(balance(), over.clone()),
        &["relevantDate: it is in the past, and phones move such a pass to the expired ones"],
    );
    takes(row_over(json!({"eventTicket": {}}), over));
    takes(row_over(
        balance(),
        json!({"relevantDate": "2026-11-22T19:00:00+01:00"}),
    ));
}

#[test]
fn the_attributes_of_a_row_void_expire_and_recode_it_and_leave_the_rest() {
    let template = json!({
        "barcodes": [
            {"format": "PKBarcodeFormatQR", "message": "0", "messageEncoding": "utf-8", "altText": "0"},
            {"format": "PKBarcodeFormatCode128", "message": "0", "messageEncoding": "utf-8", "altText": "ask us"},
        ],
        "barcode": {"format": "PKBarcodeFormatQR", "message": "0", "messageEncoding": "utf-8"},
        "storeCard": {"primaryFields": [{"key": "balance", "value": 5}]},
    });
    let plain = takes(row_over(template.clone(), json!({})));
    let pass = takes(row_over(
        template.clone(),
        json!({
            "voided": true,
            "expirationDate": "2030-12-31T23:59:59+01:00",
            "relevantDate": "2030-01-01T00:00Z",
            "locations": [{"latitude": 1, "longitude": 2}],
            "barcodeMessage": "4711",
        }),
    ));
    let mut expected = plain;
    expected["voided"] = json!(true);
    expected["expirationDate"] = json!("2030-12-31T23:59:59+01:00");
    expected["relevantDate"] = json!("2030-01-01T00:00Z");
    expected["locations"] = json!([{"latitude": 1, "longitude": 2}]);
    expected["barcodes"][0]["message"] = json!("4711");
    expected["barcodes"][0]["altText"] = json!("4711");
    expected["barcodes"][1]["message"] = json!("4711");
    expected["barcode"]["message"] = json!("4711");
    assert_eq!(pass, expected);
    // `pass` wins.
    let own = json!([{"format": "PKBarcodeFormatQR", "message": "9", "messageEncoding": "utf-8"}]);
    let pass = takes(row_over(
        template,
        json!({"voided": true, "barcodeMessage": "4711", "pass": {"voided": false, "barcodes": own}}),
    ));
    assert_eq!((&pass["voided"], &pass["barcodes"]), (&json!(false), &own));
}

#[test]
fn a_barcode_message_without_a_barcode_is_a_fault() {
    refuses(
        &row_over(balance(), json!({"barcodeMessage": "4711"})),
        &["barcodeMessage: the template has no barcode"],
    );
}

#[test]
fn a_barcode_says_something() {
    let coded = json!({
        "barcodes": [{"format": "PKBarcodeFormatQR", "message": "0", "messageEncoding": "iso-8859-1", "altText": "0"}],
        "storeCard": {},
    });
    refuses(
        &row_over(coded.clone(), json!({"barcodeMessage": ""})),
        &["barcodeMessage: it is empty, and a phone shows no barcode"],
    );
    // A binary message is right, and nothing that could be read below the code.
    let pass = takes(row_over(coded, json!({"barcodeMessage": "Z\u{0}\u{ff}"})));
    assert_eq!(pass["barcodes"][0]["message"], "Z\u{0}\u{ff}");
    assert_eq!(pass["barcodes"][0].get("altText"), None);
}

#[test]
fn a_new_barcode_format_is_warned_of_where_the_list_has_no_old_one() {
    let old = json!({"format": "PKBarcodeFormatQR", "message": "M1", "messageEncoding": "utf-8"});
    let new = json!({"format": "PKBarcodeFormatEAN13", "message": "4006381333931", "messageEncoding": "utf-8"});
    let single = json!({"barcode": old, "storeCard": {}});
    warns(
        &row_over(single.clone(), json!({"pass": {"barcodes": [new]}})),
        &["pass.barcodes[0].format: phones before iOS 27 do not show this format"],
    );
    takes(row_over(single, json!({"pass": {"barcodes": [new, old]}})));
}
