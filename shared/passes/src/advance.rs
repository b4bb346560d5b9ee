//! One device is advanced: tag, mark and lease in one conditional write.

use crate::device::{Device, Lease, Mark};
use crate::ids::{DeviceKey, SerialNumber};
use crate::ports::{Advance, AdvanceDevices, Advanced, Expecting, StoreError, StoreResult};
use crate::record::UpdateUrgency;
use crate::tag::{RevisionNumber, UpdateTag};
use crate::time::Clock;

/// Turns with one device: each means that another writer got on.
const TURNS: u32 = 6;

/// What became of one device.
pub(crate) enum Step {
    /// Gone, or already told: nothing to do.
    Done,
    UnderLease,
    /// A lease was set for the device's next free time, when the schedule pushes.
    Relaxed,
    /// A lease was set, and whoever may push does so now; the device carries its newest token.
    Leased(Device, Lease),
}

/// Advances a device to `revision` unless its mark is there already.
///
/// An urgent change goes blind first, which is the ordinary case and costs no read; then on what
/// the failed condition showed. A relaxed one looks first, since the device decides when.
pub(crate) async fn step<S: AdvanceDevices>(
    store: &S,
    clock: &impl Clock,
    key: &DeviceKey,
    serial: &SerialNumber,
    revision: RevisionNumber,
    urgency: UpdateUrgency,
) -> StoreResult<Step> {
    let mut attempt = (urgency == UpdateUrgency::Now).then(|| {
        let now = clock.now();
        Advance {
            mark: Mark {
                tag: UpdateTag::following(None, now),
                revision,
            },
            expecting: Expecting::NoLeaseAndLowerTag,
            lease: Lease::starting(now),
        }
    });
    for turn in 0..=TURNS {
        if turn > 1 {
            clock.back_off(turn - 2).await;
        }
        let found = match attempt {
            None => store.device(key).await?,
            Some(attempt) => match store.advance(key, serial, attempt).await {
                Ok(Advanced::Done(device)) => {
                    return Ok(match (attempt.expecting, urgency) {
                        (Expecting::UnderLease { .. }, _) => Step::UnderLease,
                        (_, UpdateUrgency::Relaxed) => Step::Relaxed,
                        (_, UpdateUrgency::Now) => Step::Leased(device, attempt.lease),
                    });
                }
                Ok(Advanced::Overtaken(found)) => found,
                // It may have been carried out. If so, its lease stands and nobody has pushed:
                // the schedule will, or the device asks before.
                Err(StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. }) => store.device(key).await?,
                Err(error) => return Err(error),
            },
        };
        let Some(mark) = found.as_ref().and_then(|device| device.serials.get(serial)) else {
            store.remove_orphan(&key.registration(serial)).await?;
            return Ok(Step::Done);
        };
        if mark.revision >= revision {
            return Ok(Step::Done);
        }
        if let Some(device) = &found {
            attempt = Some(next_attempt(device, revision, urgency, clock));
        }
    }
    Err(StoreError::Contended {
        call: "advance",
        turns: TURNS,
    })
}

/// How to advance a device that is known.
fn next_attempt(device: &Device, revision: RevisionNumber, urgency: UpdateUrgency, clock: &impl Clock) -> Advance {
    let now = clock.now();
    let tag = device.tag;
    let lease = match urgency {
        UpdateUrgency::Now => Lease::starting(now),
        UpdateUrgency::Relaxed => Lease {
            due_at: device.next_free_time(now),
            attempts: 0,
        },
    };
    let serves = |standing: Lease| match urgency {
        UpdateUrgency::Now => standing.serves(now),
        UpdateUrgency::Relaxed => !standing.is_used_up(),
    };
    Advance {
        mark: Mark {
            tag: UpdateTag::following(Some(tag), now),
            revision,
        },
        expecting: match device.lease {
            None => Expecting::NoLease { tag },
            Some(standing) if serves(standing) => Expecting::UnderLease {
                tag,
                due_at: standing.due_at,
            },
            Some(standing) => Expecting::TakingOver {
                tag,
                due_at: standing.due_at,
            },
        },
        lease,
    }
}
