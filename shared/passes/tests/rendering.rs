//! From a row and its template to pass.json: what is refused, what is warned of, what is shown.

use std::collections::BTreeMap;

use passes::ids::PassKey;
use passes::record::{Attribute, Attributes, PassRecord};
use passes::render::{Injected, render};
use pkpass::pass_json::{Context, Texts};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What becomes of a row.
#[derive(Debug, PartialEq)]
struct Verdicts {
    /// The pass, if it is published.
    pass: Option<Value>,
    refused: Vec<String>,
    warned: Vec<String>,
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Null => Attribute::Null,
        Value::Bool(value) => Attribute::Bool(*value),
        Value::Number(number) => Attribute::Number(number.to_string()),
        Value::String(text) => Attribute::Text(text.clone()),
        Value::Array(items) => Attribute::List(items.iter().map(attribute).collect()),
        Value::Object(_) => Attribute::Map(attributes(value)),
    }
}

fn attributes(row: &Value) -> Attributes {
    let entries = row.as_object().unwrap().iter();
    entries.map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// 2026-11-21T09:30:00Z.
const NOW: i64 = 1_795_253_400;

fn judged(template: &Value, row: Value, context: &Context<'_>) -> Verdicts {
    let mut row = row;
    row["template"] = json!("card");
    let record = PassRecord::read(&attributes(&row));
    let key = PassKey::parse("pass.com.example.loyalty", "A-1").unwrap();
    let injected = Injected {
        key: &key,
        team: "A1B2C3D4E5",
        web_service_url: "https://passes.example.com",
        token: "0123456789abcdef",
    };
    let (mut refused, mut warned) = (record.faults.clone(), record.warnings.clone());
    let mut pass = None;
    match render(&record, template, &injected, context) {
        Ok(rendering) => {
            warned.extend(rendering.warnings);
            pass = serde_json::from_slice(&rendering.pass_json).ok();
        }
        Err(problems) => refused.extend(problems),
    }
    let sentences = |problems: Vec<passes::problem::Problem>| problems.into_iter().map(|it| it.sentence).collect();
    Verdicts {
        pass: pass.filter(|_| refused.is_empty()),
        refused: sentences(refused),
        warned: sentences(warned),
    }
}

/// A row over a template with these further keys.
fn row_over(more: Value, row: Value) -> Verdicts {
    let mut template = json!({"formatVersion": 1, "description": "Card", "organizationName": "Example"});
    let more = more.as_object().unwrap().clone();
    template.as_object_mut().unwrap().extend(more);
    judged(&template, row, &context())
}

fn context() -> Context<'static> {
    Context {
        nfc_certificate: Some(false),
        now: Some(NOW),
        ..Context::default()
    }
}

fn card(field: Value) -> Value {
    json!({"storeCard": {"primaryFields": [field]}})
}

fn balance() -> Value {
    card(json!({"key": "balance", "label": "BALANCE", "value": 5}))
}

#[track_caller]
fn refuses(verdicts: &Verdicts, sentences: &[&str]) {
    assert_eq!(verdicts.refused.len(), sentences.len(), "{verdicts:#?}");
    for (found, start) in verdicts.refused.iter().zip(sentences) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[track_caller]
fn warns(verdicts: &Verdicts, sentences: &[&str]) {
    assert_eq!(verdicts.refused, [""; 0]);
    assert_eq!(verdicts.warned.len(), sentences.len(), "{verdicts:#?}");
    for (found, start) in verdicts.warned.iter().zip(sentences) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[track_caller]
fn takes(verdicts: Verdicts) -> Value {
    assert_eq!((&verdicts.refused[..], &verdicts.warned[..]), (&[][..], &[][..]));
    verdicts.pass.unwrap()
}

#[test]
fn a_value_that_any_date_key_makes_a_date_is_one() {
    let train = |value: &str| {
        row_over(
            json!({"generic": {"headerFields": [
                {"key": "depart", "value": "2026-12-01T10:30Z", "isRelative": false},
            ]}}),
            json!({"fields": {"depart": value}}),
        )
    };
    refuses(
        &train("10:30"),
        &["fields.depart: isRelative makes it a date, and it is no ISO 8601 date"],
    );
    takes(train("2026-12-01T11:30+01:00"));
}

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
fn a_change_message_is_a_key_of_the_strings_or_has_a_place_for_the_value() {
    let texts = Texts([("en".into(), BTreeMap::from([("gate_changed".into(), "Now %@".into())]))].into());
    let with = |message: &str| {
        let mut template = balance();
        template["formatVersion"] = json!(1);
        template["description"] = json!("x");
        template["organizationName"] = json!("x");
        let context = Context {
            texts: Some(&texts),
            ..context()
        };
        let row = json!({"fields": {"balance": {"value": 6, "changeMessage": message}}});
        judged(&template, row, &context)
    };
    takes(with("gate_changed"));
    takes(with("Now %@"));
    takes(with(""));
    warns(
        &with("Your hall has changed"),
        &["fields.balance.changeMessage: it has no %@"],
    );
}

#[test]
fn a_warning_that_the_template_causes_is_not_repeated_for_its_rows() {
    let template = card(json!({"key": "balance", "value": 5, "changeMessage": "Your hall has changed"}));
    takes(row_over(template, json!({"fields": {"balance": 6}})));
}

#[test]
fn a_field_of_the_row_reaches_the_poster_and_the_classic_style() {
    let template = json!({
        "posterGeneric": {
            "headerFields": [{"key": "tier", "value": "Silver"}],
            "footerFields": [{"key": "since", "value": "2019"}],
        },
        "generic": {"backFields": [{"key": "tier", "value": "Silver"}], "headerFields": [{"key": "name", "value": "A"}]},
    });
    let pass = takes(row_over(
        template.clone(),
        json!({"fields": {"tier": "Gold", "since": "2020", "name": null}}),
    ));
    assert_eq!(pass["posterGeneric"]["headerFields"][0]["value"], "Gold");
    assert_eq!(pass["posterGeneric"]["footerFields"][0]["value"], "2020");
    assert_eq!(pass["generic"]["backFields"][0]["value"], "Gold");
    assert_eq!(pass["generic"]["headerFields"], json!([]));
    let pass = takes(row_over(template.clone(), json!({"fields": {"tier": null}})));
    assert_eq!(pass["posterGeneric"]["headerFields"], json!([]));
    assert_eq!(pass["generic"]["backFields"], json!([]));
    refuses(
        &row_over(template.clone(), json!({"fields": {"sinc": "2020"}})),
        &["fields.sinc: the template has no field with this key; it has name, tier, since; write since"],
    );
    refuses(
        &row_over(template, json!({"pass": {"posterGeneric": {"footerFields": []}}})),
        &["pass.posterGeneric: may not change footerFields"],
    );
}

#[test]
fn the_same_key_on_front_and_back_gets_the_value_twice() {
    let template = json!({"eventTicket": {
        "auxiliaryFields": [{"key": "name", "value": "A. Guest"}],
        "backFields": [{"key": "name", "value": "A. Guest"}],
    }});
    let pass = takes(row_over(template, json!({"fields": {"name": "B. Guest"}})));
    assert_eq!(pass["eventTicket"]["auxiliaryFields"][0]["value"], "B. Guest");
    assert_eq!(pass["eventTicket"]["backFields"][0]["value"], "B. Guest");
}

#[test]
fn a_value_of_the_row_drops_the_attributed_value_of_the_template() {
    let offer = |entry: Value| {
        let template =
            card(json!({"key": "offer", "value": "A", "attributedValue": "<a href='https://a.example'>A</a>"}));
        takes(row_over(template, json!({"fields": {"offer": entry}})))["storeCard"]["primaryFields"][0].clone()
    };
    assert_eq!(offer(json!("B")), json!({"key": "offer", "value": "B"}));
    assert_eq!(offer(json!({"value": "B"})), json!({"key": "offer", "value": "B"}));
    let both = json!({"key": "offer", "value": "B", "attributedValue": "<a href='https://b.example'>B</a>"});
    assert_eq!(offer(both.clone()), both);
    assert_eq!(
        offer(json!({"label": "OFFER"}))["attributedValue"],
        "<a href='https://a.example'>A</a>"
    );
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
        ("2020-02-01T08:00:00.000+0000", "it has fractions of a second"),
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
fn a_currency_beside_a_number_style_is_a_warning_for_whoever_wrote_one_of_them() {
    let priced = card(json!({"key": "price", "value": 5, "currencyCode": "EUR"}));
    warns(
        &row_over(
            priced.clone(),
            json!({"fields": {"price": {"numberStyle": "PKNumberStyleDecimal"}}}),
        ),
        &["fields.price.numberStyle: the field has a currencyCode too"],
    );
    takes(row_over(priced, json!({"fields": {"price": 6}})));
}

#[test]
fn numbers_that_a_phone_rounds_are_warned_of() {
    let valued = |literal: &str| {
        let value: Value = serde_json::from_str(literal).unwrap();
        row_over(balance(), json!({"fields": {"balance": value}}))
    };
    for literal in ["1E125", "1E-130", "1234567890123456", "0.1234567890123456", "-1e16"] {
        warns(
            &valued(literal),
            &["fields.balance: a phone rounds a number as long as this"],
        );
    }
    for literal in [
        "0",
        "-0.5",
        "12.50",
        "123456789012345",
        "999999999999999",
        "0.000000000000001",
        "1e3",
    ] {
        takes(valued(literal));
    }
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

/// Values as rows have them, right and wrong.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_map(|number| json!(f64::from(number))),
        "[a-zA-Z#0-9(),.: -]{0,12}".prop_map(Value::from),
        Just(json!("2026-11-21T09:30:00.5Z")),
        Just(json!("#0A5C36")),
        Just(json!("PKBarcodeFormatQR")),
        Just(json!("nul \0")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(any_key(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "value",
        "label",
        "changeMessage",
        "dateStyle",
        "isRelative",
        "numberStyle",
        "currencyCode",
        "attributedValue",
        "key",
        "barcodes",
        "barcode",
        "format",
        "message",
        "messageEncoding",
        "altText",
        "expirationDate",
        "relevantDate",
        "relevantDates",
        "date",
        "locations",
        "latitude",
        "longitude",
        "labelColor",
        "nfc",
        "storeCard",
        "coupon",
        "posterGeneric",
        "headerFields",
        "userInfo",
        "formatVersion",
        "description",
        "expirationdate",
        "featuredActions",
        "semantics",
        "eventType",
        "webServiceURL",
        "x",
    ])
    .prop_map(str::to_owned)
}

fn any_row() -> impl Strategy<Value = Value> {
    let attribute = prop::sample::select(vec![
        "fields",
        "pass",
        "voided",
        "expirationDate",
        "barcodeMessage",
        "relevantDate",
        "locations",
        "images",
        "updateUrgency",
        "fieds",
    ]);
    let field = prop::sample::select(vec!["tier", "balance", "member", "unknown"]);
    let fields = prop::collection::btree_map(field.prop_map(str::to_owned), any_value(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let others = prop::collection::btree_map(attribute.prop_map(str::to_owned), any_value(), 0..4);
    (fields, prop::option::of(any_value()), others).prop_map(|(fields, patch, others)| {
        let mut row: serde_json::Map<String, Value> = others.into_iter().collect();
        row.entry("fields").or_insert(fields);
        if let Some(patch) = patch {
            row.insert("pass".into(), patch);
        }
        Value::Object(row)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The promise: what is published, a phone takes; what is refused names what can be mended.
    #[test]
    fn whatever_row_is_written_the_pass_is_one_that_phones_take_or_an_attribute_is_named(row in any_row()) {
        let template = json!({
            "formatVersion": 1,
            "description": "Card",
            "organizationName": "Example",
            "barcodes": [{"format": "PKBarcodeFormatQR", "message": "0", "messageEncoding": "iso-8859-1"}],
            "posterGeneric": {"headerFields": [{"key": "tier", "value": "Silver"}]},
            "storeCard": {
                "headerFields": [{"key": "tier", "value": "Silver"}],
                "primaryFields": [{"key": "balance", "value": 5, "currencyCode": "EUR"}],
                "backFields": [{"key": "member", "value": "x", "attributedValue": "y"}],
            },
        });
        let verdicts = judged(&template, row.clone(), &context());
        match &verdicts.pass {
            Some(pass) => {
                let found = pkpass::pass_json::check(pass, &context());
                let refused = found.iter().filter(|it| it.verdict() == pkpass::pass_json::Verdict::Refuse);
                prop_assert_eq!(refused.count(), 0);
            }
            None => {
                prop_assert!(!verdicts.refused.is_empty());
                let known = [
                    "fields", "pass", "voided", "expirationDate", "barcodeMessage", "relevantDate", "locations", "images",
                    "updateUrgency",
                ];
                for sentence in &verdicts.refused {
                    let attribute = sentence.split(['.', '[', ':', ',']).next().unwrap();
                    prop_assert!(known.contains(&attribute), "{}", sentence);
                    prop_assert!(row.get(attribute).is_some(), "{}", sentence);
                }
            }
        }
        for sentence in verdicts.refused.iter().chain(&verdicts.warned) {
            prop_assert!(!sentence.contains("pass.json storeCard"), "{}", sentence);
        }
    }
}
