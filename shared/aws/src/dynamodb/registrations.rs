//! Register and unregister: device and registration in one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use passes::ids::{DeviceKey, Registration};
use passes::ports::{Conditional, RegisterDevice, Registering, StoreError, StoreResult, UnregisterDevice};

use super::Registry;
use super::errors::{conditional, transacted};
use super::expression::{n, names, s, values};
use super::items::{Item, mark};
use super::keys::{device_item, device_pk, due_shard, registration_item};

impl RegisterDevice for Registry {
    async fn register(&self, registration: &Registration, registering: Registering<'_>) -> StoreResult<Conditional> {
        let device = registration.device_key();
        let serial = registration.key.serial.as_str();
        let mut values = values([
            ("tag", n(registering.mark.tag)),
            ("push_token", s(registering.push_token.expose())),
            ("token_at", n(registering.now.millis())),
            ("shard", n(due_shard(&device_pk(&device)))),
            ("due", n(registering.lease.due_at)),
            ("attempts", n(registering.lease.attempts)),
        ]);
        let (update, condition) = match registering.expected_tag {
            // One update creates the item with its map.
            None => {
                let serials = Item::from([(serial.to_owned(), mark(registering.mark))]);
                values.insert(":serials".into(), AttributeValue::M(serials));
                (
                    "SET #tag = :tag, #serials = :serials, #push_token = :push_token, #token_at = :token_at, \
                     #due_shard = :shard, #due_at = :due, #attempts = :attempts",
                    "attribute_not_exists(#PK)",
                )
            }
            Some(tag) => {
                values.insert(":mark".into(), mark(registering.mark));
                values.insert(":old_tag".into(), n(tag));
                (
                    "SET #tag = :tag, #serials.#k = :mark, #push_token = :push_token, #token_at = :token_at, \
                     #due_shard = if_not_exists(#due_shard, :shard), #due_at = if_not_exists(#due_at, :due), \
                     #attempts = if_not_exists(#attempts, :attempts) \
                     REMOVE #expires_at, #given_up_at, #last_refusal",
                    "#tag = :old_tag",
                )
            }
        };
        let update = self.device_update(&device, update, condition, serial, Some(values))?;
        let mut edge = registration_item(&registration.key, &registration.device);
        edge.insert("registered_at".into(), n(registering.now.seconds()));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(edge))
            .build()
            .map_err(|error| unbuilt("register", error))?;
        let result = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .send()
            .await;
        transacted("register", result)
    }
}

impl UnregisterDevice for Registry {
    async fn unregister(&self, registration: &Registration) -> StoreResult<Conditional> {
        let update = self.device_update(
            &registration.device_key(),
            "REMOVE #serials.#k",
            "attribute_exists(#serials.#k)",
            registration.key.serial.as_str(),
            None,
        )?;
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(registration_item(&registration.key, &registration.device)))
            .build()
            .map_err(|error| unbuilt("unregister", error))?;
        let result = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().delete(delete).build())
            .send()
            .await;
        transacted("unregister", result)
    }

    async fn remove_orphan(&self, registration: &Registration) -> StoreResult<()> {
        self.remove_orphan_of(registration).await
    }

    async fn retire_if_empty(&self, device: &DeviceKey, expires_at: u64) -> StoreResult<Conditional> {
        let result = self
            .update_device(
                device,
                "SET #expires_at = :expires REMOVE #due_shard, #due_at, #attempts",
                "size(#serials) = :zero",
                None,
            )
            .set_expression_attribute_values(Some(values([("expires", n(expires_at)), ("zero", n(0))])))
            .send()
            .await;
        conditional!("retire", UpdateItemError, result)
    }
}

impl Registry {
    fn device_update(
        &self,
        device: &DeviceKey,
        update: &str,
        condition: &str,
        serial: &str,
        values: Option<HashMap<String, AttributeValue>>,
    ) -> StoreResult<Update> {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(device_item(device)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], Some(serial))))
            .set_expression_attribute_values(values)
            .build()
            .map_err(|error| unbuilt("device", error))
    }
}

fn unbuilt(call: &'static str, error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused {
        call,
        source: error.into(),
    }
}
