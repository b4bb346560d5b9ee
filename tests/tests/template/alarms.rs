//! Alarms and dashboard watch metrics that the code emits, and every alarm says where its page of
//! the runbook is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::source::{Bodies, files};
use crate::system::{System, read, target};
use crate::{finds, holds};

/// A metric as it is emitted: its name, and its label besides `function`.
type Emitted = BTreeSet<(String, Option<String>)>;

/// Metrics in a text: `counter!("name")` or `counter!("name", "label" => ..)`.
fn emitted_in(text: &str) -> Emitted {
    let macros = ["counter!(", "gauge!(", "histogram!("];
    let uses = macros.iter().flat_map(|name| text.split(name).skip(1));
    uses.filter_map(|rest| {
        let arguments = rest.split(')').next()?;
        let mut words = arguments.split('"').skip(1).step_by(2);
        let name = words.next()?.to_owned();
        let label = arguments
            .contains("=>")
            .then(|| words.next().map(str::to_owned))
            .flatten();
        Some((name, label))
    })
    .collect()
}

/// What each function emits, itself and by the parts of the edge that it calls.
fn emitted() -> BTreeMap<String, Emitted> {
    let edge = Bodies::of("shared/edge/src");
    let folders = System::folders().into_iter();
    folders
        .map(|binary| {
            let own = files(&format!("functions/{binary}/src"))
                .into_values()
                .collect::<String>();
            let mut metrics = emitted_in(&own);
            for called in edge.called_in(&own) {
                metrics.extend(emitted_in(&edge.reach(called)));
            }
            // Counts its pushes itself, and is handed on to the domain, which calls it.
            if own.contains("RotatingApns") {
                metrics.extend(emitted_in(&edge.reach("send_push")));
            }
            (binary, metrics)
        })
        .collect()
}

/// Metrics that the template makes of log lines.
fn filtered(system: &System) -> BTreeSet<&str> {
    system
        .of_type("AWS::Logs::MetricFilter")
        .flat_map(|(_, filter)| {
            filter["Properties"]["MetricTransformations"]
                .as_array()
                .into_iter()
                .flatten()
        })
        .filter(|made| made["MetricNamespace"] == json!({ "Ref": "AWS::StackName" }))
        .filter_map(|made| made["MetricName"].as_str())
        .collect()
}

/// Every metric of an alarm: namespace, name, dimensions.
fn watched(alarm: &Value) -> Vec<&Value> {
    let properties = &alarm["Properties"];
    match properties["Metrics"].as_array() {
        Some(metrics) => metrics
            .iter()
            .map(|metric| &metric["MetricStat"]["Metric"])
            .filter(|metric| !metric.is_null())
            .collect(),
        None => vec![properties],
    }
}

fn dimensions(metric: &Value) -> BTreeMap<&str, &Value> {
    let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
    dimensions
        .map(|dimension| (dimension["Name"].as_str().unwrap_or_default(), &dimension["Value"]))
        .collect()
}

/// Whether somebody emits exactly this: `labels` are all dimensions, `function` among them.
fn is_emitted(name: &str, labels: &BTreeMap<&str, &Value>, code: &BTreeMap<String, Emitted>) -> bool {
    let mut labels = labels.clone();
    let Some(function) = labels.remove("function").and_then(Value::as_str) else {
        return false;
    };
    let label = labels.keys().next().map(|label| (*label).to_owned());
    labels.len() <= 1
        && code
            .get(function)
            .is_some_and(|emits| emits.contains(&(name.to_owned(), label)))
}

/// Where a label's values are written down.
fn values_of(label: &str) -> String {
    let folders = match label {
        "kind" => "shared/passes/src/problem.rs",
        "cause" => "shared/passes/src/device_log.rs",
        // APNs's own words.
        _ => {
            return ["shared/passes/src/push.rs", "shared/edge/src/apns.rs"]
                .map(read)
                .concat();
        }
    };
    read(folders)
}

fn check(system: &System) -> Vec<String> {
    let code = emitted();
    let filtered = filtered(system);
    let mut faults = Vec::new();
    let mut anchors = BTreeSet::new();
    for (id, alarm) in system.of_type("AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let description = properties["AlarmDescription"].as_str().unwrap_or_default();
        match description.rsplit_once(" See docs/runbook.md#") {
            Some((_, anchor)) if !anchor.is_empty() && !anchor.contains(' ') => {
                if !anchors.insert(anchor.to_owned()) {
                    faults.push(format!("{id}: another alarm leads to docs/runbook.md#{anchor} too"));
                }
            }
            _ => faults.push(format!(
                "{id}: the description must end with ` See docs/runbook.md#anchor`"
            )),
        }
        for actions in ["AlarmActions", "OKActions"] {
            if properties[actions] != json!([{ "Ref": "AlarmTopic" }]) {
                faults.push(format!("{id}: {actions} must tell AlarmTopic"));
            }
        }
        if properties["TreatMissingData"].is_null() {
            faults.push(format!("{id} does not say what missing data means"));
        }
        let watched = watched(alarm);
        if watched.len() > 10 {
            faults.push(format!(
                "{id} watches {} metrics, and CloudWatch takes 10",
                watched.len()
            ));
        }
        for metric in watched {
            if metric["Namespace"] != json!({ "Ref": "AWS::StackName" }) {
                continue;
            }
            let name = metric["MetricName"].as_str().unwrap_or_default();
            let labels = dimensions(metric);
            if labels.is_empty() && filtered.contains(name) {
                continue;
            }
            if !is_emitted(name, &labels, &code) {
                faults.push(format!("{id} watches {name} with {labels:?}, which no code emits"));
            }
            for (label, value) in labels.iter().filter(|(label, _)| **label != "function") {
                let value = value.as_str().unwrap_or_default();
                if !values_of(label).contains(&format!("\"{value}\"")) {
                    faults.push(format!(
                        "{id} watches {name} with {label} {value}, which the code does not know"
                    ));
                }
            }
        }
    }
    faults.extend(check_functions(system));
    faults
}

/// The alarms over all functions name all functions.
fn check_functions(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, name) in [
        ("FunctionErrorsAlarm", "Errors"),
        ("FunctionThrottlesAlarm", "Throttles"),
    ] {
        let alarm = &system.template["Resources"][id];
        for (_, function) in system.functions() {
            let named = watched(alarm).into_iter().any(|metric| {
                metric["MetricName"] == name
                    && dimensions(metric).get("FunctionName").and_then(|value| target(value)) == Some(function)
            });
            if !named {
                faults.push(format!("{id} does not watch {name} of {function}"));
            }
        }
    }
    faults
}

/// What must be watched by some alarm: metric, or name and label.
const WATCHED: [&str; 28] = [
    "IteratorAge",
    "OnFailureDestinationDeliveredEventCount",
    "DroppedEventCount",
    "DestinationDeliveryFailures",
    "NumberOfObjects",
    "failed_publishes",
    "ApproximateAgeOfOldestMessage",
    "ApproximateNumberOfMessagesVisible",
    "problems",
    "problems_by_kind",
    "deletions_paused",
    "pushes_accepted",
    "pushes_at_fault",
    "pushes_failed_by_reason",
    "pushes_refused",
    "pushes_undelivered",
    "fast_pushes",
    "devices_given_up",
    "devices_doubted",
    "device_messages",
    "Invocations",
    "5xx",
    "answers_401",
    "answers_429",
    "registrations_refused",
    "Errors",
    "Throttles",
    "WriteThrottleEvents",
];

fn check_links(system: &System) -> Vec<String> {
    let alarms = system.of_type("AWS::CloudWatch::Alarm");
    let names: BTreeSet<&str> = alarms
        .flat_map(|(_, alarm)| watched(alarm))
        .filter_map(|metric| metric["MetricName"].as_str())
        .collect();
    let mut faults: Vec<String> = WATCHED
        .iter()
        .filter(|name| !names.contains(*name))
        .map(|name| format!("no alarm watches {name}"))
        .collect();
    // A queue that feeds a function by the age of what waits in it, one of dead letters by holding any.
    for (queue, resource) in system.of_type("AWS::SQS::Queue") {
        let metric = match resource["Properties"]["RedrivePolicy"].is_null() {
            true => "ApproximateNumberOfMessagesVisible",
            false => "ApproximateAgeOfOldestMessage",
        };
        let watched = system
            .of_type("AWS::CloudWatch::Alarm")
            .flat_map(|(_, alarm)| watched(alarm))
            .any(|one| {
                one["MetricName"] == metric && dimensions(one).get("QueueName").and_then(|q| target(q)) == Some(queue)
            });
        if !watched {
            faults.push(format!("no alarm watches {metric} of {queue}"));
        }
    }
    faults
}

/// The dashboard's own metrics are emitted too, and it shows every alarm.
fn check_dashboard(system: &System) -> Vec<String> {
    let body = system.properties("Dashboard")["DashboardBody"]["Fn::Sub"]
        .as_str()
        .unwrap_or_default();
    let board: Value = match serde_json::from_str(body) {
        Ok(board) => board,
        Err(error) => return vec![format!("the dashboard is no JSON: {error}")],
    };
    let code = emitted();
    let filtered = filtered(system);
    let mut faults = Vec::new();
    for (id, _) in system.of_type("AWS::CloudWatch::Alarm") {
        if !body.contains(&format!("\"${{{id}.Arn}}\"")) {
            faults.push(format!("the dashboard does not show {id}"));
        }
    }
    let widgets = board["widgets"].as_array().into_iter().flatten();
    for row in widgets.flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten()) {
        if let Some(search) = row[0]["expression"].as_str() {
            let label = search
                .split_once(",function,")
                .and_then(|(_, rest)| rest.split_once('}'));
            let name = search
                .split_once("MetricName=\"")
                .and_then(|(_, rest)| rest.split_once('"'));
            let (Some((label, _)), Some((name, _))) = (label, name) else {
                faults.push(format!("the dashboard searches unreadably: {search}"));
                continue;
            };
            let known = (name.to_owned(), Some(label.to_owned()));
            if !code.values().any(|emits| emits.contains(&known)) {
                faults.push(format!("the dashboard searches {name} by {label}, which no code emits"));
            }
            continue;
        }
        let words: Vec<&Value> = row
            .as_array()
            .into_iter()
            .flatten()
            .filter(|word| word.is_string())
            .collect();
        if words[0] != "${AWS::StackName}" {
            continue;
        }
        let name = words[1].as_str().unwrap_or_default();
        let labels = words[2..]
            .chunks(2)
            .map(|pair| (pair[0].as_str().unwrap_or_default(), pair[1]));
        let labels: BTreeMap<&str, &Value> = labels.collect();
        let made_of_log = labels.is_empty() && filtered.contains(name);
        if !made_of_log && !is_emitted(name, &labels, &code) {
            faults.push(format!(
                "the dashboard shows {name} with {labels:?}, which no code emits"
            ));
        }
    }
    faults
}

#[test]
fn every_alarm_watches_what_is_emitted_and_leads_to_the_runbook() {
    holds(check(&System::read()));
}

#[test]
fn every_link_of_the_chain_has_its_alarm() {
    holds(check_links(&System::read()));
}

#[test]
fn the_dashboard_shows_what_is_emitted_and_every_alarm() {
    holds(check_dashboard(&System::read()));
}

#[test]
fn a_metric_that_nobody_emits_is_named() {
    let system = System::read();
    let alarm = "/Resources/PublishesFailAlarm/Properties";
    for (pointer, value, names) in [
        (
            "MetricName",
            json!("publishes_failed"),
            ["PublishesFailAlarm", "publishes_failed"],
        ),
        (
            "Dimensions",
            json!([{ "Name": "function", "Value": "send-pass" }]),
            ["PublishesFailAlarm", "send-pass"],
        ),
        (
            "AlarmDescription",
            json!("It fails."),
            ["PublishesFailAlarm", "docs/runbook.md"],
        ),
        ("AlarmActions", Value::Null, ["PublishesFailAlarm", "AlarmActions"]),
    ] {
        finds(check, &system.with(&format!("{alarm}/{pointer}"), value), &names);
    }
    let reason = "/Resources/CertificateRefusedAlarm/Properties/Metrics/1/MetricStat/Metric/Dimensions/1/Value";
    finds(
        check,
        &system.with(reason, json!("certificates")),
        &["CertificateRefusedAlarm", "kind certificates"],
    );
    for (id, names) in [
        ("DevicesGivenUpAlarm", ["no alarm watches", "devices_given_up"]),
        ("ChangesWaitAlarm", ["no alarm watches", "IteratorAge"]),
        ("KeysWaitAlarm", ["no alarm watches", "PublishQueue"]),
        ("KeysGivenUpAlarm", ["no alarm watches", "PublishDeadLetters"]),
        ("PagesWaitAlarm", ["no alarm watches", "PushQueue"]),
        ("PagesGivenUpAlarm", ["no alarm watches", "PushDeadLetters"]),
        ("SweepsWaitAlarm", ["no alarm watches", "SweepQueue"]),
        ("SweepsGivenUpAlarm", ["no alarm watches", "SweepDeadLetters"]),
    ] {
        finds(check_links, &system.without(&format!("/Resources/{id}")), &names);
    }
    let errors = "/Resources/FunctionErrorsAlarm/Properties/Metrics/1";
    finds(
        check,
        &system.without(errors),
        &["FunctionErrorsAlarm", "RegisterDevice"],
    );
    finds(
        check_dashboard,
        &system.with(
            "/Resources/Dashboard/Properties/DashboardBody",
            json!({ "Fn::Sub": "{\"widgets\":[]}" }),
        ),
        &["the dashboard does not show ChangesWaitAlarm"],
    );
}
