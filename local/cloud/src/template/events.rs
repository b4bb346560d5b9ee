//! What leads to a function: routes, streams, queues, schedules, uploads.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    FunctionDescription, QueueSettings, ScheduleSettings, StreamSettings, UploadSettings,
    intrinsics::{Document, Place},
};
use crate::{Error, gateway::Route};

/// Finds every event source of the template and hangs it on its function.
pub(super) fn attach(document: &Document, functions: &mut [FunctionDescription]) -> Result<(), Error> {
    for function in functions.iter_mut() {
        let properties = document.properties_of(&function.logical_id);
        let events = properties.and_then(|properties| properties["Events"].as_object());
        for (name, event) in events.into_iter().flatten() {
            attach_event(function, name, event)?;
        }
    }
    for (logical_id, resource) in document.resources_of("AWS::ApiGatewayV2::Route") {
        let place = Place::new(logical_id);
        let properties = &resource["Properties"];
        let integration = place.child("Target").resource(&properties["Target"])?;
        let uri = document
            .properties_of(&integration)
            .map(|properties| &properties["IntegrationUri"])
            .ok_or_else(|| place.fault(format!("there is no integration `{integration}`")))?;
        let target = Place::new(&integration).child("IntegrationUri").resource(uri)?;
        let function = find(functions, &target, &place)?;
        let key = place.child("RouteKey").text(&properties["RouteKey"])?;
        function.routes.push(route(&place.child("RouteKey"), &key, function)?);
    }
    for (logical_id, resource) in document.resources_of("AWS::Lambda::EventSourceMapping") {
        let place = Place::new(logical_id);
        let properties = &resource["Properties"];
        let target = place.child("FunctionName").resource(&properties["FunctionName"])?;
        let function = find(functions, &target, &place)?;
        let source = &properties["EventSourceArn"];
        let fed_by_queue = |id: &String| document.resources_of("AWS::SQS::Queue").any(|(queue, _)| queue == id);
        match place.child("EventSourceArn").resource(source).ok().filter(fed_by_queue) {
            Some(id) => function.queues.push(queue(&place, properties, id)?),
            None => function.streams.push(stream(&place, properties, source)?),
        }
    }
    for (logical_id, resource) in document.resources_of("AWS::Events::Rule") {
        let place = Place::new(logical_id);
        let properties = &resource["Properties"];
        let upload = upload(&place, &properties["EventPattern"])?;
        let targets = place.child("Targets");
        let [target] = properties["Targets"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(targets.fault("must be one function"));
        };
        let target = targets.resource(&target["Arn"])?;
        find(functions, &target, &place)?.uploads.push(upload);
    }
    Ok(())
}

/// One entry of a function's `Events`.
fn attach_event(function: &mut FunctionDescription, name: &str, event: &Value) -> Result<(), Error> {
    let place = Place::new(&function.logical_id).child(&format!("Events.{name}"));
    let properties = &event["Properties"];
    match event["Type"].as_str() {
        Some("HttpApi") => {
            let method = place.child("Method").text(&properties["Method"])?;
            let path = place.child("Path").text(&properties["Path"])?;
            let key = format!("{} {path}", method.to_uppercase());
            function.routes.push(route(&place, &key, function)?);
        }
        Some("DynamoDB") => {
            let source = stream(&place, properties, &properties["Stream"])?;
            function.streams.push(source);
        }
        Some("ScheduleV2") => {
            let source = schedule(&place, name, properties)?;
            function.schedules.push(source);
        }
        other => {
            return Err(place.fault(format!(
                "event sources of type {} cannot be run here",
                other.unwrap_or("unknown")
            )));
        }
    }
    Ok(())
}

fn find<'a>(
    functions: &'a mut [FunctionDescription],
    logical_id: &str,
    place: &Place,
) -> Result<&'a mut FunctionDescription, Error> {
    functions
        .iter_mut()
        .find(|function| function.logical_id == logical_id)
        .ok_or_else(|| place.fault(format!("there is no function `{logical_id}`")))
}

fn route(place: &Place, key: &str, function: &FunctionDescription) -> Result<Route, Error> {
    Route::new(key, &function.binary).ok_or_else(|| place.fault(format!("`{key}` is no route key")))
}

/// Lambda's default for `BatchSize`.
const DEFAULT_BATCH_SIZE: u64 = 100;

fn stream(place: &Place, properties: &Value, source: &Value) -> Result<StreamSettings, Error> {
    let start = place.child("StartingPosition").text(&properties["StartingPosition"])?;
    if start != "TRIM_HORIZON" {
        // LATEST may skip what is written while the source is being created.
        return Err(place
            .child("StartingPosition")
            .fault("only TRIM_HORIZON can be run here"));
    }
    let batch_size = match &properties["BatchSize"] {
        Value::Null => DEFAULT_BATCH_SIZE,
        given => place.child("BatchSize").number(given)?,
    };
    let window = match &properties["MaximumBatchingWindowInSeconds"] {
        Value::Null => 0,
        given => place.child("MaximumBatchingWindowInSeconds").number(given)?,
    };
    let response_types = properties["FunctionResponseTypes"].as_array();
    let age = place.child("MaximumRecordAgeInSeconds");
    let attempts = place.child("MaximumRetryAttempts");
    Ok(StreamSettings {
        table: place.child("Stream").resource(source)?,
        batch_size: usize::try_from(batch_size)
            .ok()
            .filter(|size| (1..=10_000).contains(size))
            .ok_or_else(|| place.child("BatchSize").fault("1 to 10,000"))?,
        batching_window: Duration::from_secs(window),
        report_batch_item_failures: response_types
            .is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures")),
        bisect_on_error: place
            .child("BisectBatchOnFunctionError")
            .flag(&properties["BisectBatchOnFunctionError"])?,
        maximum_record_age: age
            .limit(&properties["MaximumRecordAgeInSeconds"])?
            .map(Duration::from_secs),
        maximum_retry_attempts: attempts
            .limit(&properties["MaximumRetryAttempts"])?
            .map(|limit| u32::try_from(limit).map_err(|_| attempts.fault("at most 10,000")))
            .transpose()?,
        keeps_failures: !properties["DestinationConfig"]["OnFailure"].is_null(),
    })
}

/// Lambda's default for `BatchSize` of a queue, and its limit without a batching window.
const MESSAGES: u64 = 10;

fn queue(place: &Place, properties: &Value, queue: String) -> Result<QueueSettings, Error> {
    let batch_size = match &properties["BatchSize"] {
        Value::Null => MESSAGES,
        given => place.child("BatchSize").number(given)?,
    };
    if !properties["MaximumBatchingWindowInSeconds"].is_null() {
        return Err(place
            .child("MaximumBatchingWindowInSeconds")
            .fault("cannot be followed here"));
    }
    let response_types = properties["FunctionResponseTypes"].as_array();
    Ok(QueueSettings {
        queue,
        batch_size: usize::try_from(batch_size)
            .ok()
            .filter(|_| (1..=MESSAGES).contains(&batch_size))
            .ok_or_else(|| place.child("BatchSize").fault("1 to 10"))?,
        report_batch_item_failures: response_types
            .is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures")),
    })
}

/// Of rules only those for new objects can be run, and of their patterns one wildcard.
fn upload(place: &Place, pattern: &Value) -> Result<UploadSettings, Error> {
    let place = place.child("EventPattern");
    if pattern["source"] != json!(["aws.s3"]) || pattern["detail-type"] != json!(["Object Created"]) {
        return Err(place.fault("only S3's `Object Created` can be run"));
    }
    let key = place.child("detail.object.key");
    let wildcard = match &pattern["detail"]["object"]["key"][0]["wildcard"] {
        Value::String(wildcard) => wildcard,
        _ => return Err(key.fault("must be one wildcard")),
    };
    match wildcard.split('*').collect::<Vec<_>>()[..] {
        [prefix, suffix] => Ok(UploadSettings {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        }),
        _ => Err(key.fault(format!("`{wildcard}` must have one `*`"))),
    }
}

fn schedule(place: &Place, name: &str, properties: &Value) -> Result<ScheduleSettings, Error> {
    let place = place.child("ScheduleExpression");
    let expression = place.text(&properties["ScheduleExpression"])?;
    let input = match &properties["Input"] {
        Value::Null => None,
        given => Some(
            serde_json::from_str(&place.text(given)?)
                .map_err(|fault| place.fault(format!("Input is not JSON: {fault}")))?,
        ),
    };
    Ok(ScheduleSettings {
        name: name.to_owned(),
        every: rate(&expression).ok_or_else(|| place.fault(format!("only rate(..) can be run, not `{expression}`")))?,
        input,
    })
}

/// The time between two runs of `rate(5 minutes)`.
fn rate(expression: &str) -> Option<Duration> {
    let inside = expression.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inside.trim().split_once(' ')?;
    let seconds_per_unit = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    count.checked_mul(seconds_per_unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!(rate("rate(1 minute)"), Some(Duration::from_secs(60)));
        assert_eq!(rate("rate(12 hours)"), Some(Duration::from_secs(43_200)));
        assert_eq!(rate("rate(2 days)"), Some(Duration::from_secs(172_800)));
        for refused in ["rate(0 minutes)", "rate(1 second)", "cron(0 8 * * ? *)", "rate(minute)"] {
            assert_eq!(rate(refused), None, "{refused}");
        }
    }
}
