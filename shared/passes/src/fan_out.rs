//! The fan-out: every device that holds a pass is advanced, and woken at most once.
//!
//! The first page is gone through in place. A pass with more devices than that is handed on page
//! by page ([`crate::pages`]), so that it neither holds up other passes nor wakes everybody at
//! once.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::advance::{Step, step};
use crate::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, SerialNumber};
use crate::ports::{AdvanceDevices, KeepLeases, SendPage, StoreResult, WriteRevision};
use crate::push::{PushOutcome, SendPush};
use crate::record::UpdateUrgency;
use crate::settle::{Breaker, settle};
use crate::tag::RevisionNumber;
use crate::time::Clock;
use crate::work::NextPage;

/// Registrations read at a time, and devices advanced in place.
const PAGE: u32 = 100;
/// Devices advanced side by side.
pub(crate) const CONCURRENCY: usize = 16;
/// Devices read in one call.
pub(crate) const DEVICES_AT_A_TIME: usize = 100;

/// Whether a lease is followed by a push at once.
#[derive(Debug)]
pub enum Pushing<'a, P> {
    /// For as long as the batch's breaker is not open.
    Now(&'a P, &'a Breaker),
    /// For callers without the APNs key: the lease is set, and the schedule pushes.
    LeftToSchedule,
}

// Derived impls would ask the same of P, which only a reference to is held.
impl<P> Clone for Pushing<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P> Copy for Pushing<'_, P> {}

/// What becomes of the devices beyond the first page.
#[derive(Debug)]
pub enum FurtherPages<'a, Q> {
    Sent(&'a Q),
    /// For callers without the queue.
    InPlace,
}

impl<Q> Clone for FurtherPages<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Q> Copy for FurtherPages<'_, Q> {}

/// For callers without the queue. It has no value, so nothing can be sent through it.
#[derive(Debug)]
pub enum NoQueue {}

impl SendPage for NoQueue {
    async fn send_page(&self, _: &NextPage) -> StoreResult<()> {
        match *self {}
    }
}

/// How the devices of one pass came out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FanOutReport {
    /// Devices that got a new tag.
    pub advanced: u32,
    /// Pushes that APNs accepted.
    pub pushed: u32,
    /// Those of them that came sooner after the device had asked than a phone bears for nothing.
    pub fast: u32,
    /// Advanced under a lease that stood already: its push serves this change too.
    pub under_lease: u32,
    /// Left to the schedule.
    pub left: u32,
    /// Devices whose item cannot be read: nothing brings them forward but mending it.
    pub unreadable: u32,
    /// Messages that hand further pages on (0 or 1 a publish).
    pub pages_sent: u32,
    /// Pushes that APNs refused, and devices ended by that.
    pub refused: u32,
    pub undelivered: u32,
    pub ended: u32,
    /// Pushes that failed, by APNs's reason.
    pub failures: BTreeMap<String, u32>,
}

impl FanOutReport {
    pub fn add(&mut self, other: &Self) {
        self.advanced += other.advanced;
        self.pushed += other.pushed;
        self.fast += other.fast;
        self.under_lease += other.under_lease;
        self.left += other.left;
        self.unreadable += other.unreadable;
        self.pages_sent += other.pages_sent;
        self.refused += other.refused;
        self.undelivered += other.undelivered;
        self.ended += other.ended;
        for (reason, count) in &other.failures {
            *self.failures.entry(reason.clone()).or_default() += count;
        }
    }

    /// `fast` as the device was when the push began.
    pub(crate) fn count_push(&mut self, outcome: &PushOutcome, fast: bool) {
        match outcome {
            PushOutcome::Accepted => {
                self.pushed += 1;
                self.fast += u32::from(fast);
            }
            PushOutcome::Refused(refusal) => {
                self.refused += 1;
                *self.failures.entry(refusal.reason.clone()).or_default() += 1;
            }
            PushOutcome::Undelivered { cause, .. } => {
                self.undelivered += 1;
                *self.failures.entry(cause.to_string()).or_default() += 1;
            }
        }
    }
}

/// Advances devices of one pass.
pub(crate) struct FanOut<'a, S, P, C> {
    pub store: &'a S,
    pub pushing: Pushing<'a, P>,
    pub clock: &'a C,
    pub urgency: UpdateUrgency,
}

impl<S, P, C> FanOut<'_, S, P, C>
where
    S: WriteRevision + AdvanceDevices + KeepLeases,
    P: SendPush,
    C: Clock,
{
    /// After a revision has been written: every device.
    pub async fn announce(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        further: FurtherPages<'_, impl SendPage>,
    ) -> StoreResult<FanOutReport> {
        self.go_through(key, revision, false, further, true).await
    }

    /// The revision is as it was, but devices may have fallen behind: a crash, a lost page, a
    /// restore. Their marks tell. Pages that are `chained` have been handed on before.
    pub async fn catch_up(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        further: FurtherPages<'_, impl SendPage>,
        chained: bool,
    ) -> StoreResult<FanOutReport> {
        self.go_through(key, revision, true, further, !chained).await
    }

    async fn go_through(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        compare: bool,
        further: FurtherPages<'_, impl SendPage>,
        hand_on: bool,
    ) -> StoreResult<FanOutReport> {
        let mut report = FanOutReport::default();
        let mut after: Option<DeviceLibraryIdentifier> = None;
        // One device's fault must not keep the others waiting: all pages are gone through first.
        let mut fault = None;
        loop {
            let page = self.store.devices_with(key, after.as_ref(), PAGE).await?;
            let mut devices = device_keys(page.devices, key);
            if compare && !devices.is_empty() {
                devices = self.behind(devices, &key.serial, revision).await?;
            }
            let mut advances = stream::iter(devices)
                .map(|device| async move { self.advance_device(&device, &key.serial, revision).await })
                .buffer_unordered(CONCURRENCY);
            while let Some(one) = advances.next().await {
                match one {
                    Ok(one) => report.add(&one),
                    Err(error) => fault = Some(error),
                }
            }
            match (page.after, further) {
                (Some(next), FurtherPages::InPlace) => after = Some(next),
                (Some(next), FurtherPages::Sent(queue)) if hand_on => {
                    let next = NextPage {
                        key: key.clone(),
                        after: Some(next),
                    };
                    // The message first: a crash between the two sends it once more, and the other
                    // order would lose it.
                    queue.send_page(&next).await?;
                    report.pages_sent = 1;
                    // Overtaken: a newer revision hands its own pages on.
                    let _ = self.store.mark_chained(key, revision).await?;
                    break;
                }
                _ => break,
            }
        }
        fault.map_or(Ok(report), Err)
    }
}

impl<S, P, C> FanOut<'_, S, P, C>
where
    S: AdvanceDevices + KeepLeases,
    P: SendPush,
    C: Clock,
{
    /// Those whose mark is below the revision, and those whose registration has no device.
    pub async fn behind(
        &self,
        keys: Vec<DeviceKey>,
        serial: &SerialNumber,
        revision: RevisionNumber,
    ) -> StoreResult<Vec<DeviceKey>> {
        let devices = self.store.devices(&keys).await?;
        let current: std::collections::HashSet<_> = devices
            .iter()
            .filter(|device| device.serials.get(serial).is_some_and(|mark| mark.revision >= revision))
            .map(|device| &device.key)
            .collect();
        Ok(keys.into_iter().filter(|key| !current.contains(key)).collect())
    }

    /// Advances one device, and pushes it where that is ours to do.
    pub async fn advance_device(
        &self,
        device: &DeviceKey,
        serial: &SerialNumber,
        revision: RevisionNumber,
    ) -> StoreResult<FanOutReport> {
        let mut report = FanOutReport::default();
        // Before the device moves: a push that waited afterwards would find that its phone has asked.
        let pushing = match self.pushing {
            Pushing::Now(push, breaker) if !breaker.is_open_for(&device.pass_type) && push.turn().await => {
                Some((push, breaker))
            }
            _ => None,
        };
        match step(self.store, self.clock, device, serial, revision, self.urgency).await? {
            Step::Done => {}
            Step::UnderLease => {
                report.advanced = 1;
                report.under_lease = 1;
            }
            Step::Relaxed => {
                report.advanced = 1;
                report.left = 1;
            }
            Step::Leased(device, lease) => {
                report.advanced = 1;
                match pushing.filter(|(_, breaker)| !breaker.is_open_for(&device.key.pass_type)) {
                    None => report.left = 1,
                    Some((push, breaker)) => {
                        let fast = device.is_fast(self.clock.now());
                        let outcome = push.send_push(&device.push_token, &device.key.pass_type).await;
                        report.count_push(&outcome, fast);
                        let now = self.clock.now();
                        let (due_at, attempts) = (lease.due_at, lease.attempts);
                        report.ended += settle(self.store, &device, due_at, attempts, &outcome, now, breaker).await?;
                    }
                }
            }
        }
        Ok(report)
    }
}

/// The devices of one pass type.
pub(crate) fn device_keys(devices: Vec<DeviceLibraryIdentifier>, key: &PassKey) -> Vec<DeviceKey> {
    let pass_type = &key.pass_type;
    let keys = devices.into_iter().map(|device| DeviceKey {
        device,
        pass_type: pass_type.clone(),
    });
    keys.collect()
}
