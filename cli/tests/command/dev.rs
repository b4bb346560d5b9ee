use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::process::{Dev, Ports, available, livepass, shell};

/// The block between a heading and the next empty line.
fn block_after(text: &str, heading: &str) -> String {
    let after = &text[text
        .find(heading)
        .unwrap_or_else(|| panic!("no {heading:?} in:\n{text}"))..];
    after.split("\n\n").nth(1).expect("a block").to_owned()
}

#[test]
fn what_dev_prints_can_be_copied_and_does_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(dir.path(), &Ports::free(), "text");
    let welcome = dev.lines_until("/pushes\n") + &dev.lines_until("curl -s ");

    let mut phone = livepass()
        .args(["phone", "--once", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(phone.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("waiting for pushes")));

    if available("aws") {
        let change = block_after(&welcome, "2. Change its balance");
        let changed = shell(&change);
        assert!(
            changed.status.success(),
            "{change}\n{}",
            String::from_utf8_lossy(&changed.stderr)
        );
        let rest: Vec<_> = lines.collect();
        assert!(
            rest.iter().any(|line| line.contains("balance: 25 -> 42.5")),
            "{rest:#?}"
        );
        assert!(
            rest.iter().any(|line| line.contains("phone -> DELETE")),
            "it unregisters on leaving: {rest:#?}"
        );
        assert!(phone.wait().unwrap().success());
        let pushes = shell(welcome.lines().last().unwrap());
        let pushes: serde_json::Value = serde_json::from_slice(&pushes.stdout).unwrap();
        assert_eq!(pushes[0]["status"], 200);
        assert_eq!(pushes[0]["body"], r#"{"aps":{}}"#);
    } else {
        phone.kill().unwrap();
        phone.wait().unwrap();
    }

    if available("curl") {
        let curl = block_after(&welcome, "or download it yourself");
        let downloaded = shell(&format!(
            "cd {} && {curl} && unzip -tq demo.pkpass",
            dir.path().display()
        ));
        assert!(downloaded.status.success(), "{curl}");
    }
    assert!(dev.stop().0);
}

#[test]
fn dev_prints_one_json_line_with_all_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let mut dev = Dev::start(dir.path(), &Ports::free(), "json");
    let line: serde_json::Value = serde_json::from_str(&dev.line()).unwrap();
    let mut keys: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "apns_url",
            "control_url",
            "dynamodb_endpoint",
            "passes_table",
            "registry_table",
            "root_certificate",
            "web_service_url"
        ]
    );
    let mut log = dev.log_until("\"published\"");
    let (ended_well, rest) = dev.stop();
    assert!(ended_well);
    log.extend(rest.lines().map(str::to_owned));
    for line in log {
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
    }
}

#[test]
fn one_folder_runs_one_stack() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let second = livepass()
        .args([
            "dev",
            "--http",
            "127.0.0.1:0",
            "--dynamodb",
            "127.0.0.1:0",
            "--apns",
            "127.0.0.1:0",
        ])
        .args(["--control", "127.0.0.1:0", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another `livepass dev` runs on"), "{said}");
    assert_eq!(
        stack::Endpoints::of_folder(dir.path()),
        Some(endpoints),
        "it leaves the first one's addresses"
    );
    assert!(dev.stop().0);
}
