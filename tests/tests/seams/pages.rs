//! Fan-outs beyond one page: what is handed on, when, and what each page does.

use std::sync::atomic::{AtomicU32, Ordering};

use passes::fan_out::FanOutReport;
use passes::pages::{PageEnd, PageReport};
use passes::ports::{Conditional, WriteRevision as _};
use passes::tag::RevisionNumber;
use passes::work::NextPage;
use tests::Workbench;
use tests::workbench::{key, serial};

/// Card A on this many devices, all settled, and its balance changed.
async fn changed_on(devices: usize) -> Workbench {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for number in 0..devices {
        let device = name(number);
        bench.register(&device, "A", &format!("{number:04}")).await;
        bench.list(&device, None).await;
    }
    bench.turn(1);
    bench.write_balance("A", 2).await;
    bench
}

fn name(number: usize) -> String {
    format!("d{number:04}")
}

fn page_after(device: &str) -> NextPage {
    NextPage {
        key: key("A"),
        after: Some(device.parse().unwrap()),
    }
}

/// How many of the devices have been told of the newest revision.
async fn told(bench: &Workbench, devices: usize) -> usize {
    let newest = bench.revision("A").await.number;
    let mut told = 0;
    for number in 0..devices {
        let device = bench.device(&name(number)).await.unwrap();
        told += usize::from(device.serials[&serial("A")].revision == newest);
    }
    told
}

#[tokio::test]
async fn the_first_page_is_advanced_in_place_and_the_others_are_handed_on() {
    let bench = changed_on(130).await;
    let report = bench.publish("A").await.unwrap().fan_out;
    assert_eq!((report.advanced, report.pushed, report.pages_sent), (100, 100, 1));
    assert_eq!(bench.queue.waiting(), [page_after("d0099")]);
    let taken = bench.take_up(&bench.queue.take().unwrap()).await.unwrap();
    assert_eq!((taken.fan_out.pushed, taken.end), (30, PageEnd::Last));
    assert!(bench.queue.waiting().is_empty());
    assert_eq!(told(&bench, 130).await, 130);
    let mut pushed = bench.pushes.sent();
    pushed.sort();
    pushed.dedup();
    assert_eq!(pushed.len(), 130, "each device once");
}

#[tokio::test]
async fn a_pass_on_one_page_sends_nothing() {
    let bench = changed_on(3).await;
    assert_eq!(bench.publish("A").await.unwrap().fan_out.pages_sent, 0);
    assert!(bench.queue.waiting().is_empty());
}

#[tokio::test]
async fn pages_are_handed_on_once_for_a_revision_and_again_when_asked_for_by_hand() {
    let bench = changed_on(101).await;
    bench.publish("A").await.unwrap();
    assert_eq!(
        bench.publish("A").await.unwrap().fan_out.pages_sent,
        0,
        "chained already"
    );
    assert_eq!(bench.queue.waiting().len(), 1);
    assert_eq!(bench.publish_explicitly("A").await.unwrap().fan_out.pages_sent, 1);
    assert_eq!(bench.queue.waiting().len(), 2);
    // A new revision has pages of its own.
    bench.turn(1);
    bench.write_balance("A", 3).await;
    assert_eq!(bench.publish("A").await.unwrap().fan_out.pages_sent, 1);
    assert_eq!(bench.queue.waiting().len(), 3);
}

#[tokio::test]
async fn a_record_that_is_refused_hands_the_pages_of_its_good_revision_on_too() {
    let bench = changed_on(101).await;
    bench.queue.refuse(true);
    bench.publish("A").await.unwrap_err();
    bench.queue.refuse(false);
    bench.backend.set_field(tests::LOYALTY, "A", "points", 5.into()).await;
    assert_eq!(bench.publish("A").await.unwrap().fan_out.pages_sent, 1);
}

/// The message first, then the note: the other order would lose the page.
#[tokio::test]
async fn a_page_that_the_queue_did_not_take_is_sent_by_the_next_publish() {
    let bench = changed_on(101).await;
    bench.queue.refuse(true);
    let error = bench.publish("A").await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    bench.queue.refuse(false);
    assert_eq!(bench.publish("A").await.unwrap().fan_out.pages_sent, 1);
    assert_eq!(bench.queue.waiting(), [page_after("d0099")]);
}

#[tokio::test]
async fn a_crash_between_message_and_note_sends_it_once_more() {
    let bench = changed_on(101).await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "#chained", "ValidationException");
    tapped.publish("A").await.unwrap_err();
    bench.tap.assert_all_acted();
    assert_eq!(bench.queue.waiting().len(), 1);
    bench.publish("A").await.unwrap();
    assert_eq!(bench.queue.waiting().len(), 2, "twice is harmless, never is not");
}

#[tokio::test]
async fn the_note_belongs_to_the_revision_that_it_was_made_for() {
    let bench = changed_on(1).await;
    bench.publish("A").await.unwrap();
    let number = bench.revision("A").await.number;
    let (registry, key) = (&bench.registry, key("A"));
    let older = RevisionNumber::new(number.value() - 1);
    let overtaken = registry.mark_chained(&key, older).await.unwrap();
    assert_eq!(overtaken, Conditional::Overtaken);
    assert_eq!(registry.lock(&key).await.unwrap().chained, None);
    assert_eq!(registry.mark_chained(&key, number).await.unwrap(), Conditional::Done);
    assert_eq!(registry.lock(&key).await.unwrap().chained, Some(number));
    // The next revision begins without it.
    bench.turn(1);
    bench.write_balance("A", 3).await;
    bench.publish("A").await.unwrap();
    assert_eq!(registry.lock(&key).await.unwrap().chained, None);
}

#[tokio::test]
async fn a_page_goes_up_to_the_newest_revision_whatever_was_new_when_it_was_sent() {
    let bench = changed_on(105).await;
    bench.publish("A").await.unwrap();
    let old_page = bench.queue.take().unwrap();
    bench.turn(1);
    bench.write_balance("A", 3).await;
    bench.publish("A").await.unwrap();
    bench.take_up(&old_page).await.unwrap();
    assert_eq!(told(&bench, 105).await, 105);
    // The newer revision's page then finds nothing left to do.
    let taken = bench.take_up(&bench.queue.take().unwrap()).await.unwrap();
    assert_eq!(taken.fan_out, FanOutReport::default());
    assert_eq!(taken.end, PageEnd::Last);
}

#[tokio::test]
async fn a_page_taken_up_twice_pushes_nobody_twice() {
    let bench = changed_on(110).await;
    bench.publish("A").await.unwrap();
    let page = bench.queue.take().unwrap();
    bench.take_up(&page).await.unwrap();
    let again = bench.take_up(&page).await.unwrap();
    assert_eq!((again.fan_out.advanced, again.fan_out.pushed), (0, 0));
    assert_eq!(bench.pushes.sent().len(), 110);
}

#[tokio::test]
async fn a_page_of_a_pass_without_revision_ends() {
    let bench = Workbench::start().await;
    let page = NextPage {
        key: key("A"),
        after: None,
    };
    let taken = bench.take_up(&page).await.unwrap();
    let nothing = PageReport {
        fan_out: FanOutReport::default(),
        end: PageEnd::NoRevision,
    };
    assert_eq!(taken, nothing);
}

#[tokio::test]
async fn a_page_that_runs_out_of_time_is_handed_on_from_where_it_stopped() {
    let bench = changed_on(130).await;
    bench.publish("A").await.unwrap();
    let page = bench.queue.take().unwrap();
    let left = AtomicU32::new(12);
    // Asked before the page's devices and before each of them: eleven are begun.
    let time_is_up = || {
        let ends = |left: u32| left.checked_sub(1);
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, ends).is_err()
    };
    let taken = bench.take_up_until(&page, time_is_up).await.unwrap();
    assert_eq!((taken.fan_out.pushed, taken.end), (11, PageEnd::HandedOn));
    assert_eq!(bench.queue.waiting(), [page_after("d0110")]);
    bench.take_up(&bench.queue.take().unwrap()).await.unwrap();
    assert_eq!(told(&bench, 130).await, 130);
    assert_eq!(bench.pushes.sent().len(), 130);
}

#[tokio::test]
async fn a_page_hands_the_next_one_on_only_when_its_own_devices_are_done() {
    let bench = changed_on(130).await;
    bench.publish("A").await.unwrap();
    let page = bench.queue.take().unwrap();
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "d0104", "ValidationException");
    tapped.take_up(&page).await.unwrap_err();
    bench.tap.assert_all_acted();
    assert_eq!(told(&bench, 130).await, 129, "the others did not wait for it");
    // The page comes again.
    bench.take_up(&page).await.unwrap();
    assert_eq!(told(&bench, 130).await, 130);
    assert_eq!(bench.pushes.sent().len(), 130);
}

#[tokio::test]
async fn a_device_that_cannot_be_read_does_not_hold_a_page_back() {
    let bench = changed_on(105).await;
    bench.publish("A").await.unwrap();
    bench
        .client()
        .update_item()
        .table_name("Registry")
        .key(
            "PK",
            aws_sdk_dynamodb::types::AttributeValue::S(format!("DEVICE#d0102#{}", tests::LOYALTY)),
        )
        .key("SK", aws_sdk_dynamodb::types::AttributeValue::S("DEVICE".into()))
        .update_expression("REMOVE push_token")
        .send()
        .await
        .unwrap();
    let taken = bench.take_up(&bench.queue.take().unwrap()).await.unwrap();
    assert_eq!((taken.fan_out.pushed, taken.fan_out.unreadable), (4, 1));
    assert_eq!(taken.end, PageEnd::Last);
}

/// A page of the queue is larger than one that is gone through in place.
#[tokio::test]
async fn a_page_of_the_queue_holds_a_thousand_devices() {
    let bench = changed_on(1).await;
    let tapped = bench.tapped().await;
    bench.tap.forget();
    let page = NextPage {
        key: key("A"),
        after: None,
    };
    tapped.take_up(&page).await.unwrap();
    let calls = bench.tap.calls();
    let query = calls.iter().find(|call| call.action == "Query").unwrap();
    assert_eq!(query.body["Limit"], 1000);
    assert_eq!(query.body["ConsistentRead"], true);
    let revision = calls.iter().find(|call| call.mentions("REVISION")).unwrap();
    assert_eq!(revision.body["ConsistentRead"], true);
}
