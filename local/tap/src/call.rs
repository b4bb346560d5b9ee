//! One call to DynamoDB.

use std::fmt;

use serde_json::Value;

/// A request as it stands on the wire. `Display` says in a few words what it is about, without
/// values: `PutItem Registry REVISION`.
#[derive(Debug, Clone)]
pub struct Call {
    /// E.g. `UpdateItem`.
    pub action: String,
    pub body: Value,
}

impl Call {
    /// Whether the request mentions this text: a key, a table, a part of an expression.
    pub fn mentions(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }

    /// Whether the request concerns this table.
    pub fn is_on(&self, table: &str) -> bool {
        self.tables().contains(&table)
    }

    /// The tables that it concerns; a transaction's in its order, each once.
    fn tables(&self) -> Vec<&str> {
        let mut tables = Vec::new();
        let mut add = |table| {
            if !tables.contains(&table) {
                tables.push(table);
            }
        };
        if let Some(table) = self.body["TableName"].as_str() {
            add(table);
        }
        if let Some(requests) = self.body["RequestItems"].as_object() {
            requests.keys().for_each(|table| add(table));
        }
        for write in self.body["TransactItems"].as_array().into_iter().flatten() {
            let parts = write.as_object().into_iter().flatten();
            parts
                .filter_map(|(_, part)| part["TableName"].as_str())
                .for_each(&mut add);
        }
        tables
    }

    /// Which of the Registry's items of one partition it is about: `REVISION`, `DEVICE`.
    fn item(&self) -> Option<&str> {
        const ITEMS: [&str; 4] = ["REVISION", "PROBLEM", "DEVICE", "TEMPLATE"];
        let sort_keys = [&self.body["Key"]["SK"], &self.body["Item"]["SK"]];
        // A query names them among its values, first the partition's.
        let values = self.body["ExpressionAttributeValues"].as_object();
        let values = values.filter(|_| self.action == "Query");
        let named = sort_keys
            .into_iter()
            .chain(values.into_iter().flat_map(|values| values.values()));
        // What follows a `#` is the name of somebody's device.
        let mut named = named.filter_map(|value| value["S"].as_str()?.split('#').next());
        named.find(|name| ITEMS.contains(name))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.tables().join(", "))?;
        match self.item() {
            Some(item) => write!(f, " {item}"),
            None => Ok(()),
        }
    }
}
