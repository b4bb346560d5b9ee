//! Conditions of the advance, one by one: each form with each thing that may have changed.

use passes::device::{Device, Lease, Mark};
use passes::ports::{Advance, AdvanceDevices as _, Advanced, Expecting};
use passes::tag::{RevisionNumber, UpdateTag};
use tests::Workbench;
use tests::workbench::{device_key, serial};

/// A device with card A, listed up to date, so that no lease stands.
async fn settled(bench: &Workbench) -> Device {
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    let device = bench.device("d1").await.unwrap();
    assert_eq!(device.lease, None);
    device
}

/// The same with a lease that stands.
async fn leased(bench: &Workbench) -> Device {
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let device = bench.device("d1").await.unwrap();
    assert!(device.lease.is_some());
    device
}

fn next(device: &Device, expecting: Expecting) -> Advance {
    let tag = device.tag.value() + 10;
    Advance {
        mark: Mark {
            tag: UpdateTag::new(tag),
            revision: RevisionNumber::new(device.serials[&serial("A")].revision.value() + 1),
        },
        expecting,
        lease: Lease {
            due_at: tag + 300,
            attempts: 0,
        },
    }
}

async fn try_advance(bench: &Workbench, name: &str, advance: Advance) -> Advanced {
    bench
        .registry
        .advance(&device_key("d1"), &serial(name), advance)
        .await
        .unwrap()
}

/// The advance must not happen, and must leave the device exactly as it is.
async fn assert_overtaken(bench: &Workbench, advance: Advance) {
    let before = bench.device("d1").await;
    match try_advance(bench, "A", advance).await {
        Advanced::Overtaken(found) => assert_eq!(found, before, "the failed condition shows the device"),
        Advanced::Done(device) => panic!("advanced to {device:?}"),
    }
    assert_eq!(bench.device("d1").await, before);
}

async fn assert_done(bench: &Workbench, advance: Advance) -> Device {
    match try_advance(bench, "A", advance).await {
        Advanced::Done(device) => {
            assert_eq!(device.tag, advance.mark.tag);
            assert_eq!(device.serials[&serial("A")], advance.mark);
            device
        }
        Advanced::Overtaken(found) => panic!("overtaken by {found:?}"),
    }
}

#[tokio::test]
async fn a_blind_advance_sets_tag_mark_and_lease_and_returns_the_newest_token() {
    let bench = Workbench::start().await;
    let device = settled(&bench).await;
    let advance = next(&device, Expecting::NoLeaseAndLowerTag);
    let after = assert_done(&bench, advance).await;
    assert_eq!(after.lease, Some(advance.lease));
    assert_eq!(after.push_token.expose(), "aa");
}

#[tokio::test]
async fn a_blind_advance_needs_a_lower_tag() {
    let bench = Workbench::start().await;
    let device = settled(&bench).await;
    let mut advance = next(&device, Expecting::NoLeaseAndLowerTag);
    advance.mark.tag = device.tag;
    assert_overtaken(&bench, advance).await;
}

#[tokio::test]
async fn a_blind_advance_needs_that_no_lease_stands() {
    let bench = Workbench::start().await;
    let device = leased(&bench).await;
    assert_overtaken(&bench, next(&device, Expecting::NoLeaseAndLowerTag)).await;
}

#[tokio::test]
async fn an_advance_without_lease_needs_exactly_the_tag_that_was_read() {
    let bench = Workbench::start().await;
    let device = settled(&bench).await;
    let tag = UpdateTag::new(device.tag.value() - 1);
    assert_overtaken(&bench, next(&device, Expecting::NoLease { tag })).await;
    assert_done(&bench, next(&device, Expecting::NoLease { tag: device.tag })).await;
}

#[tokio::test]
async fn an_advance_without_lease_needs_that_none_stands() {
    let bench = Workbench::start().await;
    let device = leased(&bench).await;
    assert_overtaken(&bench, next(&device, Expecting::NoLease { tag: device.tag })).await;
}

#[tokio::test]
async fn an_advance_under_a_lease_keeps_it() {
    let bench = Workbench::start().await;
    let device = leased(&bench).await;
    let lease = device.lease.unwrap();
    let expecting = Expecting::UnderLease {
        tag: device.tag,
        due_at: lease.due_at,
    };
    let after = assert_done(&bench, next(&device, expecting)).await;
    assert_eq!(after.lease, Some(lease));
}

#[tokio::test]
async fn an_advance_under_a_lease_needs_exactly_that_tag_and_lease() {
    let bench = Workbench::start().await;
    let device = leased(&bench).await;
    let due_at = device.lease.unwrap().due_at;
    let tag = UpdateTag::new(device.tag.value() - 1);
    assert_overtaken(&bench, next(&device, Expecting::UnderLease { tag, due_at })).await;
    let other = Expecting::UnderLease {
        tag: device.tag,
        due_at: due_at + 1,
    };
    assert_overtaken(&bench, next(&device, other)).await;
}

#[tokio::test]
async fn an_advance_under_a_lease_does_not_happen_once_the_lease_is_cleared() {
    let bench = Workbench::start().await;
    let device = leased(&bench).await;
    let expecting = Expecting::UnderLease {
        tag: device.tag,
        due_at: device.lease.unwrap().due_at,
    };
    bench.list("d1", None).await.unwrap();
    // Otherwise the change would have neither push nor lease.
    assert_overtaken(&bench, next(&device, expecting)).await;
}

#[tokio::test]
async fn taking_over_a_lease_needs_exactly_that_tag_and_lease() {
    let bench = Workbench::start().await;
    let device = leased(&bench).await;
    let due_at = device.lease.unwrap().due_at;
    let tag = UpdateTag::new(device.tag.value() - 1);
    assert_overtaken(&bench, next(&device, Expecting::TakingOver { tag, due_at })).await;
    let tag = device.tag;
    let other = Expecting::TakingOver {
        tag,
        due_at: due_at + 1,
    };
    assert_overtaken(&bench, next(&device, other)).await;
    let advance = next(&device, Expecting::TakingOver { tag, due_at });
    assert_eq!(assert_done(&bench, advance).await.lease, Some(advance.lease));
}

#[tokio::test]
async fn no_form_advances_a_mark_that_is_not_behind() {
    let bench = Workbench::start().await;
    let settled = settled(&bench).await;
    for expecting in [Expecting::NoLeaseAndLowerTag, Expecting::NoLease { tag: settled.tag }] {
        let mut advance = next(&settled, expecting);
        advance.mark.revision = settled.serials[&serial("A")].revision;
        assert_overtaken(&bench, advance).await;
    }
    bench.register("d1", "A", "aa").await;
    let leased = bench.device("d1").await.unwrap();
    let (tag, due_at) = (leased.tag, leased.lease.unwrap().due_at);
    for expecting in [
        Expecting::UnderLease { tag, due_at },
        Expecting::TakingOver { tag, due_at },
    ] {
        let mut advance = next(&leased, expecting);
        advance.mark.revision = leased.serials[&serial("A")].revision;
        assert_overtaken(&bench, advance).await;
    }
}

#[tokio::test]
async fn no_form_brings_back_a_serial_that_is_gone() {
    let bench = Workbench::start().await;
    let device = settled(&bench).await;
    bench.unregister("d1", "A").await;
    for expecting in [Expecting::NoLeaseAndLowerTag, Expecting::NoLease { tag: device.tag }] {
        assert_overtaken(&bench, next(&device, expecting)).await;
    }
}

#[tokio::test]
async fn no_advance_creates_a_device() {
    let bench = Workbench::start().await;
    let device = settled(&bench).await;
    let advance = next(&device, Expecting::NoLeaseAndLowerTag);
    let outcome = bench
        .registry
        .advance(&device_key("d2"), &serial("A"), advance)
        .await
        .unwrap();
    assert!(matches!(outcome, Advanced::Overtaken(None)), "{outcome:?}");
    assert_eq!(bench.device("d2").await, None);
}
