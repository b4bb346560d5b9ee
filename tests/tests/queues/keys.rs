//! A key that fails in the stream rests in the queue, and holds up nobody.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::PassKey;
use passes::ports::ReadRevision as _;
use serde_json::{Value, json};
use tests::{LOYALTY, Site};

/// Points a template at a version that nobody has stored: every publish of its passes fails.
async fn break_template(site: &Site, id: &str) {
    point(site, id, "0000").await;
}

async fn point(site: &Site, id: &str, version: &str) {
    site.backend
        .client
        .put_item()
        .table_name(&site.stack.endpoints().registry_table)
        .item("PK", AttributeValue::S(format!("TEMPLATE#{id}")))
        .item("SK", AttributeValue::S("TEMPLATE".into()))
        .item("version", AttributeValue::S(version.into()))
        .item("seq", AttributeValue::N("1".into()))
        .send()
        .await
        .expect("the pointer is written");
}

/// Stores a good template of this id, and points at it.
async fn mend_template(site: &Site, id: &str) {
    let version = &site.stack.folder().template_versions()["loyalty"];
    let templates = site.stack.folder().templates_dir();
    std::fs::create_dir_all(templates.join(id)).unwrap();
    let file = format!("{version}.zip");
    std::fs::copy(templates.join("loyalty").join(&file), templates.join(id).join(file)).unwrap();
    point(site, id, version).await;
}

async fn write(site: &Site, serial: &str, template: &str) -> PassKey {
    let record = json!({"template": template, "fields": {"balance": 1}});
    site.backend.put(LOYALTY, serial, record).await;
    PassKey::parse(LOYALTY, serial).unwrap()
}

/// The messages that lie in a queue's folder.
fn messages(site: &Site, queue: &str) -> Vec<Value> {
    let folder: PathBuf = stack::queue_folder(site.dir(), queue);
    let entries = std::fs::read_dir(folder).expect("the queue's folder");
    entries
        .map(|entry| serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_fails_is_handed_over_and_its_shard_goes_on() {
    let site = Site::start().await;
    break_template(&site, "broken").await;
    let broken = write(&site, "BROKEN-1", "broken").await;
    let behind = write(&site, "GOOD-1", "loyalty").await;
    // The stream is done with both, although the first cannot be published.
    site.published().await;
    site.revision(&behind).await;
    let [message] = &messages(&site, "PublishQueue")[..] else {
        panic!("one message")
    };
    let body: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"publish": {"pass_type": LOYALTY, "serial": "BROKEN-1"}}));
    assert_eq!(
        message["visibleAt"].as_u64().unwrap() - message["sentAt"].as_u64().unwrap(),
        30_000,
        "it rests"
    );

    // Nothing is tried before.
    site.worked_off().await;
    assert_eq!(messages(&site, "PublishQueue")[0]["receiveCount"], 0);
    mend_template(&site, "broken").await;
    site.clock.turn(Duration::from_secs(30));
    site.worked_off().await;
    assert!(messages(&site, "PublishQueue").is_empty());
    site.revision(&broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_keeps_failing_ends_in_the_dead_letters() {
    let site = Site::start().await;
    break_template(&site, "broken").await;
    let broken = write(&site, "BROKEN-1", "broken").await;
    site.published().await;
    site.clock.turn(Duration::from_secs(30));
    for _ in 0..11 {
        site.worked_off().await;
        site.clock.turn(Duration::from_secs(360));
    }
    site.worked_off().await;
    assert!(messages(&site, "PublishQueue").is_empty());
    let [dead] = &messages(&site, "PublishDeadLetters")[..] else {
        panic!("one dead letter")
    };
    assert_eq!(dead["receiveCount"], 10);
    assert!(site.registry.revision(&broken).await.unwrap().is_none());
}

/// Only then does the stream itself hold the key, and its shard.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_queue_does_not_take_is_brought_again_by_the_stream() {
    let site = Site::start().await;
    break_template(&site, "broken").await;
    // A file where the queue's folder was: nothing can be sent there.
    let folder = stack::queue_folder(site.dir(), "PublishQueue");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "").unwrap();
    let broken = write(&site, "BROKEN-1", "broken").await;
    let drained = tokio::time::timeout(Duration::from_millis(500), site.stack.published());
    assert!(drained.await.is_err(), "the stream keeps what is not handed over");
    mend_template(&site, "broken").await;
    site.published().await;
    site.revision(&broken).await;
    // So that the stack ends as it began.
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
}

/// Neither is there a queue for it: its messages hold keys of passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_become_a_pass_and_cannot_be_noted_is_brought_again_by_the_stream() {
    let site = Site::start().await;
    let client = reqwest::Client::new();
    let faults = format!("{}/dynamodb", site.stack.endpoints().control_url);
    let refused = json!({"fault": "error", "reason": "AccessDeniedException", "mentions": "SP%20ACE"});
    let set = client.post(&faults).json(&refused).send().await.unwrap();
    assert!(set.status().is_success());
    site.backend
        .put(LOYALTY, "SP ACE", json!({"template": "loyalty"}))
        .await;
    let drained = tokio::time::timeout(Duration::from_millis(500), site.stack.published());
    assert!(drained.await.is_err(), "the stream keeps what is not noted");
    assert!(site.problems().await.is_empty());
    client.delete(&faults).send().await.unwrap();
    let behind = write(&site, "GOOD-1", "loyalty").await;
    site.published().await;
    site.revision(&behind).await;
    let [[place, kind, _]] = &site.problems().await[..] else {
        panic!("one problem")
    };
    assert_eq!(
        (place.as_str(), kind.as_str()),
        ("PASS#pass.com.example.loyalty#SP%20ACE", "key")
    );
    assert!(messages(&site, "PublishQueue").is_empty());
}

/// An image that is uploaded after the row: the queue brings the key again until it has come.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_comes_late_is_found_without_another_write() {
    let site = Site::start().await;
    let record = json!({"template": "loyalty", "fields": {"balance": 1}, "images": {"thumbnail.png": "late.png"}});
    site.backend.put(LOYALTY, "LATE-1", record).await;
    let key = PassKey::parse(LOYALTY, "LATE-1").unwrap();
    site.published().await;
    assert_eq!(site.problem(&key).await.unwrap().kind.label(), "image");
    // The second look comes too early as well.
    site.clock.turn(Duration::from_secs(30));
    site.worked_off().await;
    assert!(site.registry.revision(&key).await.unwrap().is_none());
    let assets = site.dir().join("assets");
    std::fs::create_dir_all(&assets).unwrap();
    std::fs::write(assets.join("late.png"), &seed::templates::loyalty()["icon.png"]).unwrap();
    site.clock.turn(Duration::from_secs(60));
    site.worked_off().await;
    site.revision(&key).await;
    assert_eq!(site.problem(&key).await, None);
    assert!(messages(&site, "PublishQueue").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_never_comes_is_looked_for_an_hour_and_is_no_dead_letter() {
    let site = Site::start().await;
    let record = json!({"template": "loyalty", "images": {"thumbnail.png": "never.png"}});
    site.backend.put(LOYALTY, "NEVER-1", record).await;
    let key = PassKey::parse(LOYALTY, "NEVER-1").unwrap();
    site.published().await;
    let mut looks = 0;
    while !messages(&site, "PublishQueue").is_empty() {
        site.clock.turn(Duration::from_secs(900));
        site.worked_off().await;
        looks += 1;
        assert!(looks <= 8);
    }
    assert_eq!(looks, 8);
    assert!(messages(&site, "PublishDeadLetters").is_empty());
    assert_eq!(site.problem(&key).await.unwrap().kind.label(), "image");
}
