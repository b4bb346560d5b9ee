//! Wires log-messages, which connects to nothing.

use edge::{http, telemetry};
use log_messages::LogMessages;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("log-messages");
    http::serve(LogMessages).await
}
