//! Rows of the largest size, full of one fault: told in a sentence, soon, and without a panic.

use serde_json::{Value, json};

use crate::harness::{balance, row_over, takes};

#[test]
fn a_row_of_a_hundred_thousand_faults_tells_the_first_ones() {
    let nulls: Value = std::iter::repeat_n(Value::Null, 130_000).collect();
    let verdicts = row_over(balance(), json!({"pass": {"userInfo": {"l": nulls}}}));
    // And that it is too large.
    assert_eq!(verdicts.refused.len(), 101);
    let many = |value: Value| -> Value {
        let keys = (0..30_000).map(|key| (format!("k{key}"), value.clone()));
        Value::Object(keys.collect())
    };
    assert_eq!(
        row_over(balance(), json!({"fields": many(json!(1))})).refused.len(),
        100
    );
    let slips: Value = (0..20_000)
        .map(|_| json!({"latitude": "x", "longitude": 1, "latitud": 1}))
        .collect();
    let verdicts = row_over(balance(), json!({"pass": {"locations": slips}}));
    assert!(
        (100..=202).contains(&verdicts.refused.len()),
        "{}",
        verdicts.refused.len()
    );
}

#[test]
fn a_template_of_many_fields_takes_a_row_that_writes_many() {
    let fields: Value = (0..8_000)
        .map(|key| json!({"key": format!("k{key}"), "value": 1}))
        .collect();
    let values: serde_json::Map<String, Value> = (0..8_000).map(|key| (format!("k{key}"), json!(2))).collect();
    let template = json!({"storeCard": {"backFields": fields}});
    assert!(
        row_over(template, json!({"fields": values})).refused.len() <= 1,
        "its size alone may be refused"
    );
    let twins: Value = (0..10_000).map(|_| json!({"key": "k", "value": 1})).collect();
    let verdicts = row_over(json!({"storeCard": {"backFields": twins}}), json!({}));
    assert!((1..=101).contains(&verdicts.refused.len()));
}

#[test]
fn dates_and_numbers_of_any_length_are_judged() {
    let dots = format!("2026-11-21T09:30:00{}Z", ".".repeat(200_000));
    let verdicts = row_over(balance(), json!({"expirationDate": dots}));
    assert!(verdicts.refused[0].starts_with("expirationDate: "), "{verdicts:?}");
    for literal in [
        "0.5e-9223372036854775807",
        "1e-99999999999999999999",
        "0e9223372036854775807",
    ] {
        let value: Value = serde_json::from_str(literal).unwrap();
        let verdicts = row_over(balance(), json!({"fields": {"balance": value}}));
        assert!(verdicts.refused.len() <= 1, "{literal}");
    }
    takes(row_over(balance(), json!({"fields": {"balance": 0.25}})));
}
