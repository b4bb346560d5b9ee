//! The grace of passes whose record is gone.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use passes::ids::PassKey;
use passes::ports::{Conditional, KeepGrace, StoreResult};
use passes::tag::RevisionNumber;

use super::Registry;
use super::errors::conditional;
use super::expression::{n, names, values};
use super::keys::{REVISION, due_shard, pass_item, pass_pk};

impl KeepGrace for Registry {
    async fn set_grace(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        grace_ends: Option<u64>,
    ) -> StoreResult<Conditional> {
        // Another revision has a grace of its own, or needs none.
        let condition = "#revision = :rev";
        let (update, values) = match grace_ends {
            Some(ends) => (
                "SET #grace_ends = :ends, #due_at = :ends, #due_shard = :shard",
                values([
                    ("rev", n(revision)),
                    ("ends", n(ends)),
                    ("shard", n(due_shard(&pass_pk(key)))),
                ]),
            ),
            None => (
                "REMOVE #grace_ends, #due_at, #due_shard",
                values([("rev", n(revision))]),
            ),
        };
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(pass_item(key, REVISION)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], None)))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        conditional!("set-grace", UpdateItemError, result)
    }

    async fn remind_of_grace(&self, key: &PassKey, due_at: u64, next: u64) -> StoreResult<Conditional> {
        // The index is behind: the pass may be back, or have come to its end.
        let (update, condition) = ("SET #due_at = :next", "#due_at = :due");
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(pass_item(key, REVISION)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], None)))
            .set_expression_attribute_values(Some(values([("due", n(due_at)), ("next", n(next))])))
            .send()
            .await;
        conditional!("remind-of-grace", UpdateItemError, result)
    }
}
