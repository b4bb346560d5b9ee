//! What follows from APNs's answer.

use crate::device::{Device, Lease};
use crate::ids::DeviceKey;
use crate::ports::{AdvanceDevices, KeepLeases, StoreResult};
use crate::push::{PushOutcome, RefusalKind, UndeliveredCause};
use crate::time::Timestamp;

/// Apple's figure for 500 and 503, and ours for faults that only an operator can mend.
const LONG_PAUSE: u64 = 900;
const SHORT_PAUSE: u64 = 300;

/// Brings a device in line with what became of its push under the lease that ends at `due_at`.
/// Returns how many devices were ended (0 or 1).
///
/// `attempts` are those before this push: one that APNs did not take does not count, or an outage
/// would use the lease up.
///
/// Every write is on condition of that lease or token: whoever registered, asked or was advanced
/// in between keeps what they have.
pub(crate) async fn settle<S>(
    store: &S,
    device: &Device,
    due_at: u64,
    attempts: u32,
    outcome: &PushOutcome,
    now: Timestamp,
) -> StoreResult<u32>
where
    S: KeepLeases + AdvanceDevices,
{
    let key = &device.key;
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
                let _ = store
                    .refuse_token(key, due_at, &device.push_token, &refusal.reason)
                    .await?;
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
