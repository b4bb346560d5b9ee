//! The deployed handlers, invoked with the events that AWS would send.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apns_simulator::Simulator;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloud::template::{FunctionDescription, QueueSettings, ScheduleSettings, StreamSettings, UploadSettings};
use cloud::{Function, FunctionError, Functions, Mortal, Template, TimeLimited};
use edge::event::EventFunction;
use edge::http::HttpFunction;
use edge::{Environment, Platform};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service as _};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;

use crate::error::StackError;

/// Every function of the template with its own variables and time-out. `resources` are the names of
/// tables and the URLs of queues, by logical id.
pub(crate) async fn wire(
    template: &Template,
    platform: &Platform,
    resources: &BTreeMap<String, String>,
    simulator: &Arc<Simulator>,
) -> Result<Functions, StackError> {
    let mut functions = Functions::new();
    for description in template.functions() {
        let variables = description.resolve_environment(resources)?;
        let mut environment = Environment::from(variables);
        let e = &mut environment;
        let timeout = description.timeout;
        let function = match description.binary.as_str() {
            "register-device" => introducing(
                http(register_device::RegisterDevice::new(platform, e)),
                simulator.clone(),
            ),
            "unregister-device" => http(unregister_device::UnregisterDevice::new(platform, e)),
            "list-updated-passes" => http(list_updated_passes::ListUpdatedPasses::new(platform, e)),
            "send-pass" => http(send_pass::SendPass::new(platform, e)),
            "log-messages" => http(log_messages::LogMessages),
            "add-pass" => http(add_pass::AddPass::new(platform, e)),
            "publish-changes" => event(publish_changes::PublishChanges::new(platform, e).await, timeout),
            "publish-template" => event(publish_template::PublishTemplate::new(platform, e), timeout),
            "push-devices" => event(push_devices::PushDevices::new(platform, e).await, timeout),
            other => {
                return Err(StackError::Template(format!(
                    "`{}` runs `{other}`, which this stack does not know",
                    description.logical_id
                )));
            }
        };
        environment.finish().map_err(|source| StackError::Configuration {
            function: description.binary.clone(),
            source,
        })?;
        let function = Mortal::new(Arc::new(TimeLimited::new(function, timeout)));
        functions.insert(description.binary.clone(), Arc::new(function));
    }
    Ok(functions)
}

/// An event source of the template, and the binary of the function that it feeds.
pub(crate) struct Source<T> {
    pub settings: T,
    pub binary: String,
}

/// The stream source of the template.
pub(crate) fn only_stream(template: &Template) -> Result<Source<StreamSettings>, StackError> {
    only(template, "stream", |function| &function.streams)
}

/// The schedule of the template.
pub(crate) fn only_schedule(template: &Template) -> Result<Source<ScheduleSettings>, StackError> {
    only(template, "schedule", |function| &function.schedules)
}

/// The rule of the template for uploads.
pub(crate) fn only_upload(template: &Template) -> Result<Source<UploadSettings>, StackError> {
    only(template, "rule for uploads", |function| &function.uploads)
}

/// Every queue that feeds a function.
pub(crate) fn queue_sources(template: &Template) -> Vec<Source<QueueSettings>> {
    let functions = template.functions().iter();
    functions
        .flat_map(|function| {
            function.queues.iter().map(|settings| Source {
                settings: settings.clone(),
                binary: function.binary.clone(),
            })
        })
        .collect()
}

fn only<'a, T: Clone + 'a>(
    template: &'a Template,
    what: &str,
    of: impl Fn(&'a FunctionDescription) -> &'a Vec<T>,
) -> Result<Source<T>, StackError> {
    let mut found = template.functions().iter().flat_map(|function| {
        of(function).iter().map(|settings| Source {
            settings: settings.clone(),
            binary: function.binary.clone(),
        })
    });
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(StackError::Template(format!("must have exactly one {what}"))),
    }
}

fn failed(error: impl std::fmt::Display) -> FunctionError {
    FunctionError(error.to_string())
}

/// A handler behind the API: from the event's JSON to the response's, through the same code that
/// the Lambda runtime uses.
fn http(function: impl HttpFunction) -> Arc<dyn Function> {
    let adapter = Adapter::from(edge::http::service(function));
    Arc::new(move |event: Value| {
        let mut adapter = adapter.clone();
        async move {
            let payload: LambdaRequest = serde_json::from_str(&event.to_string()).map_err(failed)?;
            let response = adapter
                .call(LambdaEvent::new(payload, Context::default()))
                .await
                .map_err(failed)?;
            serde_json::to_value(response).map_err(failed)
        }
    })
}

fn event<F: EventFunction>(function: F, timeout: Duration) -> Arc<dyn Function> {
    let function = Arc::new(function);
    Arc::new(move |event: Value| {
        let function = function.clone();
        async move {
            let payload = serde_json::from_str(&event.to_string()).map_err(failed)?;
            let mut context = Context::default();
            let ends_at = SystemTime::now() + timeout;
            let millis = ends_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            context.deadline = u64::try_from(millis).unwrap_or(u64::MAX);
            let answer = function
                .handle(LambdaEvent::new(payload, context))
                .await
                .map_err(failed)?;
            serde_json::to_value(answer).map_err(failed)
        }
    })
}

/// Tells the simulator of every token that a phone has registered with. Apple gave the token out
/// for that topic; on this machine nobody else could have.
fn introducing(register: Arc<dyn Function>, simulator: Arc<Simulator>) -> Arc<dyn Function> {
    Arc::new(move |event: Value| {
        let introduced = introduction(&event);
        let (register, simulator) = (register.clone(), simulator.clone());
        async move {
            // Before the call: a push may follow it before it returns.
            if let Some((token, topic)) = introduced {
                simulator.assign(&token, &topic);
            }
            register.invoke(event).await
        }
    })
}

fn introduction(event: &Value) -> Option<(String, String)> {
    let text = event["body"].as_str()?;
    // Bodies without a content type travel so.
    let body = match event["isBase64Encoded"].as_bool()? {
        true => STANDARD.decode(text).ok()?,
        false => text.as_bytes().to_vec(),
    };
    let body: Value = serde_json::from_slice(&body).ok()?;
    let token = body["pushToken"].as_str()?;
    let topic = event["pathParameters"]["passType"].as_str()?;
    Some((token.to_owned(), topic.to_owned()))
}
