//! `livepass publish` against a real `livepass dev`.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::device::Device;
use passes::ids::{DeviceKey, PassKey};
use passes::ports::{ReadDevice as _, ReadRevision as _};
use phone::{Phone, PhoneConfig};
use serde_json::{Value, json};
use stack::Endpoints;

use crate::process::{Dev, Ports, livepass, on_a_terminal, shell};

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

/// More than two batches, so that there is a place between them; with the two that are there already, 30.
async fn write_28_cards(endpoints: &Endpoints) {
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    for number in 0..28 {
        write_card(&client, endpoints, &format!("CARD-{number}")).await;
    }
}

/// The file that keeps the place, once some passes have been sent.
async fn some_are_sent(find: impl Fn() -> Option<PathBuf>) -> PathBuf {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match find() {
            Some(path) if sent_by(&path) >= 10 => return path,
            _ => assert!(Instant::now() < deadline, "nothing is sent"),
        }
        // Another process's file has no event to wait for.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sent_by(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let content: Value = serde_json::from_str(&text).unwrap_or_default();
    content["sent"].as_u64().unwrap_or_default()
}

fn interrupt(child: &Child) {
    // SAFETY: a signal to our own child, which has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_interrupted_names_its_place_and_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    write_28_cards(&endpoints).await;
    let mut slow = livepass();
    slow.args(["publish", "--all", "--rate", "10", "--resume", "publish.json", "--dir"])
        .arg(dir.path())
        .current_dir(dir.path());
    let slow = slow.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let place = dir.path().canonicalize().unwrap().join("publish.json");
    some_are_sent(|| Some(place.clone())).await;
    interrupt(&slow);
    let interrupted = slow.wait_with_output().unwrap();
    let sent = sent_by(&place);
    assert!((10..30).contains(&sent), "{sent}");
    let place = place.to_str().unwrap();
    let all = format!("livepass publish --all --dir {}", dir.path().display());
    let words = said(&interrupted);
    let expected =
        format!("error: interrupted\n{sent} passes have been sent; go on with\n  {all} --rate 10 --resume {place}\n");
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

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_that_is_named_goes_on_as_it_was_begun_when_it_is_pasted() {
    // A folder that a shell would take apart.
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("my trial");
    let (dev, endpoints) = Dev::ready(&dir, &Ports::free());
    write_28_cards(&endpoints).await;
    let places = parent.path().join("a place");
    std::fs::create_dir(&places).unwrap();
    let mut slow = livepass();
    slow.args([
        "publish",
        "--all",
        "--after-restore",
        "--rate",
        "10",
        "--format",
        "json",
        "--dir",
    ])
    .arg(&dir)
    .env("TMPDIR", &places);
    let slow = slow.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let find = || Some(std::fs::read_dir(&places).ok()?.flatten().next()?.path());
    let place = some_are_sent(find).await;
    interrupt(&slow);
    let words = said(&slow.wait_with_output().unwrap());
    let line = words.lines().last().unwrap().trim();
    assert_eq!(
        line,
        format!(
            "livepass publish --all --after-restore --dir '{}' --rate 10 --format json --resume '{}'",
            dir.display(),
            place.display()
        )
    );
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&place).unwrap()).unwrap();
    assert!(
        kept["restored_at"].is_u64(),
        "the time of the restore stays what it was: {kept}"
    );
    let binary = Path::new(env!("CARGO_BIN_EXE_livepass")).parent().unwrap();
    let pasted = shell(&format!("PATH={}:$PATH; {line}", binary.display()));
    assert_eq!(json_of(&pasted)["sent"], 30);
    assert!(!place.exists());
    assert!(dev.stop().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_how_many_are_sent_of_about_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    write_28_cards(&endpoints).await;
    for (selection, shown) in [
        (&["--all"] as &[&str], "10 of about 30 passes sent, "),
        (&["--template", "loyalty"], "10 passes sent, "),
    ] {
        let mut slow = livepass();
        slow.args(["publish", "--rate", "10", "--dir"]).arg(dir.path());
        let seen = on_a_terminal(slow.args(selection));
        let rate = seen.split(shown).nth(1).and_then(|rest| rest.split_once("/s, "));
        assert!(rate.is_some_and(|(rate, _)| rate.parse::<u32>().is_ok()), "{seen}");
        assert!(
            !seen.contains("the place is kept in"),
            "a line that changes is enough: {seen}"
        );
    }
    assert!(dev.stop().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_or_template_that_nobody_knows_is_an_error_and_one_whose_record_was_deleted_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, endpoints) = Dev::ready(dir.path(), &Ports::free());
    let one = |serial: &str| publish(dir.path(), &["--type", LOYALTY, "--serial", serial, "--format", "json"]);
    assert_eq!(
        said(&one("DEMO-l")),
        format!(
            "error: {} has no pass DEMO-l of {LOYALTY}: neither a record nor a published revision; check --type and \
             --serial\n",
            dir.path().display()
        )
    );
    let misspelt = said(&publish(dir.path(), &["--template", "loyalti"]));
    assert!(
        misspelt.ends_with("has neither a template loyalti nor a record that names it; check --template\n"),
        "{misspelt}"
    );
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    phone_with_demo(dir.path(), &endpoints).await;
    client
        .delete_item()
        .table_name(&endpoints.passes_table)
        .key("serialNumber", AttributeValue::S("DEMO-1".into()))
        .key("passTypeIdentifier", AttributeValue::S(LOYALTY.into()))
        .send()
        .await
        .unwrap();
    assert_eq!(json_of(&one("DEMO-1"))["sent"], 1);
    assert!(dev.stop().0);
}

#[test]
fn a_selection_that_is_none_or_two_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, named) in [
        (&[] as &[&str], "--all"),
        (&["--all", "--template", "loyalty"], "cannot be used with"),
        (&["--serial", "CARD-7"], "--type"),
        (&["--all", "--serial", "CARD-7"], "cannot be used with"),
        (&["--template", "loyalty", "--serial", "CARD-7"], "cannot be used with"),
        (&["--type", "a b"], "--type"),
        (&["--all", "--rate", "0"], "--rate"),
        (&["--all", "--after-restore=9999999999999"], "in the future"),
        (&["--all", "--after-restore=today"], "Unix seconds"),
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
