//! Where each template's published version stands.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use passes::ids::TemplateId;
use passes::ports::{Conditional, MovePointer, StoreResult};
use passes::revision::{PublishedTemplate, TemplatePointer};
use passes::time::Timestamp;

use super::Registry;
use super::errors::{conditional, fault};
use super::expression::{n, names, s, values};
use super::items::read_published;
use super::keys::template_item;

impl MovePointer for Registry {
    async fn pointer(&self, id: &TemplateId) -> StoreResult<Option<PublishedTemplate>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(template_item(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-pointer"))?;
        output.item.as_ref().map(read_published).transpose()
    }

    async fn move_pointer(
        &self,
        pointer: &TemplatePointer,
        replaced: Option<&TemplatePointer>,
        now: Timestamp,
    ) -> StoreResult<Conditional> {
        let mut values = values([
            ("version", s(&pointer.version)),
            ("seq", n(pointer.seq)),
            ("at", n(now.seconds())),
        ]);
        let (update, condition) = match replaced {
            None => (
                "SET #version = :version, #seq = :seq, #published_at = :at",
                "attribute_not_exists(#PK)",
            ),
            Some(replaced) => {
                values.insert(":replaced".into(), n(replaced.seq));
                values.insert(":previous".into(), s(&replaced.version));
                (
                    "SET #version = :version, #seq = :seq, #published_at = :at, #previous_version = :previous",
                    "#seq = :replaced",
                )
            }
        };
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(template_item(&pointer.id)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], None)))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        conditional!("move-pointer", UpdateItemError, result)
    }
}
