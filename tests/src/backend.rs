//! A backend team: it writes rows through the DynamoDB API and does nothing else.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

/// Writes to the Passes table.
#[derive(Debug, Clone)]
pub struct Backend {
    pub client: Client,
    pub passes_table: String,
}

impl Backend {
    /// Writes a whole record; `attributes` are those beside the key.
    pub async fn put(&self, pass_type: &str, serial: &str, attributes: Value) {
        let mut item = self.key(pass_type, serial);
        for (name, value) in attributes.as_object().expect("an object") {
            item.insert(name.clone(), attribute(value));
        }
        self.client
            .put_item()
            .table_name(&self.passes_table)
            .set_item(Some(item))
            .send()
            .await
            .expect("the record is written");
    }

    /// Sets one attribute of a record.
    pub async fn set(&self, pass_type: &str, serial: &str, name: &str, value: Value) {
        self.client
            .update_item()
            .table_name(&self.passes_table)
            .set_key(Some(self.key(pass_type, serial)))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", attribute(&value))
            .send()
            .await
            .expect("the attribute is set");
    }

    /// Sets one field of a record.
    pub async fn set_field(&self, pass_type: &str, serial: &str, field: &str, value: Value) {
        self.client
            .update_item()
            .table_name(&self.passes_table)
            .set_key(Some(self.key(pass_type, serial)))
            .update_expression("SET #fields.#field = :value")
            .expression_attribute_names("#fields", "fields")
            .expression_attribute_names("#field", field)
            .expression_attribute_values(":value", attribute(&value))
            .send()
            .await
            .expect("the field is set");
    }

    /// A record as the table has it, if it is there.
    pub async fn row(&self, pass_type: &str, serial: &str) -> Option<Value> {
        let output = self
            .client
            .get_item()
            .table_name(&self.passes_table)
            .set_key(Some(self.key(pass_type, serial)))
            .consistent_read(true)
            .send()
            .await
            .expect("the record is read");
        output.item.map(|item| json_of(&AttributeValue::M(item)))
    }

    pub async fn delete(&self, pass_type: &str, serial: &str) {
        self.client
            .delete_item()
            .table_name(&self.passes_table)
            .set_key(Some(self.key(pass_type, serial)))
            .send()
            .await
            .expect("the record is deleted");
    }

    fn key(&self, pass_type: &str, serial: &str) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("serialNumber".into(), AttributeValue::S(serial.into())),
            ("passTypeIdentifier".into(), AttributeValue::S(pass_type.into())),
        ])
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(attribute).collect()),
        Value::Object(entries) => AttributeValue::M(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), attribute(value)))
                .collect(),
        ),
    }
}

fn json_of(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::N(literal) => serde_json::from_str(literal).expect("a number"),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(items) => Value::Array(items.iter().map(json_of).collect()),
        AttributeValue::M(entries) => {
            let entries = entries.iter();
            Value::Object(entries.map(|(key, value)| (key.clone(), json_of(value))).collect())
        }
        _ => Value::Null,
    }
}
