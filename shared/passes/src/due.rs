//! Leases whose time has come: devices that have not asked are pushed again.

use crate::fan_out::FanOutReport;
use crate::ids::DeviceKey;
use crate::ports::{AdvanceDevices, Conditional, KeepLeases, StoreResult};
use crate::push::SendPush;
use crate::settle::{Breaker, settle};
use crate::time::Clock;

/// What became of one device that the index named.
#[derive(Debug, PartialEq, Eq)]
pub enum DueOutcome {
    /// The index was behind: the device has asked, or somebody else has pushed.
    NotDue,
    Pushed(FanOutReport),
    /// Nothing left to tell this device.
    Released,
    /// It has not answered any of its pushes; its next change starts anew.
    GivenUp,
}

/// Pushes a device again if its lease has run out. The index is stale and carries keys only, so
/// the device itself decides, and the conditional write settles who pushes.
///
/// `breaker` is that of all devices that are pushed in one run, which concludes it.
pub async fn push_if_due<S, P, C>(
    store: &S,
    push: &P,
    clock: &C,
    key: &DeviceKey,
    breaker: &Breaker,
) -> StoreResult<DueOutcome>
where
    S: AdvanceDevices + KeepLeases,
    P: SendPush,
    C: Clock,
{
    let now = clock.now();
    let Some(device) = store.device(key).await? else {
        return Ok(DueOutcome::NotDue);
    };
    let Some(lease) = device.lease.filter(|lease| lease.due_at <= now.seconds()) else {
        return Ok(DueOutcome::NotDue);
    };
    let next = lease.after_push(now).filter(|_| !device.serials.is_empty());
    let Some(next) = next else {
        let given_up = (!device.serials.is_empty()).then_some(now);
        return Ok(match store.drop_lease(key, lease.due_at, given_up).await? {
            Conditional::Overtaken => DueOutcome::NotDue,
            Conditional::Done if given_up.is_some() => DueOutcome::GivenUp,
            Conditional::Done => DueOutcome::Released,
        });
    };
    // The device as the write left it carries the token to use.
    let Some(device) = store.renew_lease(key, lease.due_at, next).await? else {
        return Ok(DueOutcome::NotDue);
    };
    let outcome = push.send_push(&device.push_token, &key.pass_type).await;
    let mut report = FanOutReport::default();
    report.count_push(&outcome, device.is_fast(now));
    // With the attempts from before: only a push that APNs took counts.
    let now = clock.now();
    report.ended = settle(store, &device, next.due_at, lease.attempts, &outcome, now, breaker).await?;
    Ok(DueOutcome::Pushed(report))
}
