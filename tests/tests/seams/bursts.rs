//! A burst of deletions: those above the limit are held, unseen, until their records are back or an
//! operator releases them.

use std::time::Duration;

use passes::burst::{CountedHour, Deletions, ReleaseOutcome, release};
use passes::deletion::{DuePass, GRACE_SECONDS, hand_on};
use passes::ports::{
    Conditional, CountDeletions as _, DUE_SHARDS, FindDue as _, KeepGrace as _, SendKeys, StoreResult,
    WriteRevision as _,
};
use passes::publish::PublishOutcome;
use passes::work::KeyToPublish;
use serde_json::{Value, json};
use tests::workbench::key;
use tests::{LOYALTY, Workbench};

/// Takes every key.
struct Taken;

impl SendKeys for Taken {
    async fn send_keys(&self, _: &[KeyToPublish], _: Duration) -> StoreResult<()> {
        Ok(())
    }
}

/// These cards, each on a phone of its own that knows all of it, and so many deletions an hour.
async fn cards<const N: usize>(serials: [&str; N], deletions_per_hour: u64) -> Workbench {
    let mut bench = Workbench::start().await;
    bench.deletions_per_hour = deletions_per_hour;
    for (number, serial) in serials.into_iter().enumerate() {
        bench.card(serial, 1).await;
        let (device, token) = (format!("d{serial}"), format!("0{number}"));
        bench.register(&device, serial, &token).await;
        bench.list(&device, None).await;
    }
    bench.turn(1);
    bench
}

async fn delete(bench: &Workbench, serial: &str) -> PublishOutcome {
    bench.backend.delete(LOYALTY, serial).await;
    outcome(bench, serial).await
}

async fn outcome(bench: &Workbench, serial: &str) -> PublishOutcome {
    bench.publish(serial).await.unwrap().outcome
}

async fn is_voided(bench: &Workbench, serial: &str) -> bool {
    let pass: Value = serde_json::from_slice(&bench.revision(serial).await.pass_json).unwrap();
    pass["voided"] == true
}

async fn held_by(bench: &Workbench, serial: &str) -> Option<u64> {
    bench.registry.lock(&key(serial)).await.unwrap().held_by
}

async fn deletions(bench: &Workbench) -> Deletions {
    bench.registry.deletions().await.unwrap()
}

/// Passes without record whose time has come, as the schedule finds them.
async fn due(bench: &Workbench) -> Vec<DuePass> {
    let mut found = Vec::new();
    for shard in 0..DUE_SHARDS {
        let page = bench.registry.due(shard, bench.clock.now(), None, 100).await.unwrap();
        found.extend(page.passes);
    }
    found
}

async fn released(bench: &Workbench) -> ReleaseOutcome {
    release(&bench.registry, &bench.clock.wall_clock()).await.unwrap()
}

#[tokio::test]
async fn up_to_the_limit_passes_are_voided_and_above_it_no_phone_hears_of_a_deletion() {
    let bench = cards(["A", "B", "C"], 2).await;
    for serial in ["A", "B"] {
        assert!(matches!(delete(&bench, serial).await, PublishOutcome::Published(_)));
        assert!(is_voided(&bench, serial).await);
    }
    let before = bench.revision("C").await;
    assert_eq!(delete(&bench, "C").await, PublishOutcome::Held(before.number));
    assert_eq!(bench.pushes.sent(), ["00", "01"]);
    // It is served as it was.
    assert!(!is_voided(&bench, "C").await);
    assert_eq!(bench.revision("C").await.fingerprint, before.fingerprint);
    assert!(bench.package_file("C", "pass.json").await.is_some());
    let tag = bench.device("dC").await.unwrap().tag.value();
    assert_eq!(bench.list("dC", Some(tag)).await, None);
    let now = bench.clock.now().seconds();
    assert_eq!(
        (deletions(&bench).await.paused_at, held_by(&bench, "C").await),
        (Some(now), Some(now))
    );
}

#[tokio::test]
async fn a_held_pass_comes_up_every_hour_and_is_as_before_once_its_record_is_back() {
    let bench = cards(["A"], 0).await;
    let number = bench.revision("A").await.number;
    delete(&bench, "A").await;
    let clock = bench.clock.wall_clock();
    for _ in 0..3 {
        bench.turn(3599);
        assert_eq!(due(&bench).await, []);
        bench.turn(1);
        let [pass] = due(&bench).await.try_into().unwrap();
        assert!(hand_on(&bench.registry, &Taken, &clock, &pass).await.unwrap());
        assert_eq!(outcome(&bench, "A").await, PublishOutcome::Held(number));
    }
    bench.write_balance("A", 1).await;
    assert_eq!(outcome(&bench, "A").await, PublishOutcome::Unchanged(number));
    assert_eq!(held_by(&bench, "A").await, None);
    bench.turn(GRACE_SECONDS);
    assert_eq!(due(&bench).await, []);
    assert!(bench.pushes.sent().is_empty());
    assert_eq!(bench.revision("A").await.number, number);
}

#[tokio::test]
async fn a_record_that_comes_back_changed_is_published_as_ever() {
    let bench = cards(["A"], 0).await;
    delete(&bench, "A").await;
    bench.card("A", 7).await;
    assert_eq!(bench.published_balance("A").await, 7);
    assert_eq!(held_by(&bench, "A").await, None);
    bench.turn(GRACE_SECONDS);
    assert_eq!(due(&bench).await, []);
    assert_eq!(bench.pushes.sent(), ["00"]);
}

#[tokio::test]
async fn a_record_that_comes_back_broken_is_no_deletion() {
    let bench = cards(["A"], 0).await;
    delete(&bench, "A").await;
    bench.backend.put(LOYALTY, "A", json!({"template": "none"})).await;
    assert!(matches!(outcome(&bench, "A").await, PublishOutcome::Refused { .. }));
    assert_eq!(held_by(&bench, "A").await, None);
    bench.turn(3600);
    assert_eq!(due(&bench).await, []);
}

#[tokio::test]
async fn after_a_release_held_passes_go_ahead_uncounted_and_new_deletions_are_counted() {
    // Each deletion waits, so that whatever were counted again would be held again.
    let bench = cards(["A", "B", "C"], 0).await;
    delete(&bench, "A").await;
    bench.turn(60);
    delete(&bench, "B").await;
    let paused_at = bench.clock.now().seconds() - 60;
    bench.turn(60);
    assert_eq!(
        released(&bench).await,
        ReleaseOutcome::Released {
            paused_at,
            released_at: paused_at + 120
        }
    );
    assert_eq!(released(&bench).await, ReleaseOutcome::NotPaused);
    for serial in ["A", "B"] {
        assert!(matches!(outcome(&bench, serial).await, PublishOutcome::Published(_)));
        assert!(is_voided(&bench, serial).await);
        let ends = bench.clock.now().seconds() + GRACE_SECONDS;
        assert_eq!(bench.revision(serial).await.grace_ends, Some(ends));
        assert_eq!(held_by(&bench, serial).await, None);
    }
    assert_eq!(bench.pushes.sent(), ["00", "01"]);
    assert!(matches!(delete(&bench, "C").await, PublishOutcome::Held(_)));
    assert_eq!(
        held_by(&bench, "C").await,
        Some(paused_at + 121),
        "by a pause of its own"
    );
}

#[tokio::test]
async fn a_release_by_a_clock_that_is_behind_releases_all_the_same() {
    let bench = cards(["A"], 0).await;
    delete(&bench, "A").await;
    bench.clock.turn_back(Duration::from_secs(7200));
    released(&bench).await;
    assert!(matches!(outcome(&bench, "A").await, PublishOutcome::Published(_)));
}

#[tokio::test]
async fn a_pass_is_counted_once_however_often_its_key_is_published() {
    let bench = cards(["A"], 5).await;
    delete(&bench, "A").await;
    for _ in 0..3 {
        outcome(&bench, "A").await;
    }
    assert_eq!(deletions(&bench).await.hour.unwrap().count, 1);
}

#[tokio::test]
async fn a_turn_that_another_publisher_takes_is_not_counted_again() {
    let bench = cards(["A"], 5).await;
    bench.backend.delete(LOYALTY, "A").await;
    let other = bench.clone();
    bench.tap.before("PutItem", "REVISION", async move {
        // It shows something else for a moment, so that this publisher's turn is void.
        other.card("A", 7).await;
        other.backend.delete(LOYALTY, "A").await;
    });
    bench.tapped().await.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(is_voided(&bench, "A").await);
    assert_eq!(deletions(&bench).await.hour.unwrap().count, 1);
}

#[tokio::test]
async fn of_two_publishers_one_gets_the_last_deletion_that_is_allowed() {
    let bench = cards(["A", "B", "C"], 2).await;
    delete(&bench, "A").await;
    bench.backend.delete(LOYALTY, "B").await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "ADD #count", async move {
        assert!(matches!(delete(&other, "C").await, PublishOutcome::Published(_)));
    });
    let report = bench.tapped().await.publish("B").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(matches!(report.outcome, PublishOutcome::Held(_)));
    assert_eq!(deletions(&bench).await.hour.unwrap().count, 2);
}

#[tokio::test]
async fn of_two_publishers_that_pause_one_does_and_both_hold() {
    let bench = cards(["A", "B"], 0).await;
    bench.backend.delete(LOYALTY, "A").await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "SET #paused_at", async move {
        other.turn(5);
        delete(&other, "B").await;
    });
    bench.tapped().await.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    let paused_at = deletions(&bench).await.paused_at;
    assert!(paused_at.is_some());
    assert_eq!(
        (held_by(&bench, "A").await, held_by(&bench, "B").await),
        (paused_at, paused_at)
    );
}

#[tokio::test]
async fn a_publisher_that_dies_between_pause_and_hold_loses_nothing() {
    let bench = cards(["A"], 0).await;
    bench.backend.delete(LOYALTY, "A").await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "#held_by", "AccessDeniedException");
    tapped.publish("A").await.unwrap_err();
    bench.tap.assert_all_acted();
    // Its key comes again.
    assert!(matches!(outcome(&bench, "A").await, PublishOutcome::Held(_)));
    bench.turn(3600);
    assert_eq!(due(&bench).await.len(), 1);
}

#[tokio::test]
async fn a_release_between_pause_and_hold_counts_for_that_hold_too() {
    let bench = cards(["A"], 0).await;
    bench.backend.delete(LOYALTY, "A").await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "SET #held_by", async move {
        other.turn(5);
        released(&other).await;
        other.turn(5);
    });
    bench.tapped().await.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    bench.turn(3600);
    assert_eq!(due(&bench).await.len(), 1);
    assert!(matches!(outcome(&bench, "A").await, PublishOutcome::Published(_)));
}

#[tokio::test]
async fn a_record_that_returns_while_its_pass_is_being_held_is_not_held() {
    let bench = cards(["A"], 0).await;
    bench.backend.delete(LOYALTY, "A").await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "SET #held_by", async move {
        other.write_balance("A", 1).await;
        other.publish("A").await.unwrap();
    });
    bench.tapped().await.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(held_by(&bench, "A").await, None);
    bench.turn(3600);
    assert_eq!(due(&bench).await, []);
}

#[tokio::test]
async fn a_record_that_goes_again_while_its_hold_is_taken_back_is_held() {
    let bench = cards(["A"], 0).await;
    delete(&bench, "A").await;
    bench.write_balance("A", 1).await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "REMOVE #grace_ends", async move {
        assert!(matches!(delete(&other, "A").await, PublishOutcome::Held(_)));
    });
    bench.tapped().await.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    bench.turn(3600);
    assert_eq!(due(&bench).await.len(), 1);
}

#[tokio::test]
async fn a_row_that_had_voided_its_pass_itself_is_neither_counted_nor_held() {
    let mut bench = Workbench::start().await;
    bench.deletions_per_hour = 0;
    let voided = json!({"template": "loyalty", "pass": {"voided": true}});
    bench.backend.put(LOYALTY, "A", voided).await;
    bench.publish("A").await.unwrap();
    let number = bench.revision("A").await.number;
    assert_eq!(delete(&bench, "A").await, PublishOutcome::Unchanged(number));
    assert!(bench.revision("A").await.grace_ends.is_some());
    assert_eq!(deletions(&bench).await, Deletions::default());
}

#[tokio::test]
async fn the_next_hour_is_counted_anew_and_a_pause_outlives_it() {
    let bench = cards(["A", "B", "C", "D"], 1).await;
    delete(&bench, "A").await;
    bench.turn(3600);
    assert!(matches!(delete(&bench, "B").await, PublishOutcome::Published(_)));
    assert!(matches!(delete(&bench, "C").await, PublishOutcome::Held(_)));
    bench.turn(24 * 3600);
    assert!(matches!(delete(&bench, "D").await, PublishOutcome::Held(_)));
    assert!(matches!(outcome(&bench, "C").await, PublishOutcome::Held(_)));
}

#[tokio::test]
async fn an_hour_of_a_clock_that_was_wrong_holds_nobody_up() {
    let bench = cards(["A", "B"], 1).await;
    delete(&bench, "A").await;
    bench.clock.turn_back(Duration::from_secs(7200));
    assert!(matches!(delete(&bench, "B").await, PublishOutcome::Published(_)));
}

#[tokio::test]
async fn a_hold_is_noted_only_at_the_revision_that_was_seen() {
    let bench = cards(["A"], 0).await;
    let old = bench.revision("A").await.number;
    bench.card("A", 7).await;
    let noted = bench.registry.hold_pass(&key("A"), old, 1, 2).await.unwrap();
    assert_eq!((noted, held_by(&bench, "A").await), (Conditional::Overtaken, None));
}

#[tokio::test]
async fn each_write_of_the_count_asks_for_what_was_read() {
    use Conditional::{Done, Overtaken};
    let registry = Workbench::start().await.registry;
    let count = async |began_at, limit| registry.count_in_hour(began_at, limit).await.unwrap();
    let begin = async |began_at, replaced| registry.begin_hour(began_at, replaced).await.unwrap();
    let pause = async |at, hour| registry.pause_deletions(at, hour).await.unwrap();
    let release = async |paused_at, at| registry.release_deletions(paused_at, at).await.unwrap();

    assert_eq!(begin(100, None).await, Done);
    assert_eq!(begin(100, None).await, Overtaken, "an hour is counted");
    assert_eq!(begin(200, Some(99)).await, Overtaken, "another hour is");
    assert_eq!(count(99, 10).await, Overtaken, "another hour is");
    assert_eq!(count(100, 1).await, Overtaken, "there has been one");
    assert_eq!(count(100, 2).await, Done);
    assert_eq!(pause(50, Some(99)).await, Overtaken, "another hour is counted");
    assert_eq!(pause(50, None).await, Overtaken, "an hour is counted");
    assert_eq!(pause(50, Some(100)).await, Done);
    assert_eq!(pause(60, Some(100)).await, Overtaken, "a pause stands");
    assert_eq!(count(100, 10).await, Overtaken, "a pause stands");
    assert_eq!(begin(300, Some(100)).await, Overtaken, "a pause stands");
    assert_eq!(release(49, 70).await, Overtaken, "another pause stands");
    let hour = Some(CountedHour {
        began_at: 100,
        count: 2,
    });
    let paused = Deletions {
        hour,
        paused_at: Some(50),
        released_at: None,
    };
    assert_eq!(registry.deletions().await.unwrap(), paused);

    assert_eq!(release(50, 70).await, Done);
    assert_eq!(release(50, 80).await, Overtaken, "no pause stands");
    let released = Deletions {
        released_at: Some(70),
        ..Deletions::default()
    };
    assert_eq!(registry.deletions().await.unwrap(), released);
    assert_eq!(pause(70, None).await, Overtaken, "it would be released already");
    assert_eq!(pause(71, None).await, Done);
    assert_eq!(begin(400, None).await, Overtaken, "a pause stands");
}
