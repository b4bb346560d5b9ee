//! Devices, read; and who holds a pass.

use passes::device::Device;
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey};
use passes::ports::{DevicePage, ReadDevice, StoreError, StoreResult};

use super::Registry;
use super::errors::fault;
use super::expression::{names, s, values};
use super::items::read_device;
use super::keys::{REGISTRATION_PREFIX, device_item, pass_pk, registered_device, registration_item};
use super::sources::batch_get;

impl ReadDevice for Registry {
    async fn device(&self, key: &DeviceKey) -> StoreResult<Option<Device>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(device_item(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-device"))?;
        output.item.as_ref().map(read_device).transpose()
    }
}

impl Registry {
    pub(super) async fn registrations_page(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
        limit: u32,
    ) -> StoreResult<DevicePage> {
        let condition = "#PK = :pk AND begins_with(#SK, :prefix)";
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], None)))
            .set_expression_attribute_values(Some(values([
                ("pk", s(pass_pk(key))),
                ("prefix", s(REGISTRATION_PREFIX)),
            ])))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(|device| registration_item(key, device)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-registrations"))?;
        let device_of = |item: &super::items::Item| {
            item.get("SK")
                .and_then(|sk| sk.as_s().ok())
                .and_then(|sk| registered_device(sk))
                .ok_or(StoreError::Unreadable {
                    call: "read-registrations",
                    reason: "a registration's sort key holds no device".into(),
                })
        };
        Ok(DevicePage {
            devices: output.items().iter().map(device_of).collect::<StoreResult<_>>()?,
            after: output.last_evaluated_key().map(device_of).transpose()?,
        })
    }

    pub(super) async fn devices_batch(&self, keys: &[DeviceKey]) -> StoreResult<Vec<Device>> {
        let keys = keys.iter().map(|key| (self.table.as_str(), device_item(key)));
        let found = batch_get(&self.client, "read-devices", keys).await?;
        // One that cannot be read is left out, and its own advance says so.
        Ok(found.iter().filter_map(|(_, item)| read_device(item).ok()).collect())
    }
}
