//! The `due` index.

use aws_sdk_dynamodb::types::AttributeValue;
use passes::deletion::DuePass;
use passes::ids::DeviceKey;
use passes::ports::{DueCursor, DuePage, FindDue, StoreResult};
use passes::time::Timestamp;

use super::Registry;
use super::errors::fault;
use super::expression::{n, names, s, values};
use super::items::Item;
use super::keys::{Key, parse_device_pk, parse_pass_pk};

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
            .set_exclusive_start_key(after.map(|after| start_key(shard, after)))
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
            match due(entry) {
                Some(Due::Device(device)) => page.devices.push(device),
                Some(Due::Pass(pass)) => page.passes.push(pass),
                None => page.foreign += 1,
            }
        }
        Ok(page)
    }
}

enum Due {
    Device(DeviceKey),
    Pass(DuePass),
}

/// What an entry names; `None` where livepass has not written it.
fn due(entry: &Item) -> Option<Due> {
    let pk = entry.get("PK")?.as_s().ok()?;
    if let Some(device) = parse_device_pk(pk) {
        return Some(Due::Device(device));
    }
    Some(Due::Pass(DuePass {
        key: parse_pass_pk(pk)?,
        due_at: entry.get("due_at")?.as_n().ok()?.parse().ok()?,
    }))
}

fn start_key(shard: u8, after: &DueCursor) -> Key {
    Key::from([
        ("PK".into(), s(&after.partition_key)),
        ("SK".into(), s(&after.sort_key)),
        ("due_shard".into(), n(shard)),
        ("due_at".into(), AttributeValue::N(after.due_at.clone())),
    ])
}

fn cursor(entry: &Item) -> Option<DueCursor> {
    Some(DueCursor {
        partition_key: entry.get("PK")?.as_s().ok()?.clone(),
        sort_key: entry.get("SK")?.as_s().ok()?.clone(),
        due_at: entry.get("due_at")?.as_n().ok()?.clone(),
    })
}
