//! A key that cannot become a pass: what is noted of it is whether its record is there.

use passes::ports::StoreError;
use passes::unusable_key::{UnusableKey, UnusableRecord, pass_key_of, settle_unusable_key};
use serde_json::json;
use tests::{LOYALTY, Workbench};

const SERIAL: &str = "SP ACE";
const NOTE: &str = "PASS#pass.com.example.loyalty#SP%20ACE";

fn key() -> UnusableKey {
    pass_key_of(LOYALTY, SERIAL).unwrap_err()
}

/// As publish-changes does when the stream brings the key.
async fn settle(bench: &Workbench) -> Result<UnusableRecord, StoreError> {
    settle_unusable_key(&bench.sources, &bench.registry, &bench.clock.wall_clock(), &key()).await
}

async fn write(bench: &Workbench) {
    bench.backend.put(LOYALTY, SERIAL, json!({"template": "loyalty"})).await;
}

/// The `since` of the note, if there is one.
async fn noted_since(bench: &Workbench) -> Option<u64> {
    let item = bench.item(NOTE, "PROBLEM").await?;
    Some(item["since"].as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_record_is_noted_since_its_first_time_and_until_it_is_gone() {
    let bench = Workbench::start().await;
    write(&bench).await;
    let first = bench.clock.now().seconds();
    for _ in 0..3 {
        assert_eq!(settle(&bench).await.unwrap(), UnusableRecord::Stands);
        assert_eq!(noted_since(&bench).await, Some(first));
        bench.turn(60);
    }
    bench.backend.delete(LOYALTY, SERIAL).await;
    for _ in 0..2 {
        assert_eq!(settle(&bench).await.unwrap(), UnusableRecord::Gone);
        assert_eq!(noted_since(&bench).await, None);
    }
    // Written again, it is a new one.
    write(&bench).await;
    assert_eq!(settle(&bench).await.unwrap(), UnusableRecord::Stands);
    assert_eq!(noted_since(&bench).await, Some(first + 180));
}

#[tokio::test]
async fn a_note_with_another_sentence_is_replaced() {
    let bench = Workbench::start().await;
    write(&bench).await;
    settle(&bench).await.unwrap();
    let mut item = bench.item(NOTE, "PROBLEM").await.unwrap();
    let sentence = item.insert(
        "sentence".into(),
        aws_sdk_dynamodb::types::AttributeValue::S("as of old".into()),
    );
    let put = bench
        .client()
        .put_item()
        .table_name(tests::workbench::REGISTRY)
        .set_item(Some(item));
    put.send().await.unwrap();
    bench.turn(60);
    settle(&bench).await.unwrap();
    assert_eq!(
        bench.item(NOTE, "PROBLEM").await.unwrap().get("sentence"),
        sentence.as_ref()
    );
    assert_eq!(noted_since(&bench).await, Some(bench.clock.now().seconds()));
}

#[tokio::test]
async fn a_record_that_is_deleted_while_it_is_noted_leaves_no_note() {
    let bench = Workbench::start().await;
    write(&bench).await;
    let (tapped, other) = (bench.tapped().await, bench.clone());
    bench.tap.before("PutItem", "PROBLEM", async move {
        other.backend.delete(LOYALTY, SERIAL).await;
        assert_eq!(settle(&other).await.unwrap(), UnusableRecord::Gone);
    });
    assert_eq!(settle(&tapped).await.unwrap(), UnusableRecord::Gone);
    bench.tap.assert_all_acted();
    assert_eq!(noted_since(&bench).await, None);
}

#[tokio::test]
async fn a_record_that_is_written_while_its_note_is_cleared_is_noted_again() {
    let bench = Workbench::start().await;
    let (tapped, other) = (bench.tapped().await, bench.clone());
    bench.tap.before("DeleteItem", "PROBLEM", async move {
        write(&other).await;
        assert_eq!(settle(&other).await.unwrap(), UnusableRecord::Stands);
    });
    assert_eq!(settle(&tapped).await.unwrap(), UnusableRecord::Stands);
    bench.tap.assert_all_acted();
    assert!(noted_since(&bench).await.is_some());
}

#[tokio::test]
async fn a_lost_answer_is_an_error_and_the_next_time_finds_the_note() {
    let bench = Workbench::start().await;
    write(&bench).await;
    let first = bench.clock.now().seconds();
    let tapped = bench.tapped().await;
    bench.tap.refuse("PutItem", "PROBLEM", "AccessDeniedException");
    let error = settle(&tapped).await.unwrap_err();
    assert_eq!(error.to_string(), "note-unusable-key: refused");
    // Carried out, and the SDK asks again: the note is there by then.
    bench.tap.lose_answer("PutItem", "PROBLEM");
    assert_eq!(settle(&tapped).await.unwrap(), UnusableRecord::Stands);
    bench.tap.assert_all_acted();
    assert_eq!(noted_since(&bench).await, Some(first));
}

#[tokio::test]
async fn only_the_key_of_the_record_is_read_and_strongly_consistent() {
    let bench = Workbench::start().await;
    write(&bench).await;
    let tapped = bench.tapped().await;
    settle(&tapped).await.unwrap();
    let calls = bench.tap.calls();
    let actions: Vec<_> = calls.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(actions, ["GetItem", "PutItem", "GetItem"]);
    for call in calls.iter().filter(|call| call.action == "GetItem") {
        assert_eq!(
            (&call.body["ConsistentRead"], &call.body["ProjectionExpression"]),
            (&json!(true), &json!("#serialNumber"))
        );
    }
}

/// A table whose keys are numbers, say: there is nothing that could be asked for.
#[tokio::test]
async fn a_key_that_is_no_text_is_named_without_a_call() {
    let bench = Workbench::start().await;
    let tapped = bench.tapped().await;
    let key = pass_key_of(LOYALTY, "").unwrap_err();
    let settled = settle_unusable_key(&tapped.sources, &tapped.registry, &bench.clock.wall_clock(), &key).await;
    assert_eq!(settled.unwrap(), UnusableRecord::Stands);
    assert!(bench.tap.calls().is_empty());
}
