//! Granted = called, for each function and for both places that its data may be in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::event_sources::source_queue;
use crate::needs::{ACTIONS, Code, Grants, OF_THE_COMMAND, PASSES, Place, sdk_calls};
use crate::source::files;
use crate::system::{System, intrinsic, items, target};
use crate::{finds, holds};

/// One expression as text, conditions decided one way; parts of a given URL by the URL's name.
fn text_of(value: &Value, place: Place) -> String {
    match intrinsic(value) {
        Some(("Ref", name)) => format!("${{{}}}", name.as_str().unwrap_or_default()),
        Some(("Fn::GetAtt", path)) => format!(
            "${{{}.{}}}",
            path[0].as_str().unwrap_or_default(),
            path[1].as_str().unwrap_or_default()
        ),
        Some(("Fn::If", branches)) => text_of(&branches[place as usize], place),
        Some(("Fn::Sub", Value::String(text))) => text.clone(),
        Some(("Fn::Sub", Value::Array(parts))) => {
            let mut text = parts[0].as_str().unwrap_or_default().to_owned();
            for (name, value) in parts[1].as_object().into_iter().flatten() {
                text = text.replace(&format!("${{{name}}}"), &text_of(value, place));
            }
            text
        }
        // `!Select [1, !Split ["://", ..]]` is what follows the scheme, and 2 of `/` the bucket.
        Some(("Fn::Select", parts)) => {
            let url = text_of(&parts[1]["Fn::Split"][1], place);
            let url = url.trim_end_matches(['/', ':']).to_owned();
            match (parts[0].as_u64(), parts[1]["Fn::Split"][0].as_str()) {
                (Some(1), Some("://")) => url,
                (Some(2), Some("/")) => url.replace('}', "|bucket}"),
                other => format!("{other:?}"),
            }
        }
        _ => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(_) => items(value),
        one => vec![one],
    }
}

fn granted(system: &System, role: &str, place: Place) -> Grants {
    let mut grants = Grants::new();
    for policy in items(&system.properties(role)["Policies"]) {
        for statement in items(&policy["PolicyDocument"]["Statement"]) {
            for action in list(&statement["Action"]) {
                for resource in list(&statement["Resource"]) {
                    let action = action.as_str().unwrap_or_default().to_owned();
                    grants.insert((action, text_of(resource, place)));
                }
            }
        }
    }
    grants
}

/// What AWS itself does in a function's name: its log, its stream, its queue.
fn of_aws(system: &System, id: &str, place: Place) -> Grants {
    let mut grants = Grants::new();
    let mut grant = |action: &str, resource: String| {
        grants.insert((action.to_owned(), resource));
    };
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        grant(action, format!("${{{id}Logs.Arn}}"));
    }
    for (_, source) in system.of_type("AWS::Lambda::EventSourceMapping") {
        if target(&source["Properties"]["FunctionName"]) != Some(id) {
            continue;
        }
        if let Some(queue) = source_queue(system, source) {
            for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
                grant(&format!("sqs:{action}"), format!("${{{queue}.Arn}}"));
            }
        } else {
            for action in ["DescribeStream", "GetRecords", "GetShardIterator"] {
                let stream = place.of(["${Passes.StreamArn}", "${ExistingPassesTableStreamArn}"]);
                grant(&format!("dynamodb:{action}"), stream.to_owned());
            }
            grant("dynamodb:ListStreams", format!("{}/stream/*", place.of(PASSES)));
            grant("s3:PutObject", "${UndeliveredChanges.Arn}/*".to_owned());
            grant("s3:ListBucket", "${UndeliveredChanges.Arn}".to_owned());
        }
    }
    grants
}

fn check(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    let code = Code::read();
    let mut roles = BTreeMap::new();
    for (binary, id) in system.functions() {
        let Some(role) = target(&system.properties(id)["Role"]) else {
            faults.push(format!("{id} has no role of its own: SAM's would be wider"));
            continue;
        };
        if let Some(other) = roles.insert(role, id) {
            faults.push(format!("{id} and {other} share {role}"));
        }
        for policy in items(&system.properties(role)["ManagedPolicyArns"]) {
            if !matches!(target(policy), Some("TracingPolicy" | "KeyPolicy")) {
                faults.push(format!("{role} takes more than it lists, from {policy}"));
            }
        }
        for place in [Place::Own, Place::Given] {
            let mut needed = code.needs(binary, place);
            needed.extend(of_aws(system, id, place));
            let granted = granted(system, role, place);
            for (action, resource) in needed.difference(&granted) {
                faults.push(format!(
                    "{id} calls {action} on {resource}, which {role} does not grant"
                ));
            }
            for (action, resource) in granted.difference(&needed) {
                faults.push(format!("{role} grants {action} on {resource}, which {id} never calls"));
            }
        }
    }
    let policies = system.of_type("AWS::IAM::ManagedPolicy");
    let shared: BTreeSet<&str> = policies.map(|(id, _)| id).collect();
    if shared != BTreeSet::from(["KeyPolicy", "TracingPolicy"]) {
        faults.push(format!(
            "managed policies are {shared:?}: whatever reads or writes stands in one role alone"
        ));
    }
    faults.sort();
    faults.dedup();
    faults
}

#[test]
fn every_function_is_granted_exactly_what_it_calls() {
    holds(check(&System::read()));
}

#[test]
fn every_sdk_call_of_the_adapters_has_its_action() {
    for (path, text) in files("shared/aws/src") {
        for call in sdk_calls(&text) {
            assert!(
                ACTIONS.iter().any(|(known, _)| *known == call),
                "{path} calls `{call}`, which needs an action in ACTIONS"
            );
        }
    }
}

#[test]
fn every_method_of_a_port_belongs_to_a_function_or_to_the_command() {
    let code = Code::read();
    let folders = System::folders();
    let used: BTreeSet<&str> = folders.iter().flat_map(|binary| code.methods_of(binary)).collect();
    for method in &code.methods {
        let deployed = used.contains(method.as_str());
        let of_the_command = OF_THE_COMMAND.contains(&method.as_str());
        assert!(
            deployed != of_the_command,
            "`{method}`: deployed {deployed}, the command's alone {of_the_command}"
        );
    }
}

#[test]
fn secrets_are_kept_apart() {
    let system = System::read();
    let readers = |name: &str| -> Vec<&str> {
        let functions = system.functions().into_iter();
        let reads = |id: &str| {
            let role = target(&system.properties(id)["Role"]).unwrap_or_default();
            let granted = granted(&system, role, Place::Own);
            granted.iter().any(|(_, resource)| resource.contains(name))
        };
        functions
            .filter(|(_, id)| reads(id))
            .map(|(binary, _)| binary)
            .collect()
    };
    assert_eq!(readers("/key.pem"), ["add-pass", "send-pass"]);
    assert_eq!(
        readers("/certificate.pem"),
        ["add-pass", "publish-changes", "send-pass"]
    );
    assert_eq!(readers("/apns.json"), ["publish-changes", "push-devices"]);
    assert_eq!(readers("/link-keys.json"), ["add-pass"]);
    assert_eq!(readers("/token-keys.json"), ["add-pass", "publish-changes"]);
}

/// Each action of each statement of each function's role, taken away one at a time.
#[test]
fn every_permission_that_is_taken_away_is_named() {
    let system = System::read();
    let mut taken = 0;
    for (_, id) in system.functions() {
        let role = format!("{id}Role");
        let policies = "Policies/0/PolicyDocument/Statement";
        let statements = &system.properties(&role)["Policies"][0]["PolicyDocument"]["Statement"];
        for (at, statement) in statements.as_array().unwrap().iter().enumerate() {
            let (inner, statement) = match statement.get("Fn::If") {
                Some(branches) => ("/Fn::If/1", &branches[1]),
                None => ("", statement),
            };
            for (nth, action) in statement["Action"].as_array().unwrap().iter().enumerate() {
                let pointer = format!("/Resources/{role}/Properties/{policies}/{at}{inner}/Action/{nth}");
                let action = action.as_str().unwrap();
                finds(check_one, &system.without(&pointer), &[id, action, "does not grant"]);
                taken += 1;
            }
        }
    }
    assert!(taken > 60, "only {taken} actions were taken away");
}

/// Reading all sources takes its time; what changes between these calls is the template alone.
fn check_one(system: &System) -> Vec<String> {
    use std::sync::OnceLock;
    static NEEDED: OnceLock<BTreeMap<String, Grants>> = OnceLock::new();
    let needed = NEEDED.get_or_init(|| {
        let code = Code::read();
        let folders = System::folders().into_iter();
        folders
            .map(|binary| (binary.clone(), code.needs(&binary, Place::Own)))
            .collect()
    });
    let functions = system.functions().into_iter();
    functions
        .flat_map(|(binary, id)| {
            let mut needed = needed[binary].clone();
            needed.extend(of_aws(system, id, Place::Own));
            let granted = granted(system, &format!("{id}Role"), Place::Own);
            let missing = needed.difference(&granted).cloned().collect::<Vec<_>>();
            missing.into_iter().map(move |(action, resource)| {
                format!("{id} calls {action} on {resource}, which {id}Role does not grant")
            })
        })
        .collect()
}

#[test]
fn a_permission_too_many_is_named() {
    let actions = "/Resources/ListUpdatedPassesRole/Properties/Policies/0/PolicyDocument/Statement/0/Action";
    let wide = json!(["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Scan"]);
    let system = System::read();
    finds(
        check,
        &system.with(actions, wide),
        &["ListUpdatedPassesRole grants dynamodb:Scan", "never calls"],
    );
    finds(
        check,
        &system.without("/Resources/SendPass/Properties/Role"),
        &["SendPass has no role of its own"],
    );
    let managed = json!(["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"]);
    finds(
        check,
        &system.with("/Resources/SendPassRole/Properties/ManagedPolicyArns", managed),
        &["SendPassRole", "AmazonDynamoDBFullAccess"],
    );
}
