//! One push on its stream: read, judged, recorded, answered.

use std::collections::BTreeMap;
use std::future::poll_fn;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Request, Response, StatusCode};

use crate::connection::OpenStream;
use crate::devices::Answer;
use crate::validation::{MAX_PAYLOAD_BYTES, device_token, judge};
use crate::{PushRecord, State};

/// More than any body that is judged by its content.
const MAX_BODY_BYTES: usize = 2 * MAX_PAYLOAD_BYTES;

/// Resets a stream that came too early.
pub(crate) fn refuse(state: &State, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (parts, _) = request.into_parts();
    let mut entry = Entry::new(state, &parts);
    entry.record.reason = Some("RefusedStream".to_owned());
    drop(entry);
    respond.send_reset(Reason::REFUSED_STREAM);
}

/// Reads one push, judges it, records it and answers.
pub(crate) async fn answer(open: OpenStream, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let shared = open.0.clone();
    let state = &shared.state;
    let (parts, body) = request.into_parts();
    let mut entry = Entry::new(state, &parts);

    let Some(body) = read(body).await else {
        return;
    };
    entry.record.body = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY_BYTES)]).into();

    if *state.paused.borrow() {
        let _held = state.journal.hold();
        let mut paused = state.paused.subscribe();
        tokio::select! {
            _ = poll_fn(|cx| respond.poll_reset(cx)) => return,
            _ = paused.wait_for(|paused| !paused) => {}
        }
    }

    let answer = {
        let mut standing = shared.standing();
        let answer = judge(state, &mut standing.token, &parts, &body, (state.clock)());
        standing.proven |= answer.status == 200;
        answer
    };
    entry.record.status = answer.status;
    entry.record.lost = answer.lost;
    entry.record.reason = match answer.status {
        0 => Some("Reset".to_owned()),
        _ => answer.reason.clone(),
    };
    // Both before the client can know: it may act on the answer at once.
    drop(entry);
    drop(open);
    send(&mut respond, &parts, &answer, state);
}

/// The whole body, or one byte too many of it; `None` when the client reset the stream.
async fn read(mut body: RecvStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.ok()?;
        // A connection that is gone by now needs no credit.
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_BODY_BYTES {
            break;
        }
    }
    Some(bytes)
}

/// A client that left before its answer is not an error here.
fn send(respond: &mut SendResponse<Bytes>, request: &Parts, answer: &Answer, state: &State) {
    let Ok(status) = StatusCode::from_u16(answer.status) else {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return;
    };
    let mut response = Response::new(());
    *response.status_mut() = status;
    let apns_id = request.headers.get("apns-id").cloned().unwrap_or_else(|| {
        let id = format!("00000000-0000-4000-8000-{:012X}", state.journal.received());
        HeaderValue::from_str(&id).expect("hexadecimal digits and hyphens")
    });
    response.headers_mut().insert("apns-id", apns_id);
    if let Some(value) = answer
        .retry_after
        .as_ref()
        .and_then(|value| HeaderValue::from_str(value).ok())
    {
        response.headers_mut().insert(RETRY_AFTER, value);
    }

    let body = error_body(answer);
    if let Ok(mut stream) = respond.send_response(response, body.is_none())
        && let Some(body) = body
    {
        let _ = stream.send_data(body, true);
    }
}

/// `{"reason"}`, with `timestamp` where the token is dead; nothing after a success.
fn error_body(answer: &Answer) -> Option<Bytes> {
    let reason = answer.reason.as_ref()?;
    let body = match answer.timestamp {
        Some(timestamp) => serde_json::json!({"reason": reason, "timestamp": timestamp}),
        None => serde_json::json!({"reason": reason}),
    };
    Some(body.to_string().into())
}

/// A record in the making. It reaches the journal when this is dropped, whatever became of the
/// stream.
struct Entry<'a> {
    state: &'a State,
    record: PushRecord,
}

impl<'a> Entry<'a> {
    fn new(state: &'a State, request: &Parts) -> Self {
        let headers: BTreeMap<_, _> = request
            .headers
            .iter()
            .map(|(name, value)| {
                let value = match name {
                    &AUTHORIZATION => "redacted".into(),
                    _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
                };
                (name.as_str().to_owned(), value)
            })
            .collect();
        let record = PushRecord {
            at: 0,
            device_token: device_token(request.uri.path()).to_owned(),
            topic: headers.get("apns-topic").cloned().unwrap_or_default(),
            headers,
            body: String::new(),
            status: 0,
            reason: Some("Unanswered".to_owned()),
            lost: false,
        };
        Self { state, record }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.record.at = (self.state.clock)();
        self.state.journal.add(self.record.clone());
    }
}
