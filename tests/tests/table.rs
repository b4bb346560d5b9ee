//! docs/table.md: it lists what is read, and every example of it is taken out of the page and run, and loses nothing that stood in
//! the row.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use passes::ids::PassKey;
use passes::record::ATTRIBUTES;
use serde_json::Value;
use tests::{LOYALTY, Site};

/// Stands for the two packages of the AWS SDK that the examples import: it writes JavaScript values as
/// DynamoDB's JSON and sends them to the same endpoint. The packages themselves are not to be had here.
const SDK: &str = r#"
const marshal = (value) => {
  if (value === null) return { NULL: true };
  if (Array.isArray(value)) return { L: value.map(marshal) };
  switch (typeof value) {
    case "string": return { S: value };
    case "number": return { N: String(value) };
    case "boolean": return { BOOL: value };
    case "object": return { M: attributes(value) };
    default: throw new Error(`no attribute: ${typeof value}`);
  }
};
const attributes = (object) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, marshal(value)]));
const command = (action, marshalled) => class {
  constructor(input) {
    this.action = action;
    this.body = { ...input };
    for (const name of marshalled) if (name in this.body) this.body[name] = attributes(this.body[name]);
  }
};
export class DynamoDBClient {}
export class DynamoDBDocumentClient {
  static from() { return new DynamoDBDocumentClient(); }
  async send({ action, body }) {
    const response = await fetch(process.env.AWS_ENDPOINT_URL_DYNAMODB, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `DynamoDB_20120810.${action}`,
        authorization: "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        "x-amz-date": "20260101T000000Z",
      },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
  }
}
export const PutCommand = command("PutItem", ["Item"]);
export const UpdateCommand = command("UpdateItem", ["Key", "ExpressionAttributeValues"]);
export const DeleteCommand = command("DeleteItem", ["Key"]);
"#;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/table.md");
    std::fs::read_to_string(path).expect("docs/table.md")
}

/// Heading -> language -> the code below it.
fn examples() -> Vec<(String, BTreeMap<String, String>)> {
    let page = page();
    let (_, section) = page.split_once("\n## Examples\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("its end");
    let parts = section.split("\n### ");
    parts
        .map(|part| {
            let heading = part.lines().next().unwrap_or_default().to_owned();
            let blocks = part.split("\n```").skip(1).step_by(2);
            let mut of_language = BTreeMap::new();
            // The first one of each: what else stands there is for another terminal.
            for (language, code) in blocks.filter_map(|block| block.split_once('\n')) {
                of_language.entry(language.to_owned()).or_insert(code.to_owned());
            }
            (heading, of_language)
        })
        .collect()
}

/// What each example may change of the row: a JSON pointer.
fn changes(heading: &str) -> Option<&'static str> {
    Some(match heading {
        "Change a balance" | "Change a label and its message" => "/fields/balance",
        "Void it" => "/voided",
        "Give it another barcode" => "/barcodeMessage",
        "Let it expire" => "/expirationDate",
        _ => return None,
    })
}

/// Runs a program; `false` where its language or library is not installed.
fn run(site: &Site, language: &str, code: &str) -> bool {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let endpoints = site.stack.endpoints();
    let (program, file, probe) = match language {
        "sh" => ("bash", "example.sh", "command -v aws"),
        "python" => ("python3", "example.py", "python3 -c 'import boto3'"),
        "js" => ("node", "example.mjs", "command -v node"),
        other => panic!("{other}"),
    };
    let probed = Command::new("bash").args(["-c", probe]).output().expect("bash runs");
    if !probed.status.success() {
        println!("skipped: no {probe}");
        return false;
    }
    for package in ["client-dynamodb", "lib-dynamodb"] {
        let folder = dir.path().join("node_modules/@aws-sdk").join(package);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("index.mjs"), SDK).expect("a file");
        std::fs::write(folder.join("package.json"), r#"{"main": "index.mjs"}"#).expect("a file");
    }
    let path = dir.path().join(file);
    std::fs::write(&path, code).expect("the program is written");
    let output = Command::new(program)
        .arg(&path)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb_endpoint)
        .env("PASSES_TABLE", &endpoints.passes_table)
        .env("REGISTRY_TABLE", &endpoints.registry_table)
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => return false,
        output => output.expect("the program runs"),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{language}: {errors}\n{code}");
    true
}

async fn row(site: &Site) -> Option<Value> {
    site.backend.row(LOYALTY, "CARD-7").await
}

/// The row without what the example is about.
fn rest(row: &Value, change: &str) -> Value {
    let mut row = row.clone();
    let (parent, name) = change.rsplit_once('/').expect("a pointer");
    if let Some(Value::Object(parent)) = row.pointer_mut(parent) {
        parent.remove(name);
    }
    row
}

async fn each_example_runs_and_changes_what_it_names_alone(language: &str) {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, "CARD-7").expect("a key");
    // What the snippets of a language share stands before the first heading; they follow one another.
    let examples = examples();
    let preamble = examples[0].1.get(language).cloned().unwrap_or_default();
    let mut changed = Vec::new();
    for (heading, blocks) in &examples[1..] {
        let code = blocks
            .get(language)
            .unwrap_or_else(|| panic!("{heading} has no {language}"));
        let before = row(&site).await;
        if !run(&site, language, &format!("{preamble}\n{code}")) {
            return;
        }
        let after = row(&site).await;
        assert_ne!(before, after, "{heading}");
        match (heading.as_str(), changes(heading)) {
            ("Create a card", _) => assert!(before.is_none() && after.is_some()),
            ("Delete", _) => assert!(after.is_none()),
            (_, Some(change)) => {
                let (before, after) = (before.expect("a row"), after.expect("a row"));
                assert_eq!(rest(&before, change), rest(&after, change), "{heading}");
                site.published().await;
                assert_eq!(site.problem(&key).await, None, "{heading}");
                changed.push(change);
            }
            (heading, None) => panic!("what may {heading} change?"),
        }
    }
    assert_eq!(changed.len(), 5, "{changed:?}");
}

#[test]
fn the_page_lists_the_attributes_that_are_read_with_their_types() {
    let page = page();
    let (_, section) = page.split_once("\n## Attributes\n").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("its end");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<(&str, &str)> = rows
        .filter_map(|row| {
            let (name, rest) = row.split_once("` | ")?;
            Some((name, rest.split(" | ").next()?))
        })
        .collect();
    assert_eq!(listed, ATTRIBUTES);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_aws_cli() {
    each_example_runs_and_changes_what_it_names_alone("sh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_in_python() {
    each_example_runs_and_changes_what_it_names_alone("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_in_javascript() {
    each_example_runs_and_changes_what_it_names_alone("js").await;
}
