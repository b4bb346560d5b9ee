//! Wherever a push may just have happened, reads are strongly consistent. The engine has no other
//! kind, so the requests themselves are looked at.

use passes::ports::{CountFieldUse as _, FindRecords as _, Selection};
use tests::Workbench;

#[tokio::test]
async fn every_read_but_that_of_the_index_is_strongly_consistent() {
    let bench = Workbench::start().await;
    let tapped = bench.tapped().await;
    tapped.card("A", 1).await;
    tapped.register("d1", "A", "aa").await;
    tapped.list("d1", None).await.unwrap();
    tapped.write_balance("A", 2).await;
    tapped.publish("A").await.unwrap();
    tapped.publish("A").await.unwrap();
    tapped.turn(300);
    tapped.push_if_due("d1").await;
    tapped.unregister("d1", "A").await;
    let all = tapped.sources.find_records(&Selection::default(), None, 10).await;
    assert_eq!(all.unwrap().keys.len(), 1);
    let (loyalty, field) = ("loyalty".parse().unwrap(), ["balance".to_owned()]);
    let balances = tapped.sources.count_field_use(&loyalty, &field, None);
    assert_eq!(balances.await.unwrap().rows, [1]);
    let mut looked_at = std::collections::BTreeSet::new();
    for call in bench.tap.calls() {
        let reads: Vec<_> = match call.action.as_str() {
            "GetItem" | "Query" | "Scan" => vec![call.body.clone()],
            "BatchGetItem" => call.body["RequestItems"]
                .as_object()
                .unwrap()
                .values()
                .cloned()
                .collect(),
            _ => continue,
        };
        looked_at.insert(call.action.clone());
        for read in reads {
            assert_eq!(read["ConsistentRead"], true, "{}: {}", call.action, call.body);
        }
    }
    assert_eq!(
        looked_at.into_iter().collect::<Vec<_>>(),
        ["BatchGetItem", "GetItem", "Query", "Scan"]
    );
}

#[tokio::test]
async fn a_publish_reads_lock_record_pointer_and_then_both_sources_again() {
    let bench = Workbench::start().await;
    let tapped = bench.tapped().await;
    tapped.write_balance("A", 1).await;
    tapped.publish("A").await.unwrap();
    let actions: Vec<_> = bench.tap.calls().into_iter().map(|call| call.action).collect();
    assert_eq!(
        actions,
        ["Query", "GetItem", "GetItem", "PutItem", "BatchGetItem", "Query"]
    );
}

#[tokio::test]
async fn an_ordinary_advance_is_one_write_without_a_read() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.turn(1);
    bench.list("d1", None).await.unwrap();
    bench.turn(1);
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    tapped.publish("A").await.unwrap();
    let actions: Vec<_> = bench.tap.calls().into_iter().map(|call| call.action).collect();
    assert_eq!(
        actions,
        [
            "Query",
            "GetItem",
            "GetItem",
            "PutItem",
            "BatchGetItem",
            "Query",
            "UpdateItem"
        ]
    );
}
