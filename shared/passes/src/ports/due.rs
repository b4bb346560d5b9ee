//! The index of what is due.

use std::future::Future;

use super::StoreResult;
use crate::deletion::DuePass;
use crate::ids::DeviceKey;
use crate::time::Timestamp;

/// Shards of the index of due items: each takes 1,000 writes a second.
pub const DUE_SHARDS: u8 = 16;

/// A place in one shard of the index: the key of an entry as the store has it, since a page may end
/// with one that is somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCursor {
    pub partition_key: String,
    pub sort_key: String,
    /// A number, usually of seconds since the epoch.
    pub due_at: String,
}

/// One page of a shard.
#[derive(Debug)]
pub struct DuePage {
    /// Devices whose lease has run out.
    pub devices: Vec<DeviceKey>,
    /// Passes without record whose grace is over, or which are held.
    pub passes: Vec<DuePass>,
    /// Entries that are neither: somebody else's, passed over.
    pub foreign: u32,
    /// Where the next page begins; `None` after the last.
    pub after: Option<DueCursor>,
}

pub trait FindDue: Send + Sync {
    /// Devices and passes whose time has come, in one shard, soonest first, at most `limit`;
    /// eventually consistent.
    fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<DuePage>> + Send;
}
