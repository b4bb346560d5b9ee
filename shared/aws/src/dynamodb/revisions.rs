//! Revisions and problems.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use passes::ids::PassKey;
use passes::ports::{Conditional, Locked, ReadRevision, StoreResult, WriteRevision};
use passes::problem::Problem;
use passes::revision::Revision;
use passes::tag::RevisionNumber;
use passes::time::Timestamp;

use super::Registry;
use super::errors::{conditional, fault};
use super::expression::{n, names, s, values};
use super::items::{read_chained, read_held_by, read_problem, read_revision, write_problem, write_revision};
use super::keys::{PROBLEM, REVISION, pass_item, pass_pk};

impl ReadRevision for Registry {
    async fn revision(&self, key: &PassKey) -> StoreResult<Option<Revision>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(pass_item(key, REVISION)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-revision"))?;
        output.item.as_ref().map(read_revision).transpose()
    }
}

impl WriteRevision for Registry {
    async fn lock(&self, key: &PassKey) -> StoreResult<Locked> {
        let condition = "#PK = :pk AND #SK BETWEEN :problem AND :revision";
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], None)))
            .set_expression_attribute_values(Some(values([
                ("pk", s(pass_pk(key))),
                ("problem", s(PROBLEM)),
                ("revision", s(REVISION)),
            ])))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("lock"))?;
        let mut locked = Locked::default();
        for item in output.items() {
            match item.get("SK").and_then(|sk| sk.as_s().ok()).map(String::as_str) {
                Some(REVISION) => {
                    locked.revision = Some(read_revision(item)?);
                    locked.chained = read_chained(item)?;
                    locked.held_by = read_held_by(item)?;
                }
                Some(PROBLEM) => locked.problem = Some(read_problem(item)?),
                _ => {}
            }
        }
        Ok(locked)
    }

    async fn replace_revision(
        &self,
        key: &PassKey,
        revision: &Revision,
        replaced: Option<&Revision>,
    ) -> StoreResult<Conditional> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write_revision(revision, pass_item(key, REVISION))?));
        let (condition, values) = match replaced {
            None => ("attribute_not_exists(#PK)", None),
            Some(replaced) => {
                let mut values = values([("replaced", n(replaced.number))]);
                let condition = match replaced.grace_ends {
                    None => "#revision = :replaced AND attribute_not_exists(#grace_ends)",
                    Some(ends) => {
                        values.insert(":ends".into(), n(ends));
                        "#revision = :replaced AND #grace_ends = :ends"
                    }
                };
                (condition, Some(values))
            }
        };
        let result = put
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&[condition], None)))
            .set_expression_attribute_values(values)
            .send()
            .await;
        conditional!("replace-revision", PutItemError, result)
    }

    async fn mark_chained(&self, key: &PassKey, revision: RevisionNumber) -> StoreResult<Conditional> {
        let (update, condition) = ("SET #chained = :rev", "#revision = :rev");
        let values = values([("rev", n(revision))]);
        let item = pass_item(key, REVISION);
        self.update_under_condition("mark-chained", item, update, condition, values)
            .await
    }

    async fn put_problem(&self, key: &PassKey, problem: &Problem, now: Timestamp) -> StoreResult<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write_problem(problem, now.seconds(), pass_item(key, PROBLEM))))
            .send()
            .await
            .map_err(fault("put-problem"))?;
        Ok(())
    }

    async fn clear_problem(&self, key: &PassKey) -> StoreResult<()> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(pass_item(key, PROBLEM)))
            .send()
            .await
            .map_err(fault("clear-problem"))?;
        Ok(())
    }
}
