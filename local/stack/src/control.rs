//! The control API: what the APNs simulator received, and what it shall answer.
//!
//! | call | meaning |
//! | --- | --- |
//! | `GET /pushes` | all pushes received, oldest first; `?device_token=` filters, `?seen=N&wait=S` waits up to S seconds until there are more than N |
//! | `POST /apns` `{"device_token","status","reason","timestamp"}` | answers so for that token from then on; status 200 resets |

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apns_simulator::{Answer, PushRecord, Simulator};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::engine::listen;
use crate::error::StackError;

/// Longest wait of one call, in seconds.
const MAX_WAIT: u64 = 30;

pub(crate) struct Control {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Control {
    pub async fn start(address: SocketAddr, simulator: Arc<Simulator>) -> Result<Self, StackError> {
        let router = Router::new()
            .route("/pushes", get(pushes))
            .route("/apns", post(answer))
            .with_state(simulator);
        let listener = listen(address).await?;
        let address = listener
            .local_addr()
            .map_err(|source| StackError::Listen { address, source })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            tokio::select! {
                // Waiting calls are cut off: whoever waits for pushes of an ended stack waits in vain.
                () = until => {}
                result = async { axum::serve(listener, router).await } => {
                    if let Err(error) = result {
                        tracing::error!(%error, "the control API stopped");
                    }
                }
            }
        });
        Ok(Self { address, stop, serving })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn shutdown(self) {
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}

#[derive(Deserialize)]
struct Wanted {
    device_token: Option<String>,
    seen: Option<usize>,
    wait: Option<u64>,
}

async fn pushes(State(simulator): State<Arc<Simulator>>, Query(wanted): Query<Wanted>) -> Json<Vec<PushRecord>> {
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
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wanted.wait.unwrap_or(0).min(MAX_WAIT));
    loop {
        // Counted before the look, so that no push falls between the two.
        let received = simulator.received();
        let found = of_token(simulator.pushes());
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() || found.len() > wanted.seen.unwrap_or(0) {
            return Json(found);
        }
        simulator.pushed_after(received, left).await;
    }
}

async fn answer(
    State(simulator): State<Arc<Simulator>>,
    order: Result<Json<serde_json::Value>, JsonRejection>,
) -> Result<StatusCode, (StatusCode, String)> {
    const FORM: &str = "expected {\"device_token\": hex, \"status\": number, \"reason\": text, \"timestamp\": ms}";
    let refused = |error: &dyn std::fmt::Display| (StatusCode::BAD_REQUEST, format!("{FORM}: {error}\n"));
    let Json(order) = order.map_err(|error| refused(&error))?;
    let token = order["device_token"]
        .as_str()
        .ok_or_else(|| refused(&"device_token is missing"))?
        .to_owned();
    let answer: Answer = serde_json::from_value(order).map_err(|error| refused(&error))?;
    simulator.answer(&token, answer);
    Ok(StatusCode::NO_CONTENT)
}
