//! `livepass template` against a real `livepass dev`.

use std::fs;
use std::path::Path;
use std::process::Output;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

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
    for (path, mut content) in seed::templates::loyalty() {
        if path == "pass.json" {
            let mut pass: serde_json::Value = serde_json::from_slice(&content).unwrap();
            pass["description"] = "Another card".into();
            content = pass.to_string().into_bytes();
        }
        let path = dir.join("card").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir.join("card").display().to_string()
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
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let fields = AttributeValue::M([("no-such-field".to_owned(), text("1"))].into());
    stack::dynamodb_client(&endpoints.dynamodb_endpoint)
        .await
        .put_item()
        .table_name(&endpoints.passes_table)
        .item("serialNumber", text("WRONG-1"))
        .item("passTypeIdentifier", text("pass.com.example.loyalty"))
        .item("template", text("loyalty"))
        .item("fields", fields)
        .send()
        .await
        .unwrap();
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
