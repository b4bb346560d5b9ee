//! Row 30: a record is deleted.

use std::time::Duration;

use passes::burst::{ReleaseOutcome, release};
use passes::deletion::GRACE_SECONDS;
use passes::ids::PassKey;
use serde_json::json;
use tests::{DEMO, LOYALTY, Site};

#[tokio::test(flavor = "multi_thread")]
async fn row_30_a_deleted_record_voids_its_pass_which_keeps_its_web_service() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    let before = site.caller.pass(&who, None).await;

    site.backend.delete(LOYALTY, DEMO).await;
    site.published().await;

    assert_eq!(site.pushes_to(&who.push_token).len(), 1);
    let list = site.caller.list(&who, Some(&tag)).await;
    assert_eq!(list.serials(), [DEMO]);
    let after = site.caller.pass(&who, before.header("last-modified")).await;
    assert_eq!(after.status, 200);
    let mut expected = site.opened(&before);
    assert_eq!(expected["webServiceURL"], site.caller.url.as_str());
    expected["voided"] = true.into();
    assert_eq!(site.opened(&after), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_30_after_the_grace_a_last_revision_lets_the_phone_go() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    site.backend.delete(LOYALTY, DEMO).await;
    site.published().await;
    let voided = site.caller.list(&who, Some(&tag)).await;
    site.clock.turn(Duration::from_secs(GRACE_SECONDS));
    let ran = site.push_due_devices().await;
    assert_eq!(ran["handed_on"], 1, "{ran}");
    site.worked_off().await;

    assert_eq!(site.pushes_to(&who.push_token).len(), 2);
    let list = site.caller.list(&who, Some(&voided.tag())).await;
    assert_eq!(list.serials(), [DEMO]);
    let last = site.opened(&site.caller.pass(&who, None).await);
    assert_eq!(last["voided"], true);
    assert_eq!(
        (last.get("webServiceURL"), last.get("authenticationToken")),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn row_30_one_deletion_too_many_is_held_until_it_is_released() {
    let site = Site::start_with([("DeletionsPerHour", "1")]).await;
    site.card("CARD-2", 1).await;
    let (who, tag) = site.installed("d1", LOYALTY, "CARD-2").await;
    let before = site.caller.pass(&who, None).await;
    site.backend.delete(LOYALTY, DEMO).await;
    site.published().await;
    site.backend.delete(LOYALTY, "CARD-2").await;
    site.published().await;

    assert_eq!(site.pushes_to(&who.push_token), []);
    assert_eq!(site.caller.list(&who, Some(&tag)).await.status, 204);
    let held = site.caller.pass(&who, None).await;
    assert_eq!(site.opened(&held), site.opened(&before));

    let released = release(&site.registry, &site.clock.wall_clock()).await.unwrap();
    assert!(matches!(released, ReleaseOutcome::Released { .. }));
    site.clock.turn(Duration::from_secs(3600));
    let ran = site.push_due_devices().await;
    assert_eq!(ran["handed_on"], 1, "{ran}");
    site.worked_off().await;
    assert_eq!(site.pushes_to(&who.push_token).len(), 1);
    let after = site.opened(&site.caller.pass(&who, None).await);
    assert_eq!(after["voided"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_30_a_record_written_again_brings_the_pass_back_with_the_same_token() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    site.backend.delete(LOYALTY, DEMO).await;
    site.published().await;
    let voided = site.caller.list(&who, Some(&tag)).await;

    let key = site.card(DEMO, 30).await;
    assert_eq!(site.pushes_to(&who.push_token).len(), 2);
    let list = site.caller.list(&who, Some(&voided.tag())).await;
    assert_eq!(list.serials(), [DEMO]);
    // The token that the phone has held all along still opens everything.
    let pass = site.opened(&site.caller.pass(&who, None).await);
    assert_eq!(pass.get("voided"), None);
    assert_eq!(pass["authenticationToken"], who.token.as_str());
    assert_eq!(pass["storeCard"]["primaryFields"][0]["value"], 30);
    assert_eq!(site.holders_of(&key).await, ["d1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_30_a_voided_pass_can_still_be_registered_and_unregistered() {
    let site = Site::start().await;
    let (first, _) = site.installed("d1", LOYALTY, DEMO).await;
    let late = site.registrant("d2", LOYALTY, DEMO).await;
    site.backend.delete(LOYALTY, DEMO).await;
    site.published().await;

    assert_eq!(site.caller.register(&late).await.status, 201);
    assert_eq!(site.caller.list(&late, None).await.serials(), [DEMO]);
    assert_eq!(site.caller.unregister(&first).await.status, 200);
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    assert_eq!(site.holders_of(&key).await, ["d2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_30_a_record_that_was_never_published_leaves_nothing() {
    let site = Site::start().await;
    // Refused, so there is no pass that could be voided.
    let record = json!({"template": "no-such-template"});
    site.backend.put(LOYALTY, "REFUSED", record).await;
    site.published().await;
    let key = PassKey::parse(LOYALTY, "REFUSED").unwrap();
    assert_eq!(
        site.problem(&key).await.unwrap().to_string(),
        "template-unknown: template: no template of this id has been published; publish it with `livepass template put`, or name one that is"
    );

    site.backend.delete(LOYALTY, "REFUSED").await;
    site.published().await;
    assert_eq!(site.problem(&key).await, None);
    let mut revisions = site.revisions().await;
    revisions.sort();
    assert_eq!(
        revisions,
        [
            "PASS#pass.com.example.loyalty#DEMO-1",
            "PASS#pass.com.example.ticket#TICKET-1"
        ]
    );
}
