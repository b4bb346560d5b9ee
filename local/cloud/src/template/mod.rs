//! template.yaml, read as far as one machine can follow it.
//!
//! Parameters count with their defaults unless other values are handed in, and conditions are
//! decided by them, so that what is left refers to resources only. Both forms of an event source
//! are understood: an event of the function, and resources of their own.

mod events;
mod intrinsics;
mod queues;
mod tables;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::{Error, gateway::Route};
pub use intrinsics::long_form;
use intrinsics::{Document, Place};
pub use queues::{Queue, Redrive};
pub use tables::Table;

/// What template.yaml says about functions, routes, event sources, tables and queues.
#[derive(Debug, Clone)]
pub struct Template {
    functions: Vec<FunctionDescription>,
    tables: BTreeMap<String, Table>,
    queues: BTreeMap<String, Queue>,
}

/// One `AWS::Serverless::Function` with everything that leads to it.
#[derive(Debug, Clone)]
pub struct FunctionDescription {
    /// Its name in the template, e.g. `RegisterDevice`.
    pub logical_id: String,
    /// `Metadata.BuildProperties.Binary`, e.g. `register-device`.
    pub binary: String,
    /// Its environment, the globals included.
    pub environment: BTreeMap<String, Variable>,
    /// After this time Lambda ends an invocation; 3 s unless the template says otherwise.
    pub timeout: Duration,
    pub routes: Vec<Route>,
    pub streams: Vec<StreamSettings>,
    pub schedules: Vec<ScheduleSettings>,
    pub queues: Vec<QueueSettings>,
    pub uploads: Vec<UploadSettings>,
}

/// The value of one environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// The value itself, or what a parameter gives.
    Text(String),
    /// `!Ref` or `!GetAtt` of a resource: only whoever runs the resource knows the value.
    Resource {
        logical_id: String,
        /// `None` for `!Ref`, which is the name of a table, the URL of a queue and the id of an API.
        attribute: Option<String>,
    },
    /// Any other expression, as JSON.
    Expression(Value),
}

/// A stream event source, with Lambda's defaults where the template is silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// Logical id of the table whose stream it reads.
    pub table: String,
    /// Records of one invocation at most; 1 to 10,000.
    pub batch_size: usize,
    /// How long a batch that is not full waits for more records.
    pub batching_window: Duration,
    /// Whether the function names what failed (`FunctionResponseTypes`). Otherwise an answer is
    /// not looked at.
    pub report_batch_item_failures: bool,
    /// Whether a batch that failed as a whole is tried again in two halves.
    pub bisect_on_error: bool,
    /// Older records are given up; `None` for never (-1).
    pub maximum_record_age: Option<Duration>,
    /// Retries after the first failure before records are given up; `None` for no end (-1).
    pub maximum_retry_attempts: Option<u32>,
    /// Whether records that are given up are kept (`DestinationConfig.OnFailure`).
    pub keeps_failures: bool,
}

/// A queue event source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// Logical id of the queue.
    pub queue: String,
    /// Messages of one invocation at most; 1 to 10.
    pub batch_size: usize,
    /// Whether the function names what failed (`FunctionResponseTypes`). Otherwise an answer is
    /// not looked at.
    pub report_batch_item_failures: bool,
}

/// A rule of EventBridge that brings S3's `Object Created` to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSettings {
    /// What keys begin with, e.g. `incoming/`.
    pub prefix: String,
    /// What they end in, e.g. `.zip`.
    pub suffix: String,
}

/// A schedule that starts a function.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduleSettings {
    /// Its name within the function, e.g. `EveryMinute`.
    pub name: String,
    /// The time between two runs, of `rate(..)`.
    pub every: Duration,
    /// `Input`, if the template has one; otherwise the scheduler's own event is sent.
    pub input: Option<Value>,
}

impl Template {
    /// Reads a template with the defaults of its parameters.
    pub fn parse(yaml: &str) -> Result<Self, Error> {
        Self::parse_with(yaml, &BTreeMap::new())
    }

    /// Reads a template as `sam deploy --parameter-overrides` would. `AWS::StackName` and the
    /// other pseudo parameters may be given too.
    pub fn parse_with(yaml: &str, parameters: &BTreeMap<String, String>) -> Result<Self, Error> {
        let document = Document::parse(yaml, parameters)?;
        let mut functions = functions(&document)?;
        events::attach(&document, &mut functions)?;
        Ok(Self {
            functions,
            tables: tables::tables(&document)?,
            queues: queues::queues(&document)?,
        })
    }

    /// All functions, in the order of their logical ids.
    pub fn functions(&self) -> &[FunctionDescription] {
        &self.functions
    }

    /// The function with this binary.
    pub fn function(&self, binary: &str) -> Option<&FunctionDescription> {
        self.functions.iter().find(|function| function.binary == binary)
    }

    /// Every route of the API, each with the binary of its function.
    pub fn routes(&self) -> Vec<Route> {
        self.functions
            .iter()
            .flat_map(|function| function.routes.iter().cloned())
            .collect()
    }

    /// The queues by logical id.
    pub fn queues(&self) -> &BTreeMap<String, Queue> {
        &self.queues
    }

    /// The tables by logical id.
    pub fn tables(&self) -> &BTreeMap<String, Table> {
        &self.tables
    }
}

impl FunctionDescription {
    /// The environment as plain text. `resources` gives what only the running stack knows, by
    /// `Passes` for `!Ref Passes` and `Api.ApiEndpoint` for `!GetAtt Api.ApiEndpoint`.
    pub fn resolve_environment(&self, resources: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
        self.environment
            .iter()
            .map(|(name, variable)| {
                let place = || format!("{}.Environment.Variables.{name}", self.logical_id);
                let missing = |key: &str| Error::template(place(), format!("nobody gave a value for `{key}`"));
                let text = match variable {
                    Variable::Text(text) => text.clone(),
                    Variable::Resource { logical_id, attribute } => {
                        let key = match attribute {
                            Some(attribute) => format!("{logical_id}.{attribute}"),
                            None => logical_id.clone(),
                        };
                        resources.get(&key).cloned().ok_or_else(|| missing(&key))?
                    }
                    Variable::Expression(expression) => match intrinsics::compute(expression, resources) {
                        Some(text) => text.map_err(|key| missing(&key))?,
                        None => {
                            return Err(Error::template(
                                place(),
                                format!("`{expression}` cannot be computed here"),
                            ));
                        }
                    },
                };
                Ok((name.clone(), text))
            })
            .collect()
    }
}

/// Seconds; Lambda's own default for `Timeout`.
const DEFAULT_TIMEOUT: u64 = 3;

fn functions(document: &Document) -> Result<Vec<FunctionDescription>, Error> {
    let globals = &document.globals["Function"];
    document
        .resources_of("AWS::Serverless::Function")
        .map(|(logical_id, resource)| {
            let own = &resource["Properties"];
            let place = Place::new(logical_id);
            let binary = place
                .child("Metadata.BuildProperties.Binary")
                .text(&resource["Metadata"]["BuildProperties"]["Binary"])?;
            let timeout = match (&own["Timeout"], &globals["Timeout"]) {
                (Value::Null, Value::Null) => DEFAULT_TIMEOUT,
                (Value::Null, value) | (value, _) => place.child("Timeout").number(value)?,
            };
            let environment = [globals, own]
                .into_iter()
                .filter_map(|properties| properties["Environment"]["Variables"].as_object())
                .flatten()
                .map(|(name, value)| (name.clone(), Variable::of(value)))
                .collect();
            Ok(FunctionDescription {
                logical_id: logical_id.to_owned(),
                binary,
                environment,
                timeout: Duration::from_secs(timeout),
                routes: Vec::new(),
                streams: Vec::new(),
                schedules: Vec::new(),
                queues: Vec::new(),
                uploads: Vec::new(),
            })
        })
        .collect()
}

impl Variable {
    fn of(value: &Value) -> Self {
        if let Some(text) = intrinsics::scalar_text(value) {
            Self::Text(text)
        } else if let Some((logical_id, attribute)) = intrinsics::reference(value) {
            Self::Resource { logical_id, attribute }
        } else {
            Self::Expression(value.clone())
        }
    }
}
