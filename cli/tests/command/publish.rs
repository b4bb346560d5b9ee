//! `livepass publish` against a real `livepass dev`.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::device::Device;
use passes::ids::{DeviceKey, PassKey};
use passes::ports::{ReadDevice as _, ReadRevision as _};
use phone::{Phone, PhoneConfig};
use serde_json::{Value, json};
use stack::Endpoints;

use crate::process::{Dev, Ports, livepass};

const PATIENCE: Duration = Duration::from_secs(30);
const LOYALTY: &str = "pass.com.example.loyalty";

fn publish(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = livepass();
    command.args(["publish", "--dir"]).arg(dir).args(arguments);
    command.output().unwrap()
}

fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn write_card(client: &Client, endpoints: &Endpoints, serial: &str) {
    client
        .put_item()
        .table_name(&endpoints.passes_table)
        .item("serialNumber", AttributeValue::S(serial.into()))
        .item("passTypeIdentifier", AttributeValue::S(LOYALTY.into()))
        .item("template", AttributeValue::S("loyalty".into()))
        .send()
        .await
        .unwrap();
}

/// A phone with DEMO-1 that has asked for all there is, and its device.
async fn phone_with_demo(dir: &Path, endpoints: &Endpoints) -> (Phone, DeviceKey) {
    let pem = std::fs::read(&endpoints.root_certificate).unwrap();
    let mut config = PhoneConfig::new(pkpass::root_from_pem(&pem).unwrap());
    config.retry_pauses = Vec::new();
    let mut phone = Phone::new(config).unwrap();
    let link = livepass().args(["link", "--dir"]).arg(dir).output().unwrap();
    let link = String::from_utf8(link.stdout).unwrap();
    phone.add_from_link(link.trim()).await.unwrap();
    let pass_type = LOYALTY.parse().unwrap();
    let device = phone.device_id(&pass_type, &endpoints.web_service_url).unwrap().clone();
    (phone, DeviceKey { device, pass_type })
}

/// The device's mark is lost, as after a restore: nobody will tell it of the revision by itself.
async fn fall_behind(client: &Client, endpoints: &Endpoints, device: &DeviceKey) {
    client
        .update_item()
        .table_name(&endpoints.registry_table)
        .key(
            "PK",
            AttributeValue::S(format!("DEVICE#{}#{LOYALTY}", device.device.as_str())),
        )
        .key("SK", AttributeValue::S("DEVICE".into()))
        .update_expression("SET serials.#k.r = :before")
        .expression_attribute_names("#k", "DEMO-1")
        .expression_attribute_values(":before", AttributeValue::N("1".into()))
        .send()
        .await
        .unwrap();
}

/// Until the device has been told of the revision that is served.
async fn until_told(registry: &aws::dynamodb::Registry, device: &DeviceKey) -> Device {
    let key = PassKey::parse(LOYALTY, "DEMO-1").unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let revision = registry.revision(&key).await.unwrap().unwrap();
        let found = registry.device(device).await.unwrap().unwrap();
        if found.serials[&key.serial].revision == revision.number {
            return found;
        }
        assert!(Instant::now() < deadline, "the device has not been told");
        // Another process's database has no event to wait for.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_behind_a_lost_mark_is_brought_up_whichever_way_its_pass_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    let registry = aws::dynamodb::Registry::new(client.clone(), &endpoints.registry_table);
    let (mut phone, device) = phone_with_demo(dir.path(), &endpoints).await;
    for (selection, sent) in [
        (&["--type", LOYALTY, "--serial", "DEMO-1"] as &[&str], 1),
        (&["--type", LOYALTY], 1),
        (&["--template", "loyalty"], 1),
        (&["--all"], 2),
    ] {
        fall_behind(&client, &endpoints, &device).await;
        let output = publish(dir.path(), &[selection, &["--format", "json"]].concat());
        let place = dir.path().display().to_string();
        assert_eq!(
            json_of(&output),
            json!({"sent": sent, "unusable": 0, "place": place}),
            "{selection:?}"
        );
        let told = until_told(&registry, &device).await;
        assert!(told.lease.is_some(), "{selection:?}: a push is due until it asks");
        phone.check_for_updates(&device.pass_type).await.unwrap();
    }
    // Others are left alone.
    fall_behind(&client, &endpoints, &device).await;
    let output = publish(dir.path(), &["--type", "pass.com.example.ticket", "--format", "json"]);
    assert_eq!(json_of(&output)["sent"], 1);
    let (ended_well, log) = dev.stop();
    assert!(ended_well, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_interrupted_names_its_place_and_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    // More than two batches, so that there is a place between them.
    for number in 0..28 {
        write_card(&client, &endpoints, &format!("CARD-{number}")).await;
    }
    let place = dir.path().join("publish.json");
    let place = place.to_str().unwrap();
    let mut slow = livepass();
    slow.args(["publish", "--all", "--rate", "10", "--resume", place, "--dir"])
        .arg(dir.path());
    let slow = slow.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let sent_by = |text: &str| -> u64 {
        let content: Value = serde_json::from_str(text).unwrap_or_default();
        content["sent"].as_u64().unwrap_or_default()
    };
    let deadline = Instant::now() + PATIENCE;
    while sent_by(&std::fs::read_to_string(place).unwrap_or_default()) < 10 {
        assert!(Instant::now() < deadline, "nothing is sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // SAFETY: a signal to our own child, which has not been waited for.
    unsafe { libc::kill(slow.id() as i32, libc::SIGTERM) };
    let interrupted = slow.wait_with_output().unwrap();
    let sent = sent_by(&std::fs::read_to_string(place).unwrap());
    assert!((10..30).contains(&sent), "{sent}");
    let all = format!("livepass publish --all --dir {}", dir.path().display());
    let words = said(&interrupted);
    let expected = format!("error: interrupted\n{sent} passes have been sent; go on with\n  {all} --resume {place}\n");
    assert!(words.ends_with(&expected), "{words}");

    let other = publish(dir.path(), &["--template", "loyalty", "--resume", place]);
    assert_eq!(
        said(&other),
        format!(
            "error: {place} keeps the place of\n  {all}\nand not of\n  livepass publish --template loyalty --dir {}\n\
             name another file, or delete it\n",
            dir.path().display()
        )
    );

    let rest = publish(
        dir.path(),
        &["--all", "--resume", place, "--rate", "1000", "--format", "json"],
    );
    assert_eq!(json_of(&rest)["sent"], 30);
    let words = String::from_utf8(rest.stderr).unwrap();
    assert!(words.contains(&format!("going on after {sent} passes")), "{words}");
    assert!(!Path::new(place).exists(), "done: no place to go on from");
    assert!(dev.stop().0);
}

#[test]
fn a_selection_that_is_none_or_two_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, named) in [
        (&[] as &[&str], "--all"),
        (&["--all", "--template", "loyalty"], "cannot be used with"),
        (&["--serial", "CARD-7"], "--type"),
        (&["--type", "a b"], "--type"),
        (&["--all", "--rate", "0"], "--rate"),
        (
            &["--type", LOYALTY, "--serial", "A", "--resume", "x"],
            "cannot be used with",
        ),
    ] {
        let words = said(&publish(dir.path(), arguments));
        assert!(words.contains(named), "{arguments:?}: {words}");
    }
}

#[test]
fn a_folder_without_a_stack_and_a_stack_that_does_not_run_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display();
    assert_eq!(
        said(&publish(dir.path(), &["--all"])),
        format!(
            "error: {path} is not the folder of a local stack; run `livepass dev --dir {path}` first, or name a \
             deployed stack with --stack\n"
        )
    );
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    assert!(dev.stop().0);
    let words = said(&publish(dir.path(), &["--all"]));
    let sentence = format!(
        "error: the local stack does not answer at {}; is `livepass dev` running?\n0 passes have been sent; go on with",
        endpoints.dynamodb_endpoint
    );
    assert!(words.contains(&sentence), "{words}");
}
