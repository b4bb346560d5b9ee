//! The advance: tag, mark and lease in one conditional write.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use passes::device::Device;
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, Registration, SerialNumber};
use passes::ports::{Advance, AdvanceDevices, Advanced, Conditional, DevicePage, Expecting, StoreError, StoreResult};

use super::Registry;
use super::errors::{fault, transacted};
use super::expression::{n, names, values};
use super::items::{mark, read_device};
use super::keys::{device_item, device_pk, due_shard, registration_item};

impl AdvanceDevices for Registry {
    async fn devices_with(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
        limit: u32,
    ) -> StoreResult<DevicePage> {
        self.registrations_page(key, after, limit).await
    }

    async fn devices(&self, keys: &[DeviceKey]) -> StoreResult<Vec<Device>> {
        self.devices_batch(keys).await
    }

    async fn advance(&self, device: &DeviceKey, serial: &SerialNumber, advance: Advance) -> StoreResult<Advanced> {
        const TAG_AND_MARK: &str = "SET #tag = :tag, #serials.#k = :mark";
        const LEASE: &str = ", #due_shard = :shard, #due_at = :due, #attempts = :attempts REMOVE #given_up_at";
        // The mark is compared in every form: an advance is never repeated, and never sets back
        // what a later one did. A serial that is gone has no mark, which compares as false.
        const BEHIND: &str = "#serials.#k.#r < :rev";
        let mut values = values([
            ("tag", n(advance.mark.tag)),
            ("mark", mark(advance.mark)),
            ("rev", n(advance.mark.revision)),
        ]);
        let mut leased = true;
        let expected = match advance.expecting {
            Expecting::NoLeaseAndLowerTag => "#tag < :tag AND attribute_not_exists(#due_at)",
            Expecting::NoLease { tag } => {
                values.insert(":old_tag".into(), n(tag));
                "#tag = :old_tag AND attribute_not_exists(#due_at)"
            }
            Expecting::TakingOver { tag, due_at } => {
                values.insert(":old_tag".into(), n(tag));
                values.insert(":old_due".into(), n(due_at));
                "#tag = :old_tag AND #due_at = :old_due"
            }
            Expecting::UnderLease { tag, due_at } => {
                leased = false;
                values.insert(":old_tag".into(), n(tag));
                values.insert(":old_due".into(), n(due_at));
                "#tag = :old_tag AND #due_at = :old_due"
            }
        };
        let mut update = TAG_AND_MARK.to_owned();
        if leased {
            update.push_str(LEASE);
            values.insert(":shard".into(), n(due_shard(&device_pk(device))));
            values.insert(":due".into(), n(advance.lease.due_at));
            values.insert(":attempts".into(), n(advance.lease.attempts));
        }
        let condition = format!("{BEHIND} AND {expected}");
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(device_item(device)))
            .set_expression_attribute_names(Some(names(&[&update, &condition], Some(serial.as_str()))))
            .set_expression_attribute_values(Some(values))
            .update_expression(update)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(output) => {
                let item = output.attributes.ok_or(StoreError::Unreadable {
                    call: "advance",
                    reason: "the answer carries no item".into(),
                })?;
                Ok(Advanced::Done(read_device(&item)?))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Advanced::Overtaken(failed.item().map(read_device).transpose()?))
                }
                _ => Err(fault("advance")(error)),
            },
        }
    }

    async fn remove_orphan(&self, registration: &Registration) -> StoreResult<()> {
        self.remove_orphan_of(registration).await
    }
}

impl Registry {
    pub(super) async fn remove_orphan_of(&self, registration: &Registration) -> StoreResult<()> {
        let condition = "attribute_not_exists(#serials.#k)";
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(registration_item(&registration.key, &registration.device)))
            .build();
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(device_item(&registration.device_key())))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], Some(registration.key.serial.as_str()))))
            .build();
        let (delete, check) = match (delete, check) {
            (Ok(delete), Ok(check)) => (delete, check),
            (Err(error), _) | (_, Err(error)) => {
                return Err(StoreError::Refused {
                    call: "remove-orphan",
                    source: error.into(),
                });
            }
        };
        let result = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().delete(delete).build())
            .transact_items(TransactWriteItem::builder().condition_check(check).build())
            .send()
            .await;
        match transacted("remove-orphan", result) {
            // Registered in between, so it is no orphan; or somebody is at it, and whoever meets
            // it next tries again.
            Ok(Conditional::Done | Conditional::Overtaken) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
