//! All records of the Passes table, for those who publish many again.

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::{PassKey, TemplateId};
use passes::ports::{CountFieldUse, FieldUsePage, FindRecords, KeyPage, RecordCursor, Selection, StoreResult};
use passes::sweep::SEGMENTS;

use super::Sources;
use super::errors::fault;
use super::expression::{names, s, values};
use super::items::Item;
use super::keys::Key;

const KEY: &str = "#serialNumber, #passTypeIdentifier";

impl FindRecords for Sources {
    async fn find_records(
        &self,
        selection: &Selection,
        after: Option<&RecordCursor>,
        limit: u32,
    ) -> StoreResult<KeyPage> {
        let mut conditions = Vec::new();
        let mut wanted = values([]);
        if let Some(template) = &selection.template {
            conditions.push("#template = :template");
            wanted.insert(":template".into(), s(template.as_str()));
        }
        if let Some(pass_type) = &selection.pass_type {
            conditions.push("#passTypeIdentifier = :type");
            wanted.insert(":type".into(), s(pass_type.as_str()));
        }
        let filter = (!conditions.is_empty()).then(|| conditions.join(" AND "));
        let output = self
            .client
            .scan()
            .table_name(&self.passes_table)
            .projection_expression(KEY)
            .set_expression_attribute_names(Some(names(&[KEY, filter.as_deref().unwrap_or_default()], None)))
            .set_expression_attribute_values(filter.is_some().then_some(wanted))
            .set_filter_expression(filter)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_segment(selection.segment.map(i32::from))
            .set_total_segments(selection.segment.map(|_| i32::from(SEGMENTS)))
            .set_exclusive_start_key(after.map(start_key))
            .send()
            .await
            .map_err(fault("find-records"))?;
        let found: Vec<_> = output.items().iter().map(pass_key).collect();
        let all = found.len();
        let keys: Vec<_> = found.into_iter().flatten().collect();
        Ok(KeyPage {
            unusable: u32::try_from(all - keys.len()).unwrap_or(u32::MAX),
            keys,
            after: output.last_evaluated_key().and_then(cursor),
        })
    }
}

impl CountFieldUse for Sources {
    async fn count_field_use(
        &self,
        template: &TemplateId,
        fields: &[String],
        after: Option<&RecordCursor>,
    ) -> StoreResult<FieldUsePage> {
        // Only the entries in question travel. A field's key is data, so each has a placeholder of its own.
        let mut projection = KEY.to_owned();
        let filter = "#template = :template";
        let mut placeholders = names(&[KEY, "#fields", filter], None);
        for (place, field) in fields.iter().enumerate() {
            projection.push_str(&format!(", #fields.#k{place}"));
            placeholders.insert(format!("#k{place}"), field.clone());
        }
        let output = self
            .client
            .scan()
            .table_name(&self.passes_table)
            .projection_expression(projection)
            .filter_expression(filter)
            .set_expression_attribute_names(Some(placeholders))
            .set_expression_attribute_values(Some(values([("template", s(template.as_str()))])))
            .consistent_read(true)
            .set_exclusive_start_key(after.map(start_key))
            .send()
            .await
            .map_err(fault("count-field-use"))?;
        let mut rows = vec![0; fields.len()];
        for item in output.items().iter().filter(|item| pass_key(item).is_some()) {
            let Some(Ok(written)) = item.get("fields").map(AttributeValue::as_m) else {
                continue;
            };
            for (count, field) in rows.iter_mut().zip(fields) {
                *count += u64::from(written.contains_key(field));
            }
        }
        Ok(FieldUsePage {
            rows,
            looked_at: u64::try_from(output.scanned_count()).unwrap_or(0),
            after: output.last_evaluated_key().and_then(cursor),
        })
    }
}

impl Sources {
    /// About how many records there are: DynamoDB counts them every six hours. For whoever shows a
    /// progress, who can do without; so a refusal is no fault.
    pub async fn about_how_many(&self) -> Option<u64> {
        let table = self.client.describe_table().table_name(&self.passes_table);
        let described = table.send().await.ok()?.table?;
        let count = described.item_count.and_then(|count| u64::try_from(count).ok());
        // Not counted yet.
        count.filter(|count| *count > 0)
    }
}

fn start_key(cursor: &RecordCursor) -> Key {
    Key::from([
        ("serialNumber".into(), s(&cursor.serial)),
        ("passTypeIdentifier".into(), s(&cursor.pass_type)),
    ])
}

fn cursor(item: &Item) -> Option<RecordCursor> {
    let text = |name: &str| item.get(name).map(AttributeValue::as_s)?.ok().cloned();
    Some(RecordCursor {
        pass_type: text("passTypeIdentifier")?,
        serial: text("serialNumber")?,
    })
}

fn pass_key(item: &Item) -> Option<PassKey> {
    let RecordCursor { pass_type, serial } = cursor(item)?;
    PassKey::parse(&pass_type, &serial).ok()
}
