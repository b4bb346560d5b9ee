//! The write that goes with a list answer.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use passes::ids::DeviceKey;
use passes::ports::{AnswerList, Answered, Answering, StoreResult};

use super::Registry;
use super::errors::fault;
use super::expression::{n, values};
use super::items::read_device;

impl AnswerList for Registry {
    async fn answer(&self, device: &DeviceKey, answering: Answering) -> StoreResult<Answered> {
        let mut values = values([
            ("at", n(answering.now.millis())),
            ("tag", n(answering.tag)),
            ("old_tag", n(answering.expected_tag)),
        ]);
        let condition = match answering.expected_due_at {
            Some(due_at) => {
                values.insert(":old_due".into(), n(due_at));
                "#tag = :old_tag AND #due_at = :old_due"
            }
            None => "#tag = :old_tag AND attribute_not_exists(#due_at)",
        };
        let update = "SET #tag = :tag, #asked_at = :at, #asked_tag = :tag \
                      REMOVE #due_shard, #due_at, #attempts, #given_up_at";
        let result = self
            .update_device(device, update, condition, None)
            .set_expression_attribute_values(Some(values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(_) => Ok(Answered::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Answered::Overtaken(failed.item().map(read_device).transpose()?))
                }
                _ => Err(fault("answer-list")(error)),
            },
        }
    }
}
