//! What the stream, the queues, the bucket and the schedule tell.

use std::time::Duration;

use passes::ids::PassKey;
use passes::ports::ReadRevision as _;
use serde_json::{Value, json};
use tests::{DEMO, LOYALTY, TICKET, loyalty_of};

use crate::scene::{PUSH_TOKEN, Scene, demo};

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
    scene
        .site
        .backend
        .put(LOYALTY, "A B", json!({"template": "loyalty"}))
        .await;
    scene.site.published().await;
    scene.lose_revision(&demo()).await;
    scene.site.clock.turn(Duration::from_secs(1));

    // It would fail for ever, and must not hold up what comes behind it.
    assert_eq!(scene.replay("publish-changes--unusable-key").await, all_done());
    let revision = scene.site.revision(&demo()).await.number;
    assert_eq!(revision.value(), scene.site.clock.now().seconds());
    assert_eq!(scene.site.revisions().await.len(), 2);
    let noted = [[
        "PASS#pass.com.example.loyalty#A%20B".to_owned(),
        "key".to_owned(),
        "serialNumber: contains ' '; letters, digits, '.', '_' and '-' are allowed; the key of a row cannot be changed: \
         write the row under another one, and delete this one"
            .to_owned(),
    ]];
    assert_eq!(scene.site.problems().await, noted);

    // Once the row is gone, so is the problem, and an event that comes late does not bring it back.
    scene.site.backend.delete(LOYALTY, "A B").await;
    scene.site.published().await;
    assert!(scene.site.problems().await.is_empty());
    assert_eq!(scene.replay("publish-changes--unusable-key").await, all_done());
    assert!(scene.site.problems().await.is_empty());
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

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_pages_of_a_sweep() {
    let (scene, _) = Scene::registered().await;
    scene.lose_revision(&demo()).await;
    scene.site.clock.turn(Duration::from_secs(1));

    // Nine of sixteen segments; the demo's pass is in one of them here and in the engine's order.
    assert_eq!(scene.replay("publish-changes--pages-of-a-sweep").await, all_done());
    let revision = scene.site.revision(&demo()).await.number;
    assert_eq!(revision.value(), scene.site.clock.now().seconds());
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_changes_overtaken_sweep() {
    let (scene, _) = Scene::registered().await;
    scene.lose_revision(&demo()).await;

    assert_eq!(scene.replay("publish-changes--overtaken-sweep").await, all_done());
    assert!(
        scene.site.registry.revision(&demo()).await.unwrap().is_none(),
        "nothing was swept"
    );
}

// ---- publish-template

#[tokio::test(flavor = "multi_thread")]
async fn publish_template_uploaded() {
    let scene = Scene::set().await;
    let bundle = loyalty_of("Eveningside Coffee").to_bundle();
    scene.site.upload("loyalty", &bundle);

    // Told beside the site's own source: whoever is first publishes.
    let answer = scene.replay("publish-template--uploaded").await;
    assert!(answer == json!("published") || answer == json!("known"), "{answer}");
    scene.site.followed().await;
    assert_eq!(scene.replay("publish-template--uploaded").await, json!("known"));
    let pass = scene.site.revision(&demo()).await.pass_json;
    assert!(String::from_utf8_lossy(&pass).contains("Eveningside Coffee"));
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_template_nothing_there() {
    let scene = Scene::set().await;
    assert_eq!(scene.replay("publish-template--nothing-there").await, json!("gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_template_misnamed() {
    let scene = Scene::set().await;
    assert_eq!(scene.replay("publish-template--misnamed").await, json!("misnamed"));
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
        json!({"pushed": 1, "refused": 0, "undelivered": 0, "given_up": 0, "handed_on": 0, "failed": 0})
    );
    assert_eq!(scene.site.pushes_to(PUSH_TOKEN).len(), 1);
    assert_eq!(
        scene.replay("push-devices--schedule").await,
        json!({"pushed": 0, "refused": 0, "undelivered": 0, "given_up": 0, "handed_on": 0, "failed": 0})
    );
}
