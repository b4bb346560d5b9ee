//! `livepass trigger` against a real `livepass dev`.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use aws::dynamodb::Registry;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::ports::CountDeletions as _;
use serde_json::{Value, json};
use situations::Situation;
use stack::Endpoints;

use crate::process::{Dev, Ports, assert_in_order, livepass, shell, told};

/// What of any situation is in the tables.
async fn left(endpoints: &Endpoints) -> Vec<HashMap<String, AttributeValue>> {
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    let mut left = Vec::new();
    for table in [&endpoints.passes_table, &endpoints.registry_table] {
        let items = client.scan().table_name(table).send().await.unwrap().items;
        let of_a_situation = |item: &HashMap<_, _>| format!("{item:?}").to_uppercase().contains("TRIGGER-");
        left.extend(items.unwrap_or_default().into_iter().filter(of_a_situation));
    }
    left
}

async fn ahead_ms(endpoints: &Endpoints) -> i64 {
    let clock = reqwest::get(format!("{}/clock", endpoints.control_url)).await.unwrap();
    let clock: Value = clock.json().await.unwrap();
    clock["ahead_ms"].as_i64().unwrap()
}

/// The count of deletions, as the stack has it.
async fn count_deletions(endpoints: &Endpoints, numbers: &[(&str, u64)]) {
    let mut put = stack::dynamodb_client(&endpoints.dynamodb_endpoint)
        .await
        .put_item()
        .table_name(&endpoints.registry_table)
        .item("PK", AttributeValue::S("DELETIONS".into()))
        .item("SK", AttributeValue::S("DELETIONS".into()));
    for (name, number) in numbers {
        put = put.item(*name, AttributeValue::N(number.to_string()));
    }
    put.send().await.unwrap();
}

/// SIGKILL, once it has told of this.
fn killed_at(dir: &Path, situation: &str, told: &str) {
    let mut trigger = livepass();
    trigger.args(["trigger", situation, "--dir"]).arg(dir);
    let mut child = trigger.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains(told)),
        "{situation} ends before {told:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_situation_has_left_is_taken_back_before_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let registry = Registry::new(
        stack::dynamodb_client(&endpoints.dynamodb_endpoint).await,
        &endpoints.registry_table,
    );
    count_deletions(&endpoints, &[("hour", 1_795_250_000), ("count", 7)]).await;
    let before = registry.deletions().await.unwrap();
    for (situation, told) in [
        // APNs is out, and the clock ahead.
        ("apns-outage", "clock    5 min on"),
        // Deletions are paused.
        ("deletion-burst", "is as it was"),
        // A template is published, and its files stored.
        ("template-rolled-back", "designer -> template rollback"),
    ] {
        killed_at(dir.path(), situation, told);
        assert!(!left(&endpoints).await.is_empty(), "{situation}");
        let story = told_by(dir.path(), "redelivered-records");
        assert!(
            story.starts_with("\nWhat an earlier situation has left is taken back: TRIGGER-"),
            "{story}"
        );
        let left = left(&endpoints).await;
        assert!(left.is_empty(), "{situation}: {left:?}");
        assert_eq!(ahead_ms(&endpoints).await, 0, "{situation}");
        assert_eq!(registry.deletions().await.unwrap(), before, "{situation}");
    }
    assert!(!told_by(dir.path(), "redelivered-records").contains("earlier situation"));
    let templates: Vec<_> = std::fs::read_dir(dir.path().join("templates"))
        .unwrap()
        .flatten()
        .collect();
    assert!(
        !templates
            .iter()
            .any(|id| id.file_name().to_string_lossy().starts_with("trigger-"))
    );
    assert!(dev.stop().0);
}

fn told_by(dir: &Path, situation: &str) -> String {
    told(livepass().args(["trigger", situation, "--dir"]).arg(dir))
}

/// Whoever set it would find it taken back, or lose what a pause holds.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_set_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let client = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", endpoints.control_url);
    let refused = |situation: &str| {
        let output = livepass()
            .args(["trigger", situation, "--dir"])
            .arg(dir.path())
            .output();
        let output = output.unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let set = async |path: &str, body: Value| client.post(url(path)).json(&body).send().await.unwrap();
    for (path, body, named) in [
        (
            "/apns",
            json!({"device_token": "*", "status": 503}),
            "APNs answers all pushes",
        ),
        ("/apns/pause", json!(null), "APNs answers no push"),
        (
            "/apns/provider-tokens",
            json!({"expired_before": 7}),
            "APNs calls provider tokens",
        ),
        (
            "/dynamodb",
            json!({"fault": "crash", "mentions": "NOBODY"}),
            "calls of this stack to DynamoDB",
        ),
    ] {
        set(path, body).await;
        let sentence = refused("lost-push");
        assert!(sentence.starts_with(&format!("error: {named}")), "{sentence}");
        assert_eq!(refused("lost-push"), sentence, "it still stands");
        let back = shell(sentence.lines().last().unwrap());
        assert!(back.status.success(), "{sentence}");
    }
    count_deletions(&endpoints, &[("paused_at", 1_795_253_400)]).await;
    let sentence = refused("deletion-burst");
    assert!(
        sentence.contains("are paused, and this situation would release them"),
        "{sentence}"
    );
    told_by(dir.path(), "lost-push");
    assert_eq!(refused("deletion-burst"), sentence, "it still stands");
    assert!(dev.stop().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_situation_to_which_nobody_listens_any_more_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let (reader, writer) = std::io::pipe().unwrap();
    let mut trigger = livepass();
    trigger.args(["trigger", "apns-outage", "--dir"]).arg(dir.path());
    let child = trigger.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(trigger);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("503 ServiceUnavailable")));
    drop(lines);
    let ended = child.wait_with_output().unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(
        words,
        "error: interrupted; the faults are taken back, and the passes deleted\n"
    );
    assert_eq!(ahead_ms(&endpoints).await, 0);
    assert!(left(&endpoints).await.is_empty());
    told_by(dir.path(), "lost-push");
    assert!(dev.stop().0);
}

#[test]
fn a_situation_is_told_on_a_running_stack_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let story = told(livepass().args(["trigger", "lost-push", "--dir"]).arg(dir.path()));
    let parts = [
        "backend -> PutItem TRIGGER-",
        "phone -> POST /v1/devices/",
        "livepass -> APNs push pass.com.example.loyalty   200   lost on the way",
        "clock    60 s on",
        "livepass -> APNs push pass.com.example.loyalty   200\n",
        "balance: 10 -> 20",
        "Healed. The phone shows the newest values",
        "2 of at most 2 pushes",
    ];
    assert_in_order(&story, &parts);

    let output = livepass()
        .args(["trigger", "redelivered-records", "--format", "json", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        line,
        serde_json::json!({"situation": "redelivered-records", "phones": 1, "pushes": 1, "most_pushes": 1,
            "updates": 1, "turned_seconds": 0})
    );

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let left = runtime.block_on(left(&endpoints));
    assert_eq!(runtime.block_on(ahead_ms(&endpoints)), 0, "the clock is turned back");
    assert!(left.is_empty(), "{left:?}");
    assert!(dev.stop().0);
}

#[test]
fn situations_are_listed_and_a_stack_that_does_not_run_is_named() {
    let listed = |arguments: &[&str]| {
        let output = livepass().arg("trigger").args(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let list = listed(&["--list"]);
    assert_eq!(list, listed(&[]));
    assert_eq!(list.lines().count(), Situation::ALL.len());
    let json: Vec<serde_json::Value> = serde_json::from_str(&listed(&["--list", "--format", "json"])).unwrap();
    for ((situation, line), object) in Situation::ALL.iter().zip(list.lines()).zip(&json) {
        assert!(
            line.starts_with(situation.name()) && line.ends_with(situation.sentence()),
            "{line}"
        );
        assert_eq!(object["name"], situation.name());
    }

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let fails = |situation: &str| {
        let output = livepass().args(["trigger", situation, "--dir", path]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        fails("lost-push"),
        format!("error: no stack has been started in {path}; run `livepass dev --dir {path}` first\n")
    );
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    assert!(dev.stop().0);
    assert_eq!(
        fails("lost-push"),
        format!(
            "error: no stack runs in {path}: nobody answers at {}; start it with `livepass dev --dir {path}`\n",
            endpoints.control_url
        )
    );
    assert!(fails("no-such").contains("no situation is called `no-such`"));
}
