//! ACTIONS.md names every method of a port that talks to AWS, and what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a call in the source needs.
const OPERATIONS: [(&str, &str); 16] = [
    (".get_item()", "dynamodb:GetItem"),
    (".batch_get_item()", "dynamodb:BatchGetItem"),
    (".query()", "dynamodb:Query"),
    (".scan()", "dynamodb:Scan"),
    (".put_item()", "dynamodb:PutItem"),
    (".update_item()", "dynamodb:UpdateItem"),
    (".delete_item()", "dynamodb:DeleteItem"),
    (" Put::builder()", "dynamodb:PutItem"),
    (" Update::builder()", "dynamodb:UpdateItem"),
    (" Delete::builder()", "dynamodb:DeleteItem"),
    (" ConditionCheck::builder()", "dynamodb:ConditionCheckItem"),
    (".get_object()", "s3:GetObject"),
    (".head_object()", "s3:GetObject"),
    (".put_object()", "s3:PutObject"),
    (".get_secret_value()", "secretsmanager:GetSecretValue"),
    (".send_message_batch()", "sqs:SendMessage"),
];

/// Adapters that talk to AWS.
const ADAPTERS: [&str; 5] = ["Registry", "Sources", "Bucket", "SecretsManager", "SqsQueue"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `file`, `Port::method` -> IAM actions.
fn rows() -> BTreeMap<(String, String), BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("ACTIONS.md")).unwrap();
    let quoted = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, file, method, _, actions, _, _] = cells[..] else {
                return None;
            };
            let (file, method) = (quoted(file).pop_first()?, quoted(method).pop_first()?);
            Some(((file, method), quoted(actions)))
        })
        .collect()
}

fn sources() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for folder in ["dynamodb", "files", "queues", "secrets"] {
        for entry in std::fs::read_dir(root().join("src").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            sources.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    sources
}

#[test]
fn every_method_that_talks_to_aws_has_its_row() {
    let mut methods = BTreeSet::new();
    for (file, source) in sources() {
        let mut port = None;
        for line in source.lines() {
            if let Some((name, adapter)) = line.strip_prefix("impl ").and_then(|rest| rest.split_once(" for ")) {
                port = ADAPTERS
                    .contains(&adapter.trim_end_matches(" {"))
                    .then(|| name.to_owned());
            } else if line == "}" {
                port = None;
            } else if let (Some(port), Some(rest)) = (&port, line.strip_prefix("    async fn ")) {
                let method = rest.split('(').next().unwrap();
                methods.insert((file.clone(), format!("{port}::{method}")));
            }
        }
    }
    let rows: BTreeSet<_> = rows().into_keys().collect();
    assert_eq!(rows, methods);
}

#[test]
fn the_rows_name_what_the_calls_need_and_nothing_else() {
    let rows = rows();
    let named: BTreeSet<&str> = rows.values().flatten().map(String::as_str).collect();
    let source: String = sources().into_iter().map(|(_, source)| source).collect();
    let called = OPERATIONS.iter().filter(|(call, _)| source.contains(call));
    let mut needed: BTreeSet<&str> = called.map(|(_, action)| *action).collect();
    // Not calls of their own: reading by version, and telling what is missing from what is denied.
    needed.extend(["s3:GetObjectVersion", "s3:ListBucket"]);
    assert_eq!(named, needed);
}
