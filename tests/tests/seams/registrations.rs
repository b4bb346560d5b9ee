//! Conditions of register, unregister and the removal of orphans.

use passes::device::{Device, Lease, Mark};
use passes::due::DueOutcome;
use passes::ports::{
    AdvanceDevices, Conditional, KeepLeases as _, KnownDevice, RegisterDevice as _, Registering, UnregisterDevice as _,
};
use passes::register::RegisterOutcome;
use passes::tag::{RevisionNumber, UpdateTag};
use tests::Workbench;
use tests::workbench::{device_key, registration, serial};

/// With a new lease, on a device that was read so.
fn registering<'a>(
    bench: &Workbench,
    token: &'a passes::tokens::PushToken,
    expecting: Option<KnownDevice>,
) -> Registering<'a> {
    let now = bench.clock.now();
    Registering {
        mark: Mark {
            tag: UpdateTag::new(now.seconds() + 1000),
            revision: RevisionNumber::new(1),
        },
        push_token: token,
        now,
        lease: Some(Lease::starting(now)),
        expecting,
    }
}

fn as_read(device: &Device) -> KnownDevice {
    KnownDevice {
        tag: device.tag,
        due_at: device.lease.map(|lease| lease.due_at),
    }
}

#[tokio::test]
async fn a_first_registration_needs_that_the_device_is_not_there() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let before = bench.device("d1").await;
    let token = "bb".parse().unwrap();
    let outcome = bench
        .registry
        .register(&registration("d1", "B"), registering(&bench, &token, None))
        .await;
    assert_eq!(outcome.unwrap(), Conditional::Overtaken);
    assert_eq!(bench.device("d1").await, before);
    assert!(
        !bench.is_registered("d1", "B").await,
        "nor is the registration written alone"
    );
}

#[tokio::test]
async fn a_further_registration_needs_exactly_the_tag_that_was_read() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let before = bench.device("d1").await.unwrap();
    let token = "bb".parse().unwrap();
    let stale = KnownDevice {
        tag: UpdateTag::new(before.tag.value() - 1),
        ..as_read(&before)
    };
    let outcome = bench
        .registry
        .register(&registration("d1", "B"), registering(&bench, &token, Some(stale)))
        .await;
    assert_eq!(outcome.unwrap(), Conditional::Overtaken);
    assert_eq!(bench.device("d1").await, Some(before));
    assert!(!bench.is_registered("d1", "B").await);
}

#[tokio::test]
async fn a_registration_keeps_the_lease_that_stands() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    let lease = bench.device("d1").await.unwrap().lease.unwrap();
    bench.turn(60);
    bench.register("d1", "B", "aa").await;
    assert_eq!(
        bench.device("d1").await.unwrap().lease,
        Some(lease),
        "never later than promised"
    );
}

#[tokio::test]
async fn a_registration_sets_a_lease_because_install_and_change_may_cross() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await;
    assert_eq!(bench.device("d1").await.unwrap().lease, None);
    bench.turn(60);
    bench.register("d1", "A", "aa").await;
    let lease = bench.device("d1").await.unwrap().lease.unwrap();
    assert_eq!(lease.due_at, bench.clock.now().seconds() + 300);
}

#[tokio::test]
async fn a_repeated_registration_stores_the_token_and_lists_the_pass_once_more() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    assert_eq!(bench.register("d1", "A", "aa").await, RegisterOutcome::Registered);
    let (_, tag) = bench.list("d1", None).await.unwrap();
    assert_eq!(
        bench.register("d1", "A", "bb").await,
        RegisterOutcome::AlreadyRegistered
    );
    assert_eq!(bench.device("d1").await.unwrap().push_token.expose(), "bb");
    let (serials, next) = bench.list("d1", Some(tag)).await.unwrap();
    assert_eq!(serials, ["A"]);
    assert!(next > tag);
}

#[tokio::test]
async fn a_device_without_passes_keeps_its_item_so_that_tags_never_start_again() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let (_, tag) = bench.list("d1", None).await.unwrap();
    bench.unregister("d1", "A").await;
    let left = bench.device("d1").await.expect("the item stays");
    assert!(left.serials.is_empty() && left.lease.is_none());
    let item = bench
        .item(&format!("DEVICE#d1#{}", tests::LOYALTY), "DEVICE")
        .await
        .unwrap();
    let expires_at: u64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(expires_at, bench.clock.now().seconds() + 90 * 86_400);
    // In the same second.
    bench.register("d1", "A", "aa").await;
    assert!(bench.device("d1").await.unwrap().tag.value() > tag);
    let item = bench
        .item(&format!("DEVICE#d1#{}", tests::LOYALTY), "DEVICE")
        .await
        .unwrap();
    assert!(!item.contains_key("expires_at"), "a device in use does not expire");
}

#[tokio::test]
async fn a_device_is_retired_only_when_its_last_pass_is_gone() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    bench.unregister("d1", "A").await;
    let device = bench.device("d1").await.unwrap();
    assert_eq!(device.serials.keys().collect::<Vec<_>>(), [&serial("B")]);
    assert!(device.lease.is_some(), "B's lease stands");
    let outcome = bench.registry.retire_if_empty(&device_key("d1"), 1).await.unwrap();
    assert_eq!(outcome, Conditional::Overtaken);
}

#[tokio::test]
async fn unregistering_needs_that_the_device_holds_the_pass() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    assert_eq!(
        bench.registry.unregister(&registration("d1", "A")).await.unwrap(),
        Conditional::Overtaken
    );
    assert_eq!(bench.device("d1").await, None, "no device comes into being");
}

#[tokio::test]
async fn unregistering_takes_device_and_registration_together() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    assert!(bench.is_registered("d1", "A").await);
    bench.unregister("d1", "A").await;
    assert!(!bench.is_registered("d1", "A").await);
    assert!(bench.device("d1").await.unwrap().serials.is_empty());
}

#[tokio::test]
async fn an_orphan_is_removed_only_while_the_device_does_not_hold_the_pass() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    AdvanceDevices::remove_orphan(&bench.registry, &registration("d1", "A"))
        .await
        .unwrap();
    assert!(
        bench.is_registered("d1", "A").await,
        "registered in between keeps its own"
    );
}

#[tokio::test]
async fn a_registration_without_its_device_is_removed_by_the_next_publish() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench
        .delete_item(&format!("DEVICE#d1#{}", tests::LOYALTY), "DEVICE")
        .await;
    bench.publish("A").await.unwrap();
    assert!(!bench.is_registered("d1", "A").await);
    assert!(bench.pushes.sent().is_empty());
}

/// Its phone has answered none of six pushes, and the schedule would drop the lease unpushed.
#[tokio::test]
async fn a_registration_does_not_rely_on_a_lease_that_is_used_up() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await;
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    for pause in [300, 300, 1800, 7200, 43_200] {
        bench.turn(pause);
        bench.push_if_due("d1").await;
    }
    assert!(bench.device("d1").await.unwrap().lease.unwrap().is_used_up());
    // It is back, with another token; a change crosses its installation, and its list call is lost.
    bench.turn(3600);
    assert_eq!(
        bench.register("d1", "A", "bb").await,
        RegisterOutcome::AlreadyRegistered
    );
    let lease = bench.device("d1").await.unwrap().lease;
    assert_eq!(lease, Some(Lease::starting(bench.clock.now())));
    let before = bench.pushes.sent().len();
    bench.turn(300);
    bench.push_if_due("d1").await;
    assert_eq!(bench.pushes.sent()[before..], ["bb"]);
}

/// A lease that was left to a device without passes is dropped by the schedule at any time.
#[tokio::test]
async fn a_registration_does_not_rely_on_a_lease_of_a_device_that_held_nothing() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let left = bench.device("d1").await.unwrap().lease.unwrap();
    // Its function dies before it has taken the lease away with the last pass.
    let outcome = bench.registry.unregister(&registration("d1", "A")).await;
    assert_eq!(outcome.unwrap(), Conditional::Done);
    bench.turn(300);
    bench.register("d1", "A", "aa").await;
    // The schedule has read the device before that.
    let dropped = bench.registry.drop_lease(&device_key("d1"), left.due_at, None).await;
    assert_eq!(dropped.unwrap(), Conditional::Overtaken);
    let lease = bench.device("d1").await.unwrap().lease;
    assert_eq!(lease, Some(Lease::starting(bench.clock.now())));
}

/// Whether it keeps the lease or replaces it, the registration was decided by what it saw of it.
#[tokio::test]
async fn a_registration_needs_exactly_the_lease_that_was_read() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let leased = bench.device("d1").await.unwrap();
    bench.list("d1", None).await;
    let asked = bench.device("d1").await.unwrap();
    bench.register("d1", "A", "aa").await;
    let token = "bb".parse().unwrap();
    let before = bench.device("d1").await.unwrap();
    for other in [None, leased.lease.map(|lease| lease.due_at + 1)] {
        let expecting = KnownDevice {
            due_at: other,
            ..as_read(&before)
        };
        let outcome = bench
            .registry
            .register(&registration("d1", "A"), registering(&bench, &token, Some(expecting)))
            .await;
        assert_eq!(outcome.unwrap(), Conditional::Overtaken, "{other:?}");
        assert_eq!(bench.device("d1").await.as_ref(), Some(&before));
    }
    assert_eq!(asked.lease, None);
    bench.turn(10);
    let replacing = registering(&bench, &token, Some(as_read(&before)));
    let outcome = bench.registry.register(&registration("d1", "A"), replacing).await;
    assert_eq!(outcome.unwrap(), Conditional::Done);
    let now = bench.clock.now();
    assert_eq!(bench.device("d1").await.unwrap().lease, Some(Lease::starting(now)));
}

/// The schedule sends the last push between the registration's read and its write, to the old token.
#[tokio::test]
async fn a_registration_does_not_rely_on_a_lease_that_is_used_up_meanwhile() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    for pause in [300, 300, 1800, 7200] {
        bench.turn(pause);
        bench.push_if_due("d1").await;
    }
    bench.turn(43_200);
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("TransactWriteItems", "push_token", async move {
        assert!(matches!(other.push_if_due("d1").await, DueOutcome::Pushed(_)));
        assert!(other.device("d1").await.unwrap().lease.unwrap().is_used_up());
    });
    assert_eq!(
        tapped.register("d1", "A", "bb").await,
        RegisterOutcome::AlreadyRegistered
    );
    bench.tap.assert_all_acted();
    let lease = bench.device("d1").await.unwrap().lease;
    assert_eq!(lease, Some(Lease::starting(bench.clock.now())));
}
