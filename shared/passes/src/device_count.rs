//! How many devices hold a pass: whoever has its token could otherwise register some without end.
//!
//! The count is an item of its own, beside the revision and in no transaction, since all
//! registrations of a shared pass would collide there. So it may drift, and it never refuses anybody
//! by itself: where it says that the pass is full, the registrations are counted, once an hour at
//! most and by one at a time, and what was counted is kept.

use crate::ids::PassKey;
use crate::ports::{Conditional, CountDevices, Counted, StoreResult, UncountDevice};
use crate::time::Clock;

/// How long a real count is believed, in seconds: one of 100,000 registrations reads 14 MB.
const BELIEVED_SECONDS: u64 = 3600;

/// How long a count may take before another one begins: longer than any function runs.
const COUNTING_SECONDS: u64 = 60;

/// Whether a pass takes one more device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It does, and the device has been counted.
    Counted,
    /// It does, as far as anybody knows.
    Uncounted,
    Full,
}

/// Counts one more device of a pass, unless `limit` hold it.
pub(crate) async fn take_room<S, C>(store: &S, clock: &C, key: &PassKey, limit: u64) -> Room
where
    S: CountDevices,
    C: Clock,
{
    let counted_at = match store.count_device(key, limit).await {
        Ok(Counted::OneMore) => return Room::Counted,
        Ok(Counted::Full { counted_at }) => counted_at,
        // A pass whose count cannot be moved now is not full for that.
        Err(_) => return Room::Uncounted,
    };
    let now = clock.now().seconds();
    if counted_at.is_some_and(|at| now.abs_diff(at) < BELIEVED_SECONDS) {
        return Room::Full;
    }
    // A count reads what registrations are written to: of many phones that come at once one counts, or
    // none would get through. Nobody is turned away because somebody else is at it, or by a fault.
    match store.begin_device_count(key, now, now + COUNTING_SECONDS).await {
        Ok(Conditional::Done) => {}
        Ok(Conditional::Overtaken) | Err(_) => return Room::Uncounted,
    }
    let Ok(devices) = registrations(store, key, limit).await else {
        return Room::Uncounted;
    };
    match store.note_device_count(key, devices, now, counted_at).await {
        // Overtaken: somebody else has counted meanwhile, and just as well.
        Ok(Conditional::Done | Conditional::Overtaken) => {}
        Err(_) => return Room::Uncounted,
    }
    if devices >= limit {
        return Room::Full;
    }
    match store.count_device(key, limit).await {
        Ok(Counted::OneMore) => Room::Counted,
        Ok(Counted::Full { .. }) | Err(_) => Room::Uncounted,
    }
}

/// How many registrations a pass has, counted no further than `limit`.
async fn registrations(store: &impl CountDevices, key: &PassKey, limit: u64) -> StoreResult<u64> {
    let mut devices = 0;
    let mut after = None;
    while devices < limit {
        let page = store.count_registrations(key, after.as_ref()).await?;
        devices += page.registrations;
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    Ok(devices)
}

/// One device less. At best effort: a count that is too high mends itself once it says full.
pub(crate) async fn give_room_back<S: UncountDevice>(store: &S, key: &PassKey) {
    let _ = store.uncount_device(key).await;
}
