//! Leases and the end of a device.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use passes::device::{Device, Lease};
use passes::ids::{DeviceKey, SerialNumber};
use passes::ports::{Conditional, KeepLeases, StoreResult};
use passes::time::Timestamp;
use passes::tokens::PushToken;

use super::Registry;
use super::errors::{conditional, fault};
use super::expression::{n, names, s, values};
use super::items::{Item, read_device};
use super::keys::device_item;

impl Registry {
    /// An update of one device under a condition, with its placeholders.
    pub(super) fn update_device(
        &self,
        device: &DeviceKey,
        update: &str,
        condition: &str,
        serial: Option<&SerialNumber>,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(device_item(device)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], serial.map(SerialNumber::as_str))))
    }
}

impl KeepLeases for Registry {
    async fn renew_lease(&self, device: &DeviceKey, due_at: u64, next: Lease) -> StoreResult<Option<Device>> {
        let result = self
            .update_device(
                device,
                "SET #due_at = :next, #attempts = :attempts",
                "#due_at = :due",
                None,
            )
            .set_expression_attribute_values(Some(values([
                ("next", n(next.due_at)),
                ("attempts", n(next.attempts)),
                ("due", n(due_at)),
            ])))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        changed("renew-lease", result.map(|output| output.attributes))?
            .as_ref()
            .map(read_device)
            .transpose()
    }

    async fn drop_lease(
        &self,
        device: &DeviceKey,
        due_at: u64,
        given_up: Option<Timestamp>,
    ) -> StoreResult<Conditional> {
        const REMOVE: &str = "REMOVE #due_shard, #due_at, #attempts";
        let mut values = values([("due", n(due_at))]);
        let update = match given_up {
            Some(at) => {
                values.insert(":at".into(), n(at.seconds()));
                format!("{REMOVE} SET #given_up_at = :at")
            }
            None => REMOVE.to_owned(),
        };
        let result = self
            .update_device(device, &update, "#due_at = :due", None)
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        conditional!("drop-lease", UpdateItemError, result)
    }

    async fn refuse_token(
        &self,
        device: &DeviceKey,
        due_at: u64,
        token: &PushToken,
        reason: &str,
    ) -> StoreResult<Conditional> {
        let result = self
            .update_device(
                device,
                "REMOVE #due_shard, #due_at, #attempts SET #last_refusal = :reason",
                "#due_at = :due AND #push_token = :token",
                None,
            )
            .set_expression_attribute_values(Some(values([
                ("reason", s(reason)),
                ("due", n(due_at)),
                ("token", s(token.expose())),
            ])))
            .send()
            .await;
        conditional!("refuse-token", UpdateItemError, result)
    }

    async fn end_device(
        &self,
        device: &DeviceKey,
        token: &PushToken,
        since_ms: u64,
        expires_at: u64,
    ) -> StoreResult<Option<Vec<SerialNumber>>> {
        let result = self
            .update_device(
                device,
                "SET #serials = :none, #expires_at = :expires REMOVE #due_shard, #due_at, #attempts",
                "#push_token = :token AND #token_at < :since",
                None,
            )
            .set_expression_attribute_values(Some(values([
                ("none", AttributeValue::M(Item::new())),
                ("expires", n(expires_at)),
                ("token", s(token.expose())),
                ("since", n(since_ms)),
            ])))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let Some(item) = changed("end-device", result.map(|output| output.attributes))? else {
            return Ok(None);
        };
        Ok(Some(read_device(&item)?.serials.into_keys().collect()))
    }
}

/// The item that a conditional update returned, or `None` where its condition failed.
fn changed(
    call: &'static str,
    result: Result<Option<Item>, aws_sdk_dynamodb::error::SdkError<UpdateItemError>>,
) -> StoreResult<Option<Item>> {
    match result {
        Ok(item) => Ok(item),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            _ => Err(fault(call)(error)),
        },
    }
}
