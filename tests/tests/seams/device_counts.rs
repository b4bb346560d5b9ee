//! How many devices hold a pass: the count may drift, and turns nobody away whom the registrations
//! themselves would let in.

use passes::ports::{AdvanceDevices as _, Conditional, CountDevices as _, Counted, UncountDevice as _};
use passes::push::{PushOutcome, Refusal, RefusalKind};
use passes::register::RegisterOutcome;
use serde_json::{Value, json};
use tap::Call;
use tests::workbench::key;
use tests::{LOYALTY, Workbench};

/// Card A, which so many devices may hold.
async fn card(devices_per_pass: u64) -> Workbench {
    let mut bench = Workbench::start().await;
    bench.devices_per_pass = devices_per_pass;
    bench.card("A", 1).await;
    bench
}

async fn register(bench: &Workbench, device: &str) -> RegisterOutcome {
    let token: String = device.bytes().map(|byte| format!("{byte:02x}")).collect();
    bench.register(device, "A", &token).await
}

async fn counted(bench: &Workbench) -> Option<String> {
    let item = bench.item(&format!("PASS#{LOYALTY}#A"), "COUNT").await?;
    Some(item["devices"].as_n().unwrap().clone())
}

/// Real counts that the calls since the last look made.
fn real_counts(bench: &Workbench) -> usize {
    let calls = bench.tap.calls();
    bench.tap.forget();
    calls
        .iter()
        .filter(|call| call.action == "Query" && call.body["Select"] == "COUNT")
        .count()
}

#[tokio::test]
async fn devices_that_come_and_go_are_counted() {
    let bench = card(10).await;
    assert_eq!(counted(&bench).await, None);
    for device in ["d1", "d2", "d3", "d1"] {
        register(&bench, device).await;
    }
    assert_eq!(counted(&bench).await.unwrap(), "3", "d1 held it already");
    bench.unregister("d2", "A").await;
    bench.unregister("d2", "A").await;
    assert_eq!(counted(&bench).await.unwrap(), "2");

    // The phone of d1 is gone.
    bench.list("d1", None).await;
    bench.list("d3", None).await;
    bench.turn(60);
    let gone = RefusalKind::Gone {
        since_ms: bench.clock.now().millis(),
    };
    let refusal = Refusal {
        reason: "Unregistered".into(),
        kind: gone,
    };
    bench.pushes.answer("6431", PushOutcome::Refused(refusal));
    bench.card("A", 2).await;
    assert!(!bench.is_registered("d1", "A").await);
    assert_eq!(counted(&bench).await.unwrap(), "1");
}

#[tokio::test]
async fn a_count_that_has_drifted_up_turns_nobody_away() {
    let bench = card(5).await;
    register(&bench, "d1").await;
    for _ in 0..4 {
        bench.registry.count_device(&key("A"), 5).await.unwrap();
    }
    assert_eq!(counted(&bench).await.unwrap(), "5");
    assert_eq!(register(&bench, "d2").await, RegisterOutcome::Registered);
    assert_eq!(counted(&bench).await.unwrap(), "2", "as there are");
}

#[tokio::test]
async fn a_full_pass_is_counted_once_an_hour_and_a_device_that_leaves_makes_room_at_once() {
    let bench = card(2).await;
    register(&bench, "d1").await;
    register(&bench, "d2").await;
    let tapped = bench.tapped().await;
    for (seconds, counts) in [(0, 1), (1, 0), (3598, 0), (1, 1), (60, 0)] {
        bench.turn(seconds);
        assert_eq!(register(&tapped, "d3").await, RegisterOutcome::TooManyDevices);
        assert_eq!(real_counts(&bench), counts, "{seconds} s later");
    }
    assert!(bench.device("d3").await.is_none());
    // Whoever holds it is not touched.
    assert_eq!(register(&tapped, "d1").await, RegisterOutcome::AlreadyRegistered);
    bench.unregister("d1", "A").await;
    assert_eq!(register(&tapped, "d3").await, RegisterOutcome::Registered);
    assert_eq!(real_counts(&bench), 0);
    // Nor does a clock that is set back make anybody wait for years.
    bench.clock.turn_back(std::time::Duration::from_secs(86_400));
    assert_eq!(register(&tapped, "d4").await, RegisterOutcome::TooManyDevices);
    assert_eq!(real_counts(&bench), 1);
}

#[tokio::test]
async fn an_ordinary_registration_costs_one_write_more_and_a_repeated_one_none() {
    let bench = card(10).await;
    let tapped = bench.tapped().await;
    bench.tap.forget();
    let actions = async || {
        bench.tap.forget();
        register(&tapped, "d1").await;
        let calls = bench.tap.calls();
        calls.into_iter().map(|call| call.action).collect::<Vec<_>>()
    };
    // The first GetItem is of the test: it looks the pass's token up.
    let new = ["GetItem", "GetItem", "GetItem", "UpdateItem", "TransactWriteItems"];
    assert_eq!(actions().await, new);
    assert_eq!(actions().await, ["GetItem", "GetItem", "GetItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn a_count_that_cannot_be_moved_stops_nobody() {
    let bench = card(1).await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "COUNT", "AccessDeniedException");
    assert_eq!(register(&tapped, "d1").await, RegisterOutcome::Registered);
    bench.tap.refuse("UpdateItem", "COUNT", "AccessDeniedException");
    tapped.unregister("d1", "A").await;
    bench.tap.assert_all_acted();
    assert!(!bench.is_registered("d1", "A").await);
}

#[tokio::test]
async fn a_registration_that_fails_is_not_counted() {
    let bench = card(2).await;
    let tapped = bench.tapped().await;
    bench
        .tap
        .refuse("TransactWriteItems", "DEVICE#d1", "AccessDeniedException");
    tapped.try_register("d1", "A", "6431").await.unwrap_err();
    assert_eq!(counted(&bench).await.unwrap(), "0");
    // One that had to try twice is counted once.
    bench.tap.cancel("DEVICE#d1", "TransactionConflict");
    register(&tapped, "d1").await;
    bench.tap.assert_all_acted();
    assert_eq!(counted(&bench).await.unwrap(), "1");
}

#[tokio::test]
async fn of_two_calls_for_one_registration_one_counts() {
    let bench = card(5).await;
    let other = bench.clone();
    bench.tap.before("TransactWriteItems", "DEVICE#d1", async move {
        register(&other, "d1").await;
    });
    let outcome = register(&bench.tapped().await, "d1").await;
    bench.tap.assert_all_acted();
    assert_eq!(outcome, RegisterOutcome::AlreadyRegistered);
    assert_eq!(counted(&bench).await.unwrap(), "1");
}

/// Else each of many phones that come at once would read all registrations.
#[tokio::test]
async fn of_many_that_find_a_pass_full_one_counts_and_nobody_is_turned_away_meanwhile() {
    let bench = card(2).await;
    register(&bench, "d1").await;
    register(&bench, "d2").await;
    let tapped = bench.tapped().await;
    let (other, recorded) = (tapped.clone(), bench.clone());
    bench.tap.before("Query", "COUNT", async move {
        recorded.tap.forget();
        assert_eq!(register(&other, "d3").await, RegisterOutcome::Registered);
        assert_eq!(real_counts(&recorded), 0);
    });
    assert_eq!(register(&tapped, "d4").await, RegisterOutcome::TooManyDevices);
    bench.tap.assert_all_acted();
    assert_eq!(register(&tapped, "d5").await, RegisterOutcome::TooManyDevices);
}

/// Whoever counts may die of it: another one begins a minute later, and what cannot be counted is not full.
#[tokio::test]
async fn a_count_that_fails_turns_nobody_away_and_is_begun_again_a_minute_later() {
    let bench = card(1).await;
    register(&bench, "d1").await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("Query", "COUNT", "AccessDeniedException");
    assert_eq!(register(&tapped, "d2").await, RegisterOutcome::Registered);
    bench.tap.assert_all_acted();
    bench.tap.forget();
    for (seconds, outcome, counts) in [
        (59, RegisterOutcome::Registered, 0),
        (1, RegisterOutcome::TooManyDevices, 1),
    ] {
        bench.turn(seconds);
        assert_eq!(register(&tapped, &format!("late-{seconds}")).await, outcome);
        assert_eq!(real_counts(&bench), counts, "{seconds} s later");
    }
}

/// The engine answers all at once; DynamoDB ends a page at a megabyte.
fn end_after_the_first(call: &Call, mut answer: Value) -> Value {
    answer["Count"] = json!(1);
    answer["LastEvaluatedKey"] = json!({
        "PK": call.body["ExpressionAttributeValues"][":pk"].clone(),
        "SK": {"S": "DEVICE#d1"},
    });
    answer
}

#[tokio::test]
async fn registrations_are_counted_page_by_page_and_no_further_than_the_limit() {
    let bench = card(3).await;
    for device in ["d1", "d2", "d3"] {
        register(&bench, device).await;
    }
    let tapped = bench.tapped().await;
    bench.tap.change_answer("Query", "COUNT", end_after_the_first);
    assert_eq!(register(&tapped, "d4").await, RegisterOutcome::TooManyDevices);
    bench.tap.assert_all_acted();
    assert_eq!(real_counts(&bench), 2);
    assert_eq!(counted(&bench).await.unwrap(), "3");
}

#[tokio::test]
async fn each_write_of_the_count_asks_for_what_was_read() {
    use Conditional::{Done, Overtaken};
    let registry = card(2).await.registry;
    let key = key("A");
    let note = async |devices, at, before| registry.note_device_count(&key, devices, at, before).await.unwrap();
    let less = async || registry.uncount_device(&key).await.unwrap();
    let begin = async |now, ends_by| registry.begin_device_count(&key, now, ends_by).await.unwrap();
    assert_eq!(less().await, Overtaken, "there is none");
    assert_eq!(note(1, 100, Some(99)).await, Overtaken, "nobody has counted");
    assert_eq!(begin(100, 160).await, Done);
    assert_eq!(begin(159, 219).await, Overtaken, "somebody counts");
    assert_eq!(begin(160, 220).await, Done, "somebody has counted for too long");
    assert_eq!(note(1, 100, None).await, Done);
    assert_eq!(begin(161, 221).await, Done, "the count has ended");
    assert_eq!(note(9, 200, None).await, Overtaken, "somebody has counted");
    assert_eq!(note(9, 200, Some(99)).await, Overtaken, "at another time");
    let one_more = registry.count_device(&key, 2).await.unwrap();
    let full = registry.count_device(&key, 2).await.unwrap();
    let counted_at = Some(100);
    assert_eq!((one_more, full), (Counted::OneMore, Counted::Full { counted_at }));
    assert_eq!([less().await, less().await, less().await], [Done, Done, Overtaken]);
    // It stands in nobody's way.
    assert!(registry.devices_with(&key, None, 100).await.unwrap().devices.is_empty());
}
