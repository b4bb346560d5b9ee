//! Logs as flat JSON lines with a timestamp, and metrics as embedded metric format (EMF).

use std::sync::OnceLock;

use metrics_cloudwatch_embedded::Collector;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Our crates, as log targets. All others stay at WARN whatever the level: the HTTP and SDK crates
/// print paths and headers, and with them tokens.
const OURS: [&str; 13] = [
    "add_pass",
    "apns",
    "aws",
    "edge",
    "list_updated_passes",
    "log_messages",
    "passes",
    "publish_changes",
    "publish_template",
    "push_devices",
    "register_device",
    "send_pass",
    "unregister_device",
];

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts logging and, where `METRICS_NAMESPACE` is set, metrics. Once per process.
///
/// Every line carries `timestamp` and `level`: Lambda takes lines without them for INFO. The
/// level is Lambda's own `AWS_LAMBDA_LOG_LEVEL`.
pub fn start(function: &'static str) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let levels = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(OURS.map(|ours| (ours, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false);
    tracing_subscriber::registry().with(lines).with(levels).init();
    if let Ok(namespace) = std::env::var("METRICS_NAMESPACE") {
        let started = metrics_cloudwatch_embedded::Builder::new()
            .cloudwatch_namespace(namespace)
            .with_dimension("function", function)
            .init();
        match started {
            Ok(collector) => {
                let _ = COLLECTOR.set(collector);
            }
            Err(error) => tracing::warn!(%error, "metrics are off"),
        }
    }
}

/// Writes what was counted since the last flush; after each invocation, since the process may be
/// frozen right after.
pub fn flush_metrics() {
    if let Some(collector) = COLLECTOR.get()
        && let Err(error) = collector.flush(std::io::stdout())
    {
        tracing::warn!(%error, "metrics of this invocation are lost");
    }
}
