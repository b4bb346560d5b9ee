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
        ]);
        let mut update = "SET #tag = :tag, #push_token = :push_token, #token_at = :token_at".to_owned();
        if let Some(lease) = registering.lease {
            values.insert(":shard".into(), n(due_shard(&device_pk(&device))));
            values.insert(":due".into(), n(lease.due_at));
            values.insert(":attempts".into(), n(lease.attempts));
            update.push_str(", #due_shard = :shard, #due_at = :due, #attempts = :attempts");
        }
        let condition = match registering.expecting {
            // One update creates the item with its map.
            None => {
                let serials = Item::from([(serial.to_owned(), mark(registering.mark))]);
                values.insert(":serials".into(), AttributeValue::M(serials));
                update.push_str(", #serials = :serials");
                "attribute_not_exists(#PK)"
            }
            Some(known) => {
                values.insert(":mark".into(), mark(registering.mark));
                values.insert(":old_tag".into(), n(known.tag));
                update.push_str(", #serials.#k = :mark REMOVE #expires_at, #given_up_at, #last_refusal");
                // The lease was looked at too: the schedule may have used its last attempt up since, and would
                // drop it unpushed.
                match known.due_at {
                    Some(due_at) => {
                        values.insert(":old_due".into(), n(due_at));
                        "#tag = :old_tag AND #due_at = :old_due"
                    }
                    None => "#tag = :old_tag AND attribute_not_exists(#due_at)",
                }
            }
        };
        let update = self.device_update(&device, &update, condition, serial, Some(values))?;
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
