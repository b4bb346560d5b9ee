//! `AWS::DynamoDB::Table` as requests to the database engine.

use std::collections::BTreeMap;

use dynoxide::{Database, DynoxideError, actions::create_table::CreateTableRequest};
use serde_json::{Map, Value, json};

use super::intrinsics::{Document, Place};
use crate::Error;

/// One table of the template.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// `TableName`, or the logical id where AWS would make a name up.
    pub name: String,
    /// The body of the `CreateTable` call.
    pub create: Value,
    /// The attribute that holds when an item expires, in Unix seconds.
    pub time_to_live_attribute: Option<String>,
}

/// The properties that `CreateTable` takes under the same name and in the same form.
const CREATE_PROPERTIES: [&str; 4] = [
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
];

pub(super) fn tables(document: &Document) -> Result<BTreeMap<String, Table>, Error> {
    document
        .resources_of("AWS::DynamoDB::Table")
        .map(|(logical_id, resource)| {
            let properties = &resource["Properties"];
            let place = Place::new(logical_id);
            let name = match &properties["TableName"] {
                Value::Null => logical_id.to_owned(),
                given => place.child("TableName").text(given)?,
            };
            let mut create: Map<String, Value> = CREATE_PROPERTIES
                .into_iter()
                .filter_map(|property| Some((property.to_owned(), properties.get(property)?.clone())))
                .collect();
            create.insert("TableName".into(), name.as_str().into());
            // Capacity means nothing on one machine.
            create.insert("BillingMode".into(), "PAY_PER_REQUEST".into());
            if let Some(view) = properties["StreamSpecification"].get("StreamViewType") {
                // CloudFormation's form lacks the flag that the call needs.
                create.insert(
                    "StreamSpecification".into(),
                    json!({ "StreamEnabled": true, "StreamViewType": view }),
                );
            }
            let expiry = &properties["TimeToLiveSpecification"];
            let time_to_live_attribute = if place
                .child("TimeToLiveSpecification.Enabled")
                .flag(&expiry["Enabled"])?
            {
                let attribute = place.child("TimeToLiveSpecification.AttributeName");
                Some(attribute.text(&expiry["AttributeName"])?)
            } else {
                None
            };
            let table = Table {
                name,
                create: create.into(),
                time_to_live_attribute,
            };
            Ok((logical_id.to_owned(), table))
        })
        .collect()
}

impl Table {
    /// Creates the table unless it is there. A table that is there is left as it is, even when the
    /// template has changed since.
    pub fn create_in(&self, database: &Database) -> Result<(), Error> {
        let request: CreateTableRequest = serde_json::from_value(self.create.clone())
            .map_err(|refusal| Error::template(&self.name, format!("no table can be made of it: {refusal}")))?;
        match database.create_table(request) {
            Ok(_) => {}
            Err(DynoxideError::ResourceInUseException(_)) => return Ok(()),
            Err(failure) => return Err(failure.into()),
        }
        if let Some(attribute) = &self.time_to_live_attribute {
            use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
            database.update_time_to_live(UpdateTimeToLiveRequest {
                table_name: self.name.clone(),
                time_to_live_specification: TimeToLiveSpecification {
                    attribute_name: attribute.clone(),
                    enabled: true,
                },
            })?;
        }
        Ok(())
    }
}
