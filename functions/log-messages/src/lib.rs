//! Log a message: `POST /v1/log`, and `POST .../passLifecycleUpdate`, which is not looked at.
//!
//! Always 200: Wallet repeats whatever is answered otherwise. Touches no table and no secret.

use edge::http::lambda_http::http::{Method, StatusCode};
use edge::http::lambda_http::{Body, Request, Response};
use edge::http::{HttpFunction, empty, method_not_allowed};
use passes::device_log::DeviceLog;

pub struct LogMessages;

impl HttpFunction for LogMessages {
    async fn handle(&self, request: Request) -> Response<Body> {
        if request.method() != Method::POST {
            return method_not_allowed("POST");
        }
        if request.uri().path().trim_end_matches('/').ends_with("/v1/log") {
            record(&DeviceLog::read(request.body()));
        }
        empty(StatusCode::OK)
    }
}

fn record(log: &DeviceLog) {
    for message in &log.messages {
        match message.cause {
            Some(cause) => {
                metrics::counter!("device_messages", "cause" => cause.label()).increment(1);
                tracing::warn!(
                    cause = cause.label(),
                    explanation = cause.explanation(),
                    device_message = message.text,
                    "a device reports a fault"
                );
            }
            None => tracing::info!(device_message = message.text, "a device reports"),
        }
    }
    if log.malformed || log.dropped > 0 || log.cut > 0 {
        metrics::counter!("device_messages_cut").increment(1);
        tracing::info!(
            malformed = log.malformed,
            dropped = log.dropped,
            cut = log.cut,
            "a log request was not kept whole"
        );
    }
}
