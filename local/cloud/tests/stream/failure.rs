//! What follows a failure: retries, halves, and records that are given up.

use std::{
    fs,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cloud::StreamSource;
use dynoxide::{Database, storage_backend::clock::ManualClock};
use serde_json::{Value, json};

use crate::scene::{Scene, broken, drained, failed, kept_serials};

#[tokio::test]
async fn a_partial_failure_goes_on_with_the_lowest_failed_record() {
    let mut scene = Scene::new();
    scene.write(&["a", "b", "c", "d"]);
    scene.next(|_, numbers| {
        Ok(json!({ "batchItemFailures": [
            { "itemIdentifier": numbers[3] }, { "itemIdentifier": numbers[1] }
        ] }))
    });
    scene.next(|_, numbers| failed(&numbers[0]));
    scene.next(|_, numbers| failed(&numbers[2]));
    let source = scene.start();
    drained(&source).await;
    assert_eq!(
        scene.seen(),
        [
            vec!["a", "b", "c", "d"],
            vec!["b", "c", "d"],
            vec!["b", "c", "d"],
            vec!["d"]
        ]
    );
    assert_eq!(scene.failures(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_unreadable_answer_fails_the_whole_batch() {
    let mut scene = Scene::new();
    scene.settings.bisect_on_error = false;
    scene.write(&["a", "b"]);
    scene.next(|_, _| failed("100000000000000000001"));
    scene.next(|_, numbers| {
        Ok(json!({ "batchItemFailures": [
            { "itemIdentifier": numbers[1] }, { "itemIdentifier": "" }
        ] }))
    });
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), vec![vec!["a", "b"]; 3]);
}

#[tokio::test]
async fn without_reports_an_answer_is_not_looked_at() {
    let mut scene = Scene::new();
    scene.settings.report_batch_item_failures = false;
    scene.write(&["a"]);
    scene.next(|_, numbers| failed(&numbers[0]));
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), [["a"]]);
}

#[tokio::test]
async fn bisection_isolates_the_poison() {
    let mut scene = Scene::new();
    scene.settings.maximum_retry_attempts = Some(1);
    scene.write(&["a", "b", "poison", "d", "e"]);
    for _ in 0..20 {
        scene.next(|serials, _| {
            if serials.iter().any(|serial| serial == "poison") {
                broken()
            } else {
                Ok(Value::Null)
            }
        });
    }
    let source = scene.start();
    drained(&source).await;
    assert_eq!(
        scene.seen(),
        [
            vec!["a", "b", "poison", "d", "e"],
            vec!["a", "b"],
            vec!["poison", "d", "e"],
            vec!["poison"],
            // Splitting used no retry up; this is the one that is allowed.
            vec!["poison"],
            vec!["d", "e"]
        ]
    );
    let failures = scene.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(kept_serials(&failures[0]), ["poison"]);
    let context = &failures[0]["requestContext"];
    assert_eq!(context["condition"], "RetryAttemptsExhausted");
    assert_eq!(context["approximateInvokeCount"], 2);
    assert_eq!(failures[0]["responseContext"]["functionError"], "Unhandled");
}

#[tokio::test]
async fn retries_go_on_until_it_works() {
    let mut scene = Scene::new();
    scene.write(&["a"]);
    for _ in 0..7 {
        scene.next(|_, _| broken());
    }
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), vec![["a"]; 8]);
    assert_eq!(scene.failures(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    let mut scene = Scene::new();
    scene.write(&["a"]);
    scene.next(|_, _| panic!("unexpected"));
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), [["a"]], "the panicking run told nobody");
}

#[tokio::test]
async fn too_old_records_are_kept_whole_and_not_invoked_again() {
    let mut scene = Scene::new();
    scene.settings.maximum_record_age = Some(Duration::from_secs(12 * 3600));
    scene.write(&["a", "b"]);
    let time = Arc::clone(&scene.now_ms);
    scene.next(move |_, numbers| {
        // While the second one is waiting for its retry, twelve hours and a minute pass.
        time.fetch_add((12 * 3600 + 60) * 1000, Ordering::SeqCst);
        failed(&numbers[1])
    });
    let source = scene.start();
    drained(&source).await;

    assert_eq!(scene.seen(), [["a", "b"]]);
    let mut failures = scene.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(kept_serials(&failures[0]), ["b"]);
    let failure = &mut failures[0];
    let batch = failure["DDBStreamBatchInfo"].take();
    assert_eq!(batch["batchSize"], 1);
    assert_eq!(batch["startSequenceNumber"], batch["endSequenceNumber"]);
    assert_eq!(batch["shardId"], "shardId-00000001-Passes");
    assert_eq!(failure["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(
        failure["requestContext"]["functionArn"],
        "arn:aws:lambda:dynoxide:000000000000:function:publish-changes"
    );
    assert_eq!(failure["version"], "1.0");
}

#[tokio::test]
async fn what_is_young_enough_follows_what_is_too_old() {
    let clock = ManualClock::new(1_000_000);
    let mut scene = Scene::over(Database::memory_with_clock(clock.arc()).unwrap());
    scene.settings.maximum_record_age = Some(Duration::from_secs(60));
    scene.now_ms.store(1_000_061_000, Ordering::SeqCst);
    scene.write(&["old"]);
    clock.set(1_000_001);
    scene.write(&["exactly-60-s"]);
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), [["exactly-60-s"]]);
    assert_eq!(kept_serials(&scene.failures()[0]), ["old"]);
    // It was never invoked.
    assert_eq!(scene.failures()[0].get("responseContext"), None);
}

#[tokio::test]
async fn records_that_cannot_be_kept_are_not_given_up() {
    let mut scene = Scene::new();
    scene.settings.maximum_retry_attempts = Some(0);
    // A file stands where the folder should be.
    let in_the_way = scene.folder.path().join("failures");
    fs::write(&in_the_way, "").unwrap();
    scene.write(&["a", "b"]);
    scene.next(|_, _| broken());
    scene.next(|_, _| broken());
    scene.next(move |_, _| {
        fs::remove_file(&in_the_way).unwrap();
        broken()
    });
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), [vec!["a", "b"], vec!["a"], vec!["a"], vec!["b"]]);
    let failures = scene.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!(kept_serials(&failures[0]), ["a"]);
}

#[tokio::test]
async fn waking_ends_a_pause() {
    let mut scene = Scene::new();
    scene.write(&["a"]);
    scene.next(|_, _| broken());
    let mut options = scene.options();
    options.pace.first_retry = Duration::from_secs(3600);
    options.pace.longest_retry = Duration::from_secs(3600);
    let source = StreamSource::start(options).unwrap();
    assert_eq!(scene.batches.recv().await.unwrap(), ["a"]);
    source.wake();
    assert_eq!(scene.batches.recv().await.unwrap(), ["a"]);
    source.shutdown().await;
}
