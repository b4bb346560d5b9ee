//! DynamoDB in this process: calls as they stand on the wire, carried out by the engine.

use std::collections::BTreeMap;

use cloud::Template;
use dynoxide::{Database, DynoxideError};
use serde_json::{Map, Value, json};

pub(super) const PASSES: &str = "Passes";
pub(super) const REGISTRY: &str = "Registry";

/// One request of the SDK.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// E.g. `UpdateItem`.
    pub action: String,
    pub body: Value,
}

/// What travels back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }

    pub fn error(status: u16, code: &str, more: Value) -> Self {
        let mut body = Map::from_iter([
            (
                "__type".to_owned(),
                Value::from(format!("com.amazonaws.dynamodb.v20120810#{code}")),
            ),
            ("message".to_owned(), Value::from("injected")),
        ]);
        if let Value::Object(more) = more {
            body.extend(more);
        }
        Self {
            status,
            body: Value::Object(body).to_string(),
        }
    }
}

/// An item in DynamoDB's own JSON.
pub(super) type Item = Map<String, Value>;

/// The engine with both tables of `template.yaml`. Made once per thread and emptied between
/// schedules, which is cheaper than making tables.
#[derive(Clone)]
pub(super) struct Engine {
    database: Database,
}

impl Engine {
    pub fn start() -> Self {
        let database = Database::memory().expect("an engine");
        let template = Template::parse(include_str!("../../../template.yaml")).expect("template.yaml");
        for table in template.tables().values() {
            let mut table = table.clone();
            // Hints are the scheduler's: records that nobody reads would only pile up.
            if let Some(create) = table.create.as_object_mut() {
                create.remove("StreamSpecification");
            }
            table.create_in(&database).expect("a table");
        }
        Self { database }
    }

    /// Carries a request out. What the engine cannot read is a fault of the simulation.
    pub fn carry_out(&self, call: &Call) -> Answer {
        let body = call.body.clone();
        let db = &self.database;
        match call.action.as_str() {
            "GetItem" => answer(db.get_item(read(body))),
            "PutItem" => answer(db.put_item(read(body))),
            "DeleteItem" => answer(db.delete_item(read(body))),
            "UpdateItem" => answer(db.update_item(read(body))),
            "Scan" => answer(db.scan(read(body))),
            "Query" => answer(db.query(read(body))),
            "BatchGetItem" => answer(db.batch_get_item(read(body))),
            "TransactWriteItems" => answer(db.transact_write_items(read(body))),
            other => panic!("livepass does not call {other}"),
        }
    }

    /// An item as it is, seen by nobody.
    pub fn peek(&self, table: &str, key: Value) -> Option<Item> {
        let request = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        let found = self.database.get_item(read(request)).expect("the engine answers");
        match serde_json::to_value(found).expect("JSON") {
            Value::Object(mut found) => match found.remove("Item") {
                Some(Value::Object(item)) => Some(item),
                _ => None,
            },
            _ => None,
        }
    }

    /// All items of a table.
    pub fn scan(&self, table: &str) -> Vec<Item> {
        let request = json!({"TableName": table, "ConsistentRead": true});
        let found = self.database.scan(read(request)).expect("the engine answers");
        let found = serde_json::to_value(found).expect("JSON");
        let items = found["Items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(item) => Some(item),
                _ => None,
            })
            .collect()
    }

    pub fn put(&self, table: &str, item: &Item) {
        let request = json!({"TableName": table, "Item": item});
        self.database.put_item(read(request)).expect("the item is written");
    }

    pub fn delete(&self, table: &str, key: Value) {
        let request = json!({"TableName": table, "Key": key});
        self.database.delete_item(read(request)).expect("the item is deleted");
    }

    /// Leaves the tables as they were made.
    pub fn empty(&self) {
        for (table, names) in [
            (PASSES, ["serialNumber", "passTypeIdentifier"]),
            (REGISTRY, ["PK", "SK"]),
        ] {
            for item in self.scan(table) {
                let key: BTreeMap<_, _> = names.iter().map(|name| (*name, item[*name].clone())).collect();
                self.delete(table, json!(key));
            }
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).expect("a request that the engine can read")
}

fn answer<T: serde::Serialize>(result: Result<T, DynoxideError>) -> Answer {
    match result {
        Ok(output) => Answer {
            status: 200,
            body: serde_json::to_string(&output).expect("JSON"),
        },
        Err(error) => Answer {
            status: error.status_code(),
            body: error.to_json(),
        },
    }
}

// ---- items, read

/// A number attribute.
pub(super) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?["N"].as_str()?.parse().ok()
}

/// A string attribute.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?["S"].as_str()
}

/// A device's marks: serial -> (tag, revision).
pub(super) fn marks(item: &Item) -> BTreeMap<String, (u64, u64)> {
    let mut marks = BTreeMap::new();
    if let Some(serials) = item.get("serials").and_then(|serials| serials["M"].as_object()) {
        for (serial, mark) in serials {
            if let Some(mark) = mark["M"].as_object()
                && let (Some(t), Some(r)) = (number(mark, "t"), number(mark, "r"))
            {
                marks.insert(serial.clone(), (t, r));
            }
        }
    }
    marks
}
