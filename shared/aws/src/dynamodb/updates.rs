//! One item, updated under a condition.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use passes::ports::{Conditional, StoreResult};

use super::Registry;
use super::errors::conditional;
use super::expression::names;
use super::keys::Key;

impl Registry {
    /// Without interest in the item before or after.
    pub(super) async fn update_under_condition(
        &self,
        call: &'static str,
        item: Key,
        update: &str,
        condition: &str,
        values: HashMap<String, AttributeValue>,
    ) -> StoreResult<Conditional> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[update, condition], None)))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        conditional!(call, UpdateItemError, result)
    }
}
