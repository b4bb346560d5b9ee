//! The backend's side: rows, written through the DynamoDB API. And what is left in the tables.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::PassKey;
use stack::Endpoints;

use crate::Error;
use crate::error::database;

pub(crate) const TYPE: &str = "pass.com.example.loyalty";
pub(crate) const TEMPLATE: &str = "loyalty";
/// The field of the template that situations change.
pub(crate) const FIELD: &str = "balance";

type Item = HashMap<String, AttributeValue>;

/// Numbers of an item, by name.
type Numbers = BTreeMap<String, String>;

pub(crate) struct Backend {
    pub client: Client,
    passes_table: String,
    pub registry_table: String,
}

impl Backend {
    pub async fn of(endpoints: &Endpoints) -> Self {
        Self {
            client: stack::dynamodb_client(&endpoints.dynamodb_endpoint).await,
            passes_table: endpoints.passes_table.clone(),
            registry_table: endpoints.registry_table.clone(),
        }
    }

    /// Writes a whole row. The serial is a text, since some rows have one that no pass can have.
    pub async fn put(&self, serial: &str, template: &str, balance: u32) -> Result<(), Error> {
        let fields = [(FIELD.to_owned(), AttributeValue::N(balance.to_string()))];
        self.client
            .put_item()
            .table_name(&self.passes_table)
            .item("serialNumber", text(serial))
            .item("passTypeIdentifier", text(TYPE))
            .item("template", text(template))
            .item("fields", AttributeValue::M(fields.into()))
            .send()
            .await
            .map(drop)
            .map_err(database)
    }

    /// Sets one field of a row.
    pub async fn set_field(&self, key: &PassKey, field: &str, value: u32) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.passes_table)
            .key("serialNumber", text(&key.serial))
            .key("passTypeIdentifier", text(&key.pass_type))
            .update_expression("SET #fields.#field = :value")
            .expression_attribute_names("#fields", "fields")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":value", AttributeValue::N(value.to_string()))
            .send()
            .await
            .map(drop)
            .map_err(database)
    }

    pub async fn delete(&self, serial: &str) -> Result<(), Error> {
        self.client
            .delete_item()
            .table_name(&self.passes_table)
            .key("serialNumber", text(serial))
            .key("passTypeIdentifier", text(TYPE))
            .send()
            .await
            .map(drop)
            .map_err(database)
    }

    /// The serials of all rows that begin so, also those that no pass can have.
    pub async fn serials_from(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let serial = |item: Item| item.get("serialNumber")?.as_s().ok().cloned();
        let items = self.items(&self.passes_table).await?;
        let serials = items.into_iter().filter_map(serial);
        Ok(serials.filter(|serial| serial.starts_with(prefix)).collect())
    }

    /// Keys of the Registry's items whose partition, or the serials on them, are wanted.
    pub async fn registry_items(
        &self,
        wanted: impl Fn(&str, &[String]) -> bool,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut keys = Vec::new();
        for item in self.items(&self.registry_table).await? {
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
            let serials = item.get("serials").and_then(|value| value.as_m().ok());
            let serials: Vec<_> = serials.into_iter().flat_map(|map| map.keys().cloned()).collect();
            if let (Some(partition), Some(sort)) = (text("PK"), text("SK"))
                && wanted(&partition, &serials)
            {
                keys.push((partition, sort));
            }
        }
        Ok(keys)
    }

    /// Everything in a table: a local one is small.
    async fn items(&self, table: &str) -> Result<Vec<Item>, Error> {
        let scan = self.client.scan().table_name(table).consistent_read(true);
        let items = scan.into_paginator().items().send();
        items.collect::<Result<_, _>>().await.map_err(database)
    }

    /// The numbers in the count of deletions; none where there is no count.
    pub async fn deletions(&self) -> Result<Numbers, Error> {
        let get = self.client.get_item().table_name(&self.registry_table);
        let get = get.key("PK", text("DELETIONS")).key("SK", text("DELETIONS"));
        let found = get.consistent_read(true).send().await.map_err(database)?;
        let number = |(name, value): (String, AttributeValue)| Some((name, value.as_n().ok()?.clone()));
        Ok(found.item.into_iter().flatten().filter_map(number).collect())
    }

    /// The count of deletions with these numbers; without any, there is no count.
    pub async fn put_deletions(&self, numbers: &Numbers) -> Result<(), Error> {
        if numbers.is_empty() {
            return self.erase("DELETIONS", "DELETIONS").await;
        }
        let put = self.client.put_item().table_name(&self.registry_table);
        let put = put.item("PK", text("DELETIONS")).item("SK", text("DELETIONS"));
        let put = numbers.iter().fold(put, |put, (name, number)| {
            put.item(name, AttributeValue::N(number.clone()))
        });
        put.send().await.map(drop).map_err(database)
    }

    /// So many deletions have been counted since `hour`, in seconds.
    pub async fn count_deletions(&self, hour: u64, count: u64) -> Result<(), Error> {
        let numbers = [("hour", hour), ("count", count)];
        let numbers = numbers.map(|(name, number)| (name.to_owned(), number.to_string()));
        self.put_deletions(&numbers.into()).await
    }

    /// Takes an item out of the Registry, as an operator does who erases a person.
    pub async fn erase(&self, partition: &str, sort: &str) -> Result<(), Error> {
        self.client
            .delete_item()
            .table_name(&self.registry_table)
            .key("PK", text(partition))
            .key("SK", text(sort))
            .send()
            .await
            .map(drop)
            .map_err(database)
    }
}

fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
