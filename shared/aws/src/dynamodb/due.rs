//! The `due` index.

use passes::deletion::DuePass;
use passes::ports::{DueCursor, DueItem, DuePage, FindDue, StoreResult};
use passes::time::Timestamp;

use super::Registry;
use super::errors::fault;
use super::expression::{n, names, values};
use super::items::Item;
use super::keys::{
    Key, REVISION, device_item, device_pk, due_shard, parse_device_pk, parse_pass_pk, pass_item, pass_pk,
};

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
        let mut page = DuePage {
            devices: Vec::new(),
            passes: Vec::new(),
            foreign: 0,
            after: output.last_evaluated_key().and_then(cursor),
        };
        for entry in output.items() {
            match cursor(entry) {
                Some(DueCursor {
                    item: DueItem::Device(device),
                    ..
                }) => page.devices.push(device),
                Some(DueCursor {
                    item: DueItem::Pass(key),
                    due_at,
                }) => page.passes.push(DuePass { key, due_at }),
                None => page.foreign += 1,
            }
        }
        Ok(page)
    }
}

fn start_key(cursor: &DueCursor) -> Key {
    let (mut key, pk) = match &cursor.item {
        DueItem::Device(device) => (device_item(device), device_pk(device)),
        DueItem::Pass(pass) => (pass_item(pass, REVISION), pass_pk(pass)),
    };
    key.insert("due_shard".into(), n(due_shard(&pk)));
    key.insert("due_at".into(), n(cursor.due_at));
    key
}

fn cursor(entry: &Item) -> Option<DueCursor> {
    let pk = entry.get("PK")?.as_s().ok()?;
    let item = match parse_device_pk(pk) {
        Some(device) => DueItem::Device(device),
        None => DueItem::Pass(parse_pass_pk(pk)?),
    };
    Some(DueCursor {
        item,
        due_at: entry.get("due_at")?.as_n().ok()?.parse().ok()?,
    })
}
