//! What follows from APNs's answer.

use std::sync::{Mutex, PoisonError};

use crate::device::{Device, Lease};
use crate::ids::DeviceKey;
use crate::ports::{AdvanceDevices, KeepLeases, StoreResult};
use crate::push::{PushOutcome, RefusalKind, UndeliveredCause};
use crate::time::Timestamp;

/// Apple's figure for 500 and 503, and ours for faults that only an operator can mend.
const LONG_PAUSE: u64 = 900;
const SHORT_PAUSE: u64 = 300;

/// Answers of one batch below which no share of refusals means anything: one household with a new
/// phone is two or three.
const ENOUGH_ANSWERS: u32 = 10;

/// Refusals of single devices, held back until it is known how many of a batch's pushes were
/// refused so.
///
/// If that is most of them, it is not the devices: the APNs address or key is of another
/// environment or team. Taking their leases then would leave every phone stale until its next
/// change, so the leases stay and come again.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    answered: u32,
    refused: Vec<RefusedDevice>,
}

#[derive(Debug)]
struct RefusedDevice {
    device: Device,
    due_at: u64,
    attempts: u32,
    reason: String,
}

impl Refusals {
    /// Whether most answers so far refuse the device: at least ten answers, more than half so.
    pub fn are_most(&self) -> bool {
        self.held().are_most()
    }

    /// At the end of a batch: refused devices lose their lease, unless they are most. Returns how
    /// many kept it for that reason.
    pub async fn conclude(&self, store: &impl KeepLeases, now: Timestamp) -> StoreResult<u32> {
        let held = std::mem::take(&mut *self.held());
        let most = held.are_most();
        let mut kept = 0;
        for one in held.refused {
            if most {
                kept += 1;
                postpone(store, &one.device.key, one.due_at, one.attempts, now, LONG_PAUSE).await?;
            } else {
                let (key, token) = (&one.device.key, &one.device.push_token);
                let _ = store.refuse_token(key, one.due_at, token, &one.reason).await?;
            }
        }
        Ok(kept)
    }

    fn count(&self, outcome: &PushOutcome) {
        // What never reached APNs says nothing of the environment.
        if !matches!(outcome, PushOutcome::Undelivered { .. }) {
            self.held().answered += 1;
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn are_most(&self) -> bool {
        let refused = u32::try_from(self.refused.len()).unwrap_or(u32::MAX);
        self.answered >= ENOUGH_ANSWERS && refused > self.answered / 2
    }
}

/// Brings a device in line with what became of its push under the lease that ends at `due_at`.
/// Returns how many devices were ended (0 or 1).
///
/// `attempts` are those before this push: one that APNs did not take does not count, or an outage
/// would use the lease up.
///
/// Every write is on condition of that lease or token: whoever registered, asked or was advanced
/// in between keeps what they have. What refuses the device alone is settled by
/// [`Refusals::conclude`]; until then its lease stands.
pub(crate) async fn settle<S>(
    store: &S,
    device: &Device,
    due_at: u64,
    attempts: u32,
    outcome: &PushOutcome,
    now: Timestamp,
    refusals: &Refusals,
) -> StoreResult<u32>
where
    S: KeepLeases + AdvanceDevices,
{
    let key = &device.key;
    refusals.count(outcome);
    match outcome {
        PushOutcome::Accepted => Ok(0),
        PushOutcome::Refused(refusal) => match refusal.kind {
            RefusalKind::Gone { since_ms } => {
                let Some(serials) = store.end_device(key, &device.push_token, since_ms, now).await? else {
                    return Ok(0);
                };
                for serial in &serials {
                    store.remove_orphan(&key.registration(serial)).await?;
                }
                Ok(1)
            }
            RefusalKind::Device => {
                refusals.held().refused.push(RefusedDevice {
                    device: device.clone(),
                    due_at,
                    attempts,
                    reason: refusal.reason.clone(),
                });
                Ok(0)
            }
            // Not the device's fault: it keeps its lease, and is pushed once the fault is mended.
            RefusalKind::Everything => postpone(store, key, due_at, attempts, now, LONG_PAUSE).await,
        },
        PushOutcome::Undelivered { retry_after, cause } => {
            let pause = retry_after.map_or(
                match cause {
                    UndeliveredCause::Server => LONG_PAUSE,
                    _ => SHORT_PAUSE,
                },
                |asked| asked.as_secs().max(1),
            );
            postpone(store, key, due_at, attempts, now, pause).await
        }
    }
}

async fn postpone<S: KeepLeases>(
    store: &S,
    key: &DeviceKey,
    due_at: u64,
    attempts: u32,
    now: Timestamp,
    pause: u64,
) -> StoreResult<u32> {
    let next = Lease {
        due_at: now.seconds() + pause,
        attempts,
    };
    store.renew_lease(key, due_at, next).await?;
    Ok(0)
}
