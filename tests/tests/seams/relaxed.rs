//! Changes that are not urgent: a lease for the device's next free time, and no push before.

use passes::device::Lease;
use passes::due::DueOutcome;
use passes::ports::KeepLeases as _;
use passes::push::{PushOutcome, UndeliveredCause};
use passes::record::UpdateUrgency;
use serde_json::json;
use tests::workbench::device_key;
use tests::{LOYALTY, Workbench};

/// Writes a relaxed balance and publishes it.
async fn relaxed(bench: &Workbench, balance: u32) {
    let record = json!({"template": "loyalty", "fields": {"balance": balance}, "updateUrgency": "relaxed"});
    bench.backend.put(LOYALTY, "A", record).await;
    bench.publish("A").await.unwrap();
}

/// A device with this one card that has just asked.
async fn settled(bench: &Workbench) {
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.turn(1);
}

async fn lease(bench: &Workbench) -> Lease {
    bench.device("d1").await.unwrap().lease.expect("a lease")
}

#[tokio::test]
async fn a_relaxed_change_waits_for_the_devices_next_free_time() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    relaxed(&bench, 2).await;
    assert!(bench.pushes.sent().is_empty());
    assert_eq!(bench.revision("A").await.urgency, UpdateUrgency::Relaxed);
    // One pass of the type: two hours after the device has last asked, a second ago.
    assert_eq!(lease(&bench).await.due_at, bench.clock.now().seconds() + 7199);
    assert_eq!(bench.push_if_due("d1").await, DueOutcome::NotDue);
    // It may ask before by itself, and is told.
    bench.turn(7199);
    assert!(matches!(bench.push_if_due("d1").await, DueOutcome::Pushed(_)));
    assert_eq!(bench.pushes.sent(), ["aa"]);
    assert_eq!(bench.list("d1", None).await.unwrap().0, ["A"]);
}

#[tokio::test]
async fn a_device_that_has_long_been_quiet_is_free_at_once() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    bench.turn(7200);
    relaxed(&bench, 2).await;
    assert!(bench.pushes.sent().is_empty(), "the schedule pushes, at its pace");
    assert!(matches!(bench.push_if_due("d1").await, DueOutcome::Pushed(_)));
}

#[tokio::test]
async fn several_relaxed_changes_are_one_push() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    relaxed(&bench, 2).await;
    let first = lease(&bench).await;
    bench.turn(600);
    relaxed(&bench, 3).await;
    assert_eq!(lease(&bench).await, first, "not put off by the second");
    bench.turn(6600);
    bench.push_if_due("d1").await;
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn a_change_in_a_hurry_takes_a_relaxed_lease_over() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    relaxed(&bench, 2).await;
    bench.turn(60);
    bench.card("A", 3).await;
    assert_eq!(bench.pushes.sent(), ["aa"], "pushed at once");
    assert_eq!(lease(&bench).await.due_at, bench.clock.now().seconds() + 300);
}

#[tokio::test]
async fn a_relaxed_change_needs_no_lease_of_its_own_while_a_push_is_outstanding() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    bench.card("A", 2).await;
    assert_eq!(bench.pushes.sent(), ["aa"]);
    let outstanding = lease(&bench).await;
    bench.turn(10);
    relaxed(&bench, 3).await;
    assert_eq!(lease(&bench).await, outstanding);
    assert_eq!(bench.pushes.sent(), ["aa"]);
    assert_eq!(bench.list("d1", None).await.unwrap().0, ["A"]);
}

#[tokio::test]
async fn a_relaxed_change_takes_over_a_lease_whose_attempts_are_used_up() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    bench.card("A", 2).await;
    for pause in [300, 300, 1800, 7200, 43_200] {
        bench.turn(pause);
        bench.push_if_due("d1").await;
    }
    assert!(lease(&bench).await.is_used_up());
    relaxed(&bench, 3).await;
    let taken_over = lease(&bench).await;
    assert_eq!(
        (taken_over.due_at, taken_over.attempts),
        (bench.clock.now().seconds(), 0),
        "free: it asked two days ago"
    );
}

/// The urgency is that of the change, wherever its devices are advanced.
#[tokio::test]
async fn the_pages_of_a_relaxed_change_are_relaxed_too() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    for number in 0..101 {
        let device = format!("e{number:03}");
        bench.register(&device, "A", &format!("{number:04}")).await;
        bench.list(&device, None).await;
    }
    bench.turn(1);
    relaxed(&bench, 2).await;
    let taken = bench.take_up(&bench.queue.take().unwrap()).await.unwrap().fan_out;
    assert_eq!((taken.advanced, taken.pushed, taken.left), (2, 0, 2));
    assert!(bench.pushes.sent().is_empty());
}

#[tokio::test]
async fn a_device_that_left_while_a_relaxed_change_came_is_an_orphan() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    let ended = bench
        .registry
        .end_device(&device_key("d1"), &"aa".parse().unwrap(), u64::MAX, u64::MAX)
        .await
        .unwrap();
    assert!(ended.is_some());
    relaxed(&bench, 2).await;
    assert!(!bench.is_registered("d1", "A").await);
    assert!(bench.pushes.sent().is_empty());
}

/// Fast ones among the pushes of one urgent change.
async fn fast(bench: &Workbench, balance: u32) -> (u32, u32) {
    bench.write_balance("A", balance).await;
    let report = bench.publish("A").await.unwrap().fan_out;
    (report.pushed, report.fast)
}

#[tokio::test]
async fn a_burst_on_one_device_is_counted_as_fast_and_spaced_changes_are_not() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    for balance in 2..5 {
        bench.turn(60);
        assert_eq!(fast(&bench, balance).await, (1, 1));
        bench.list("d1", None).await.unwrap();
    }
    // One pass of the type: two hours cost nothing.
    for balance in 5..8 {
        bench.turn(7200);
        assert_eq!(fast(&bench, balance).await, (1, 0));
        bench.list("d1", None).await.unwrap();
    }
    bench.turn(7199);
    assert_eq!(fast(&bench, 8).await, (1, 1));
}

#[tokio::test]
async fn a_fast_push_that_apns_does_not_take_costs_nothing() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    let undelivered = PushOutcome::Undelivered {
        retry_after: None,
        cause: UndeliveredCause::Network,
    };
    bench.pushes.answer("aa", undelivered);
    assert_eq!(fast(&bench, 2).await, (0, 0));
    bench.pushes.answer("aa", PushOutcome::Accepted);
    bench.turn(300);
    let DueOutcome::Pushed(report) = bench.push_if_due("d1").await else {
        panic!("it is due");
    };
    assert_eq!((report.pushed, report.fast), (1, 1), "so is a push of the schedule");
}

#[tokio::test]
async fn a_relaxed_push_is_never_fast() {
    let bench = Workbench::start().await;
    settled(&bench).await;
    relaxed(&bench, 2).await;
    bench.turn(7199);
    let DueOutcome::Pushed(report) = bench.push_if_due("d1").await else {
        panic!("it is due");
    };
    assert_eq!((report.pushed, report.fast), (1, 0));
}
