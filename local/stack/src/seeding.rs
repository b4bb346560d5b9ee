//! What a first start finds: published templates and two records to play with.

use std::collections::HashMap;

use apns_simulator::Simulator;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::time::Timestamp;
use seed::Folder;

use crate::error::StackError;

type Item = HashMap<String, AttributeValue>;

fn failed(error: impl std::error::Error) -> StackError {
    StackError::Seeding(aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string())
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn m<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Publishes the folder's templates and, once, writes the demo's records. What somebody has
/// changed or deleted since stays so.
pub(crate) async fn seed(
    client: &Client,
    folder: &Folder,
    passes_table: &str,
    registry_table: &str,
    now: Timestamp,
) -> Result<(), StackError> {
    let marker = folder.dir().join("seeded");
    if marker.exists() {
        return Ok(());
    }
    for (id, version) in folder.template_versions() {
        let pointer = Item::from(
            [
                ("PK", s(&format!("TEMPLATE#{id}"))),
                ("SK", s("TEMPLATE")),
                ("version", s(version)),
                ("seq", n(1)),
                ("published_at", n(now.seconds())),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        put_new(client, registry_table, "PK", pointer).await?;
    }
    let card = m([("balance", n(25)), ("member", s("Ada Lovelace")), ("tier", s("Silver"))]);
    let ticket = m([("seat", s("12A"))]);
    for (serial, pass_type, template, fields) in [
        ("DEMO-1", "pass.com.example.loyalty", "loyalty", card),
        ("TICKET-1", "pass.com.example.ticket", "ticket", ticket),
    ] {
        let record = Item::from(
            [
                ("serialNumber", s(serial)),
                ("passTypeIdentifier", s(pass_type)),
                ("template", s(template)),
                ("fields", fields),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        put_new(client, passes_table, "serialNumber", record).await?;
    }
    std::fs::write(marker, "").map_err(StackError::Folder)
}

async fn put_new(client: &Client, table: &str, key: &str, item: Item) -> Result<(), StackError> {
    let result = client
        .put_item()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(#key)")
        .expression_attribute_names("#key", key)
        .send()
        .await;
    match result {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
        {
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}

/// Tells a simulator that has just started of the phones that registered before.
pub(crate) async fn introduce_devices(
    client: &Client,
    registry_table: &str,
    simulator: &Simulator,
) -> Result<(), StackError> {
    let mut pages = client
        .scan()
        .table_name(registry_table)
        .filter_expression("SK = :device")
        .expression_attribute_values(":device", s("DEVICE"))
        .into_paginator()
        .items()
        .send();
    while let Some(item) = pages.next().await {
        let item = item.map_err(failed)?;
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        if let (Some(key), Some(token)) = (text("PK"), text("push_token"))
            && let Some((_, topic)) = key.rsplit_once('#')
        {
            simulator.assign(token, topic);
        }
    }
    Ok(())
}
