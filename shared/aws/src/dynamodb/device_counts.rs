//! Devices of a pass, counted in an item beside its revision.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Select};
use passes::ids::{DeviceLibraryIdentifier, PassKey};
use passes::ports::{Conditional, CountDevices, Counted, RegistrationCount, StoreResult, UncountDevice};

use super::Registry;
use super::errors::fault;
use super::expression::{n, names, s, values};
use super::items::read_counted_at;
use super::keys::{COUNT, REGISTRATION_PREFIX, pass_item, pass_pk, registered_device, registration_item};

impl UncountDevice for Registry {
    async fn uncount_device(&self, key: &PassKey) -> StoreResult<Conditional> {
        // Never below zero, and no item for a pass that has none.
        let (update, condition) = ("ADD #devices :less", "#devices > :none");
        let values = values([("less", n(-1)), ("none", n(0))]);
        let item = pass_item(key, COUNT);
        self.update_under_condition("uncount-device", item, update, condition, values)
            .await
    }
}

impl CountDevices for Registry {
    async fn count_device(&self, key: &PassKey, limit: u64) -> StoreResult<Counted> {
        let (update, condition) = (
            "ADD #devices :one",
            "attribute_not_exists(#devices) OR #devices < :limit",
        );
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(pass_item(key, COUNT)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], None)))
            .set_expression_attribute_values(Some(values([("one", n(1)), ("limit", n(limit))])))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match result {
            Ok(_) => return Ok(Counted::OneMore),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Counted::Full {
                counted_at: failed.item().map_or(Ok(None), read_counted_at)?,
            }),
            _ => Err(fault("count-device")(error)),
        }
    }

    async fn begin_device_count(&self, key: &PassKey, now: u64, ends_by: u64) -> StoreResult<Conditional> {
        let (update, condition) = (
            "SET #count_ends_by = :by",
            "attribute_not_exists(#count_ends_by) OR #count_ends_by <= :now",
        );
        let values = values([("by", n(ends_by)), ("now", n(now))]);
        let item = pass_item(key, COUNT);
        self.update_under_condition("begin-device-count", item, update, condition, values)
            .await
    }

    async fn count_registrations(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
    ) -> StoreResult<RegistrationCount> {
        let condition = "#PK = :pk AND begins_with(#SK, :prefix)";
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .select(Select::Count)
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], None)))
            .set_expression_attribute_values(Some(values([
                ("pk", s(pass_pk(key))),
                ("prefix", s(REGISTRATION_PREFIX)),
            ])))
            .set_exclusive_start_key(after.map(|device| registration_item(key, device)))
            .send()
            .await
            .map_err(fault("count-registrations"))?;
        let last = output.last_evaluated_key().and_then(|last| last.get("SK"));
        Ok(RegistrationCount {
            registrations: u64::try_from(output.count()).unwrap_or_default(),
            after: last.and_then(|sk| registered_device(sk.as_s().ok()?)),
        })
    }

    async fn note_device_count(
        &self,
        key: &PassKey,
        devices: u64,
        counted_at: u64,
        before: Option<u64>,
    ) -> StoreResult<Conditional> {
        let update = "SET #devices = :devices, #counted_at = :at REMOVE #count_ends_by";
        let mut values = values([("devices", n(devices)), ("at", n(counted_at))]);
        let condition = match before {
            None => "attribute_not_exists(#counted_at)",
            Some(before) => {
                values.insert(":before".into(), n(before));
                "#counted_at = :before"
            }
        };
        let item = pass_item(key, COUNT);
        self.update_under_condition("note-device-count", item, update, condition, values)
            .await
    }
}
