//! The request's form: one right way to push to Wallet, and Apple's word for every other.
//!
//! Apple does not publish the order of its checks, and no client may depend on it. Here, what
//! concerns the whole sender comes before what concerns one push, and the token is looked up
//! last, under a topic that is known to be right.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};

use crate::State;
use crate::devices::Answer;
use crate::provider::ConnectionToken;

/// Apple's limit for all pushes but VoIP: 4 KiB.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 4_096;

/// Apple's limit.
const MAX_COLLAPSE_ID_BYTES: usize = 64;

const PATH: &str = "/3/device/";

/// The device token in the path, as sent; empty where the path is another.
pub(crate) fn device_token(path: &str) -> &str {
    path.strip_prefix(PATH).unwrap_or_default()
}

/// Judges one push. `connection_token` is that of the connection it came by.
pub(crate) fn judge(
    state: &State,
    connection_token: &mut ConnectionToken,
    request: &Parts,
    body: &[u8],
    now_ms: u64,
) -> Answer {
    let sender = check_request(request).and_then(|()| {
        connection_token
            .verify(
                &state.provider_keys,
                header(&request.headers, AUTHORIZATION.as_str()),
                now_ms,
            )
            .map_err(|distrust| distrust.answer())
    });
    match sender
        .and_then(|()| check_headers(&request.headers))
        .and_then(|()| check_payload(body))
    {
        Ok(()) => look_up(state, request),
        Err((status, reason)) => Answer::refused(status, reason),
    }
}

type Check = Result<(), (u16, &'static str)>;

fn check_request(request: &Parts) -> Check {
    if request.method != Method::POST {
        return Err((405, "MethodNotAllowed"));
    }
    let path = request.uri.path();
    if path == PATH || path == PATH.trim_end_matches('/') {
        return Err((400, "MissingDeviceToken"));
    }
    let token = device_token(path);
    if token.is_empty() || token.contains('/') || request.uri.query().is_some() {
        return Err((404, "BadPath"));
    }
    Ok(())
}

fn check_headers(headers: &HeaderMap) -> Check {
    let topic = header(headers, "apns-topic").ok_or((400, "MissingTopic"))?;
    if topic.is_empty() || !topic.bytes().all(is_topic_byte) {
        return Err((400, "BadTopic"));
    }
    // A team's key reaches its apps' topics as well, but never Wallet through them.
    if !topic.starts_with("pass.") {
        return Err((400, "TopicDisallowed"));
    }
    // Apple only recommends the header. Without it the push is no background push, which is
    // what wakes Wallet.
    if header(headers, "apns-push-type") != Some("background") {
        return Err((400, "InvalidPushType"));
    }
    // Absent means 10, and that is an error for background pushes.
    if header(headers, "apns-priority") != Some("5") {
        return Err((400, "BadPriority"));
    }
    if let Some(expiration) = header(headers, "apns-expiration")
        && (!expiration.bytes().all(|b| b.is_ascii_digit()) || expiration.parse::<u64>().is_err())
    {
        return Err((400, "BadExpirationDate"));
    }
    if header(headers, "apns-id").is_some_and(|id| !is_uuid(id)) {
        return Err((400, "BadMessageId"));
    }
    if header(headers, "apns-collapse-id").is_some_and(|id| id.len() > MAX_COLLAPSE_ID_BYTES) {
        return Err((400, "BadCollapseId"));
    }
    Ok(())
}

/// The payload is `{"aps":{}}`, however it is spaced.
///
/// Apple has no word for a payload that Wallet has no use for; `PayloadEmpty` is the nearest,
/// and is also what it answers to a body that is no JSON.
fn check_payload(body: &[u8]) -> Check {
    if body.len() > MAX_PAYLOAD_BYTES {
        return Err((413, "PayloadTooLarge"));
    }
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(payload) if payload == serde_json::json!({"aps": {}}) => Ok(()),
        _ => Err((400, "PayloadEmpty")),
    }
}

fn look_up(state: &State, request: &Parts) -> Answer {
    let token = device_token(request.uri.path());
    // Any length: Apple says not to assume one.
    if !token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Answer::refused(400, "BadDeviceToken");
    }
    let topic = header(&request.headers, "apns-topic").unwrap_or_default();
    state.devices.look_up(token, topic, state.accept_unknown_tokens)
}

/// A value that is no text counts as an empty one: present, and wrong.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn is_topic_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
