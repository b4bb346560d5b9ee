//! The fan-out: every device that holds a pass is advanced, and woken at most once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::device::{Device, Lease, Mark};
use crate::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, SerialNumber};
use crate::ports::{Advance, AdvanceDevices, Advanced, Expecting, KeepLeases, StoreError, StoreResult};
use crate::push::{PushOutcome, SendPush};
use crate::settle::settle;
use crate::tag::{RevisionNumber, UpdateTag};
use crate::time::Clock;

/// Registrations read at a time.
const PAGE: u32 = 100;
/// Devices advanced side by side.
const CONCURRENCY: usize = 16;
/// Turns with one device: each means that another writer got on.
const TURNS: u32 = 6;

/// Whether a lease is followed by a push at once.
#[derive(Debug)]
pub enum Pushing<'a, P> {
    Now(&'a P),
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

/// How the devices of one pass came out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FanOutReport {
    /// Devices that got a new tag.
    pub advanced: u32,
    /// Pushes that APNs accepted.
    pub pushed: u32,
    /// Advanced under a lease that stood already: its push serves this change too.
    pub under_lease: u32,
    /// Left to the schedule.
    pub left: u32,
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
        self.under_lease += other.under_lease;
        self.left += other.left;
        self.refused += other.refused;
        self.undelivered += other.undelivered;
        self.ended += other.ended;
        for (reason, count) in &other.failures {
            *self.failures.entry(reason.clone()).or_default() += count;
        }
    }

    pub(crate) fn count_push(&mut self, outcome: &PushOutcome) {
        match outcome {
            PushOutcome::Accepted => self.pushed += 1,
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

/// Advances the devices of a pass, over all pages in place.
pub(crate) struct FanOut<'a, S, P, C> {
    pub store: &'a S,
    pub pushing: Pushing<'a, P>,
    pub clock: &'a C,
    /// APNs has given an answer that concerns all pushes: the rest is left to the schedule.
    pub stopped: AtomicBool,
}

/// What became of one device.
enum Step {
    /// Gone, or already told: nothing to do.
    Done,
    UnderLease,
    /// A lease was set; the device carries its newest token.
    Leased(Device, Lease),
}

impl<S, P, C> FanOut<'_, S, P, C>
where
    S: AdvanceDevices + KeepLeases,
    P: SendPush,
    C: Clock,
{
    /// After a revision has been written: every device.
    pub async fn announce(&self, key: &PassKey, revision: RevisionNumber) -> StoreResult<FanOutReport> {
        self.pages(key, revision, false).await
    }

    /// The revision is as it was, but devices may have fallen behind: a crash, a lost page, a
    /// restore. Their marks tell.
    pub async fn catch_up(&self, key: &PassKey, revision: RevisionNumber) -> StoreResult<FanOutReport> {
        self.pages(key, revision, true).await
    }

    async fn pages(&self, key: &PassKey, revision: RevisionNumber, compare: bool) -> StoreResult<FanOutReport> {
        let mut report = FanOutReport::default();
        let mut after: Option<DeviceLibraryIdentifier> = None;
        // One device's fault must not keep the others waiting: all pages are gone through first.
        let mut fault = None;
        loop {
            let page = self.store.devices_with(key, after.as_ref(), PAGE).await?;
            let mut devices: Vec<_> = page
                .devices
                .into_iter()
                .map(|device| DeviceKey {
                    device,
                    pass_type: key.pass_type.clone(),
                })
                .collect();
            if compare && !devices.is_empty() {
                devices = self.behind(devices, &key.serial, revision).await?;
            }
            let mut advances = stream::iter(devices)
                .map(|device| async move { self.advance(&device, &key.serial, revision).await })
                .buffer_unordered(CONCURRENCY);
            while let Some(one) = advances.next().await {
                match one {
                    Ok(one) => report.add(&one),
                    Err(error) => fault = Some(error),
                }
            }
            match (page.after, fault) {
                (Some(next), earlier) => {
                    after = Some(next);
                    fault = earlier;
                }
                (None, Some(fault)) => return Err(fault),
                (None, None) => return Ok(report),
            }
        }
    }

    /// Those whose mark is below the revision, and those whose registration has no device.
    async fn behind(
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

    async fn advance(
        &self,
        device: &DeviceKey,
        serial: &SerialNumber,
        revision: RevisionNumber,
    ) -> StoreResult<FanOutReport> {
        let mut report = FanOutReport::default();
        match self.step(device, serial, revision).await? {
            Step::Done => {}
            Step::UnderLease => {
                report.advanced = 1;
                report.under_lease = 1;
            }
            Step::Leased(device, lease) => {
                report.advanced = 1;
                match self.pushing {
                    Pushing::LeftToSchedule => report.left = 1,
                    Pushing::Now(_) if self.stopped.load(Ordering::Relaxed) => report.left = 1,
                    Pushing::Now(push) => {
                        let outcome = push.send_push(&device.push_token, &device.key.pass_type).await;
                        report.count_push(&outcome);
                        let now = self.clock.now();
                        report.ended +=
                            settle(self.store, &device, lease.due_at, lease.attempts, &outcome, now).await?;
                        if outcome.concerns_all() {
                            self.stopped.store(true, Ordering::Relaxed);
                        }
                    }
                }
            }
        }
        Ok(report)
    }

    /// Blind first, which is the ordinary case and costs no read; then on what the failed
    /// condition showed.
    async fn step(&self, key: &DeviceKey, serial: &SerialNumber, revision: RevisionNumber) -> StoreResult<Step> {
        let mut attempt = {
            let now = self.clock.now();
            Advance {
                mark: Mark {
                    tag: UpdateTag::following(None, now),
                    revision,
                },
                expecting: Expecting::NoLeaseAndLowerTag,
                lease: Lease::starting(now),
            }
        };
        for turn in 0..=TURNS {
            if turn > 1 {
                self.clock.back_off(turn - 2).await;
            }
            let found = match self.store.advance(key, serial, attempt).await {
                Ok(Advanced::Done(device)) => {
                    return Ok(match attempt.expecting {
                        Expecting::UnderLease { .. } => Step::UnderLease,
                        _ => Step::Leased(device, attempt.lease),
                    });
                }
                Ok(Advanced::Overtaken(found)) => found,
                // It may have been carried out. If so, its lease stands and nobody has pushed:
                // the schedule will, or the device asks before.
                Err(StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. }) => self.store.device(key).await?,
                Err(error) => return Err(error),
            };
            let Some(mark) = found.as_ref().and_then(|device| device.serials.get(serial)) else {
                self.store.remove_orphan(&key.registration(serial)).await?;
                return Ok(Step::Done);
            };
            if mark.revision >= revision {
                return Ok(Step::Done);
            }
            if let Some(device) = &found {
                attempt = next_attempt(device, revision, self.clock);
            }
        }
        Err(StoreError::Contended {
            call: "advance",
            turns: TURNS,
        })
    }
}

/// How to advance a device that is known.
fn next_attempt(device: &Device, revision: RevisionNumber, clock: &impl Clock) -> Advance {
    let now = clock.now();
    let lease = Lease::starting(now);
    let tag = device.tag;
    Advance {
        mark: Mark {
            tag: UpdateTag::following(Some(tag), now),
            revision,
        },
        expecting: match device.lease {
            None => Expecting::NoLease { tag },
            // Backed off, because earlier pushes were not answered: this change is news again. A
            // lease without attempts left is dropped at its time, so it serves no change either.
            Some(standing) if standing.due_at > lease.due_at || standing.is_used_up() => Expecting::TakingOver {
                tag,
                due_at: standing.due_at,
            },
            Some(standing) => Expecting::UnderLease {
                tag,
                due_at: standing.due_at,
            },
        },
        lease,
    }
}
