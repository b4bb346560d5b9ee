//! A template's pass.json, before a record is laid over it.

use pkpass::pass_json::check_skeleton;
use serde_json::json;

#[test]
fn a_skeleton_may_lack_what_a_record_brings() {
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
        "barcodes": [{"format": "PKBarcodeFormatQR"}],
        "boardingPass": {
            "primaryFields": [
                {"key": "gate", "dateStyle": "PKDateStyleShort"},
                {"key": "price", "currencyCode": "EUR"},
            ],
        },
    });
    assert_eq!(check_skeleton(&skeleton), []);
}

/// Left to records, a slip would be a fault of each of them.
#[test]
fn a_skeleton_has_what_all_its_passes_have() {
    let found = check_skeleton(&json!({"generic": {}}));
    let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["formatVersion", "description", "organizationName"]);
}

#[test]
fn a_skeleton_is_right_in_what_it_has() {
    let skeleton = json!({
        "formatVersion": 2,
        "description": 5,
        "organizationName": "Example Coffee",
        "expirationDate": "soon",
        "labelColor": "red",
        "groupingIdentifier": "g",
        "coupon": {
            "backFields": [{"label": "no key"}],
            "primaryFields": [
                {"key": "a", "changeMessage": "x"},
                {"key": "a", "value": "1", "numberStyle": "PKNumberStyleDecimal"},
            ],
        },
        "generic": {},
    });
    let found = check_skeleton(&skeleton);
    let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "formatVersion",
            "description",
            "style",
            "coupon.primaryFields[0].changeMessage",
            "coupon.primaryFields[1].key",
            "coupon.primaryFields[1].value",
            "coupon.backFields[0].key",
            "expirationDate",
            "labelColor",
            "groupingIdentifier",
        ]
    );
}
