#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod calendar;
mod clock;
pub mod dynamodb;
mod error;
mod function;
pub mod gateway;
mod identifiers;
pub mod queue;
pub mod schedule;
pub mod stream;
pub mod template;
pub mod uploads;

pub use clock::{Clock, system_clock};
pub use dynamodb::DynamoDb;
pub use error::Error;
pub use function::{Function, FunctionError, Functions, Mortal, TimeLimited, kill_invocation};
pub use gateway::Gateway;
pub use queue::QueueSource;
pub use schedule::Schedule;
pub use stream::StreamSource;
pub use template::Template;
pub use uploads::UploadSource;

/// Account in every ARN and request context; the embedded database uses the same one.
pub const ACCOUNT: &str = dynoxide::streams::LOCAL_ACCOUNT;

/// Region in every ARN and event; the embedded database uses the same one.
pub const REGION: &str = dynoxide::streams::LOCAL_REGION;
