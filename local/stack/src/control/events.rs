//! The clock, and what runs by events: stream, queues, schedule.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, InReach, Patience, Refused, failed, in_time, understood};

pub(super) async fn clock(State(reach): InReach) -> Json<Value> {
    Json(json!({"now_ms": reach.clock.now().millis(), "ahead_ms": reach.clock.ahead_ms()}))
}

#[derive(Deserialize)]
struct Turn {
    turn_ms: i64,
}

pub(super) async fn turn_clock(State(reach): InReach, body: Body) -> Result<Json<Value>, Refused> {
    let turn: Turn = understood(body, "{\"turn_ms\": milliseconds, negative to turn back}")?;
    reach.clock.turn(turn.turn_ms);
    Ok(clock(State(reach)).await)
}

pub(super) async fn run_schedule(State(reach): InReach) -> Result<Json<Value>, Refused> {
    reach.schedule.tick_now().await.map(Json).map_err(failed)
}

pub(super) async fn published(State(reach): InReach, Query(patience): Query<Patience>) -> Result<StatusCode, Refused> {
    in_time(patience.wait, reach.stream.drained()).await?.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn worked_off(State(reach): InReach, Query(patience): Query<Patience>) -> Result<StatusCode, Refused> {
    let all = async {
        // The second time for what one queue's work has sent to another.
        for queue in reach.queues.iter().chain(&reach.queues) {
            queue.drained().await?;
        }
        Ok::<_, cloud::Error>(())
    };
    in_time(patience.wait, all).await?.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn position(State(reach): InReach) -> Result<Json<Value>, Refused> {
    let position = reach.stream.position().await.map_err(failed)?;
    Ok(Json(json!({ "position": position })))
}

#[derive(Deserialize)]
struct Redelivery {
    /// Nothing: from the oldest record.
    after: Option<String>,
    #[serde(default)]
    reversed: bool,
}

pub(super) async fn redeliver(State(reach): InReach, body: Body) -> Result<Json<Value>, Refused> {
    let order: Redelivery = understood(body, "{\"after\": sequence number or null, \"reversed\": bool}")?;
    let redelivered = reach.stream.redeliver(order.after, order.reversed).await;
    Ok(Json(json!({ "records": redelivered.map_err(failed)? })))
}
