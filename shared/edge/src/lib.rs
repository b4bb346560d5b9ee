//! The Lambda side of livepass: configuration, logs, HTTP, stream and queue events.
//!
//! Everything that a handler needs to translate between AWS's events and the domain, and nothing
//! that decides.

pub mod apns;
pub mod clock;
pub mod date;
pub mod environment;
pub mod event;
pub mod http;
pub mod occasion;
pub mod platform;
pub mod queue;
pub mod report;
pub mod stream;
pub mod telemetry;

pub use clock::WallClock;
pub use environment::{ConfigurationFaults, Environment};
pub use event::deadline;
pub use lambda_runtime::{Context, Error, LambdaEvent};
pub use platform::Platform;
