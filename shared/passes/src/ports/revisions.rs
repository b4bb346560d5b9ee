//! Revisions, and what is noted with them.

use std::future::Future;

use super::{Conditional, StoreResult};
use crate::burst::Deletions;
use crate::ids::PassKey;
use crate::problem::Problem;
use crate::revision::Revision;
use crate::tag::RevisionNumber;
use crate::time::Timestamp;

pub trait ReadRevision: Send + Sync {
    /// The published revision, strongly consistent.
    fn revision(&self, key: &PassKey) -> impl Future<Output = StoreResult<Option<Revision>>> + Send;
}

/// A pass as `publish` finds it: the revision in it is the lock.
#[derive(Debug, Default)]
pub struct Locked {
    pub revision: Option<Revision>,
    pub problem: Option<Problem>,
    /// The revision whose further pages have been handed on.
    pub chained: Option<RevisionNumber>,
    /// The record is gone, and the pass is held by this pause of deletions.
    pub held_by: Option<u64>,
}

pub trait WriteRevision: ReadRevision {
    /// Revision and problem in one strongly consistent read; read before the record.
    fn lock(&self, key: &PassKey) -> impl Future<Output = StoreResult<Locked>> + Send;

    /// Writes a revision on condition that the one it replaces (or none) is still there, with the grace that it
    /// had: a record that was back meanwhile has ended that in place. What was chained of the old one, or
    /// held, says nothing of the new one, and goes with it.
    fn replace_revision(
        &self,
        key: &PassKey,
        revision: &Revision,
        replaced: Option<&Revision>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Notes that the pages beyond the first have been handed on for this revision, on condition
    /// that it is still the newest one.
    fn mark_chained(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    fn put_problem(
        &self,
        key: &PassKey,
        problem: &Problem,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    fn clear_problem(&self, key: &PassKey) -> impl Future<Output = StoreResult<()>> + Send;
}

pub trait KeepGrace: Send + Sync {
    /// Notes, or takes back, until when a pass without record keeps its web service, on condition
    /// that its revision is still this one. The revision itself stays as it is. A pass that was held
    /// no longer is.
    fn set_grace(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        grace_ends: Option<u64>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Notes that a pass without record is held by this pause, and comes up again at `next`, on
    /// condition that its revision is still this one. The revision itself stays as it is.
    fn hold_pass(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        by: u64,
        next: u64,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Brings a pass up again at `next`, on condition that it was due at `due_at`.
    fn remind(&self, key: &PassKey, due_at: u64, next: u64) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

pub trait CountDeletions: Send + Sync {
    /// What is known of the deletions of late, strongly consistent.
    fn deletions(&self) -> impl Future<Output = StoreResult<Deletions>> + Send;

    /// Counts one more in the hour that began then, on condition that this hour is still counted,
    /// fewer than `limit` have been, and no pause stands.
    fn count_in_hour(&self, began_at: u64, limit: u64) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Begins an hour with its first deletion, on condition that the one it replaces (or none) is
    /// still counted, and no pause stands.
    fn begin_hour(&self, began_at: u64, replaced: Option<u64>)
    -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Pauses deletions, on condition that this hour (or none) is still counted, no pause stands, and
    /// any release is earlier.
    fn pause_deletions(
        &self,
        paused_at: u64,
        hour: Option<u64>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Ends this pause, on condition that it stands. No hour is counted any more.
    fn release_deletions(
        &self,
        paused_at: u64,
        released_at: u64,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}
