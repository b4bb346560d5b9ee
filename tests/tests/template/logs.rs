//! A log group with an end for each function, in JSON; an access log that names nobody.

use serde_json::{Value, json};

use crate::system::{System, target};
use crate::{finds, holds};

/// What would tell who called, or for which pass: device ids, serials and links' signatures stand
/// in paths and queries, push tokens in nothing that a gateway sees.
const TELLING: [&str; 9] = [
    "$context.path",
    "$context.customDomain.basePath",
    "$context.identity",
    "$context.requestPath",
    "queryString",
    "$request.",
    "$context.authorizer",
    "$context.domainPrefix",
    "header",
];

fn check(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    let globals = &system.template["Globals"]["Function"];
    for (_, id) in system.functions() {
        let of = |name: &str| match &system.properties(id)["LoggingConfig"][name] {
            Value::Null => globals["LoggingConfig"][name].clone(),
            own => own.clone(),
        };
        match target(&of("LogGroup")) {
            Some(group) if system.template["Resources"][group]["Type"] == "AWS::Logs::LogGroup" => {}
            _ => faults.push(format!(
                "{id} has no log group: AWS would make one that is kept for ever"
            )),
        }
        if of("LogFormat") != "JSON" || of("ApplicationLogLevel") != "INFO" {
            faults.push(format!("{id} must log JSON at INFO: metrics are lines of that level"));
        }
        if globals["Tracing"] != "Active" && system.properties(id)["Tracing"] != "Active" {
            faults.push(format!("{id} is not traced"));
        }
    }
    for (id, group) in system.of_type("AWS::Logs::LogGroup") {
        if group["Properties"]["RetentionInDays"] != json!({ "Ref": "LogRetentionDays" }) {
            faults.push(format!(
                "{id} is kept for ever: RetentionInDays must be LogRetentionDays"
            ));
        }
    }
    let access = &system.properties("ApiStage")["AccessLogSettings"];
    let format = access["Format"].as_str().unwrap_or_default();
    if target(&access["DestinationArn"]) != Some("AccessLogs") || !format.contains("$context.routeKey") {
        faults.push("ApiStage keeps no access log with the route of each call".into());
    }
    if serde_json::from_str::<Value>(format).is_err() {
        faults.push("the access log's lines are no JSON".into());
    }
    for telling in TELLING {
        if format.contains(telling) {
            faults.push(format!(
                "the access log holds {telling}, which names a device, a pass or a person"
            ));
        }
    }
    faults
}

#[test]
fn every_function_has_a_log_with_an_end_and_the_access_log_names_nobody() {
    holds(check(&System::read()));
}

#[test]
fn what_is_missing_is_named() {
    let system = System::read();
    for (_, id) in system.functions() {
        let pointer = format!("/Resources/{id}/Properties/LoggingConfig");
        finds(check, &system.without(&pointer), &[id, "no log group"]);
        let pointer = format!("/Resources/{id}Logs/Properties/RetentionInDays");
        finds(
            check,
            &system.without(&pointer),
            &[&format!("{id}Logs is kept for ever")],
        );
    }
    let path = json!("{\"route\":\"$context.routeKey\",\"path\":\"$context.path\"}");
    let system = system.with("/Resources/ApiStage/Properties/AccessLogSettings/Format", path);
    finds(check, &system, &["$context.path"]);
}
