//! Types, dates, colours, barcodes and NFC, wherever a row writes them.

use pkpass::pass_json::Context;
use serde_json::{Value, json};

use crate::harness::{balance, card, context, judged, refuses, row_over, takes, warns};

#[test]
fn hexadecimal_colours_are_written_as_rgb_and_transparency_stays() {
    let coloured = |colour: &str| row_over(balance(), json!({"pass": {"labelColor": colour}}));
    assert_eq!(takes(coloured("#0A5C36"))["labelColor"], "rgb(10, 92, 54)");
    assert_eq!(takes(coloured("#FFF"))["labelColor"], "rgb(255, 255, 255)");
    assert_eq!(
        takes(coloured("rgba(255, 255, 255, 0.75)"))["labelColor"],
        "rgba(255, 255, 255, 0.75)"
    );
    refuses(&coloured("darkgreen"), &["pass.labelColor: it is no colour"]);
}

#[test]
fn numbers_booleans_and_labels_have_their_type() {
    let patched = |patch: Value| row_over(balance(), json!({"pass": patch}));
    refuses(
        &patched(json!({"locations": [{"latitude": "52.52", "longitude": "13.40"}]})),
        &[
            "pass.locations[0].latitude: it must be a number from -90 to 90, without quotes, and is text",
            "pass.locations[0].longitude: it must be a number",
        ],
    );
    takes(patched(json!({"locations": [{"latitude": 52.52, "longitude": 13.40}]})));
    refuses(
        &patched(json!({"associatedStoreIdentifiers": ["284882215"], "appLaunchURL": "example://card"})),
        &["pass.associatedStoreIdentifiers[0]: it must be a whole number from 1 on, without quotes, and is text"],
    );
    takes(patched(
        json!({"associatedStoreIdentifiers": [284_882_215], "appLaunchURL": "example://card"}),
    ));
    refuses(
        &patched(json!({"voided": "true", "maxDistance": "500", "logoText": 7})),
        &[
            "pass.voided: ",
            "pass.logoText: it must be text, and is a number",
            "pass.maxDistance: ",
        ],
    );
    takes(patched(json!({"voided": true, "maxDistance": 500, "logoText": "7"})));
    refuses(
        &row_over(balance(), json!({"fields": {"balance": {"value": 5, "label": 2026}}})),
        &["fields.balance.label: it must be text, and is a number"],
    );
    refuses(
        &patched(json!({"beacons": [{"proximityUUID": "F8F589E9-C07E-48B0-AEAB-A36BE4D0B2D6", "major": 65_536}]})),
        &["pass.beacons[0].major: it must be a whole number from 0 to 65535"],
    );
    refuses(
        &patched(json!({"userInfo": [1]})),
        &["pass.userInfo: it must be an object"],
    );
}

#[test]
fn nfc_needs_a_certificate_for_it_and_a_short_message() {
    let nfc = |length: usize, context: &Context<'_>| {
        let mut template = balance();
        template["formatVersion"] = json!(1);
        template["description"] = json!("x");
        template["organizationName"] = json!("x");
        judged(
            &template,
            json!({"pass": {"nfc": {"message": "X".repeat(length)}}}),
            context,
        )
    };
    let granted = Context {
        nfc_certificate: Some(true),
        ..context()
    };
    refuses(
        &nfc(64, &context()),
        &["pass.nfc: the certificate of this pass type is not one for NFC"],
    );
    takes(nfc(64, &granted));
    warns(
        &nfc(65, &granted),
        &["pass.nfc.message: phones send its first 64 bytes only"],
    );
}

#[test]
fn a_binary_barcode_reaches_the_pass_byte_for_byte() {
    let message: String = ('\0'..='\u{ff}').collect();
    let barcode = |encoding: &str| {
        row_over(
            balance(),
            json!({"pass": {"barcodes": [
                {"format": "PKBarcodeFormatAztec", "message": message, "messageEncoding": encoding, "altText": "gültig"},
            ]}}),
        )
    };
    assert_eq!(takes(barcode("ISO-8859-1"))["barcodes"][0]["message"], message.as_str());
    refuses(
        &barcode("us-ascii"),
        &["pass.barcodes[0].message: its character 129 does not exist in the barcode's messageEncoding"],
    );
}

#[test]
fn nul_is_refused_in_what_is_shown() {
    refuses(
        &row_over(
            balance(),
            json!({"fields": {"balance": "5\0"}, "pass": {"logoText": "a\0b"}}),
        ),
        &["fields.balance: it holds a NUL", "pass.logoText: it holds a NUL"],
    );
}

#[test]
fn dates_have_a_zone_and_lose_their_fractions() {
    let expiring = |date: Value| row_over(balance(), json!({"pass": {"expirationDate": date}}));
    for (date, reason) in [
        ("/Date(1487415600000-0000)/", "it is no ISO 8601 date"),
        (
            "2020-02-01T08:00:00.000+0000",
            "its time zone is neither Z nor like +01:00",
        ),
        ("2024-05-06T10:49:14-0400", "its time zone is neither Z nor like +01:00"),
        ("2017-04-05T20:00:00", "it has no time zone"),
        ("10/5/2023 12:00:00 AM +00:00", "it is no ISO 8601 date"),
    ] {
        refuses(&expiring(json!(date)), &[&format!("pass.expirationDate: {reason}")]);
    }
    refuses(
        &expiring(json!(1_349_326_800_000_i64)),
        &["pass.expirationDate: it must be a date in text"],
    );
    let cut = takes(expiring(json!("2030-12-31T23:59:59.123Z")));
    assert_eq!(cut["expirationDate"], "2030-12-31T23:59:59Z");
    let entries = json!([{"date": "2030-01-01T00:00:00.5Z"}, {"relevantDate": "2030-01-01T00:00:00.5Z"}]);
    let cut = takes(row_over(balance(), json!({"pass": {"relevantDates": entries}})));
    assert_eq!(
        cut["relevantDates"],
        json!([{"date": "2030-01-01T00:00:00Z"}, {"relevantDate": "2030-01-01T00:00:00Z"}])
    );
    let dated = card(json!({"key": "when", "value": "2030-01-01T00:00Z", "dateStyle": "PKDateStyleShort"}));
    let cut = takes(row_over(
        dated,
        json!({"fields": {"when": "2030-01-02T03:04:05.678+01:00"}}),
    ));
    assert_eq!(
        cut["storeCard"]["primaryFields"][0]["value"],
        "2030-01-02T03:04:05+01:00"
    );
}
