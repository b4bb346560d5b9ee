//! The deletions of late, counted in one item.

use passes::burst::Deletions;
use passes::ports::{Conditional, CountDeletions, StoreResult};

use super::Registry;
use super::errors::fault;
use super::expression::{n, values};
use super::items::read_deletions;
use super::keys::deletions_item;

impl CountDeletions for Registry {
    async fn deletions(&self) -> StoreResult<Deletions> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(deletions_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-deletions"))?;
        output.item.as_ref().map_or(Ok(Deletions::default()), read_deletions)
    }

    async fn count_in_hour(&self, began_at: u64, limit: u64) -> StoreResult<Conditional> {
        let update = "ADD #count :one";
        let condition = "#hour = :hour AND #count < :limit AND attribute_not_exists(#paused_at)";
        let values = values([("one", n(1)), ("hour", n(began_at)), ("limit", n(limit))]);
        self.update_under_condition("count-deletion", deletions_item(), update, condition, values)
            .await
    }

    async fn begin_hour(&self, began_at: u64, replaced: Option<u64>) -> StoreResult<Conditional> {
        let update = "SET #hour = :hour, #count = :one";
        let mut values = values([("one", n(1)), ("hour", n(began_at))]);
        let condition = match replaced {
            None => "attribute_not_exists(#hour) AND attribute_not_exists(#paused_at)",
            Some(replaced) => {
                values.insert(":replaced".into(), n(replaced));
                "#hour = :replaced AND attribute_not_exists(#paused_at)"
            }
        };
        self.update_under_condition("begin-hour", deletions_item(), update, condition, values)
            .await
    }

    async fn pause_deletions(&self, paused_at: u64, hour: Option<u64>) -> StoreResult<Conditional> {
        const FIRST_AND_LATER: &str =
            "attribute_not_exists(#paused_at) AND (attribute_not_exists(#released_at) OR #released_at < :at)";
        let update = "SET #paused_at = :at";
        let mut values = values([("at", n(paused_at))]);
        let condition = match hour {
            None => format!("{FIRST_AND_LATER} AND attribute_not_exists(#hour)"),
            Some(hour) => {
                values.insert(":hour".into(), n(hour));
                format!("{FIRST_AND_LATER} AND #hour = :hour")
            }
        };
        self.update_under_condition("pause-deletions", deletions_item(), update, &condition, values)
            .await
    }

    async fn release_deletions(&self, paused_at: u64, released_at: u64) -> StoreResult<Conditional> {
        let (update, condition) = (
            "SET #released_at = :at REMOVE #paused_at, #hour, #count",
            "#paused_at = :paused",
        );
        let values = values([("at", n(released_at)), ("paused", n(paused_at))]);
        self.update_under_condition("release-deletions", deletions_item(), update, condition, values)
            .await
    }
}
