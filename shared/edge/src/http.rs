//! HTTP: from API Gateway's event to domain types, and from outcomes to responses.

use std::future::Future;
use std::sync::Arc;

use lambda_http::http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Error, Request, RequestExt as _, Response, Service, service_fn};
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, InvalidIdentifier, PassKey, PassTypeIdentifier, Registration};
use passes::revision::Revision;
use passes::tokens::AuthenticationToken;

use crate::date::last_modified;

pub use lambda_http;

/// A function behind the HTTP API.
pub trait HttpFunction: Send + Sync + 'static {
    fn handle(&self, request: Request) -> impl Future<Output = Response<Body>> + Send;
}

/// The function as a service of requests.
pub fn service<F: HttpFunction>(
    function: F,
) -> impl Service<Request, Response = Response<Body>, Error = Error, Future: Send> + Clone + Send + Sync {
    let function = Arc::new(function);
    service_fn(move |request: Request| {
        let function = function.clone();
        async move {
            let response = function.handle(request).await;
            crate::telemetry::flush_metrics();
            Ok(response)
        }
    })
}

/// Runs until the environment is shut down.
pub async fn serve<F: HttpFunction>(function: F) -> Result<(), Error> {
    lambda_http::run(service(function)).await
}

// ---- requests

/// A path parameter as Wallet meant it: some clients encode twice, and some add a slash.
///
/// The gateway has decoded once. No identifier of ours holds a percent sign or a slash, so what
/// is left of either was put there on the way.
fn path_parameter(request: &Request, name: &str) -> String {
    let parameters = request.path_parameters();
    let raw = parameters.first(name).unwrap_or_default();
    percent_decoded(raw.trim_end_matches('/'))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match decoded {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `{passType}` and `{serial}`.
pub fn pass_key(request: &Request) -> Result<PassKey, InvalidIdentifier> {
    PassKey::parse(&path_parameter(request, "passType"), &path_parameter(request, "serial"))
}

/// `{passType}`.
pub fn pass_type(request: &Request) -> Result<PassTypeIdentifier, InvalidIdentifier> {
    path_parameter(request, "passType").parse()
}

/// `{device}`.
pub fn device(request: &Request) -> Result<DeviceLibraryIdentifier, InvalidIdentifier> {
    path_parameter(request, "device").parse()
}

/// The token of `Authorization: ApplePass <token>`; the scheme in any case. Other schemes belong
/// to wallets that APNs does not reach.
pub fn apple_pass_token(request: &Request) -> Option<AuthenticationToken> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("ApplePass")
        .then(|| token.trim().parse().ok())
        .flatten()
}

// ---- responses

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// An answer with a JSON body.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "application/json");
    response
}

/// A refusal with a sentence for the developer who sees it; Wallet reads the status alone.
pub fn refused(status: StatusCode, sentence: &str) -> Response<Body> {
    json(status, &serde_json::json!({ "message": sentence }))
}

/// One answer for wrong token and unknown pass.
pub fn unauthorized() -> Response<Body> {
    let mut response = refused(
        StatusCode::UNAUTHORIZED,
        "The authentication token does not fit this pass.",
    );
    set(&mut response, header::WWW_AUTHENTICATE, "ApplePass");
    response
}

/// 405, with what the path takes, e.g. `GET, HEAD`.
pub fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, "This path does not take that method.");
    set(&mut response, header::ALLOW, allow);
    response
}

/// A pass, to be shown and not kept: content and Last-Modified of one revision.
pub fn package_response(revision: &Revision, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    set(&mut response, header::CONTENT_TYPE, "application/vnd.apple.pkpass");
    set(&mut response, header::LAST_MODIFIED, &last_modified(revision.number));
    response
}

/// A fault of ours: logged here, once, with what was asked for, and answered so that Wallet tries
/// again.
pub fn failed(
    call: &'static str,
    of: &Subject<'_>,
    error: &(dyn std::error::Error + 'static),
    retryable: bool,
) -> Response<Body> {
    let (pass_type, serial, device) = of.parts();
    tracing::error!(call, pass_type, serial, device, error = chain(error), "the call failed");
    metrics::counter!("failed_calls").increment(1);
    let status = match retryable {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refused(status, "Something is wrong on our side. Please try again later.")
}

/// What a call is about, for the log: a device's id is cut.
pub enum Subject<'a> {
    Pass(&'a PassKey),
    Registration(&'a Registration),
    Device(&'a DeviceKey),
}

impl Subject<'_> {
    fn parts(&self) -> (&str, Option<&str>, Option<String>) {
        match self {
            Self::Pass(key) => (key.pass_type.as_str(), Some(key.serial.as_str()), None),
            Self::Registration(registration) => (
                registration.key.pass_type.as_str(),
                Some(registration.key.serial.as_str()),
                Some(registration.device.redacted()),
            ),
            Self::Device(key) => (key.pass_type.as_str(), None, Some(key.device.redacted())),
        }
    }
}

/// Sets a header whose value is ASCII by its making; one that is not is left out.
pub fn set(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// An error with its sources, in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Some errors repeat their source in their own words.
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_was_encoded_twice_is_decoded_once_more() {
        assert_eq!(percent_decoded("DEMO%2D1"), "DEMO-1");
        assert_eq!(percent_decoded("DEMO%201"), "DEMO 1");
        for unchanged in ["DEMO-1", "%", "%2", "%zz", "a%"] {
            assert_eq!(percent_decoded(unchanged), unchanged);
        }
    }

    #[test]
    fn only_the_scheme_apple_pass_counts_in_any_case() {
        let token = |value: &str| {
            let mut request = Request::new(Body::Empty);
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, value.parse().unwrap());
            apple_pass_token(&request).is_some()
        };
        assert!(token("ApplePass 0123456789abcdef"));
        assert!(token("applepass  0123456789abcdef "));
        for other in [
            "AndroidPass 0123456789abcdef",
            "Bearer 0123456789abcdef",
            "ApplePass",
            "ApplePass short",
        ] {
            assert!(!token(other), "{other}");
        }
    }
}
