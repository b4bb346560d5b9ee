//! Records whose key cannot become a pass, and the problems that are noted of them.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use passes::ports::{Conditional, NoteUnusableKey, ReadRawRecord, StoreResult};
use passes::time::Timestamp;
use passes::unusable_key::UnusableKey;

use super::errors::{conditional, fault};
use super::expression::{names, s, values};
use super::items::write_problem;
use super::keys::{Key, unusable_key_item};
use super::{Registry, Sources};

impl ReadRawRecord for Sources {
    async fn raw_record_exists(&self, key: &UnusableKey) -> StoreResult<bool> {
        let projection = "#serialNumber";
        let output = self
            .client
            .get_item()
            .table_name(&self.passes_table)
            .set_key(Some(Key::from([
                ("serialNumber".into(), s(key.serial())),
                ("passTypeIdentifier".into(), s(key.pass_type())),
            ])))
            .projection_expression(projection)
            .set_expression_attribute_names(Some(names(&[projection], None)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-raw-record"))?;
        Ok(output.item.is_some())
    }
}

impl NoteUnusableKey for Registry {
    async fn note_unusable_key(&self, key: &UnusableKey, now: Timestamp) -> StoreResult<Conditional> {
        // Every write to the row brings its key: without this, `since` would be the last one.
        let condition = "attribute_not_exists(#PK) OR #sentence <> :sentence";
        let problem = key.problem();
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write_problem(problem, now.seconds(), unusable_key_item(key))))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], None)))
            .set_expression_attribute_values(Some(values([("sentence", s(&problem.sentence))])))
            .send()
            .await;
        conditional!("note-unusable-key", PutItemError, result)
    }

    async fn clear_unusable_key(&self, key: &UnusableKey) -> StoreResult<()> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(unusable_key_item(key)))
            .send()
            .await
            .map_err(fault("clear-unusable-key"))?;
        Ok(())
    }
}
