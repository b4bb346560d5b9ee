//! Faults that the engine never has: conflicts, throttling, unknown outcomes, incomplete batches.

use passes::ports::StoreError;
use passes::publish::PublishOutcome;
use passes::register::{RegisterOutcome, UnregisterOutcome};
use serde_json::{Value, json};
use tap::Call;
use tests::Workbench;

#[tokio::test]
async fn a_revision_whose_answer_was_lost_is_announced_once() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    let before = bench.revision("A").await.number;
    let tapped = bench.tapped().await;
    // The SDK repeats the write, which then meets itself.
    bench.tap.lose_answer("PutItem", "REVISION");
    let report = tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(matches!(report.outcome, PublishOutcome::Unchanged(_)));
    assert_eq!(bench.revision("A").await.number.value(), before.value() + 1);
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn an_advance_whose_answer_was_lost_is_left_to_its_lease() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    // A second later the blind write goes through, and it is the one whose answer is lost.
    bench.turn(1);
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench.tap.lose_answer("UpdateItem", "#serials.#k");
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(bench.pushes.sent().is_empty(), "whether to push is no longer known");
    bench.turn(300);
    bench.push_if_due("d1").await;
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_stands() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let tapped = bench.tapped().await;
    bench.tap.lose_answer("TransactWriteItems", "DEVICE#d1");
    let outcome = tapped.register("d1", "A", "aa").await;
    bench.tap.assert_all_acted();
    assert!(matches!(
        outcome,
        RegisterOutcome::Registered | RegisterOutcome::AlreadyRegistered
    ));
    assert_eq!(bench.list("d1", None).await.unwrap().0, ["A"]);
}

#[tokio::test]
async fn a_transaction_conflict_is_met_with_another_turn() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let tapped = bench.tapped().await;
    bench.tap.cancel("DEVICE#d1", "TransactionConflict");
    assert_eq!(tapped.register("d1", "A", "aa").await, RegisterOutcome::Registered);
    bench.tap.cancel("DEVICE#d1", "TransactionConflict");
    assert_eq!(tapped.unregister("d1", "A").await, UnregisterOutcome::Unregistered);
    bench.tap.assert_all_acted();
    assert!(!bench.is_registered("d1", "A").await);
}

#[tokio::test]
async fn an_advance_in_conflict_with_a_registration_takes_another_turn() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench
        .tap
        .refuse("UpdateItem", "#serials.#k", "TransactionConflictException");
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn a_list_in_conflict_is_still_answered() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let tapped = bench.tapped().await;
    for _ in 0..4 {
        bench
            .tap
            .refuse("UpdateItem", "asked_at", "TransactionConflictException");
    }
    let (serials, tag) = tapped.list("d1", None).await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(serials, ["A"]);
    assert!(
        bench.device("d1").await.unwrap().lease.is_some(),
        "uncleared, so the next call repeats it"
    );
    let (again, next) = bench.list("d1", Some(tag)).await.unwrap();
    assert_eq!(again, ["A"]);
    assert!(next > tag);
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench
        .tap
        .refuse("PutItem", "REVISION", "ProvisionedThroughputExceededException");
    bench.tap.refuse("Query", "DEVICE#", "ThrottlingException");
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.published_balance("A").await, 2);
}

#[tokio::test]
async fn throttling_without_end_is_an_error_of_that_name() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let tapped = bench.tapped().await;
    for _ in 0..4 {
        bench
            .tap
            .refuse("Query", "PROBLEM", "ProvisionedThroughputExceededException");
    }
    let error = tapped.publish("A").await.unwrap_err();
    bench.tap.assert_all_acted();
    assert!(matches!(error, StoreError::Throttled { call: "lock", .. }), "{error:?}");
}

/// The engine answers all keys; DynamoDB may leave some for later.
fn leave_unprocessed(call: &Call, mut answer: Value) -> Value {
    answer["Responses"] = json!({});
    answer["UnprocessedKeys"] = call.body["RequestItems"].clone();
    answer
}

#[tokio::test]
async fn a_batch_is_asked_again_until_no_key_is_left_unprocessed() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench.tap.change_answer("BatchGetItem", "TEMPLATE#", leave_unprocessed);
    bench.tap.forget();
    let report = tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    // Taken for a deleted record, it would have cost another turn, or voided the pass.
    assert!(matches!(report.outcome, PublishOutcome::Published(_)));
    let locks = bench.tap.calls().iter().filter(|call| call.mentions("PROBLEM")).count();
    assert_eq!(locks, 1);
    assert_eq!(bench.published_balance("A").await, 2);
}

#[tokio::test]
async fn devices_left_unprocessed_are_no_orphans() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    let tapped = bench.tapped().await;
    bench.tap.change_answer("BatchGetItem", "DEVICE#d1", leave_unprocessed);
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(bench.is_registered("d1", "A").await);
    assert!(bench.pushes.sent().is_empty());
}
