//! The backend's side: rows, written through the DynamoDB API. And what is left in the tables.

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

    /// So many deletions have been counted since `hour`, in seconds.
    pub async fn count_deletions(&self, hour: u64, count: u64) -> Result<(), Error> {
        self.client
            .put_item()
            .table_name(&self.registry_table)
            .item("PK", text("DELETIONS"))
            .item("SK", text("DELETIONS"))
            .item("hour", AttributeValue::N(hour.to_string()))
            .item("count", AttributeValue::N(count.to_string()))
            .send()
            .await
            .map(drop)
            .map_err(database)
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
