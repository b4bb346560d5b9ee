//! Whatever row is written: what is published, phones take.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{context, judged};

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
                    "updateUrgency", "fieds",
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
