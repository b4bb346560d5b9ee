//! Whose words a fault or a warning is told in.

use serde_json::{Value, json};

use crate::harness::{balance, card, refuses, row_over, takes, warns};

#[test]
fn the_row_that_adds_a_date_key_to_a_text_is_named() {
    refuses(
        &row_over(
            card(json!({"key": "hall", "value": "2"})),
            json!({"fields": {"hall": {"ignoresTimeZone": true}}}),
        ),
        &["fields.hall.ignoresTimeZone: ignoresTimeZone makes it a date"],
    );
}

#[test]
fn a_warning_that_the_template_causes_is_not_repeated_for_its_rows() {
    let template = card(json!({"key": "balance", "value": 5, "changeMessage": "Your hall has changed"}));
    takes(row_over(template, json!({"fields": {"balance": 6}})));
}

#[test]
fn a_typing_error_is_a_warning_that_names_the_known_key() {
    warns(
        &row_over(
            balance(),
            json!({"fieds": {}, "pass": {"expirationdate": "2030-01-01T00:00Z"}}),
        ),
        &[
            "fieds: is not read by livepass; write fields",
            "pass.expirationdate: Wallet does not know this key: write expirationDate",
        ],
    );
    warns(
        &row_over(balance(), json!({"fields": {"balance": {"chageMessage": "Now %@"}}})),
        &["fields.balance.chageMessage: Wallet does not know this key: write changeMessage"],
    );
    takes(row_over(
        balance(),
        json!({"visits": 17, "pass": {"aKeyOfNextYear": true}}),
    ));
}

#[test]
fn what_the_template_leaves_open_is_asked_of_the_row_in_its_own_words() {
    let open = json!({
        "barcodes": [{"format": "PKBarcodeFormatQR", "messageEncoding": "utf-8"}],
        "boardingPass": {"primaryFields": [{"key": "gate"}]},
    });
    refuses(
        &row_over(open.clone(), json!({})),
        &[
            "fields.gate: it is missing: add it as text or a number",
            "barcodeMessage: it is missing: add it as text",
            "pass.boardingPass.transitType: a boarding pass needs it",
        ],
    );
    refuses(
        &row_over(
            open.clone(),
            json!({
                "fields": {"gate": {"label": "GATE"}},
                "barcodeMessage": "4711",
                "pass": {"boardingPass": {"transitType": "PKTransitTypeTrain"}},
            }),
        ),
        &["fields.gate.value: it is missing"],
    );
    takes(row_over(
        open,
        json!({
            "fields": {"gate": "B4"},
            "barcodeMessage": "4711",
            "pass": {"boardingPass": {"transitType": "PKTransitTypeTrain"}},
        }),
    ));
}

#[test]
fn a_fault_of_the_template_is_named_by_its_file_and_the_place_there() {
    let template = json!({"storeCard": {
        "headerFields": [{"key": "tier", "value": "Gold"}, {"key": "since", "value": "2019", "textAlignment": "left"}],
    }});
    // The row removes the first field; the place is still that of the template.
    refuses(
        &row_over(template, json!({"fields": {"tier": null}})),
        &["pass.json storeCard.headerFields[1].textAlignment: it is none of PKTextAlignmentLeft"],
    );
}

#[test]
fn faults_of_attributes_are_told_by_their_own_name() {
    let with_barcode = json!({
        "barcodes": [{"format": "PKBarcodeFormatQR", "message": "0", "messageEncoding": "iso-8859-1"}],
        "storeCard": {},
    });
    refuses(
        &row_over(
            with_barcode,
            json!({"expirationDate": "tomorrow", "locations": [{"latitude": 91, "longitude": 2}], "barcodeMessage": "€"}),
        ),
        &[
            "expirationDate: it is no ISO 8601 date",
            "locations[0].latitude: it must be a number from -90 to 90",
            "barcodeMessage: its character 1 does not exist in the barcode's messageEncoding",
        ],
    );
}

#[test]
fn all_faults_of_a_row_are_told_at_once() {
    refuses(
        &row_over(
            balance(),
            json!({
                "updateUrgency": "soon",
                "fields": {"points": 5, "balance": [1]},
                "pass": {"storeCard": null, "coupon": {"backFields": []}, "labelColor": "red"},
            }),
        ),
        &[
            "updateUrgency: must be",
            "fields.balance: must be a string, a number or a map",
            "fields.points: the template has no field with this key",
            "pass.coupon: may not change backFields",
            "pass.storeCard: may not change the whole dictionary",
            "pass.labelColor: it is no colour",
        ],
    );
}

#[test]
fn a_fault_hides_no_other_one_beside_it() {
    let patched = |patch: Value| row_over(balance(), json!({"pass": patch}));
    refuses(
        &patched(json!({"locations": [{"latitude": null, "longitude": 1}, {"latitude": "x", "longitude": 500}]})),
        &[
            "pass.locations[0].latitude: is NULL, which removes nothing inside a list",
            "pass.locations[1].latitude: it must be a number",
            "pass.locations[1].longitude: it must be a number",
        ],
    );
    refuses(
        &patched(json!({"storeCard": null})),
        &["pass.storeCard: may not change the whole dictionary"],
    );
}

#[test]
fn a_slip_is_told_beside_the_fault_that_it_led_to() {
    let barcode = json!([{"format": "PKBarcodeFormatQR", "Message": "1", "messageEncoding": "utf-8"}]);
    refuses(
        &row_over(balance(), json!({"pass": {"barcodes": barcode}})),
        &[
            "pass.barcodes[0].message: it is missing",
            "pass.barcodes[0].Message: Wallet does not know this key: write message",
        ],
    );
}

#[test]
fn the_keys_of_the_template_are_told_once_however_many_are_unknown() {
    let fields: serde_json::Map<String, Value> = (0..60).map(|n| (format!("x{n:02}"), json!(1))).collect();
    let verdicts = row_over(balance(), json!({"fields": fields}));
    assert_eq!(verdicts.refused.len(), 60);
    assert_eq!(
        verdicts
            .refused
            .iter()
            .filter(|sentence| sentence.contains("it has balance"))
            .count(),
        1
    );
}

#[test]
fn a_key_of_pass_json_among_the_attributes_is_told_where_it_belongs() {
    warns(
        &row_over(balance(), json!({"relevantDates": []})),
        &["relevantDates: is not read by livepass; write pass.relevantDates or relevantDate"],
    );
}

#[test]
fn an_app_to_open_is_asked_of_whoever_lacks_it() {
    let mut linked = balance();
    linked["appLaunchURL"] = json!("example://card");
    refuses(
        &row_over(linked.clone(), json!({})),
        &["pass.associatedStoreIdentifiers: appLaunchURL needs the app that it opens"],
    );
    takes(row_over(linked, json!({"pass": {"associatedStoreIdentifiers": [1]}})));
    refuses(
        &row_over(balance(), json!({"pass": {"appLaunchURL": "example://card"}})),
        &["pass.appLaunchURL: appLaunchURL needs the app that it opens"],
    );
}
