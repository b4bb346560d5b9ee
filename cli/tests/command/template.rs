//! `livepass template` against a real `livepass dev`.

use std::fs;
use std::path::Path;
use std::process::Output;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use stack::Endpoints;

use crate::process::{Dev, Ports, livepass};

fn template(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = livepass();
    command.arg("template").args(arguments).arg("--dir").arg(dir);
    command.output().unwrap()
}

#[track_caller]
fn accepted(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(output: Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// The demo's loyalty template as a folder, with another description.
fn another_card(dir: &Path) -> String {
    card(dir, |pass| pass["description"] = "Another card".into())
}

/// The demo's loyalty template as a folder, changed.
fn card(dir: &Path, change: impl Fn(&mut serde_json::Value)) -> String {
    for (path, mut content) in seed::templates::loyalty() {
        if path == "pass.json" {
            let mut pass: serde_json::Value = serde_json::from_slice(&content).unwrap();
            change(&mut pass);
            content = pass.to_string().into_bytes();
        }
        let path = dir.join("card").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir.join("card").display().to_string()
}

/// Takes a field out of a group.
fn take(pass: &mut serde_json::Value, group: &str, key: &str) -> serde_json::Value {
    let fields = pass["storeCard"][group].as_array_mut().unwrap();
    let at = fields.iter().position(|field| field["key"] == key).unwrap();
    fields.remove(at)
}

/// Writes a row of the loyalty template.
async fn write_row(endpoints: &Endpoints, serial: &str, template: &str, fields: AttributeValue) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    stack::dynamodb_client(&endpoints.dynamodb_endpoint)
        .await
        .put_item()
        .table_name(&endpoints.passes_table)
        .item("serialNumber", text(serial))
        .item("passTypeIdentifier", text("pass.com.example.loyalty"))
        .item("template", text(template))
        .item("fields", fields)
        .send()
        .await
        .unwrap();
}

/// A map with these entries.
fn fields<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

/// The published version's number.
fn change(dir: &Path) -> u64 {
    let said = accepted(template(dir, &["status", "--id", "loyalty", "--format", "json"]));
    let status: serde_json::Value = serde_json::from_str(&said).unwrap();
    status["change"].as_u64().unwrap()
}

/// SweepQueue as one that takes nothing.
fn broken_queue(dir: &Path) {
    let queue = stack::queue_folder(dir, "SweepQueue");
    let _ = fs::rename(&queue, queue.with_extension("aside"));
    fs::write(queue, "").unwrap();
}

fn mended_queue(dir: &Path) {
    let queue = stack::queue_folder(dir, "SweepQueue");
    fs::remove_file(&queue).unwrap();
    let _ = fs::rename(queue.with_extension("aside"), queue);
}

#[test]
fn a_put_whose_passes_were_not_told_says_so_and_put_again_tells_them() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, _) = Dev::ready(dir.path(), &Ports::free());
    let card = another_card(dir.path());
    broken_queue(dir.path());
    let said = refused(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    assert!(
        said.contains("(change 2), but its passes were not told to follow:\n"),
        "{said}"
    );
    assert!(
        said.ends_with("\nOnce that is mended, put the same files again.\n"),
        "{said}"
    );
    let waiting = template(dir.path(), &["status", "--id", "loyalty", "--wait", "--patience", "1"]);
    assert_eq!(
        refused(waiting),
        "error: nothing has moved for 1 s: 0 followed so far; 0 of 16 segments of the table are done\nWhat holds a \
         sweep up: docs/runbook.md, \"sweeps-wait\" and \"sweeps-given-up\".\n"
    );
    mended_queue(dir.path());
    let said = accepted(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    assert!(
        said.contains("already") && said.contains("so these are told again."),
        "{said}"
    );
    accepted(template(dir.path(), &["status", "--id", "loyalty", "--wait"]));
    let said = accepted(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    assert!(said.ends_with("; nothing to do.\n"), "{said}");
    assert!(dev.stop().0);
}

#[test]
fn a_draft_that_cannot_be_published_is_told_on_the_console_of_dev_with_the_reasons() {
    let dir = tempfile::tempdir().unwrap();
    let (mut dev, _) = Dev::ready(dir.path(), &Ports::free());
    let draft = dir.path().join("drafts/loyalty/pass.json");
    let text = fs::read_to_string(&draft).unwrap();
    fs::write(&draft, text.replace("\"storeCard\"", "\"scoreCard\"")).unwrap();
    let lines = dev.log_until("the upload is no good template");
    let line: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("pass.json style: the pass has none"), "{reason}");
    assert_eq!((&line["level"], &line["template"]), (&"WARN".into(), &"loyalty".into()));
    assert!(dev.stop().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_counts_passes_that_cannot_follow() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let unknown = fields([("no-such-field", AttributeValue::S("1".into()))]);
    write_row(&endpoints, "WRONG-1", "loyalty", unknown).await;
    let card = another_card(dir.path());
    accepted(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    let status = |more: &[&str]| accepted(template(dir.path(), &[&["status", "--id", "loyalty"], more].concat()));
    let line: serde_json::Value = serde_json::from_str(&status(&["--wait", "--format", "json"])).unwrap();
    assert_eq!(
        line["sweep"],
        json!({"passes": 2, "followed": 1, "refused": 1, "handed_over": 0, "segments_finished": 16, "segments": 16})
    );
    let told = status(&[]);
    assert!(
        told.contains("  passes     1 followed\n             1 refused: "),
        "{told}"
    );
    assert!(!told.contains("handed over"), "{told}");
    assert!(dev.stop().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_takes_away_fields_which_rows_write_counts_them_and_asks_for_yes() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let value = || AttributeValue::S("1".into());
    // The demo's own row writes `balance`, `member` and `tier`.
    write_row(&endpoints, "TERMS-1", "loyalty", fields([("terms", value())])).await;
    let both = fields([
        ("terms", fields([("value", value())])),
        ("support", AttributeValue::Null(true)),
    ]);
    write_row(&endpoints, "TERMS-2", "loyalty", both).await;
    // None of these would be refused for the lack of it.
    write_row(&endpoints, "OTHER-1", "ticket", fields([("terms", value())])).await;
    write_row(&endpoints, "SP ACE", "loyalty", fields([("terms", value())])).await;
    write_row(&endpoints, "LIST-1", "loyalty", AttributeValue::L(vec![value()])).await;
    let short = card(dir.path(), |pass| {
        take(pass, "backFields", "terms");
        take(pass, "backFields", "support");
    });
    assert_eq!(
        refused(template(dir.path(), &["put", &short, "--id", "loyalty"])),
        "error: 2 rows write `fields.terms`, which this template no longer has: they would be refused with \
         field-unknown\n1 row writes `fields.support`, which this template no longer has: it would be refused with \
         field-unknown\nNothing was published. Keep the field, or take it out of the rows first; or put with --yes to go \
         ahead: their passes then stay as they are until the rows are mended.\n"
    );
    assert_eq!(change(dir.path()), 1);
    let said = accepted(template(dir.path(), &["put", &short, "--id", "loyalty", "--yes"]));
    assert!(said.contains("(change 2)"), "{said}");
    // These very files are published, so nothing would be taken away.
    let said = accepted(template(dir.path(), &["put", &short, "--id", "loyalty"]));
    assert!(said.contains("with these very files already"), "{said}");
    assert!(dev.stop().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_takes_away_nothing_that_a_row_writes_goes_ahead_without_asking() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let text = AttributeValue::S("1".into());
    write_row(&endpoints, "TERMS-1", "loyalty", fields([("terms", text)])).await;
    // One that no row writes, and one that is moved to the front.
    let moved = card(dir.path(), |pass| {
        take(pass, "backFields", "support");
        let terms = take(pass, "backFields", "terms");
        pass["storeCard"]["auxiliaryFields"] = json!([terms]);
    });
    let said = accepted(template(dir.path(), &["put", &moved, "--id", "loyalty"]));
    assert!(said.contains("(change 2)"), "{said}");
    // A new id has nothing that could be taken away.
    let said = accepted(template(dir.path(), &["put", &moved, "--id", "new"]));
    assert!(said.contains("(change 1)"), "{said}");
    assert!(dev.stop().0);
}

/// Putting a template anew is what mends this.
#[test]
fn a_put_over_a_version_that_cannot_be_read_goes_ahead_and_says_that_it_could_not_look() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, _) = Dev::ready(dir.path(), &Ports::free());
    for entry in fs::read_dir(dir.path().join("templates/loyalty")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let another = another_card(dir.path());
    let output = template(dir.path(), &["put", &another, "--id", "loyalty"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.starts_with("whether fields are taken away is not known, since the published version cannot be read: "),
        "{said}"
    );
    assert!(dev.stop().0);
}

/// Without a stack: a folder alone is judged.
#[test]
fn a_template_is_checked_as_a_row_without_fields_would_use_it() {
    let check = |path: &str, format: &str| {
        let mut command = livepass();
        command
            .args(["template", "check", path, "--format", format])
            .output()
            .unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let open = card(dir.path(), |pass| {
        pass["storeCard"]["primaryFields"][0]
            .as_object_mut()
            .unwrap()
            .remove("value");
        pass["storeCard"]["headerFields"][0]["changeMessage"] = "Your tier has changed".into();
    });
    // A file of Apple's Pass Designer.
    fs::write(dir.path().join("card/tooling.json"), "{}").unwrap();
    let text = accepted(check(&open, "text"));
    for line in [
        "2 warnings; the template can be published with them:",
        "  pass.json storeCard.headerFields[0].changeMessage: it has no %@, so a phone shows a general sentence",
        "  pass.json storeCard.primaryFields[0].value: each row has to bring it: it is missing",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let line: serde_json::Value = serde_json::from_str(&accepted(check(&open, "json"))).unwrap();
    assert_eq!((&line["style"], &line["faults"]), (&json!("storeCard"), &json!([])));
    assert_eq!(
        line["warnings"][0]["path"],
        "pass.json storeCard.primaryFields[0].value"
    );

    let broken = card(dir.path(), |pass| pass["labelColor"] = "red".into());
    let output = check(&broken, "json");
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["faults"][0]["path"], "pass.json labelColor");
    assert!(refused(output).contains("has one fault:"));
}
