//! The promise on whatever row is written: the revision in service is one that phones take, and where
//! the row is not, there is a PROBLEM that names an attribute of it.

use passes::problem::ProblemKind;
use passes::publish::PublishOutcome;
use passes::record::ATTRIBUTES;
use pkpass::pass_json::{Context, Verdict, check};
use serde_json::{Value, json};
use tests::{LOYALTY, Workbench};

use crate::{noted, pass_json, put_asset};

/// What rows have, right and wrong: where it stands, and what.
fn entries() -> Vec<(&'static str, Value)> {
    let barcode =
        |format: &str, message: &str| json!([{"format": format, "message": message, "messageEncoding": "iso-8859-1"}]);
    vec![
        ("/fields/balance", json!(12.5)),
        ("/fields/balance", json!("many")),
        ("/fields/balance", json!({"value": 1, "label": 2026})),
        ("/fields/balance", json!([1])),
        ("/fields/balance", json!(null)),
        ("/fields/member", json!({"value": "Ada", "changeMessage": "Hello"})),
        ("/fields/member", json!({"isRelative": true})),
        ("/fields/member", json!("nul\0")),
        (
            "/fields/tier",
            json!({"value": "Gold", "attributedValue": "<b>Gold</b>", "textAlignment": "left"}),
        ),
        ("/fields/points", json!(1)),
        ("/voided", json!(true)),
        ("/voided", json!("true")),
        ("/expirationDate", json!("2030-12-31T23:59:59.5+01:00")),
        ("/expirationDate", json!("31.12.2030")),
        ("/barcodeMessage", json!("4711")),
        ("/barcodeMessage", json!("4 €")),
        ("/relevantDate", json!("2020-01-01T00:00Z")),
        ("/locations", json!([{"latitude": 52.5, "longitude": 13.4}])),
        ("/locations", json!([{"latitude": "52.5", "longitude": null}])),
        ("/updateUrgency", json!("soon")),
        ("/fieds", json!({})),
        ("/images/thumbnail.png", json!("any/good.png")),
        ("/images/strip2x.png", json!("any/good.png")),
        ("/images/thumbnail.png", json!("any/none.png")),
        ("/pass/labelColor", json!("#FFF")),
        ("/pass/labelColor", json!("white")),
        ("/pass/barcodes", barcode("PKBarcodeFormatEAN13", "1")),
        ("/pass/barcodes", barcode("QR", "1")),
        ("/pass/barcodes", json!(null)),
        ("/pass/storeCard", json!({"backFields": []})),
        ("/pass/coupon", json!({})),
        ("/pass/posterGeneric", json!({})),
        ("/pass/userInfo", json!({"a": [1]})),
        ("/pass/userInfo", json!("text")),
        (
            "/pass/beacons",
            json!([{"proximityUUID": "F8F589E9-C07E-48B0-AEAB-A36BE4D0B2D6", "major": 70_000}]),
        ),
        ("/pass/nfc", json!({"message": "1"})),
        ("/pass/description", json!(null)),
        ("/pass/serialNumber", json!("another")),
        ("/pass/aKeyOfNextYear", json!([null])),
        ("/pass/aKeyOfNextYear", json!(true)),
    ]
}

fn write(row: &mut Value, pointer: &str, value: Value) {
    let parts: Vec<&str> = pointer.splitn(3, '/').skip(1).collect();
    match parts.as_slice() {
        [attribute, key] => row[*attribute][*key] = value,
        [attribute] => row[*attribute] = value,
        _ => panic!("{pointer}"),
    }
}

#[tokio::test]
async fn the_pass_in_service_is_one_that_phones_take_or_a_problem_names_an_attribute() {
    let bench = Workbench::start().await;
    put_asset(&bench, "any/good.png", &seed::templates::loyalty()["icon.png"]);
    bench.card("A", 1).await;
    let mut random = fastrand::Rng::with_seed(9);
    let entries = entries();
    let (mut published, mut refused) = (0, 0);
    for _ in 0..300 {
        let mut row = json!({"template": "loyalty", "fields": {}, "pass": {}, "images": {}});
        for _ in 0..random.usize(1..4) {
            let (pointer, value) = entries[random.usize(..entries.len())].clone();
            write(&mut row, pointer, value);
        }
        let before = bench.revision("A").await.number;
        bench.backend.put(LOYALTY, "A", row.clone()).await;
        let report = bench.publish("A").await.unwrap();
        let note = noted(&bench, "A").await;
        match report.outcome {
            PublishOutcome::Refused { problem, serving, .. } => {
                refused += 1;
                assert_eq!(serving, Some(before), "the last good revision is served");
                assert_eq!(note, Some((problem.kind.label().into(), problem.sentence.clone())));
                for sentence in problem.sentence.split("; ").filter(|part| part.contains(": ")) {
                    let name = sentence.split(['.', ':', '[', ',']).next().unwrap();
                    if ATTRIBUTES.iter().any(|(attribute, _)| *attribute == name) {
                        assert!(row.get(name).is_some(), "{row}: {sentence}");
                    }
                }
                let first = problem.sentence.split(['.', ':', '[', ',']).next().unwrap();
                assert!(row.get(first).is_some(), "{row}: {}", problem.sentence);
            }
            PublishOutcome::Published(_) | PublishOutcome::Unchanged(_) => {
                published += 1;
                let kind = note.map(|(kind, _)| kind);
                assert_eq!(
                    kind,
                    report.notice.map(|notice| notice.kind.label().to_owned()),
                    "{row}"
                );
                assert!(kind.is_none_or(|kind| kind == ProblemKind::Warning.label()), "{row}");
            }
            other => panic!("{other:?}"),
        }
        let found = check(&pass_json(&bench, "A").await, &Context::default());
        assert!(
            found.iter().all(|finding| finding.verdict() == Verdict::Warn),
            "{row}: {found:?}"
        );
    }
    assert!(
        published > 60 && refused > 60,
        "{published} published, {refused} refused"
    );
}
