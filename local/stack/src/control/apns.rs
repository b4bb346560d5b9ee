//! APNs: what it received, and what it answers.

use std::time::Duration;

use apns_simulator::{Answer, PushRecord, Weather};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, InReach, Patience, Refused, in_time, understood};

#[derive(Deserialize)]
pub(super) struct Wanted {
    device_token: Option<String>,
    seen: Option<usize>,
    wait: Option<u64>,
}

pub(super) async fn pushes(State(reach): InReach, Query(wanted): Query<Wanted>) -> Json<Vec<PushRecord>> {
    let simulator = &reach.simulator;
    let of_token = |pushes: Vec<PushRecord>| -> Vec<PushRecord> {
        pushes
            .into_iter()
            .filter(|push| {
                wanted
                    .device_token
                    .as_ref()
                    .is_none_or(|token| push.device_token.eq_ignore_ascii_case(token))
            })
            .collect()
    };
    let deadline = tokio::time::Instant::now() + Patience::duration(wanted.wait);
    loop {
        // Counted before the look, so that no push falls between the two.
        let received = simulator.received();
        let found = of_token(simulator.pushes());
        let left: Duration = deadline.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() || found.len() > wanted.seen.unwrap_or(0) {
            return Json(found);
        }
        simulator.pushed_after(received, left).await;
    }
}

#[derive(Deserialize)]
struct Order {
    device_token: String,
    #[serde(default)]
    once: bool,
    #[serde(flatten)]
    answer: Answer,
}

pub(super) async fn answer(State(reach): InReach, body: Body) -> Result<StatusCode, Refused> {
    const FORM: &str = "{\"device_token\": hex or \"*\", \"status\": number, \"reason\": text, \"timestamp\": ms, \
                        \"retry_after\": text, \"lost\": bool, \"once\": bool}";
    let order: Order = understood(body, FORM)?;
    let simulator = &reach.simulator;
    match (order.device_token.as_str(), order.once) {
        ("*", false) => simulator.answer_all(order.answer),
        ("*", true) => {
            let refused = "`once` is for one token, not for `*`\n".to_owned();
            return Err((StatusCode::BAD_REQUEST, refused));
        }
        (token, false) => simulator.answer(token, order.answer),
        (token, true) => simulator.answer_once(token, order.answer),
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn weather(State(reach): InReach) -> Json<Weather> {
    Json(reach.simulator.weather())
}

pub(super) async fn pause(State(reach): InReach) -> StatusCode {
    reach.simulator.pause();
    StatusCode::NO_CONTENT
}

pub(super) async fn resume(State(reach): InReach) -> StatusCode {
    reach.simulator.resume();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
pub(super) struct Held {
    count: usize,
    wait: Option<u64>,
}

pub(super) async fn held(State(reach): InReach, Query(wanted): Query<Held>) -> Result<Json<Value>, Refused> {
    let held = in_time(wanted.wait, reach.simulator.held(wanted.count)).await?;
    Ok(Json(json!({ "held": held })))
}

#[derive(Deserialize)]
struct Expiry {
    expired_before: u64,
}

pub(super) async fn expire_provider_tokens(State(reach): InReach, body: Body) -> Result<StatusCode, Refused> {
    let expiry: Expiry = understood(body, "{\"expired_before\": seconds}")?;
    reach.simulator.expire_provider_tokens(expiry.expired_before);
    Ok(StatusCode::NO_CONTENT)
}
