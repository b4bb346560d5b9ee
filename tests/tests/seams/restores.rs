//! The Registry is lost and restored from a backup; phones keep what they have.

use aws_sdk_dynamodb::types::AttributeValue;
use passes::publish::PublishOutcome;
use tests::Workbench;
use tests::workbench::REGISTRY;

type Items = Vec<std::collections::HashMap<String, AttributeValue>>;

async fn back_up(bench: &Workbench) -> Items {
    let found = bench.client().scan().table_name(REGISTRY).send().await.unwrap();
    found.items.unwrap_or_default()
}

async fn restore(bench: &Workbench, backup: &Items) {
    for item in back_up(bench).await {
        let key = bench.client().delete_item().table_name(REGISTRY);
        let key = key.key("PK", item["PK"].clone()).key("SK", item["SK"].clone());
        key.send().await.unwrap();
    }
    for item in backup {
        let put = bench.client().put_item().table_name(REGISTRY);
        put.set_item(Some(item.clone())).send().await.unwrap();
    }
}

/// Balance 1 is backed up; then the phone gets balance 2, the Registry goes back, and the record says 1 again.
async fn restored() -> (Workbench, u64) {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await;
    let backup = back_up(&bench).await;
    bench.turn(10);
    bench.card("A", 2).await;
    let (_, tag) = bench.list("d1", Some(bench.clock.now().seconds() - 1)).await.unwrap();
    restore(&bench, &backup).await;
    bench.turn(10);
    bench.write_balance("A", 1).await;
    (bench, tag)
}

#[tokio::test]
async fn a_revision_that_shows_what_the_record_says_is_written_anew_after_a_restore() {
    let (bench, tag) = restored().await;
    let before = bench.pushes.sent().len();
    let at = bench.clock.now().seconds();
    let outcome = bench.publish_after_restore("A", at).await.unwrap().outcome;
    assert!(matches!(outcome, PublishOutcome::Published(number) if number.value() >= at));
    // The phone is woken, and told of it by whatever tag it has.
    assert_eq!(bench.pushes.sent().len(), before + 1);
    assert_eq!(bench.list("d1", Some(tag)).await.unwrap().0, ["A"]);
}

#[tokio::test]
async fn a_pass_is_written_anew_once_for_a_restore() {
    let (bench, _) = restored().await;
    let at = bench.clock.now().seconds();
    bench.publish_after_restore("A", at).await.unwrap();
    let (number, pushes) = (bench.revision("A").await.number, bench.pushes.sent().len());
    bench.turn(60);
    let again = bench.publish_after_restore("A", at).await.unwrap().outcome;
    assert_eq!(again, PublishOutcome::Unchanged(number));
    assert_eq!(bench.pushes.sent().len(), pushes);
}

/// Whoever asks for it may have a clock that is ahead of livepass's.
#[tokio::test]
async fn a_revision_is_written_anew_once_also_for_a_time_to_come() {
    for spoilt in [false, true] {
        let (bench, _) = restored().await;
        let at = bench.clock.now().seconds() + 30;
        if spoilt {
            let spoilt = serde_json::json!({"template": "loyalty", "fields": {"no-such-field": 1}});
            bench.backend.put(tests::LOYALTY, "A", spoilt).await;
        }
        bench.publish_after_restore("A", at).await.unwrap();
        let number = bench.revision("A").await.number;
        assert!(number.value() >= at);
        bench.publish_after_restore("A", at).await.unwrap();
        assert_eq!(bench.revision("A").await.number, number);
    }
}

/// Asked for by hand without a restore, nobody is woken for nothing.
#[tokio::test]
async fn publishing_again_as_such_writes_nothing_anew() {
    let (bench, _) = restored().await;
    let pushes = bench.pushes.sent().len();
    let outcome = bench.publish_explicitly("A").await.unwrap().outcome;
    assert!(matches!(outcome, PublishOutcome::Unchanged(_)));
    assert_eq!(bench.pushes.sent().len(), pushes);
}

/// The record is refused when the remedy reaches it, and is mended later to what the backup shows.
#[tokio::test]
async fn a_revision_whose_record_is_refused_is_written_anew_too() {
    let (bench, tag) = restored().await;
    let at = bench.clock.now().seconds();
    let spoilt = serde_json::json!({"template": "loyalty", "fields": {"no-such-field": 1}});
    bench.backend.put(tests::LOYALTY, "A", spoilt).await;
    let outcome = bench.publish_after_restore("A", at).await.unwrap().outcome;
    assert!(matches!(outcome, PublishOutcome::Refused { serving: Some(number), .. } if number.value() >= at));
    assert_eq!(bench.list("d1", Some(tag)).await.unwrap().0, ["A"]);
    bench.write_balance("A", 1).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.published_balance("A").await, 1);
}

/// The same for a pass whose record is gone, and held with many others.
#[tokio::test]
async fn a_revision_that_is_held_is_written_anew_too() {
    let (mut bench, tag) = restored().await;
    bench.deletions_per_hour = 0;
    let at = bench.clock.now().seconds();
    bench.backend.delete(tests::LOYALTY, "A").await;
    let outcome = bench.publish_after_restore("A", at).await.unwrap().outcome;
    assert!(matches!(outcome, PublishOutcome::Held(number) if number.value() >= at));
    assert_eq!(bench.list("d1", Some(tag)).await.unwrap().0, ["A"]);
}
