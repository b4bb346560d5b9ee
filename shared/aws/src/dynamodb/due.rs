//! The `due` index.

use passes::ports::{DueCursor, DuePage, FindDue, StoreResult};
use passes::time::Timestamp;

use super::Registry;
use super::errors::fault;
use super::expression::{n, names, values};
use super::items::Item;
use super::keys::{Key, device_item, device_pk, due_shard, parse_device_pk};

/// Sparse global secondary index: hash `due_shard`, range `due_at`, keys only.
const INDEX: &str = "due";

impl FindDue for Registry {
    async fn due(&self, shard: u8, now: Timestamp, after: Option<&DueCursor>, limit: u32) -> StoreResult<DuePage> {
        let condition = "#due_shard = :shard AND #due_at <= :now";
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], None)))
            .set_expression_attribute_values(Some(values([("shard", n(shard)), ("now", n(now.seconds()))])))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(start_key))
            .send()
            .await
            .map_err(fault("find-due"))?;
        let entries: Vec<_> = output.items().iter().map(cursor).collect();
        let all = entries.len();
        let devices: Vec<_> = entries.into_iter().flatten().map(|entry| entry.device).collect();
        Ok(DuePage {
            foreign: u32::try_from(all - devices.len()).unwrap_or(u32::MAX),
            devices,
            after: output.last_evaluated_key().and_then(cursor),
        })
    }
}

fn start_key(cursor: &DueCursor) -> Key {
    let mut key = device_item(&cursor.device);
    key.insert("due_shard".into(), n(due_shard(&device_pk(&cursor.device))));
    key.insert("due_at".into(), n(cursor.due_at));
    key
}

fn cursor(entry: &Item) -> Option<DueCursor> {
    Some(DueCursor {
        device: parse_device_pk(entry.get("PK")?.as_s().ok()?)?,
        due_at: entry.get("due_at")?.as_n().ok()?.parse().ok()?,
    })
}
