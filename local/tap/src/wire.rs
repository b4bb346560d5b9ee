//! Where the SDK hands a request over.

use std::fmt;
use std::sync::OnceLock;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use crate::{Action, Call, Shared, Tap};

/// The SDK's HTTP client behind the tap.
pub(crate) struct Tapped {
    tap: Tap,
    /// One for all requests: it keeps the connections, and all come with the same settings.
    connector: OnceLock<SharedHttpConnector>,
}

impl Tapped {
    pub(crate) fn new(tap: Tap) -> Self {
        Self {
            tap,
            connector: OnceLock::new(),
        }
    }
}

impl fmt::Debug for Tapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tapped")
    }
}

impl HttpClient for Tapped {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.connector.get_or_init(|| {
            let upstream = default_connector(settings, components.sleep_impl());
            SharedHttpConnector::new(Pipe {
                tap: self.tap.clone(),
                upstream: upstream.expect("the crate is built with a connector"),
            })
        });
        connector.clone()
    }
}

struct Pipe {
    tap: Tap,
    upstream: SharedHttpConnector,
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipe")
    }
}

impl HttpConnector for Pipe {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some((call, action)) = self.tap.lock().meet(&request) else {
            return self.upstream.call(request);
        };
        let upstream = self.upstream.clone();
        HttpConnectorFuture::new(async move {
            match action {
                Action::Refuse { status, body } => Ok(response(status, &body)),
                Action::Before(meanwhile) => {
                    meanwhile.await;
                    upstream.call(request).await
                }
                Action::LoseAnswer => {
                    upstream.call(request).await?;
                    let error = json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"});
                    Ok(response(500, &error))
                }
                Action::Change(change) => {
                    let answer = upstream.call(request).await?;
                    let status = answer.status().as_u16();
                    Ok(response(status, &change(&call, read(answer).await?)))
                }
                Action::End(end) => {
                    // Read to its end: the engine has done it all.
                    read(upstream.call(request).await?).await?;
                    end();
                    std::future::pending().await
                }
            }
        })
    }
}

impl Shared {
    /// Keeps the call if calls are kept, and gives what a rule wants done with it.
    fn meet(&mut self, request: &HttpRequest) -> Option<(Call, Action)> {
        if self.calls.is_none() && self.rules.is_empty() {
            return None;
        }
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let call = Call {
            action: target.rsplit('.').next().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default(),
        };
        if let Some(calls) = &mut self.calls {
            calls.push(call.clone());
        }
        for standing in &mut self.rules {
            let rule = &mut standing.rule;
            if standing.acted.times == rule.times || !(rule.matches)(&call) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            standing.acted.times += 1;
            standing.acted.last = Some(call.to_string());
            let action = match &mut rule.action {
                Action::Before(meanwhile) => Action::Before(std::mem::replace(meanwhile, Box::pin(async {}))),
                Action::Refuse { status, body } => Action::Refuse {
                    status: *status,
                    body: body.clone(),
                },
                Action::LoseAnswer => Action::LoseAnswer,
                Action::Change(change) => Action::Change(*change),
                Action::End(end) => Action::End(end.clone()),
            };
            return Some((call, action));
        }
        None
    }
}

async fn read(answer: HttpResponse) -> Result<Value, ConnectorError> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(error, None);
    let bytes = ByteStream::new(answer.into_body()).collect().await;
    let bytes = bytes.map_err(|error| broken(error.into()))?.into_bytes();
    serde_json::from_slice(&bytes).map_err(|error| broken(error.into()))
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}
