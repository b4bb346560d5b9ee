//! A template's pass.json, before a record is laid over it.

use pkpass::pass_json::{Context, Verdict, check_skeleton};
use serde_json::{Value, json};

use crate::samples;

fn found(skeleton: &Value, verdict: Verdict) -> Vec<String> {
    let found = check_skeleton(skeleton, &Context::default());
    let of_verdict = found.iter().filter(|finding| finding.verdict() == verdict);
    of_verdict.map(|finding| finding.place().to_string()).collect()
}

#[test]
fn a_skeleton_may_lack_what_each_row_brings_and_says_so() {
    let skeleton = json!({
        "formatVersion": 1,
        "description": "Boarding pass",
        "organizationName": "Example Air",
        // Overwritten whenever a pass is published.
        "passTypeIdentifier": "placeholder",
        "serialNumber": 0,
        "authenticationToken": "short",
        "webServiceURL": "http://example.com/v1/",
        "appLaunchURL": "coffee://",
        "barcodes": [{"format": "PKBarcodeFormatQR", "messageEncoding": "utf-8"}],
        "boardingPass": {
            "primaryFields": [
                {"key": "gate", "dateStyle": "PKDateStyleShort"},
                {"key": "price", "currencyCode": "EUR"},
            ],
        },
    });
    assert_eq!(found(&skeleton, Verdict::Refuse), [""; 0]);
    assert_eq!(
        found(&skeleton, Verdict::Warn),
        [
            "boardingPass.primaryFields[0].value",
            "boardingPass.primaryFields[1].value",
            "barcodes[0].message",
            "boardingPass.transitType",
            "associatedStoreIdentifiers",
        ]
    );
    let warnings = check_skeleton(&skeleton, &Context::default());
    assert!(
        warnings
            .iter()
            .all(|warning| warning.reason.starts_with("each row has to bring it: "))
    );
}

/// Left to records, a slip would be a fault of each of them.
#[test]
fn a_skeleton_has_what_all_its_passes_have() {
    assert_eq!(
        found(&json!({"generic": {}}), Verdict::Refuse),
        ["formatVersion", "description", "organizationName"]
    );
}

#[test]
fn a_skeleton_is_right_in_what_it_has() {
    let mut skeleton = samples::skeleton();
    for (path, value) in [
        ("/formatVersion", json!(2)),
        ("/expirationDate", json!("soon")),
        ("/labelColor", json!("red")),
        ("/groupingIdentifier", json!("g")),
        ("/storeCard/backFields/-", json!({"label": "no key", "value": ""})),
        ("/storeCard/primaryFields", json!([{"key": "points", "value": "1"}])),
        ("/coupon", json!({})),
    ] {
        samples::set(&mut skeleton, path, Some(value));
    }
    assert_eq!(
        found(&skeleton, Verdict::Refuse),
        [
            "formatVersion",
            "storeCard.backFields[1].key",
            "expirationDate",
            "labelColor",
            "coupon",
            "storeCard.primaryFields[0].key",
            "groupingIdentifier",
        ]
    );
}

/// They are written in one form when a pass is rendered.
#[test]
fn a_skeleton_may_write_colours_in_hexadecimal_and_dates_with_fractions() {
    let mut skeleton = samples::skeleton();
    samples::set(&mut skeleton, "/labelColor", Some(json!("#FFF")));
    samples::set(
        &mut skeleton,
        "/expirationDate",
        Some(json!("2027-01-01T00:00:00.000Z")),
    );
    assert_eq!(found(&skeleton, Verdict::Refuse), [""; 0]);
}
