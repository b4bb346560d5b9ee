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

/// The queue that an event source reads, if it reads one.
pub fn source_queue<'a>(system: &'a System, source: &'a Value) -> Option<&'a str> {
    let queue = target(&source["Properties"]["EventSourceArn"])?;
    (system.template["Resources"][queue]["Type"] == "AWS::SQS::Queue").then_some(queue)
}

/// Protections of an event source that reads a queue.
fn queue_source_protections(id: &str) -> [(&'static str, Value); 3] {
    let publish = id == "PublishQueueSource";
    [
        ("/FunctionResponseTypes", json!(["ReportBatchItemFailures"])),
        // A page, also of a sweep, takes up to a minute; keys take well under a second.
        ("/BatchSize", json!(if publish { 10 } else { 1 })),
        // The stream comes first; and workers that push share one pace.
        ("/ScalingConfig/MaximumConcurrency", json!(if publish { 4 } else { 2 })),
    ]
}

/// Protections of a queue that feeds a function.
fn queue_protections() -> [(&'static str, Value); 3] {
    [
        ("/VisibilityTimeout", json!(360)),
        ("/RedrivePolicy/maxReceiveCount", json!(10)),
        encryption(),
    ]
}

/// Protections of a queue of dead letters: the longest time that SQS keeps a message.
fn dead_letter_protections() -> [(&'static str, Value); 2] {
    [("/MessageRetentionPeriod", json!(14 * 24 * 60 * 60)), encryption()]
}

fn encryption() -> (&'static str, Value) {
    let own_key = json!({ "Fn::If": ["HasKey", { "Ref": "AWS::NoValue" }, true] });
    ("/SqsManagedSseEnabled", own_key)
}

/// A queue, its dead letters and the function that it feeds.
fn check_queue(system: &System, source: &str, queue: &str, function: &str) -> Vec<String> {
    let properties = system.properties(queue);
    let mut faults = missing(source, system.properties(source), &queue_source_protections(source));
    faults.extend(missing(queue, properties, &queue_protections()));
    let dead = target(&properties["RedrivePolicy"]["deadLetterTargetArn"]).unwrap_or_default();
    if system.template["Resources"][dead]["Type"] == "AWS::SQS::Queue" {
        faults.extend(missing(dead, system.properties(dead), &dead_letter_protections()));
    } else {
        faults.push(format!(
            "{queue}: RedrivePolicy must name a queue for what keeps failing"
        ));
    }
    let seconds = |value: &Value| value.as_u64().unwrap_or_default();
    let timeout = seconds(&system.properties(function)["Timeout"]);
    // Lambda's own advice: batches wait for an instance, and must not be given out twice meanwhile.
    if seconds(&properties["VisibilityTimeout"]) < 6 * timeout {
        faults.push(format!(
            "{queue}: VisibilityTimeout must be six times the {timeout} s of {function}"
        ));
    }
    for queue in [queue, dead] {
        let policies = system.of_type("AWS::SQS::QueuePolicy");
        let mut named =
            policies.flat_map(|(_, policy)| policy["Properties"]["Queues"].as_array().into_iter().flatten());
        if !named.any(|one| target(one) == Some(queue)) {
            faults.push(format!("{queue} can be reached without TLS: no policy names it"));
        }
    }
    faults
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
        let function = target(&properties["FunctionName"]).unwrap_or_default();
        fed.extend(system.binary_of(function));
        if let Some(queue) = source_queue(system, source) {
            faults.extend(check_queue(system, id, queue, function));
            continue;
        }
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
    for (id, rule) in system.of_type("AWS::Events::Rule") {
        let targets = items(&rule["Properties"]["Targets"]);
        let [function] = targets.iter().filter_map(|one| target(&one["Arn"])).collect::<Vec<_>>()[..] else {
            faults.push(format!("{id} must have one target"));
            continue;
        };
        fed.extend(system.binary_of(function));
        // Without it EventBridge is refused, and says so nowhere but in a metric of its own.
        let allowed = system.of_type("AWS::Lambda::Permission").any(|(_, permission)| {
            let properties = &permission["Properties"];
            target(&properties["FunctionName"]) == Some(function)
                && target(&properties["SourceArn"]) == Some(id)
                && properties["Principal"] == "events.amazonaws.com"
        });
        if !allowed {
            faults.push(format!("{id} may not invoke {function}: no permission names it"));
        }
    }
    for binary in System::folders() {
        let main = crate::system::read(&format!("functions/{binary}/src/main.rs"));
        if main.contains("event::serve") && !fed.contains(binary.as_str()) {
            faults.push(format!(
                "nothing invokes {binary}: it has no stream, queue, schedule or rule"
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
        (
            "PushDevices/Properties/EventInvokeConfig/MaximumRetryAttempts",
            ["PushDevices", "EventInvokeConfig/MaximumRetryAttempts"],
        ),
    ] {
        finds(check, &system.without(&format!("/Resources/{pointer}")), &names);
    }
    finds(
        check,
        &system.without("/Resources/TemplateUploadedPermission"),
        &["TemplateUploaded", "no permission"],
    );
}

#[test]
fn a_function_that_nothing_invokes_is_named() {
    let system = System::read()
        .without("/Resources/PushDevices/Properties/Events/EveryMinute")
        .without("/Resources/PushQueueSource");
    finds(check, &system, &["push-devices", "no stream, queue, schedule or rule"]);
}

#[test]
fn every_protection_of_a_queue_that_is_taken_away_is_named() {
    let system = System::read();
    for (source, queue, dead) in [
        ("PublishQueueSource", "PublishQueue", "PublishDeadLetters"),
        ("PushQueueSource", "PushQueue", "PushDeadLetters"),
    ] {
        for (id, protections) in [
            (source, queue_source_protections(source).to_vec()),
            (queue, queue_protections().to_vec()),
            (dead, dead_letter_protections().to_vec()),
        ] {
            for (pointer, _) in protections {
                let broken = system.without(&format!("/Resources/{id}/Properties{pointer}"));
                finds(check, &broken, &[id, &pointer[1..]]);
            }
        }
        let redrive = system.without(&format!(
            "/Resources/{queue}/Properties/RedrivePolicy/deadLetterTargetArn"
        ));
        finds(check, &redrive, &[queue, "RedrivePolicy must name a queue"]);
    }
    finds(
        check,
        &system.with("/Resources/PushDevices/Properties/Timeout", json!(90)),
        &["PushQueue", "six times the 90 s of PushDevices"],
    );
    for at in 0..6 {
        let broken = system.without(&format!("/Resources/QueuesPolicy/Properties/Queues/{at}"));
        finds(check, &broken, &["can be reached without TLS"]);
    }
}

/// Each worker takes its share of one pace, so their number stands in the code.
#[test]
fn the_workers_that_push_are_those_that_share_the_pace() {
    let source = crate::system::read("shared/edge/src/platform.rs");
    let shares = source.split("const PUSHING_WORKERS: u32 = ").nth(1).unwrap();
    let shares: u64 = shares.split(';').next().unwrap().parse().unwrap();
    let system = System::read();
    let instances = ["PushQueueSource", "SweepQueueSource"].map(|source| {
        let scaling = &system.properties(source)["ScalingConfig"]["MaximumConcurrency"];
        scaling.as_u64().unwrap()
    });
    assert_eq!(
        shares,
        instances.iter().sum::<u64>() + 1,
        "the queues' instances and the schedule's"
    );
    let parameters = &system.template["Parameters"]["PushesPerSecond"];
    assert_eq!(parameters["MinValue"], shares, "below that a share would be nothing");
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
