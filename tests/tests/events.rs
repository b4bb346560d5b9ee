//! Replays every file in `events/` through the deployed handlers.
//!
//! A file is named `function--situation.json`; the test that replays it makes the situation first
//! and then says the whole answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::PassKey;
use passes::ports::ReadRevision as _;
use serde_json::{Value, json};
use tests::{DEMO, LOYALTY, Registrant, Site, TICKET};

/// The device of all files.
const DEVICE: &str = "8a1f0e9c7b5d4f3e2a1b0c9d8e7f6a5b";
const PUSH_TOKEN: &str = "6a1f0e9c7b5d4f3e2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f";

/// A ZIP archive begins with `PK\x03\x04`; in base64.
const PACKAGE: &str = "UEsDB";
const PACKAGE_TYPE: &str = "application/vnd.apple.pkpass";
const JSON: (&str, &str) = ("content-type", "application/json");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn demo() -> PassKey {
    PassKey::parse(LOYALTY, DEMO).unwrap()
}

/// A site and the device of the files.
struct Scene {
    site: Site,
    who: Registrant,
}

impl Scene {
    async fn set() -> Self {
        let site = Site::start().await;
        let who = Registrant {
            push_token: PUSH_TOKEN.to_owned(),
            ..site.registrant(DEVICE, LOYALTY, DEMO).await
        };
        Self { site, who }
    }

    /// The device holds the pass and has asked once; with its tag.
    async fn registered() -> (Self, String) {
        let scene = Self::set().await;
        assert_eq!(scene.site.caller.register(&scene.who).await.status, 201);
        let list = scene.site.caller.list(&scene.who, None).await;
        let tag = list.tag();
        (scene, tag)
    }

    /// The revision's date, which is the Last-Modified of its packages.
    async fn last_modified(&self) -> String {
        self.site.revision(&demo()).await.number.http_date()
    }

    /// The Registry loses a revision, which gives no stream record: only an event brings it back.
    async fn lose_revision(&self, key: &PassKey) {
        let s = |text: String| AttributeValue::S(text);
        self.site
            .backend
            .client
            .delete_item()
            .table_name(&self.site.stack.endpoints().registry_table)
            .key("PK", s(format!("PASS#{}#{}", key.pass_type, key.serial)))
            .key("SK", s("REVISION".into()))
            .send()
            .await
            .expect("the revision is deleted");
    }

    /// The device's mark falls behind the pass's revision by one.
    async fn fall_behind(&self, key: &PassKey) {
        let s = |text: String| AttributeValue::S(text);
        self.site
            .backend
            .client
            .update_item()
            .table_name(&self.site.stack.endpoints().registry_table)
            .key("PK", s(format!("DEVICE#{DEVICE}#{}", key.pass_type)))
            .key("SK", s("DEVICE".into()))
            .update_expression("SET serials.#k.r = serials.#k.r - :one")
            .expression_attribute_names("#k", key.serial.as_str())
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .send()
            .await
            .expect("the mark is set back");
    }

    /// The function's answer to a file, whose placeholders become values of this site.
    async fn replay(&self, name: &str) -> Value {
        let path = root().join(format!("events/{name}.json"));
        let mut text = std::fs::read_to_string(&path).expect("the event");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let revision = self
            .site
            .registry
            .revision(&demo())
            .await
            .expect("the registry answers");
        let last_modified = revision.map_or(String::new(), |revision| revision.number.http_date());
        let tag = self.site.device(&self.who).await.map(|device| device.tag.to_string());
        let expiry = self.site.clock.now().seconds() + 3600;
        let expires_at = file["queryStringParameters"]["e"]
            .as_str()
            .and_then(|e| e.parse().ok())
            .unwrap_or(expiry);
        let link = self.site.link_signature(&demo(), expires_at);
        for (placeholder, value) in [
            ("{{authentication_token}}", self.who.token.clone()),
            ("{{last_modified}}", last_modified),
            ("{{tag}}", tag.unwrap_or_default()),
            ("{{link_expiry}}", link.expiry),
            ("{{link_key}}", link.key_name),
            ("{{link_signature}}", link.mac),
        ] {
            text = text.replace(placeholder, &value);
        }
        assert!(!text.contains("{{"), "{name} has a placeholder that is not known");
        let (function, _) = name.split_once("--").expect("function--situation");
        let event = serde_json::from_str(&text).expect("JSON");
        let answer = self.site.stack.functions()[function].invoke(event).await;
        answer.expect("the function answers")
    }

    /// As [`replay`](Self::replay), for a function behind the API.
    async fn call(&self, name: &str) -> Answer {
        let answer = self.replay(name).await;
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        let headers = serde_json::from_value(answer["headers"].clone()).expect("texts by name");
        Answer {
            status: answer["statusCode"].as_u64().expect("a status"),
            headers,
            base64: answer["isBase64Encoded"] == true,
            body,
        }
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u64,
    headers: BTreeMap<String, String>,
    base64: bool,
    body: String,
}

impl Answer {
    fn new<const N: usize>(status: u64, headers: [(&str, &str); N], body: impl ToString) -> Self {
        Self {
            status,
            headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
            base64: false,
            body: body.to_string(),
        }
    }

    fn unauthorized() -> Self {
        Self::new(
            401,
            [JSON, ("www-authenticate", "ApplePass")],
            r#"{"message":"The authentication token does not fit this pass."}"#,
        )
    }

    /// The signature of a package is never the same twice, so its beginning stands for it.
    fn with_package_cut(mut self) -> Self {
        assert!(self.body.len() > 1000);
        self.body.truncate(PACKAGE.len());
        self
    }

    /// In base64, as every binary answer.
    fn in_base64(self) -> Self {
        Self { base64: true, ..self }
    }
}

#[test]
fn every_event_is_replayed_and_every_function_has_one() {
    let names_in = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "README.md").collect()
    };
    let events = names_in("events");
    for event in &events {
        let name = event.strip_suffix(".json").expect("a JSON file");
        assert!(
            include_str!("events.rs").contains(&format!("(\"{name}\")")),
            "nothing replays {event}"
        );
    }
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    for event in &events {
        let text = std::fs::read_to_string(root().join("events").join(event)).expect("the event");
        let event: Value = serde_json::from_str(&text).expect("JSON");
        if let Some(route) = event["routeKey"].as_str() {
            assert!(
                template.contains(&format!("RouteKey: {route}\n")),
                "no route is `{route}`"
            );
        }
    }
    for function in names_in("functions") {
        assert!(
            events.iter().any(|event| event.starts_with(&format!("{function}--"))),
            "{function} has no event"
        );
    }
}

// ---- register-device

#[tokio::test(flavor = "multi_thread")]
async fn register_device_new() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("register-device--new").await, Answer::new(201, [], ""));
    assert_eq!(scene.site.held_by(&scene.who).await, [DEMO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_again() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(scene.call("register-device--again").await, Answer::new(200, [], ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_wrong_token() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("register-device--wrong-token").await, Answer::unauthorized());
    assert_eq!(scene.site.device(&scene.who).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_no_push_token() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("register-device--no-push-token").await,
        Answer::new(
            400,
            [JSON],
            r#"{"message":"The body must be JSON with a string `pushToken`."}"#
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_wrong_method() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("register-device--wrong-method").await,
        Answer::new(
            405,
            [("allow", "POST, DELETE"), JSON],
            r#"{"message":"This path does not take that method."}"#
        )
    );
}

// ---- unregister-device

#[tokio::test(flavor = "multi_thread")]
async fn unregister_device_registered() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("unregister-device--registered").await,
        Answer::new(200, [JSON], "{}")
    );
    assert_eq!(scene.site.held_by(&scene.who).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn unregister_device_not_registered() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("unregister-device--not-registered").await,
        Answer::new(200, [JSON], "{}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unregister_device_wrong_token() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("unregister-device--wrong-token").await,
        Answer::unauthorized()
    );
    assert_eq!(scene.site.held_by(&scene.who).await, [DEMO]);
}

// ---- list-updated-passes

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_no_tag() {
    let (scene, tag) = Scene::registered().await;
    let date = passes::tag::http_date(tag.parse().unwrap());
    assert_eq!(
        scene.call("list-updated-passes--no-tag").await,
        Answer::new(
            200,
            [JSON, ("last-modified", &date)],
            format!(r#"{{"lastUpdated":"{tag}","serialNumbers":["DEMO-1"]}}"#)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_nothing_new() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("list-updated-passes--nothing-new").await,
        Answer::new(204, [], "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_unreadable_tag() {
    let (scene, tag) = Scene::registered().await;
    let date = passes::tag::http_date(tag.parse().unwrap());
    assert_eq!(
        scene.call("list-updated-passes--unreadable-tag").await,
        Answer::new(
            200,
            [JSON, ("last-modified", &date)],
            format!(r#"{{"lastUpdated":"{tag}","serialNumbers":["DEMO-1"]}}"#)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_unknown_device() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("list-updated-passes--unknown-device").await,
        Answer::new(204, [], "")
    );
}

// ---- send-pass

async fn package(scene: &Scene) -> Answer {
    let headers = [
        ("content-type", PACKAGE_TYPE),
        ("last-modified", &*scene.last_modified().await),
    ];
    Answer::new(200, headers, PACKAGE).in_base64()
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_full() {
    let scene = Scene::set().await;
    let answer = scene.call("send-pass--full").await.with_package_cut();
    assert_eq!(answer, package(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_older_copy() {
    let scene = Scene::set().await;
    let answer = scene.call("send-pass--older-copy").await.with_package_cut();
    assert_eq!(answer, package(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_doubly_encoded_serial() {
    let scene = Scene::set().await;
    let answer = scene.call("send-pass--doubly-encoded-serial").await.with_package_cut();
    assert_eq!(answer, package(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_head() {
    let scene = Scene::set().await;
    let expected = Answer {
        body: String::new(),
        ..package(&scene).await
    };
    assert_eq!(scene.call("send-pass--head").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_not_modified() {
    let scene = Scene::set().await;
    let date = scene.last_modified().await;
    assert_eq!(
        scene.call("send-pass--not-modified").await,
        Answer::new(304, [("last-modified", &*date)], "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_wrong_token() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("send-pass--wrong-token").await, Answer::unauthorized());
}

// ---- log-messages

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_authentication_failure() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("log-messages--authentication-failure").await,
        Answer::new(200, [], "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_malformed() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("log-messages--malformed").await, Answer::new(200, [], ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_life_cycle() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("log-messages--life-cycle").await, Answer::new(200, [], ""));
}

// ---- add-pass

const NOT_KEPT: [(&str, &str); 2] = [("cache-control", "no-store"), ("referrer-policy", "no-referrer")];

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_signed_link() {
    let scene = Scene::set().await;
    let mut expected = package(&scene).await;
    expected.headers.extend(Answer::new(0, NOT_KEPT, "").headers);
    let answer = scene.call("add-pass--signed-link").await.with_package_cut();
    assert_eq!(answer, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_expired_link() {
    let scene = Scene::set().await;
    let [no_store, no_referrer] = NOT_KEPT;
    assert_eq!(
        scene.call("add-pass--expired-link").await,
        Answer::new(
            410,
            [JSON, no_store, no_referrer],
            r#"{"message":"This link has expired. Ask for a new one."}"#
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_forged_link() {
    let scene = Scene::set().await;
    let [no_store, no_referrer] = NOT_KEPT;
    assert_eq!(
        scene.call("add-pass--forged-link").await,
        Answer::new(
            403,
            [JSON, no_store, no_referrer],
            r#"{"message":"This link is not valid. Ask for a new one."}"#
        )
    );
}

// ---- publish-changes

/// The answer to a batch of which nothing has to come again.
fn all_done() -> Value {
    json!({"batchItemFailures": []})
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_one_change() {
    let (scene, tag) = Scene::registered().await;
    scene.lose_revision(&demo()).await;
    scene.site.clock.turn(Duration::from_secs(1));

    assert_eq!(scene.replay("publish-changes--one-change").await, all_done());
    let revision = scene.site.revision(&demo()).await.number;
    assert_eq!(revision.value(), scene.site.clock.now().seconds());
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
    let list = scene.site.caller.list(&scene.who, Some(&tag)).await;
    assert_eq!(list.serials(), [DEMO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_same_pass_twice() {
    let (scene, _) = Scene::registered().await;
    let ticket = PassKey::parse(TICKET, "TICKET-1").unwrap();
    scene.lose_revision(&demo()).await;
    scene.lose_revision(&ticket).await;
    scene.site.clock.turn(Duration::from_secs(1));

    assert_eq!(scene.replay("publish-changes--same-pass-twice").await, all_done());
    let now = scene.site.clock.now().seconds();
    for key in [&demo(), &ticket] {
        assert_eq!(scene.site.revision(key).await.number.value(), now, "{key:?}");
    }
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_unusable_key() {
    let (scene, _) = Scene::registered().await;
    scene.lose_revision(&demo()).await;
    scene.site.clock.turn(Duration::from_secs(1));

    // It would fail for ever, and must not hold up what comes behind it.
    assert_eq!(scene.replay("publish-changes--unusable-key").await, all_done());
    let revision = scene.site.revision(&demo()).await.number;
    assert_eq!(revision.value(), scene.site.clock.now().seconds());
    assert_eq!(scene.site.revisions().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_deleted() {
    let (scene, _) = Scene::registered().await;
    scene.site.backend.delete(LOYALTY, DEMO).await;

    // Beside the site's own stream: told twice, the end is the same.
    assert_eq!(scene.replay("publish-changes--deleted").await, all_done());
    scene.site.published().await;
    let pass = scene.site.opened(&scene.site.caller.pass(&scene.who, None).await);
    assert_eq!(pass["voided"], true);
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
}

/// The messages of a batch that come again, by their ids' last digit.
fn come_again(messages: &[u32]) -> Value {
    let failures: Vec<_> = messages
        .iter()
        .map(|last| json!({"itemIdentifier": format!("2b1f0e9c-7b5d-4f3e-8a1b-0c9d8e7f6a5{last}")}))
        .collect();
    json!({"batchItemFailures": failures})
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_keys_of_the_queue() {
    let (scene, _) = Scene::registered().await;
    let ticket = PassKey::parse(TICKET, "TICKET-1").unwrap();
    scene.lose_revision(&demo()).await;
    scene.lose_revision(&ticket).await;
    scene.site.clock.turn(Duration::from_secs(1));

    assert_eq!(scene.replay("publish-changes--keys-of-the-queue").await, all_done());
    let now = scene.site.clock.now().seconds();
    for key in [&demo(), &ticket] {
        assert_eq!(scene.site.revision(key).await.number.value(), now, "{key:?}");
    }
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_unreadable_messages() {
    let (scene, _) = Scene::registered().await;
    scene.lose_revision(&demo()).await;
    scene.site.clock.turn(Duration::from_secs(1));

    // Neither a text of somebody else's nor a page of the other queue is thrown away; what stands
    // between them is done.
    assert_eq!(
        scene.replay("publish-changes--unreadable-messages").await,
        come_again(&[1, 3])
    );
    let revision = scene.site.revision(&demo()).await.number;
    assert_eq!(revision.value(), scene.site.clock.now().seconds());
}

// ---- push-devices

#[tokio::test(flavor = "multi_thread")]
async fn push_devices_page() {
    let (scene, tag) = Scene::registered().await;
    // A revision that nobody was told of: its publisher ended before the fan-out.
    scene.fall_behind(&demo()).await;

    assert_eq!(scene.replay("push-devices--page").await, all_done());
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
    let list = scene.site.caller.list(&scene.who, Some(&tag)).await;
    assert_eq!(list.serials(), [DEMO]);
    // Done with: a second copy of the message pushes nobody.
    assert_eq!(scene.replay("push-devices--page").await, all_done());
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn push_devices_unreadable_message() {
    let scene = Scene::set().await;
    assert_eq!(scene.replay("push-devices--unreadable-message").await, come_again(&[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn push_devices_schedule() {
    let scene = Scene::set().await;
    // The lease of a device that registers and never asks ends after 300 s. The site's clock is
    // then where it was at the start, so its own schedule stays out of the way.
    let since = Duration::from_secs(301);
    scene.site.clock.turn_back(since);
    assert_eq!(scene.site.caller.register(&scene.who).await.status, 201);
    scene.site.clock.turn(since);

    assert_eq!(
        scene.replay("push-devices--schedule").await,
        json!({"pushed": 1, "refused": 0, "undelivered": 0, "given_up": 0, "let_go": 0, "failed": 0})
    );
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
    assert_eq!(
        scene.replay("push-devices--schedule").await,
        json!({"pushed": 0, "refused": 0, "undelivered": 0, "given_up": 0, "let_go": 0, "failed": 0})
    );
}
