//! `livepass deletions` against a real `livepass dev`.

use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::process::{Dev, Ports, livepass};

fn deletions(dir: &Path, arguments: &[&str]) -> String {
    let mut command = livepass();
    command.arg("deletions").args(arguments).arg("--dir").arg(dir);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(dir: &Path, command: &str) -> Value {
    serde_json::from_str(&deletions(dir, &[command, "--format", "json"])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_told_and_released() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    assert_eq!(
        deletions(dir.path(), &["status"]),
        format!("deletions of {place} are not paused.\n")
    );
    assert_eq!(
        deletions(dir.path(), &["release"]),
        format!("deletions of {place} are not paused; nothing to do.\n")
    );

    // As publish-changes writes it.
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    let numbers = [
        ("hour", 1_795_250_000_u64),
        ("count", 1000),
        ("paused_at", 1_795_253_400),
    ];
    let mut put = client
        .put_item()
        .table_name(&endpoints.registry_table)
        .item("PK", AttributeValue::S("DELETIONS".into()))
        .item("SK", AttributeValue::S("DELETIONS".into()));
    for (name, number) in numbers {
        put = put.item(name, AttributeValue::N(number.to_string()));
    }
    put.send().await.unwrap();
    assert_eq!(
        deletions(dir.path(), &["status"]),
        format!(
            "deletions of {place} are paused since 2026-11-21T09:30:00Z.\n\
             Write the rows again, or void their passes: livepass deletions release --dir {place}\n  \
             counted        1000 in the hour from 2026-11-21T08:33:20Z\n"
        )
    );
    assert_eq!(
        json_of(dir.path(), "release"),
        json!({"released": true, "paused_at": "2026-11-21T09:30:00Z", "place": place})
    );
    let after = json_of(dir.path(), "status");
    assert_eq!(
        (&after["paused_at"], &after["deletions_in_hour"]),
        (&Value::Null, &Value::Null)
    );
    assert!(after["released_at"].is_string(), "{after}");
    assert!(dev.stop().0);
}
