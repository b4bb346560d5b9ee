//! A table's ARN in place of its name: DynamoDB takes either wherever a table is named, the engine
//! names alone.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// ARNs of a request by the names of their tables, to be put back where its answer names them.
#[derive(Debug, Default)]
pub(super) struct TableNames(BTreeMap<String, String>);

impl TableNames {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts names where the request has ARNs.
    pub(super) fn take_from(&mut self, request: &mut Value) {
        self.take_name(request);
        if let Some(tables) = request.get_mut("RequestItems").and_then(Value::as_object_mut) {
            self.take_keys(tables);
        }
        // Each has one member: `Put`, `Get`, ..
        let actions = request.get_mut("TransactItems").and_then(Value::as_array_mut);
        for action in actions.into_iter().flatten().filter_map(Value::as_object_mut) {
            action.values_mut().for_each(|call| self.take_name(call));
        }
    }

    fn take_name(&mut self, call: &mut Value) {
        if let Some(Value::String(table)) = call.get_mut("TableName")
            && let Some(name) = name_in(table)
        {
            let arn = std::mem::replace(table, name.clone());
            self.0.insert(name, arn);
        }
    }

    fn take_keys(&mut self, tables: &mut Map<String, Value>) {
        let arns: Vec<String> = tables.keys().filter(|key| name_in(key).is_some()).cloned().collect();
        for arn in arns {
            // A table that is named both ways stays, and the engine refuses it: neither may be lost.
            if let Some(name) = name_in(&arn).filter(|name| !tables.contains_key(name))
                && let Some(of_table) = tables.remove(&arn)
            {
                tables.insert(name.clone(), of_table);
                self.0.insert(name, arn);
            }
        }
    }

    /// Puts the request's ARNs where DynamoDB's answer has them.
    pub(super) fn give_back_to(&self, answer: &mut Value) {
        for by_table in [
            "Responses",
            "UnprocessedKeys",
            "UnprocessedItems",
            "ItemCollectionMetrics",
        ] {
            let Some(tables) = answer.get_mut(by_table).and_then(Value::as_object_mut) else {
                continue;
            };
            for (name, arn) in &self.0 {
                if let Some(of_table) = tables.remove(name) {
                    tables.insert(arn.clone(), of_table);
                }
            }
        }
        match answer.get_mut("ConsumedCapacity") {
            Some(Value::Array(of_tables)) => of_tables.iter_mut().for_each(|capacity| self.give_back_name(capacity)),
            Some(capacity) => self.give_back_name(capacity),
            None => {}
        }
    }

    fn give_back_name(&self, capacity: &mut Value) {
        if let Some(Value::String(table)) = capacity.get_mut("TableName")
            && let Some(arn) = self.0.get(table)
        {
            table.clone_from(arn);
        }
    }
}

/// The table's name in `arn:{partition}:dynamodb:{region}:{account}:table/{name}`. One machine stands
/// for every region and account.
fn name_in(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':');
    if parts.next() != Some("arn") || parts.nth(1) != Some("dynamodb") {
        return None;
    }
    let name = parts.nth(2)?.strip_prefix("table/")?;
    // An index or a stream of a table is no table.
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/Passes";

    #[test]
    fn an_arn_stands_for_the_name_wherever_a_request_names_a_table() {
        for (request, expected) in [
            (json!({"TableName": ARN}), json!({"TableName": "Passes"})),
            (
                json!({"RequestItems": {ARN: {"Keys": []}, "Registry": {"Keys": []}}}),
                json!({"RequestItems": {"Passes": {"Keys": []}, "Registry": {"Keys": []}}}),
            ),
            (
                json!({"TransactItems": [{"Put": {"TableName": ARN}}, {"Delete": {"TableName": "Registry"}}]}),
                json!({"TransactItems": [{"Put": {"TableName": "Passes"}}, {"Delete": {"TableName": "Registry"}}]}),
            ),
        ] {
            let mut taken = request;
            TableNames::default().take_from(&mut taken);
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn an_arn_in_an_item_stays() {
        let mut request = json!({"TableName": "Passes", "Item": {"TableName": {"S": ARN}, "note": {"S": ARN}}});
        let before = request.clone();
        let mut names = TableNames::default();
        names.take_from(&mut request);
        assert_eq!(request, before);
        assert!(names.is_empty());
    }

    #[test]
    fn what_is_no_table_stays_as_it_is() {
        assert_eq!(name_in(ARN).as_deref(), Some("Passes"));
        for other in [
            "Passes",
            "arn:aws:dynamodb:eu-central-1:123456789012:table/Passes/index/due",
            "arn:aws:dynamodb:eu-central-1:123456789012:table/",
            "arn:aws:s3:::table/Passes",
        ] {
            assert_eq!(name_in(other), None, "{other}");
        }
    }

    #[test]
    fn a_table_that_is_named_both_ways_is_left_to_the_engine() {
        let mut request = json!({"RequestItems": {ARN: [], "Passes": []}});
        let before = request.clone();
        TableNames::default().take_from(&mut request);
        assert_eq!(request, before);
    }

    #[test]
    fn an_answer_names_the_table_as_its_request_did() {
        let mut names = TableNames::default();
        names.take_from(&mut json!({"RequestItems": {ARN: {}}}));
        let mut answer = json!({
            "Responses": {"Passes": [], "Registry": []},
            "UnprocessedKeys": {"Passes": {}},
            "ConsumedCapacity": [{"TableName": "Passes"}, {"TableName": "Registry"}],
        });
        names.give_back_to(&mut answer);
        let expected = json!({
            "Responses": {ARN: [], "Registry": []},
            "UnprocessedKeys": {ARN: {}},
            "ConsumedCapacity": [{"TableName": ARN}, {"TableName": "Registry"}],
        });
        assert_eq!(answer, expected);

        let mut of_one = json!({"ConsumedCapacity": {"TableName": "Passes"}});
        names.give_back_to(&mut of_one);
        assert_eq!(of_one, json!({"ConsumedCapacity": {"TableName": ARN}}));
    }
}
