//! Records whose key cannot become a pass.

use std::future::Future;

use super::{Conditional, StoreResult};
use crate::time::Timestamp;
use crate::unusable_key::UnusableKey;

pub trait ReadRawRecord: Send + Sync {
    /// Whether the record is there, strongly consistent. Nothing else of it is of interest.
    fn raw_record_exists(&self, key: &UnusableKey) -> impl Future<Output = StoreResult<bool>> + Send;
}

pub trait NoteUnusableKey: Send + Sync {
    /// Notes what is wrong with the key, where all other problems are found too, on condition that it is not
    /// noted with the same sentence: that note says since when.
    fn note_unusable_key(
        &self,
        key: &UnusableKey,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Removes the note, if there is one.
    fn clear_unusable_key(&self, key: &UnusableKey) -> impl Future<Output = StoreResult<()>> + Send;
}
