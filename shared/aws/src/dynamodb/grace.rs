//! The grace of passes whose record is gone, and the hold of those that wait for an operator.

use passes::ids::PassKey;
use passes::ports::{Conditional, KeepGrace, StoreResult};
use passes::tag::RevisionNumber;

use super::Registry;
use super::expression::{n, values};
use super::keys::{REVISION, due_shard, pass_item, pass_pk};

/// Another revision has a grace of its own, or needs none.
const SAME_REVISION: &str = "#revision = :rev";

impl KeepGrace for Registry {
    async fn set_grace(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        grace_ends: Option<u64>,
    ) -> StoreResult<Conditional> {
        let (update, values) = match grace_ends {
            Some(ends) => (
                "SET #grace_ends = :ends, #due_at = :ends, #due_shard = :shard REMOVE #held_by",
                values([
                    ("rev", n(revision)),
                    ("ends", n(ends)),
                    ("shard", n(due_shard(&pass_pk(key)))),
                ]),
            ),
            None => (
                "REMOVE #grace_ends, #held_by, #due_at, #due_shard",
                values([("rev", n(revision))]),
            ),
        };
        let item = pass_item(key, REVISION);
        self.update_under_condition("set-grace", item, update, SAME_REVISION, values)
            .await
    }

    async fn hold_pass(&self, key: &PassKey, revision: RevisionNumber, by: u64, next: u64) -> StoreResult<Conditional> {
        let update = "SET #held_by = :by, #due_at = :next, #due_shard = :shard";
        let values = values([
            ("rev", n(revision)),
            ("by", n(by)),
            ("next", n(next)),
            ("shard", n(due_shard(&pass_pk(key)))),
        ]);
        let item = pass_item(key, REVISION);
        self.update_under_condition("hold-pass", item, update, SAME_REVISION, values)
            .await
    }

    async fn remind(&self, key: &PassKey, due_at: u64, next: u64) -> StoreResult<Conditional> {
        // The index is behind: the pass may be back, or have come to its end.
        let (update, condition) = ("SET #due_at = :next", "#due_at = :due");
        let values = values([("due", n(due_at)), ("next", n(next))]);
        let item = pass_item(key, REVISION);
        self.update_under_condition("remind", item, update, condition, values)
            .await
    }
}
