//! Conditions of leases and of a device's end, and what the schedule does with them.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use passes::device::Lease;
use passes::due::DueOutcome;
use passes::ports::{Conditional, DUE_SHARDS, FindDue as _, KeepLeases as _};
use passes::push::{PushOutcome, Refusal, RefusalKind, UndeliveredCause};
use tests::Workbench;
use tests::workbench::{REGISTRY, device_key, serial};

/// A device with card A whose last change was pushed.
async fn pushed(bench: &Workbench) -> Lease {
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.pushes.sent(), ["aa"]);
    bench.device("d1").await.unwrap().lease.unwrap()
}

async fn due(bench: &Workbench) -> Vec<passes::ids::DeviceKey> {
    let mut found = Vec::new();
    for shard in 0..DUE_SHARDS {
        let page = bench.registry.due(shard, bench.clock.now(), None, 100).await.unwrap();
        assert!(page.after.is_none());
        found.extend(page.devices);
    }
    found
}

fn refused(reason: &str, kind: RefusalKind) -> PushOutcome {
    PushOutcome::Refused(Refusal {
        reason: reason.into(),
        kind,
    })
}

#[tokio::test]
async fn a_device_is_due_when_its_lease_has_run_out_and_not_before() {
    let bench = Workbench::start().await;
    let lease = pushed(&bench).await;
    assert_eq!(lease.due_at, bench.clock.now().seconds() + 300);
    assert!(due(&bench).await.is_empty());
    assert_eq!(bench.push_if_due("d1").await, DueOutcome::NotDue);
    bench.turn(300);
    assert_eq!(due(&bench).await, [device_key("d1")]);
    assert!(matches!(bench.push_if_due("d1").await, DueOutcome::Pushed(_)));
    assert_eq!(bench.pushes.sent(), ["aa", "aa"]);
    assert!(due(&bench).await.is_empty());
}

#[tokio::test]
async fn a_device_that_has_asked_is_not_pushed_again() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    bench.list("d1", None).await.unwrap();
    bench.turn(300);
    assert!(due(&bench).await.is_empty());
    assert_eq!(bench.push_if_due("d1").await, DueOutcome::NotDue);
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn a_device_that_never_asks_is_pushed_five_times_more_and_then_given_up() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    for pause in [300, 300, 1800, 7200, 43_200] {
        bench.turn(pause);
        assert!(matches!(bench.push_if_due("d1").await, DueOutcome::Pushed(_)));
    }
    bench.turn(172_800);
    assert_eq!(bench.push_if_due("d1").await, DueOutcome::GivenUp);
    assert_eq!(bench.pushes.sent().len(), 6);
    let device = bench.device("d1").await.unwrap();
    assert_eq!(device.lease, None);
    let item = bench
        .item(&format!("DEVICE#d1#{}", tests::LOYALTY), "DEVICE")
        .await
        .unwrap();
    assert!(item.contains_key("given_up_at"));
    // The next change starts anew, and nothing was lost.
    bench.write_balance("A", 3).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.pushes.sent().len(), 7);
    assert_eq!(bench.list("d1", None).await.unwrap().0, ["A"]);
    let item = bench
        .item(&format!("DEVICE#d1#{}", tests::LOYALTY), "DEVICE")
        .await
        .unwrap();
    assert!(!item.contains_key("given_up_at"));
}

#[tokio::test]
async fn a_further_change_needs_no_further_push_while_one_is_outstanding() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    bench.write_balance("A", 3).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.pushes.sent(), ["aa"]);
    assert_eq!(bench.list("d1", None).await.unwrap().0, ["A"]);
}

#[tokio::test]
async fn a_further_change_takes_over_a_lease_that_has_been_backed_off() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    bench.turn(300);
    bench.push_if_due("d1").await;
    bench.turn(300);
    bench.push_if_due("d1").await;
    let backed_off = bench.device("d1").await.unwrap().lease.unwrap();
    assert_eq!(
        (backed_off.due_at, backed_off.attempts),
        (bench.clock.now().seconds() + 1800, 2)
    );
    bench.write_balance("A", 3).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.pushes.sent().len(), 4, "pushed at once");
    assert_eq!(
        bench.device("d1").await.unwrap().lease,
        Some(Lease::starting(bench.clock.now()))
    );
}

#[tokio::test]
async fn a_lease_is_renewed_or_dropped_only_while_it_is_the_one_that_was_read() {
    let bench = Workbench::start().await;
    let lease = pushed(&bench).await;
    let key = device_key("d1");
    let next = Lease {
        due_at: lease.due_at + 999,
        attempts: 3,
    };
    assert_eq!(
        bench.registry.renew_lease(&key, lease.due_at + 1, next).await.unwrap(),
        None
    );
    assert_eq!(
        bench.registry.drop_lease(&key, lease.due_at + 1, None).await.unwrap(),
        Conditional::Overtaken
    );
    assert_eq!(bench.device("d1").await.unwrap().lease, Some(lease));
    let renewed = bench
        .registry
        .renew_lease(&key, lease.due_at, next)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(renewed.lease, Some(next));
    assert_eq!(
        bench.registry.drop_lease(&key, next.due_at, None).await.unwrap(),
        Conditional::Done
    );
    assert_eq!(bench.device("d1").await.unwrap().lease, None);
}

#[tokio::test]
async fn two_schedules_at_once_push_once() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    bench.turn(300);
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "due_at", async move {
        assert!(matches!(other.push_if_due("d1").await, DueOutcome::Pushed(_)));
    });
    assert_eq!(tapped.push_if_due("d1").await, DueOutcome::NotDue);
    bench.tap.assert_all_acted();
    assert_eq!(bench.pushes.sent().len(), 2);
}

#[tokio::test]
async fn a_push_goes_to_the_token_that_the_renewal_returned() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    bench.turn(300);
    let (tapped, other) = (bench.tapped().await, bench.clone());
    // The token changes between the schedule's read and its write.
    bench.tap.before("UpdateItem", "due_at", async move {
        other.register("d1", "A", "bb").await;
    });
    assert!(matches!(tapped.push_if_due("d1").await, DueOutcome::Pushed(_)));
    bench.tap.assert_all_acted();
    assert_eq!(bench.pushes.sent(), ["aa", "bb"]);
}

#[tokio::test]
async fn a_dead_token_ends_its_device_and_leaves_the_others() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for (device, token) in [("d1", "aa"), ("d2", "bb")] {
        bench.register(device, "A", token).await;
        bench.list(device, None).await;
    }
    bench.turn(10);
    let since_ms = bench.clock.now().millis();
    bench
        .pushes
        .answer("aa", refused("Unregistered", RefusalKind::Gone { since_ms }));
    bench.write_balance("A", 2).await;
    let report = bench.publish("A").await.unwrap();
    assert_eq!((report.fan_out.ended, report.fan_out.pushed), (1, 1));
    assert!(!bench.is_registered("d1", "A").await);
    assert!(bench.device("d1").await.unwrap().serials.is_empty());
    assert_eq!(bench.device("d1").await.unwrap().lease, None);
    assert!(bench.is_registered("d2", "A").await);
    assert!(bench.device("d2").await.unwrap().serials.contains_key(&serial("A")));
}

#[tokio::test]
async fn a_device_is_ended_only_by_the_token_that_it_has() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    let before = bench.device("d1").await;
    bench.clock.turn(Duration::from_secs(10));
    let now = bench.clock.now();
    let ended = bench
        .registry
        .end_device(&device_key("d1"), &"bb".parse().unwrap(), now.millis(), u64::MAX)
        .await;
    assert_eq!(ended.unwrap(), None);
    assert_eq!(bench.device("d1").await, before);
}

#[tokio::test]
async fn a_device_is_ended_only_by_a_death_after_its_registration() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    let registered_at = bench.clock.now();
    let key = device_key("d1");
    let token = "aa".parse().unwrap();
    // The same token registered at that very millisecond or later is alive again.
    for since_ms in [0, registered_at.millis() - 1, registered_at.millis()] {
        let ended = bench
            .registry
            .end_device(&key, &token, since_ms, u64::MAX)
            .await
            .unwrap();
        assert_eq!(ended, None, "{since_ms}");
    }
    let ended = bench
        .registry
        .end_device(&key, &token, registered_at.millis() + 1, u64::MAX)
        .await
        .unwrap();
    assert_eq!(ended, Some(vec![serial("A")]));
}

#[tokio::test]
async fn a_token_that_apns_refuses_loses_its_lease_and_keeps_its_registration() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await;
    bench
        .pushes
        .answer("aa", refused("BadDeviceToken", RefusalKind::Device));
    // Nine whose pushes are taken show that it is this device's own fault.
    for number in 0..9 {
        let device = format!("e{number}");
        bench.register(&device, "A", &format!("{number:04}")).await;
        bench.list(&device, None).await;
    }
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    let device = bench.device("d1").await.unwrap();
    assert_eq!(device.lease, None, "never retried");
    assert!(device.serials.contains_key(&serial("A")));
    let item = bench
        .item(&format!("DEVICE#d1#{}", tests::LOYALTY), "DEVICE")
        .await
        .unwrap();
    assert_eq!(item["last_refusal"].as_s().unwrap(), "BadDeviceToken");
}

#[tokio::test]
async fn a_refused_token_takes_no_lease_from_its_successor() {
    let bench = Workbench::start().await;
    let lease = pushed(&bench).await;
    let (key, old) = (device_key("d1"), "aa".parse().unwrap());
    let outcome = bench
        .registry
        .refuse_token(&key, lease.due_at + 1, &old, "BadDeviceToken")
        .await
        .unwrap();
    assert_eq!(outcome, Conditional::Overtaken, "another lease");
    bench.register("d1", "A", "bb").await;
    let outcome = bench
        .registry
        .refuse_token(&key, lease.due_at, &old, "BadDeviceToken")
        .await
        .unwrap();
    assert_eq!(outcome, Conditional::Overtaken, "another token");
    assert_eq!(bench.device("d1").await.unwrap().lease, Some(lease));
}

#[tokio::test]
async fn a_push_that_was_not_delivered_comes_again_when_apns_says() {
    for (retry_after, cause, pause) in [
        (Some(Duration::from_secs(77)), UndeliveredCause::TooManyRequests, 77),
        (None, UndeliveredCause::TooManyRequests, 300),
        (None, UndeliveredCause::Server, 900),
        (None, UndeliveredCause::Network, 300),
    ] {
        let bench = Workbench::start().await;
        bench.card("A", 1).await;
        bench.register("d1", "A", "aa").await;
        bench.list("d1", None).await;
        bench
            .pushes
            .answer("aa", PushOutcome::Undelivered { retry_after, cause });
        bench.write_balance("A", 2).await;
        bench.publish("A").await.unwrap();
        let lease = bench.device("d1").await.unwrap().lease.unwrap();
        assert_eq!(lease.due_at, bench.clock.now().seconds() + pause, "{cause}");
    }
}

#[tokio::test]
async fn a_fault_that_is_not_the_devices_keeps_its_lease() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await;
    bench
        .pushes
        .answer("aa", refused("InvalidProviderToken", RefusalKind::Everything));
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    let lease = bench.device("d1").await.unwrap().lease.unwrap();
    assert_eq!(lease.due_at, bench.clock.now().seconds() + 900);
}

#[tokio::test]
async fn the_due_index_is_gone_through_page_by_page() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let mut expected = Vec::new();
    for number in 0..40 {
        let device = format!("d{number}");
        bench.register(&device, "A", "aa").await;
        expected.push(device_key(&device));
        bench.turn(1);
    }
    bench.turn(300);
    let mut found = Vec::new();
    for shard in 0..DUE_SHARDS {
        let mut after = None;
        loop {
            let page = bench
                .registry
                .due(shard, bench.clock.now(), after.as_ref(), 2)
                .await
                .unwrap();
            found.extend(page.devices);
            match page.after {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "each once");
}

/// Somebody else's entry may be the last of a page.
#[tokio::test]
async fn a_foreign_entry_hides_nothing_behind_it() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    bench.turn(300);
    let shards = 0..DUE_SHARDS;
    for shard in shards.clone() {
        let [pk, sk] = ["somebody's", "own"].map(|text| AttributeValue::S(text.into()));
        let put = bench
            .client()
            .put_item()
            .table_name(REGISTRY)
            .item("PK", pk)
            .item("SK", sk);
        let put = put.item("due_shard", AttributeValue::N(shard.to_string()));
        put.item("due_at", AttributeValue::N("0.5".into()))
            .send()
            .await
            .unwrap();
        let first = bench.registry.due(shard, bench.clock.now(), None, 1).await.unwrap();
        assert_eq!((first.devices.len(), first.foreign), (0, 1));
        let next = bench
            .registry
            .due(shard, bench.clock.now(), first.after.as_ref(), 1)
            .await;
        let next = next.unwrap();
        if next.devices == [device_key("d1")] {
            return;
        }
        assert_eq!(next.foreign, 0);
    }
    panic!("the device is in none of {shards:?}");
}

#[tokio::test]
async fn an_outage_of_apns_uses_up_no_attempts() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    let outage = PushOutcome::Undelivered {
        retry_after: None,
        cause: UndeliveredCause::Server,
    };
    bench.pushes.answer("aa", outage);
    bench.turn(300);
    for _ in 0..20 {
        assert!(matches!(bench.push_if_due("d1").await, DueOutcome::Pushed(_)));
        let lease = bench.device("d1").await.unwrap().lease.unwrap();
        assert_eq!((lease.attempts, lease.due_at), (0, bench.clock.now().seconds() + 900));
        bench.turn(900);
    }
    bench.pushes.answer("aa", PushOutcome::Accepted);
    bench.push_if_due("d1").await;
    let lease = bench.device("d1").await.unwrap().lease.unwrap();
    assert_eq!((lease.attempts, lease.due_at), (1, bench.clock.now().seconds() + 300));
}

#[tokio::test]
async fn a_change_under_a_lease_without_attempts_left_is_pushed_at_once() {
    let bench = Workbench::start().await;
    pushed(&bench).await;
    for pause in [300, 300, 1800, 7200, 43_200] {
        bench.turn(pause);
        bench.push_if_due("d1").await;
    }
    // Within the last minutes of its last pause, so that its time alone says nothing.
    bench.turn(172_800 - 20);
    let sent = bench.pushes.sent().len();
    bench.write_balance("A", 3).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.pushes.sent().len(), sent + 1);
    assert_eq!(
        bench.device("d1").await.unwrap().lease,
        Some(Lease::starting(bench.clock.now()))
    );
}

#[tokio::test]
async fn an_answer_that_concerns_all_pushes_leaves_the_rest_to_the_schedule() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for number in 0..60 {
        let device = format!("d{number}");
        bench.register(&device, "A", &format!("{number:02}")).await;
        bench.list(&device, None).await;
        bench.pushes.answer(
            &format!("{number:02}"),
            refused("InvalidProviderToken", RefusalKind::Everything),
        );
    }
    bench.write_balance("A", 2).await;
    let report = bench.publish("A").await.unwrap().fan_out;
    assert_eq!(report.advanced, 60);
    assert!(report.refused <= 16, "those under way at the first answer: {report:?}");
    assert_eq!(report.left + report.refused, 60);
    assert_eq!(report.failures["InvalidProviderToken"], report.refused);
    for number in 0..60 {
        assert!(
            bench.device(&format!("d{number}")).await.unwrap().lease.is_some(),
            "nothing is lost"
        );
    }
}
