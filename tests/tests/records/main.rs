//! From record to revision: what counts as a change, what is refused, and how it heals.

mod any_row;
mod verdicts;

use std::path::PathBuf;

use passes::problem::ProblemKind;
use passes::publish::{PublishOutcome, PublishReport};
use serde_json::{Value, json};
use tests::workbench::key;
use tests::{LOYALTY, Workbench};

async fn pass_json(bench: &Workbench, serial: &str) -> Value {
    serde_json::from_slice(&bench.revision(serial).await.pass_json).unwrap()
}

fn refused(report: PublishReport) -> (ProblemKind, String, Option<u64>) {
    match report.outcome {
        PublishOutcome::Refused { problem, serving, .. } => {
            (problem.kind, problem.sentence, serving.map(|revision| revision.value()))
        }
        other => panic!("{other:?}"),
    }
}

/// Kind and sentence of the noted problem, if any.
async fn noted(bench: &Workbench, serial: &str) -> Option<(String, String)> {
    let item = bench.item(&format!("PASS#{LOYALTY}#{serial}"), "PROBLEM").await?;
    let text = |name: &str| item[name].as_s().unwrap().clone();
    Some((text("kind"), text("sentence")))
}

#[tokio::test]
async fn a_record_that_cannot_be_published_keeps_its_last_good_pass_and_heals() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    let good = bench.revision("A").await.number;
    bench.backend.set_field(LOYALTY, "A", "points", json!(5)).await;
    let (kind, sentence, serving) = refused(bench.publish("A").await.unwrap());
    assert_eq!(kind, ProblemKind::FieldUnknown);
    assert!(
        sentence.starts_with("fields.points: the template has no field with this key; it has "),
        "{sentence}"
    );
    assert_eq!(serving, Some(good.value()));
    assert_eq!(bench.revision("A").await.number, good);
    assert!(bench.pushes.sent().is_empty());
    assert_eq!(noted(&bench, "A").await, Some(("field-unknown".into(), sentence)));
    // Another fault replaces the note.
    bench.backend.put(LOYALTY, "A", json!({"fields": {"balance": 2}})).await;
    refused(bench.publish("A").await.unwrap());
    assert_eq!(noted(&bench, "A").await.unwrap().0, "template-missing");
    // Mended, it goes on, and the note is gone.
    bench.write_balance("A", 2).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
    assert_eq!(noted(&bench, "A").await, None);
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn a_record_that_goes_back_to_what_is_published_clears_its_note() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.backend.set_field(LOYALTY, "A", "points", json!(5)).await;
    refused(bench.publish("A").await.unwrap());
    bench.write_balance("A", 1).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Unchanged(_)
    ));
    assert_eq!(noted(&bench, "A").await, None);
}

#[tokio::test]
async fn devices_that_fell_behind_catch_up_while_the_record_is_broken() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("BatchGetItem", "TEMPLATE#", "AccessDeniedException");
    tapped.publish("A").await.unwrap_err();
    bench.backend.set_field(LOYALTY, "A", "points", json!(5)).await;
    let report = bench.publish("A").await.unwrap();
    assert_eq!(report.fan_out.pushed, 1);
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn what_cannot_become_a_pass_is_refused_with_the_attribute_and_the_fix() {
    let bench = Workbench::start().await;
    for (record, kind, words) in [
        (
            json!({}),
            ProblemKind::TemplateMissing,
            "template: is missing; set it to the id",
        ),
        (
            json!({"template": "gone"}),
            ProblemKind::TemplateUnknown,
            "template: no template of this id has been published",
        ),
        (
            json!({"template": "loyalty", "fields": [1]}),
            ProblemKind::AttributeType,
            "fields: must be a map (M)",
        ),
        (
            json!({"template": "loyalty", "pass": {"storeCard": {"backFields": []}}}),
            ProblemKind::PatchTouchesFields,
            "pass.storeCard: may not change backFields",
        ),
        (
            json!({"template": "loyalty", "pass": {"expirationDate": "2026-11-21T10:00:00"}}),
            ProblemKind::WalletWouldRefuse,
            "pass.expirationDate: it has no time zone",
        ),
        (
            json!({"template": "loyalty", "images": {"thumbnail.png": "nowhere.png"}}),
            ProblemKind::Image,
            "images.thumbnail.png: there is no object of this key",
        ),
        (
            json!({"template": "loyalty", "authenticationToken": "short"}),
            ProblemKind::AttributeType,
            "authenticationToken: must have at least 16 characters",
        ),
    ] {
        bench.backend.put(LOYALTY, "A", record.clone()).await;
        let (found, sentence, serving) = refused(bench.publish("A").await.unwrap());
        assert_eq!((found, serving), (kind, None), "{record}");
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[tokio::test]
async fn a_pass_type_without_certificate_is_named() {
    let bench = Workbench::start().await;
    let foreign = passes::ids::PassKey::parse("pass.com.example.other", "A").unwrap();
    bench
        .backend
        .put("pass.com.example.other", "A", json!({"template": "loyalty"}))
        .await;
    let report = bench.publish_key(&foreign).await.unwrap();
    let (kind, sentence, _) = refused(report);
    assert_eq!(kind, ProblemKind::Certificate);
    assert_eq!(
        sentence,
        "passTypeIdentifier: there is no certificate for pass.com.example.other; store it with its intermediate as secret \
         `pass-types/pass.com.example.other/certificate.pem`"
    );
}

#[tokio::test]
async fn only_what_a_person_sees_is_a_change() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let first = bench.revision("A").await.number;
    for (name, value) in [
        ("internal", json!("x")),
        ("updateUrgency", json!("relaxed")),
        ("pass", json!({})),
        ("images", json!({})),
    ] {
        bench.backend.set(LOYALTY, "A", name, value).await;
        let outcome = bench.publish("A").await.unwrap().outcome;
        assert_eq!(outcome, PublishOutcome::Unchanged(first), "{name}");
    }
    bench
        .backend
        .set(LOYALTY, "A", "pass", json!({"userInfo": {"n": 1}}))
        .await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
}

#[tokio::test]
async fn the_token_is_derived_once_and_then_stays() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let token = bench.revision("A").await.token;
    assert_eq!(pass_json(&bench, "A").await["authenticationToken"], token.expose());
    bench
        .backend
        .set(LOYALTY, "A", "authenticationToken", json!("a-token-from-elsewhere"))
        .await;
    bench.backend.set_field(LOYALTY, "A", "balance", json!(2)).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
    assert!(
        bench.revision("A").await.token.matches(&token),
        "installed passes go on using it"
    );
    assert_eq!(noted(&bench, "A").await.unwrap().0, "token-changed");
    let notice = bench.publish("A").await.unwrap().notice.unwrap();
    assert_eq!(
        notice.kind,
        ProblemKind::TokenChanged,
        "said again each time, for the log"
    );
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    assert_eq!(noted(&bench, "A").await, None);
}

#[tokio::test]
async fn a_pass_from_another_system_brings_its_token_along() {
    let bench = Workbench::start().await;
    let record = json!({"template": "loyalty", "authenticationToken": "a-token-from-elsewhere"});
    bench.backend.put(LOYALTY, "A", record).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.revision("A").await.token.expose(), "a-token-from-elsewhere");
    assert_eq!(noted(&bench, "A").await, None);
}

#[tokio::test]
async fn a_deleted_record_voids_its_pass_and_brings_it_back_when_written_again() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let before = bench.revision("A").await;
    bench.backend.delete(LOYALTY, "A").await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
    let voided = pass_json(&bench, "A").await;
    assert_eq!(voided["voided"], true);
    assert_eq!(voided["webServiceURL"], "http://127.0.0.1:8080");
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Unchanged(_)
    ));
    bench.write_balance("A", 1).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
    let back = bench.revision("A").await;
    assert_eq!(back.pass_json, before.pass_json);
    assert!(back.token.matches(&before.token));
    assert!(back.number > before.number);
}

#[tokio::test]
async fn a_record_deleted_before_it_was_ever_published_leaves_nothing() {
    let bench = Workbench::start().await;
    bench.backend.put(LOYALTY, "A", json!({})).await;
    refused(bench.publish("A").await.unwrap());
    bench.backend.delete(LOYALTY, "A").await;
    assert_eq!(bench.publish("A").await.unwrap().outcome, PublishOutcome::Nothing);
    assert_eq!(noted(&bench, "A").await, None);
}

#[tokio::test]
async fn a_new_version_of_the_template_reaches_its_passes_and_an_equal_one_does_not() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let first = bench.revision("A").await;
    bench.point_template("loyalty", &first.template.version, 2).await;
    let outcome = bench.publish("A").await.unwrap().outcome;
    assert_eq!(
        outcome,
        PublishOutcome::Unchanged(first.number),
        "the pointer moved to the same files"
    );

    let mut files = seed::templates::loyalty();
    let mut skeleton: Value = serde_json::from_slice(&files["pass.json"]).unwrap();
    skeleton["description"] = json!("A new description");
    files.insert("pass.json".into(), skeleton.to_string().into_bytes());
    let template = pkpass::Template::from_files(files).unwrap();
    let bundle = bench
        .templates_dir()
        .join("loyalty")
        .join(format!("{}.zip", template.version()));
    std::fs::write(bundle, template.to_bundle()).unwrap();
    bench.point_template("loyalty", template.version(), 3).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
    assert_eq!(pass_json(&bench, "A").await["description"], "A new description");
    assert_eq!(bench.revision("A").await.template.seq, 3);
}

/// Puts an image under this key into the assets folder.
fn put_asset(bench: &Workbench, name: &str, drawing: &[u8]) -> PathBuf {
    let path = bench.assets_dir().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, drawing).unwrap();
    path
}

#[tokio::test]
async fn an_image_keeps_the_bytes_it_was_published_with_until_the_record_names_another() {
    let bench = Workbench::start().await;
    let files = seed::templates::loyalty();
    let (one, two) = (&files["icon.png"], &files["logo.png"]);
    put_asset(&bench, "pinned/1.png", one);
    let record = |key: &str| json!({"template": "loyalty", "images": {"thumbnail.png": key}});
    bench.backend.put(LOYALTY, "A", record("pinned/1.png")).await;
    bench.publish("A").await.unwrap();
    let first = bench.revision("A").await;
    assert_eq!(bench.package_file("A", "thumbnail.png").await.as_ref(), Some(one));

    put_asset(&bench, "pinned/1.png", two);
    let outcome = bench.publish("A").await.unwrap().outcome;
    assert_eq!(
        outcome,
        PublishOutcome::Unchanged(first.number),
        "overwriting changes nothing"
    );
    assert_eq!(
        bench.package_file("A", "thumbnail.png").await.as_ref(),
        Some(one),
        "the pinned bytes are served"
    );

    put_asset(&bench, "pinned/2.png", two);
    bench.backend.put(LOYALTY, "A", record("pinned/2.png")).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
    assert_eq!(bench.package_file("A", "thumbnail.png").await.as_ref(), Some(two));
}

#[tokio::test]
async fn a_pass_json_too_large_to_be_kept_is_refused_and_bricks_nothing() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    // 100 KB in the table, 600 KB as JSON.
    bench
        .backend
        .set_field(LOYALTY, "A", "terms", json!("\u{1}".repeat(100_000)))
        .await;
    let (kind, sentence, serving) = refused(bench.publish("A").await.unwrap());
    assert_eq!(kind, ProblemKind::WalletWouldRefuse);
    assert!(
        sentence.starts_with("fields: pass.json has 60") && serving.is_some(),
        "{sentence}"
    );
    bench.write_balance("A", 2).await;
    assert!(matches!(
        bench.publish("A").await.unwrap().outcome,
        PublishOutcome::Published(_)
    ));
}

#[tokio::test]
async fn a_pass_too_large_to_be_sent_is_refused_before_it_takes_the_place_of_one_that_is_not() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let good = bench.revision("A").await.number;
    put_asset(&bench, "large/1.png", &verdicts::large_png(4_800_000));
    let record = json!({"template": "loyalty", "images": {"thumbnail.png": "large/1.png"}});
    bench.backend.put(LOYALTY, "A", record).await;
    let (kind, sentence, serving) = refused(bench.publish("A").await.unwrap());
    assert_eq!((kind, serving), (ProblemKind::Image, Some(good.value())));
    assert!(sentence.contains("at most 4702208 can be sent"), "{sentence}");
}

#[tokio::test]
async fn an_image_that_is_no_png_is_refused() {
    let bench = Workbench::start().await;
    put_asset(&bench, "broken/1.png", b"GIF89a");
    let record = json!({"template": "loyalty", "images": {"thumbnail.png": "broken/1.png"}});
    bench.backend.put(LOYALTY, "A", record).await;
    let (kind, sentence, _) = refused(bench.publish("A").await.unwrap());
    assert_eq!(kind, ProblemKind::Image);
    assert!(sentence.starts_with("images.thumbnail.png: "), "{sentence}");
}

#[tokio::test]
async fn a_template_whose_file_is_missing_is_a_fault_of_ours_and_not_of_the_record() {
    let bench = Workbench::start().await;
    bench.point_template("loyalty", &"0".repeat(64), 2).await;
    bench.write_balance("A", 1).await;
    let error = bench.publish("A").await.unwrap_err();
    assert!(
        error.to_string().contains("is published but its file is missing"),
        "{error}"
    );
    assert_eq!(noted(&bench, "A").await, None);
    assert!(
        passes::ports::ReadRevision::revision(&bench.registry, &key("A"))
            .await
            .unwrap()
            .is_none()
    );
}
