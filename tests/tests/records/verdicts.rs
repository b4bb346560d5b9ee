//! What is refused leaves the last good pass in service and a note in the row's words; what is
//! warned of is published with one.

use passes::problem::ProblemKind;
use passes::publish::PublishOutcome;
use serde_json::{Value, json};
use tests::{LOYALTY, Workbench};

use crate::{noted, pass_json, put_asset, refused};

fn card(more: Value) -> Value {
    let mut row = json!({"template": "loyalty", "fields": {"balance": 1}});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

/// A PNG of about this many bytes: those in a chunk that nobody knows are passed over.
pub fn large_png(bytes: usize) -> Vec<u8> {
    let icon = &seed::templates::loyalty()["icon.png"];
    let (head, end) = icon.split_at(icon.len() - 12);
    let length = u32::try_from(bytes).unwrap().to_be_bytes();
    let chunk = [&length[..], b"filL", &vec![0; bytes], &[0; 4]].concat();
    [head, &chunk, end].concat()
}

#[tokio::test]
async fn a_warning_is_published_noted_and_gone_with_its_cause() {
    let bench = Workbench::start().await;
    bench
        .backend
        .put(LOYALTY, "A", card(json!({"expirationdate": "2030-01-01T00:00Z"})))
        .await;
    let report = bench.publish("A").await.unwrap();
    assert!(matches!(report.outcome, PublishOutcome::Published(_)), "{report:?}");
    assert_eq!(report.notice.unwrap().kind, ProblemKind::Warning);
    let sentence = "expirationdate: is not read by livepass; write expirationDate if that is meant";
    assert_eq!(noted(&bench, "A").await, Some(("warning".into(), sentence.into())));
    bench
        .backend
        .put(LOYALTY, "A", card(json!({"expirationDate": "2030-01-01T00:00Z"})))
        .await;
    bench.publish("A").await.unwrap();
    assert_eq!(noted(&bench, "A").await, None);
    assert_eq!(pass_json(&bench, "A").await["expirationDate"], "2030-01-01T00:00Z");
}

#[tokio::test]
async fn a_first_publish_that_is_expired_already_is_warned_of_until_it_is_mended() {
    let bench = Workbench::start().await;
    let write = async |serial: &str, expires: &str| {
        let row = json!({"template": "loyalty", "fields": {"balance": 1}, "expirationDate": expires});
        bench.backend.put(LOYALTY, serial, row).await;
        bench.publish(serial).await.unwrap().notice
    };
    let notice = write("A", "2020-01-01T00:00Z").await.unwrap();
    assert!(
        notice.sentence.starts_with("expirationDate: it is in the past"),
        "{notice}"
    );
    assert_eq!(
        bench.publish("A").await.unwrap().notice,
        Some(notice),
        "the same row once more"
    );
    assert_eq!(write("A", "2030-01-01T00:00Z").await, None);
    // What expires later is meant to.
    assert_eq!(write("A", "2020-01-01T00:00Z").await, None);
    assert_eq!(noted(&bench, "A").await, None);
}

#[tokio::test]
async fn all_faults_of_a_row_are_told_at_once_whatever_they_concern() {
    let bench = Workbench::start().await;
    put_asset(&bench, "broken/2.png", b"GIF89a");
    let row = card(json!({
        "updateUrgency": "soon",
        "fields": {"points": 1, "balance": {"value": 1, "label": 2026}},
        "pass": {"labelColor": "red"},
        "images": {"strip2x.png": "broken/2.png", "logo.png": "broken/2.png", "thumbnail.png": "nowhere.png"},
        "authenticationToken": "short",
    }));
    bench.backend.put(LOYALTY, "A", row).await;
    let (kind, sentence, _) = refused(bench.publish("A").await.unwrap());
    assert_eq!(kind, ProblemKind::AttributeType, "the kind of the first");
    let starts: Vec<&str> = sentence
        .split("; ")
        .map(|part| part.split(": ").next().unwrap())
        .collect();
    for name in [
        "updateUrgency",
        "images.strip2x.png",
        "images.logo.png",
        "images.thumbnail.png",
        "authenticationToken",
        "fields.points",
        "fields.balance.label",
        "pass.labelColor",
    ] {
        assert!(starts.contains(&name), "{name}: {sentence}");
    }
    assert!(
        !sentence.contains("broken/2.png") && !sentence.contains("short"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_token_that_has_changed_is_told_beside_a_fault() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let row = card(json!({"authenticationToken": "a-token-from-elsewhere", "fields": {"balance": "many"}}));
    bench.backend.put(LOYALTY, "A", row).await;
    let (kind, sentence, _) = refused(bench.publish("A").await.unwrap());
    assert_eq!(kind, ProblemKind::WalletWouldRefuse);
    assert!(sentence.starts_with("fields.balance: "), "{sentence}");
    assert!(
        sentence.contains("; authenticationToken: differs from the token"),
        "{sentence}"
    );
}

#[tokio::test]
async fn an_image_that_is_not_there_yet_asks_for_another_look_and_heals() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let good = bench.revision("A").await;
    bench
        .backend
        .put(LOYALTY, "A", card(json!({"images": {"thumbnail.png": "late/1.png"}})))
        .await;
    let report = bench.publish("A").await.unwrap();
    assert!(
        matches!(report.outcome, PublishOutcome::Refused { look_again: true, .. }),
        "{report:?}"
    );
    assert_eq!(noted(&bench, "A").await.unwrap().0, "image");
    assert_eq!(
        bench.revision("A").await.number,
        good.number,
        "the last good pass stays"
    );
    put_asset(&bench, "late/1.png", &seed::templates::loyalty()["icon.png"]);
    let report = bench.publish("A").await.unwrap();
    assert!(matches!(report.outcome, PublishOutcome::Published(_)), "{report:?}");
    assert_eq!(noted(&bench, "A").await, None);
}

/// One that can never be read is no reason to look again, nor an error that is repeated.
#[tokio::test]
async fn an_image_that_is_too_large_to_be_read_is_a_fault_of_the_row() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    put_asset(&bench, "huge/1.png", &large_png(7_000_000));
    bench
        .backend
        .put(LOYALTY, "A", card(json!({"images": {"thumbnail.png": "huge/1.png"}})))
        .await;
    let report = bench.publish("A").await.unwrap();
    let PublishOutcome::Refused {
        problem, look_again, ..
    } = report.outcome
    else {
        panic!("{report:?}");
    };
    assert_eq!((problem.kind, look_again), (ProblemKind::Image, false));
    assert!(
        problem
            .sentence
            .starts_with("images.thumbnail.png: it is larger than a package"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_image_of_a_row_takes_the_place_of_every_scale_and_language() {
    let bench = Workbench::start().await;
    let files = seed::templates::loyalty();
    let has_scales = files.keys().any(|name| name == "strip@2x.png");
    assert!(has_scales, "the template has a sharper strip");
    put_asset(&bench, "strips/1.png", &files["icon.png"]);
    bench
        .backend
        .put(LOYALTY, "A", card(json!({"images": {"strip.png": "strips/1.png"}})))
        .await;
    bench.publish("A").await.unwrap();
    assert_eq!(
        bench.package_file("A", "strip.png").await.as_ref(),
        Some(&files["icon.png"])
    );
    assert_eq!(bench.package_file("A", "strip@2x.png").await, None);
    assert_eq!(bench.package_file("A", "strip@3x.png").await, None);
}

#[tokio::test]
async fn nfc_is_refused_by_name_with_an_ordinary_certificate() {
    let bench = Workbench::start().await;
    bench
        .backend
        .put(LOYALTY, "A", card(json!({"pass": {"nfc": {"message": "1"}}})))
        .await;
    let (kind, sentence, _) = refused(bench.publish("A").await.unwrap());
    assert_eq!(kind, ProblemKind::WalletWouldRefuse);
    assert!(
        sentence.starts_with("pass.nfc: the certificate of this pass type is not one for NFC"),
        "{sentence}"
    );
}

#[tokio::test]
async fn voiding_recoding_and_expiring_leave_the_rest_of_the_pass() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let before = pass_json(&bench, "A").await;
    for (name, value) in [
        ("voided", json!(true)),
        ("barcodeMessage", json!("4711")),
        ("expirationDate", json!("2030-12-31T23:59:59+01:00")),
    ] {
        bench.backend.set(LOYALTY, "A", name, value).await;
    }
    bench.publish("A").await.unwrap();
    let mut expected = before;
    expected["voided"] = json!(true);
    expected["barcodes"][0]["message"] = json!("4711");
    expected["expirationDate"] = json!("2030-12-31T23:59:59+01:00");
    assert_eq!(pass_json(&bench, "A").await, expected);
}
