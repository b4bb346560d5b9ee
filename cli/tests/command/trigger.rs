use situations::Situation;

use crate::process::{Dev, Ports, assert_in_order, livepass, told};

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

    let left = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
        let mut left = Vec::new();
        for table in [&endpoints.passes_table, &endpoints.registry_table] {
            let items = client
                .scan()
                .table_name(table)
                .send()
                .await
                .unwrap()
                .items
                .unwrap_or_default();
            left.extend(
                items
                    .into_iter()
                    .filter(|item| format!("{item:?}").contains("TRIGGER-")),
            );
        }
        let clock = reqwest::get(format!("{}/clock", endpoints.control_url)).await.unwrap();
        let clock: serde_json::Value = clock.json().await.unwrap();
        assert_eq!(clock["ahead_ms"], 0, "the clock is turned back");
        left
    });
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
