//! What a publish reads of the world: the backend's record and the template's pointer.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use passes::ids::{PassKey, TemplateId};
use passes::ports::{ReadSources, StoreError, StoreResult};
use passes::record::Attributes;
use passes::revision::TemplatePointer;

use super::errors::fault;
use super::expression::s;
use super::items::{Item, read_pointer, read_record};
use super::keys::{Key, template_item};

/// Times that a batch is asked again for what it left out, with growing pauses.
pub(super) const BATCH_TURNS: u32 = 6;

/// Read-only: livepass never writes to the Passes table.
#[derive(Debug, Clone)]
pub struct Sources {
    pub(super) client: Client,
    pub(super) passes_table: String,
    registry_table: String,
}

impl Sources {
    pub fn new(client: Client, passes_table: impl Into<String>, registry_table: impl Into<String>) -> Self {
        Self {
            client,
            passes_table: passes_table.into(),
            registry_table: registry_table.into(),
        }
    }
}

fn record_key(key: &PassKey) -> Key {
    Key::from([
        ("serialNumber".into(), s(key.serial.as_str())),
        ("passTypeIdentifier".into(), s(key.pass_type.as_str())),
    ])
}

impl ReadSources for Sources {
    async fn record(&self, key: &PassKey) -> StoreResult<Option<Attributes>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.passes_table)
            .set_key(Some(record_key(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-record"))?;
        Ok(output.item.as_ref().map(read_record))
    }

    async fn template_pointer(&self, id: &TemplateId) -> StoreResult<Option<TemplatePointer>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.registry_table)
            .set_key(Some(template_item(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-template-pointer"))?;
        output.item.as_ref().map(read_pointer).transpose()
    }

    async fn record_and_pointer(
        &self,
        key: &PassKey,
        template: Option<&TemplateId>,
    ) -> StoreResult<(Option<Attributes>, Option<TemplatePointer>)> {
        let record = (self.passes_table.as_str(), record_key(key));
        let pointer = template.map(|id| (self.registry_table.as_str(), template_item(id)));
        let wanted = std::iter::once(record).chain(pointer);
        let found = batch_get(&self.client, "verify", wanted).await?;
        let mut record = None;
        let mut pointer = None;
        for (table, item) in &found {
            if *table == self.passes_table {
                record = Some(read_record(item));
            } else {
                pointer = Some(read_pointer(item)?);
            }
        }
        Ok((record, pointer))
    }
}

/// Strongly consistent BatchGetItem, repeated until no key is left unprocessed: a key that was
/// left out must not look like an item that does not exist.
pub(super) async fn batch_get(
    client: &Client,
    call: &'static str,
    keys: impl IntoIterator<Item = (&str, Key)>,
) -> StoreResult<Vec<(String, Item)>> {
    let mut request = std::collections::HashMap::<String, Vec<Key>>::new();
    for (table, key) in keys {
        request.entry(table.to_owned()).or_default().push(key);
    }
    let mut found = Vec::new();
    for turn in 0..BATCH_TURNS {
        if turn > 0 {
            tokio::time::sleep(Duration::from_millis(25 << turn)).await;
        }
        let items = request
            .into_iter()
            .map(|(table, keys)| {
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| StoreError::Refused {
                        call,
                        source: error.into(),
                    })?;
                Ok((table, keys))
            })
            .collect::<StoreResult<_>>()?;
        let output = client
            .batch_get_item()
            .set_request_items(Some(items))
            .send()
            .await
            .map_err(fault(call))?;
        for (table, items) in output.responses.unwrap_or_default() {
            found.extend(items.into_iter().map(|item| (table.clone(), item)));
        }
        request = output
            .unprocessed_keys
            .unwrap_or_default()
            .into_iter()
            .map(|(table, keys)| (table, keys.keys))
            .collect();
        if request.is_empty() {
            return Ok(found);
        }
    }
    Err(StoreError::Throttled {
        call,
        source: "the batch still leaves keys unprocessed".into(),
    })
}
