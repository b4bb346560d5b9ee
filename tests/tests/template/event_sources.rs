//! What protects each event source, and which functions have one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::system::{System, items, target};
use crate::{finds, holds};

/// Protections of a stream: property and value. Why each is there stands in template.yaml and in
/// docs/decisions.
fn stream_protections() -> [(&'static str, Value); 7] {
    [
        // A new event source begins with what was written while it was being made.
        ("/StartingPosition", json!("TRIM_HORIZON")),
        ("/FunctionResponseTypes", json!(["ReportBatchItemFailures"])),
        ("/BisectBatchOnFunctionError", json!(true)),
        // Half of the 24 hours that DynamoDB keeps a record.
        ("/MaximumRecordAgeInSeconds", json!(12 * 60 * 60)),
        ("/MaximumRetryAttempts", json!(-1)),
        // Without it nobody hears of what was given up.
        ("/MetricsConfig/Metrics", json!(["EventCount"])),
        ("/BatchSize", json!(100)),
    ]
}

fn schedule_protections() -> [(&'static str, Value); 3] {
    [
        // A run that came late would meet the next one.
        ("/RetryPolicy/MaximumEventAgeInSeconds", json!(60)),
        ("/RetryPolicy/MaximumRetryAttempts", json!(0)),
        ("/OmitName", json!(true)),
    ]
}

fn missing(place: &str, properties: &Value, protections: &[(&str, Value)]) -> Vec<String> {
    protections
        .iter()
        .filter(|(pointer, value)| properties.pointer(pointer) != Some(value))
        .map(|(pointer, value)| {
            let found = properties.pointer(pointer).unwrap_or(&Value::Null);
            format!("{place}: {} must be {value}, not {found}", &pointer[1..])
        })
        .collect()
}

fn check(system: &System) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fed = BTreeSet::new();
    for (id, source) in system.of_type("AWS::Lambda::EventSourceMapping") {
        let properties = &source["Properties"];
        fed.extend(target(&properties["FunctionName"]).and_then(|function| system.binary_of(function)));
        faults.extend(missing(id, properties, &stream_protections()));
        let kept = &properties["DestinationConfig"]["OnFailure"]["Destination"];
        let bucket = target(kept).unwrap_or_default();
        // A queue or topic would get the position in the stream alone, which expires with it.
        if system.template["Resources"][bucket]["Type"] != "AWS::S3::Bucket" {
            faults.push(format!(
                "{id}: DestinationConfig must name a bucket, which keeps whole records"
            ));
        }
    }
    for (binary, id) in system.functions() {
        for (name, event) in system.properties(id)["Events"].as_object().into_iter().flatten() {
            let place = format!("{id}.Events.{name}");
            match event["Type"].as_str() {
                Some("ScheduleV2") => {
                    fed.insert(binary);
                    faults.extend(missing(&place, &event["Properties"], &schedule_protections()));
                    // The scheduler hands over asynchronously: Lambda's own retries count too.
                    let lambda = [
                        ("/EventInvokeConfig/MaximumEventAgeInSeconds", json!(60)),
                        ("/EventInvokeConfig/MaximumRetryAttempts", json!(0)),
                    ];
                    faults.extend(missing(id, system.properties(id), &lambda));
                }
                other => faults.push(format!(
                    "{place}: nobody has said what protects a source of type {other:?}"
                )),
            }
        }
    }
    for binary in System::folders() {
        let main = crate::system::read(&format!("functions/{binary}/src/main.rs"));
        if main.contains("event::serve") && !fed.contains(binary.as_str()) {
            faults.push(format!(
                "nothing invokes {binary}: it has neither a stream nor a schedule"
            ));
        }
    }
    faults
}

#[test]
fn every_event_source_has_its_protections() {
    holds(check(&System::read()));
}

#[test]
fn every_protection_that_is_taken_away_is_named() {
    let system = System::read();
    for (pointer, _) in stream_protections() {
        let broken = system.without(&format!("/Resources/PassesStream/Properties{pointer}"));
        finds(check, &broken, &["PassesStream", &pointer[1..]]);
    }
    for (pointer, _) in schedule_protections() {
        let place = "/Resources/PushDevices/Properties/Events/EveryMinute/Properties";
        finds(
            check,
            &system.without(&format!("{place}{pointer}")),
            &["PushDevices.Events.EveryMinute", &pointer[1..]],
        );
    }
    for (pointer, names) in [
        (
            "PassesStream/Properties/DestinationConfig",
            ["PassesStream", "DestinationConfig"],
        ),
        ("PassesStream", ["publish-changes", "neither a stream nor a schedule"]),
        (
            "PushDevices/Properties/Events/EveryMinute",
            ["push-devices", "neither a stream nor a schedule"],
        ),
        (
            "PushDevices/Properties/EventInvokeConfig/MaximumRetryAttempts",
            ["PushDevices", "EventInvokeConfig/MaximumRetryAttempts"],
        ),
    ] {
        finds(check, &system.without(&format!("/Resources/{pointer}")), &names);
    }
}

#[test]
fn bounded_by_attempts_is_named() {
    let system = System::read().with("/Resources/PassesStream/Properties/MaximumRetryAttempts", json!(10));
    finds(
        check,
        &system,
        &["PassesStream: MaximumRetryAttempts must be -1, not 10"],
    );
    // Conditions are looked through on both sides.
    assert_eq!(
        items(&json!([{ "Fn::If": ["C", 1, { "Ref": "AWS::NoValue" }] }, 2])),
        [&json!(1), &json!(2)]
    );
}
