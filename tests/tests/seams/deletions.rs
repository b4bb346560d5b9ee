//! A deleted record: voided at once, let go after the grace, brought back in between.

use std::sync::Mutex;
use std::time::Duration;

use passes::deletion::{DuePass, GRACE_SECONDS, hand_on};
use passes::ports::{DUE_SHARDS, FindDue as _, KeepGrace as _, SendKeys, StoreError, StoreResult};
use passes::publish::PublishOutcome;
use passes::work::KeyToPublish;
use serde_json::{Value, json};
use tests::workbench::key;
use tests::{LOYALTY, Workbench};

/// Keeps what it is sent, or refuses it.
#[derive(Default)]
struct Keys {
    sent: Mutex<Vec<KeyToPublish>>,
    refuses: bool,
}

impl SendKeys for Keys {
    async fn send_keys(&self, keys: &[KeyToPublish], _: Duration) -> StoreResult<()> {
        if self.refuses {
            return Err(StoreError::OutcomeUnknown {
                call: "send-keys",
                source: "the queue is away".into(),
            });
        }
        self.sent.lock().unwrap().extend_from_slice(keys);
        Ok(())
    }
}

/// A card with one device that knows all of it, and its record deleted and published so.
async fn deleted() -> (Workbench, u64) {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await;
    bench.backend.delete(LOYALTY, "A").await;
    bench.publish("A").await.unwrap();
    let (serials, tag) = bench.list("d1", Some(bench.clock.now().seconds() - 1)).await.unwrap();
    assert_eq!(serials, ["A"]);
    (bench, tag)
}

async fn pass(bench: &Workbench) -> Value {
    serde_json::from_slice(&bench.revision("A").await.pass_json).unwrap()
}

/// Passes whose grace is over, as the schedule finds them.
async fn ending(bench: &Workbench) -> Vec<DuePass> {
    let mut found = Vec::new();
    for shard in 0..DUE_SHARDS {
        let page = bench.registry.due(shard, bench.clock.now(), None, 100).await.unwrap();
        assert_eq!(page.foreign, 0);
        found.extend(page.passes);
    }
    found
}

async fn outcome(bench: &Workbench) -> PublishOutcome {
    bench.publish("A").await.unwrap().outcome
}

#[tokio::test]
async fn a_deleted_pass_keeps_its_web_service_for_thirty_days_and_is_then_let_go() {
    let (bench, tag) = deleted().await;
    assert_eq!(pass(&bench).await["voided"], true);
    assert!(pass(&bench).await["webServiceURL"].is_string());
    let number = bench.revision("A").await.number;

    bench.turn(GRACE_SECONDS - 1);
    assert_eq!(ending(&bench).await, []);
    assert_eq!(outcome(&bench).await, PublishOutcome::Unchanged(number));
    bench.turn(1);
    let [pass_due] = ending(&bench).await.try_into().unwrap();
    assert_eq!(pass_due.key, key("A"));
    let keys = Keys::default();
    let clock = bench.clock.wall_clock();
    assert!(hand_on(&bench.registry, &keys, &clock, &pass_due).await.unwrap());
    assert_eq!(keys.sent.lock().unwrap()[0].key, key("A"));

    assert!(matches!(outcome(&bench).await, PublishOutcome::Published(_)));
    let last = pass(&bench).await;
    assert_eq!((&last["voided"], last.get("webServiceURL")), (&json!(true), None));
    assert_eq!(last.get("authenticationToken"), None);
    // Its phones hear of it once more.
    assert_eq!(bench.pushes.sent(), ["aa", "aa"]);
    assert_eq!(bench.list("d1", Some(tag)).await.unwrap().0, ["A"]);
    // And that was the last time.
    assert!(matches!(outcome(&bench).await, PublishOutcome::Unchanged(_)));
    bench.turn(2 * GRACE_SECONDS);
    assert_eq!(ending(&bench).await, []);
    assert!(matches!(outcome(&bench).await, PublishOutcome::Unchanged(_)));
}

#[tokio::test]
async fn a_record_that_returns_within_the_grace_ends_it() {
    let (bench, _) = deleted().await;
    bench.turn(GRACE_SECONDS / 2);
    bench.card("A", 7).await;
    assert_eq!(bench.revision("A").await.grace_ends, None);
    bench.turn(GRACE_SECONDS);
    assert_eq!(ending(&bench).await, []);
    assert_eq!(bench.published_balance("A").await, 7);
    // A second deletion has a grace of its own.
    bench.backend.delete(LOYALTY, "A").await;
    bench.publish("A").await.unwrap();
    let ends = bench.revision("A").await.grace_ends.unwrap();
    assert_eq!(ends, bench.clock.now().seconds() + GRACE_SECONDS);
}

#[tokio::test]
async fn a_record_that_had_voided_its_pass_itself_has_a_grace_too() {
    let bench = Workbench::start().await;
    let voided = json!({"template": "loyalty", "pass": {"voided": true}});
    bench.backend.put(LOYALTY, "A", voided.clone()).await;
    bench.publish("A").await.unwrap();
    let number = bench.revision("A").await.number;
    bench.backend.delete(LOYALTY, "A").await;
    // The person sees the same pass.
    assert_eq!(outcome(&bench).await, PublishOutcome::Unchanged(number));
    let ends = bench.clock.now().seconds() + GRACE_SECONDS;
    assert_eq!(bench.revision("A").await.grace_ends, Some(ends));
    bench.backend.put(LOYALTY, "A", voided).await;
    assert_eq!(outcome(&bench).await, PublishOutcome::Unchanged(number));
    assert_eq!(bench.revision("A").await.grace_ends, None);
    bench.turn(GRACE_SECONDS);
    assert_eq!(ending(&bench).await, []);
}

#[tokio::test]
async fn a_record_that_returns_while_the_grace_is_noted_is_not_let_go() {
    let bench = Workbench::start().await;
    let voided = json!({"template": "loyalty", "pass": {"voided": true}});
    bench.backend.put(LOYALTY, "A", voided.clone()).await;
    bench.publish("A").await.unwrap();
    bench.backend.delete(LOYALTY, "A").await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "grace_ends", async move {
        other.backend.put(LOYALTY, "A", voided).await;
        other.publish("A").await.unwrap();
    });
    bench.tapped().await.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.revision("A").await.grace_ends, None);
}

#[tokio::test]
async fn a_grace_is_noted_only_at_the_revision_that_was_seen() {
    let (bench, _) = deleted().await;
    let old = bench.revision("A").await.number;
    bench.turn(5);
    bench.card("A", 7).await;
    let noted = bench.registry.set_grace(&key("A"), old, Some(1)).await.unwrap();
    assert_eq!(noted, passes::ports::Conditional::Overtaken);
    assert_eq!(bench.revision("A").await.grace_ends, None);
}

#[tokio::test]
async fn a_pass_whose_message_is_lost_comes_up_again_and_not_every_minute() {
    let (bench, _) = deleted().await;
    bench.turn(GRACE_SECONDS);
    let [due] = ending(&bench).await.try_into().unwrap();
    let clock = bench.clock.wall_clock();
    let away = Keys {
        refuses: true,
        ..Keys::default()
    };
    hand_on(&bench.registry, &away, &clock, &due).await.unwrap_err();
    // Another run, which has read the index before.
    assert!(!hand_on(&bench.registry, &Keys::default(), &clock, &due).await.unwrap());
    bench.turn(60);
    assert_eq!(ending(&bench).await, []);
    bench.turn(3600);
    let [again] = ending(&bench).await.try_into().unwrap();
    assert!(
        hand_on(&bench.registry, &Keys::default(), &clock, &again)
            .await
            .unwrap()
    );
    // The grace itself has not moved.
    assert!(matches!(outcome(&bench).await, PublishOutcome::Published(_)));
    assert_eq!(pass(&bench).await.get("webServiceURL"), None);
}

/// A row that is written again with a mistake is back all the same: its next deletion is another one.
#[tokio::test]
async fn a_record_that_returns_broken_ends_the_grace_and_a_later_deletion_has_a_whole_one() {
    let (bench, _) = deleted().await;
    bench.turn(10 * 86_400);
    let broken = json!({"template": "loyalty", "fields": {"none": 1}});
    bench.backend.put(LOYALTY, "A", broken).await;
    assert!(matches!(outcome(&bench).await, PublishOutcome::Refused { .. }));
    assert_eq!(bench.revision("A").await.grace_ends, None);
    // Nothing comes up for it hour after hour.
    bench.turn(21 * 86_400);
    assert_eq!(ending(&bench).await, []);

    bench.backend.delete(LOYALTY, "A").await;
    assert!(matches!(outcome(&bench).await, PublishOutcome::Unchanged(_)));
    let grace_ends = bench.clock.now().seconds() + GRACE_SECONDS;
    assert_eq!(bench.revision("A").await.grace_ends, Some(grace_ends));
    assert!(pass(&bench).await["webServiceURL"].is_string());
    bench.write_balance("A", 3).await;
    assert!(matches!(outcome(&bench).await, PublishOutcome::Published(_)));
    assert!(pass(&bench).await.get("voided").is_none());
}

/// A row that is back for a moment when its grace is over begins another one.
#[tokio::test]
async fn a_pass_is_not_let_go_whose_record_was_back_meanwhile() {
    let (bench, _) = deleted().await;
    bench.turn(GRACE_SECONDS);
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("PutItem", "REVISION", async move {
        other
            .backend
            .put(LOYALTY, "A", json!({"template": "loyalty", "fields": {"none": 1}}))
            .await;
        other.publish("A").await.unwrap();
        other.backend.delete(LOYALTY, "A").await;
    });
    assert!(matches!(
        tapped.publish("A").await.unwrap().outcome,
        PublishOutcome::Unchanged(_)
    ));
    bench.tap.assert_all_acted();
    assert!(pass(&bench).await["webServiceURL"].is_string());
    assert_eq!(
        bench.revision("A").await.grace_ends,
        Some(bench.clock.now().seconds() + GRACE_SECONDS)
    );
}
