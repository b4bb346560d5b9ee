//! What follows from APNs's answer.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::device::{Device, Lease};
use crate::device_count::give_room_back;
use crate::fan_out::CONCURRENCY;
use crate::ids::{DeviceKey, PassTypeIdentifier};
use crate::ports::{AdvanceDevices, KeepLeases, StoreError, StoreResult};
use crate::push::{Concerns, PushOutcome, RefusalKind, UndeliveredCause};
use crate::register::RETIRED_SECONDS;
use crate::time::Timestamp;

/// Apple's figure for 500 and 503, and ours for faults that only an operator can mend.
const LONG_PAUSE: u64 = 900;
const SHORT_PAUSE: u64 = 300;

/// Answers of one batch below which no share of refusals means anything: one household with a new
/// phone is two or three.
const ENOUGH_ANSWERS: u32 = 10;

/// What the answers of one batch say of ourselves. A batch is what one invocation does, over however
/// many passes.
///
/// It opens at the first answer that concerns all pushes (key, team, request, connection), or all of
/// a pass type: what else there is in the batch is left to the schedule.
///
/// And it holds refusals of single devices back until it is known how many of the pushes were refused
/// so. If that is most of them, it may not be the devices: the APNs address or key is of another
/// environment or team. Taking their leases then would leave every phone stale until its next change,
/// so the leases stay. That opens nothing: somebody may have registered tokens that he made up, and
/// all the others must not wait for those. Of a few answers nobody can tell, and most passes are on
/// one or two phones: such a lease stays as after a push that was taken, and ends by its attempts.
#[derive(Debug, Default)]
pub struct Breaker {
    batch: Mutex<Batch>,
}

#[derive(Debug, Default)]
struct Batch {
    open: bool,
    open_for: BTreeSet<PassTypeIdentifier>,
    answered: u32,
    accepted: u32,
    refused: Vec<RefusedDevice>,
}

#[derive(Debug)]
struct RefusedDevice {
    device: Device,
    due_at: u64,
    attempts: u32,
    reason: String,
}

/// What a batch said in the end.
#[derive(Debug, Default)]
pub struct Conclusion {
    /// Devices that were refused and keep their lease, because most were.
    pub doubted: u32,
    /// The last write that failed. Its device keeps its lease.
    pub fault: Option<StoreError>,
}

impl Breaker {
    /// Whether nothing more should be pushed.
    pub fn is_open(&self) -> bool {
        self.batch().open
    }

    /// Whether nothing more of this pass type should be pushed.
    pub fn is_open_for(&self, pass_type: &PassTypeIdentifier) -> bool {
        let batch = self.batch();
        batch.open || batch.open_for.contains(pass_type)
    }

    /// At the end of a batch: refused devices lose their lease, unless they are most, or too few
    /// were answered to tell.
    pub async fn conclude(&self, store: &impl KeepLeases, now: Timestamp) -> Conclusion {
        let batch = std::mem::take(&mut *self.batch());
        if batch.answered < ENOUGH_ANSWERS {
            return Conclusion::default();
        }
        let refused = u32::try_from(batch.refused.len()).unwrap_or(u32::MAX);
        let most = refused > batch.answered / 2;
        let mut conclusion = Conclusion {
            doubted: if most { refused } else { 0 },
            fault: None,
        };
        // Where APNs took some, it is not the environment, whatever else it is: leases that are
        // nobody's to take end by their attempts.
        if most && batch.accepted > 0 {
            return conclusion;
        }
        let mut writes = stream::iter(batch.refused)
            .map(|one| async move {
                if most {
                    postpone(store, &one.device.key, one.due_at, one.attempts, now, LONG_PAUSE).await
                } else {
                    let (key, token) = (&one.device.key, &one.device.push_token);
                    store.refuse_token(key, one.due_at, token, &one.reason).await.map(drop)
                }
            })
            .buffer_unordered(CONCURRENCY);
        while let Some(written) = writes.next().await {
            if let Err(fault) = written {
                conclusion.fault = Some(fault);
            }
        }
        conclusion
    }

    fn count(&self, outcome: &PushOutcome, pass_type: &PassTypeIdentifier) {
        let mut batch = self.batch();
        match outcome.concerns() {
            Concerns::Device => {}
            Concerns::PassType => {
                batch.open_for.insert(pass_type.clone());
            }
            Concerns::Everything => batch.open = true,
        }
        // What never reached APNs says nothing of the environment.
        batch.answered += u32::from(!matches!(outcome, PushOutcome::Undelivered { .. }));
        batch.accepted += u32::from(*outcome == PushOutcome::Accepted);
    }

    fn batch(&self) -> std::sync::MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
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
/// [`Breaker::conclude`]; until then its lease stands.
pub(crate) async fn settle<S>(
    store: &S,
    device: &Device,
    due_at: u64,
    attempts: u32,
    outcome: &PushOutcome,
    now: Timestamp,
    breaker: &Breaker,
) -> StoreResult<u32>
where
    S: KeepLeases + AdvanceDevices,
{
    let key = &device.key;
    breaker.count(outcome, &key.pass_type);
    match outcome {
        PushOutcome::Accepted => Ok(0),
        PushOutcome::Refused(refusal) => match refusal.kind {
            RefusalKind::Gone { since_ms } => {
                let (token, expires_at) = (&device.push_token, now.seconds() + RETIRED_SECONDS);
                let Some(serials) = store.end_device(key, token, since_ms, expires_at).await? else {
                    return Ok(0);
                };
                for serial in &serials {
                    let registration = key.registration(serial);
                    store.remove_orphan(&registration).await?;
                    give_room_back(store, &registration.key).await;
                }
                Ok(1)
            }
            RefusalKind::Device => {
                breaker.batch().refused.push(RefusedDevice {
                    device: device.clone(),
                    due_at,
                    attempts,
                    reason: refusal.reason.clone(),
                });
                Ok(0)
            }
            // Not the device's fault: it keeps its lease, and is pushed once the fault is mended.
            RefusalKind::PassType | RefusalKind::Everything => {
                postpone(store, key, due_at, attempts, now, LONG_PAUSE).await?;
                Ok(0)
            }
        },
        PushOutcome::Undelivered { retry_after, cause } => {
            let pause = retry_after.map_or(
                match cause {
                    UndeliveredCause::Server => LONG_PAUSE,
                    _ => SHORT_PAUSE,
                },
                |asked| asked.as_secs().max(1),
            );
            postpone(store, key, due_at, attempts, now, pause).await?;
            Ok(0)
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
) -> StoreResult<()> {
    let next = Lease {
        due_at: now.seconds() + pause,
        attempts,
    };
    // Nobody's where the device has asked meanwhile.
    store.renew_lease(key, due_at, next).await.map(drop)
}
