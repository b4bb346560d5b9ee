//! `fields`: which field gets what, and what its format makes of it.

use std::collections::BTreeMap;

use pkpass::pass_json::{Context, Texts};
use serde_json::{Value, json};

use crate::harness::{balance, card, context, judged, refuses, row_over, takes, warns};

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
fn a_currency_beside_a_number_style_is_a_warning_for_whoever_wrote_one_of_them() {
    let priced = card(json!({"key": "price", "value": 5, "currencyCode": "EUR"}));
    warns(
        &row_over(
            priced.clone(),
            json!({"fields": {"price": {"numberStyle": "PKNumberStyleDecimal"}}}),
        ),
        &["fields.price.numberStyle: the field has a currencyCode and a numberStyle"],
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
            &["fields.balance: a phone keeps 15 digits of a number"],
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
