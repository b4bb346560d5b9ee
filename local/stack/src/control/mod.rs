//! The control API: what the APNs simulator received, what has to be waited for, and faults.
//!
//! | call | meaning |
//! | --- | --- |
//! | `GET /pushes` | all pushes received, oldest first; `?device_token=` filters, `?seen=N&wait=S` waits up to S seconds until there are more than N |
//! | `POST /apns` `{"device_token","status","reason","timestamp","retry_after","lost","once"}` | APNs answers so for that token from then on, or for all if it is `"*"`; status 200 takes that back, and with `"lost": true` accepts pushes that never arrive; `"once": true` is for one push alone |
//! | `GET /apns` | how APNs is set: `{"to_all","paused","expired_before"}`, usually null, false and 0 |
//! | `POST /apns/pause`, `/apns/resume` | APNs leaves pushes unanswered meanwhile |
//! | `GET /apns/held?count=N&wait=S` | waits until N pushes are left unanswered: `{"held"}` |
//! | `POST /apns/provider-tokens` `{"expired_before"}` | 403 `ExpiredProviderToken` to tokens signed before that second; 0 takes it back |
//! | `GET /clock` | `{"now_ms","ahead_ms"}`: the stack's time, and how far it has been turned |
//! | `POST /clock` `{"turn_ms"}` | turns it on, or back with a negative number; answers as GET |
//! | `POST /schedule` | runs the schedule now, after a run that is under way: its answer |
//! | `GET /published?wait=S` | waits until every change of the Passes table so far is done with |
//! | `GET /worked-off?wait=S` | waits until the queues have given out whatever they could |
//! | `GET /stream` | `{"position"}`: the newest record's sequence number |
//! | `POST /stream` `{"after","reversed"}` | gives publish-changes the records after a position once more: `{"records"}` |
//! | `GET /dynamodb` | what became of the faults: `[{"acted","last","spent"}]`; one that is spent acts no more |
//! | `POST /dynamodb` | one fault more between the functions and DynamoDB, see [`faults::Order`] |
//! | `DELETE /dynamodb` | takes all of them back |
//!
//! A wait that ends without what was waited for answers 504; what cannot be understood 400, with the
//! form.

mod apns;
mod events;
mod faults;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apns_simulator::Simulator;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, extract};
use cloud::queue::QueueHandle;
use cloud::schedule::ScheduleHandle;
use cloud::stream::StreamHandle;
use serde::de::DeserializeOwned;
use tap::Tap;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::TurnableClock;
use crate::engine::listen;
use crate::error::StackError;

/// Longest wait of one call, in seconds.
const MAX_WAIT: u64 = 30;

/// What can be reached from here. None of it keeps a part of the stack alive that has ended.
#[derive(Clone)]
pub(crate) struct Reach {
    pub simulator: Arc<Simulator>,
    pub clock: TurnableClock,
    pub tap: Tap,
    pub stream: StreamHandle,
    pub schedule: ScheduleHandle,
    pub queues: Vec<QueueHandle>,
}

pub(crate) struct Control {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Control {
    pub async fn start(address: SocketAddr, reach: Reach) -> Result<Self, StackError> {
        let router = Router::new()
            .route("/pushes", get(apns::pushes))
            .route("/apns", get(apns::weather).post(apns::answer))
            .route("/apns/pause", post(apns::pause))
            .route("/apns/resume", post(apns::resume))
            .route("/apns/held", get(apns::held))
            .route("/apns/provider-tokens", post(apns::expire_provider_tokens))
            .route("/clock", get(events::clock).post(events::turn_clock))
            .route("/schedule", post(events::run_schedule))
            .route("/published", get(events::published))
            .route("/worked-off", get(events::worked_off))
            .route("/stream", get(events::position).post(events::redeliver))
            .route(
                "/dynamodb",
                get(faults::acted).post(faults::order).delete(faults::take_back),
            )
            .with_state(reach);
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

/// A call that did not do what was asked, with a line for the person at the terminal.
type Refused = (StatusCode, String);

/// The order in a body, or 400 with the form.
fn understood<T: DeserializeOwned>(
    body: Result<Json<serde_json::Value>, JsonRejection>,
    form: &str,
) -> Result<T, Refused> {
    let refused = |error: &dyn std::fmt::Display| (StatusCode::BAD_REQUEST, format!("expected {form}: {error}\n"));
    let Json(body) = body.map_err(|error| refused(&error))?;
    serde_json::from_value(body).map_err(|error| refused(&error))
}

/// A part of the stack that has ended or failed.
fn failed(error: impl std::fmt::Display) -> Refused {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
}

#[derive(serde::Deserialize)]
struct Patience {
    wait: Option<u64>,
}

impl Patience {
    fn duration(seconds: Option<u64>) -> Duration {
        Duration::from_secs(seconds.unwrap_or(0).min(MAX_WAIT))
    }
}

/// 504 where `event` does not come in time.
async fn in_time<T>(wait: Option<u64>, event: impl Future<Output = T>) -> Result<T, Refused> {
    let outcome = tokio::time::timeout(Patience::duration(wait), event).await;
    outcome.map_err(|_| {
        (
            StatusCode::GATEWAY_TIMEOUT,
            "not in time; ?wait= takes seconds\n".to_owned(),
        )
    })
}

type Body = Result<Json<serde_json::Value>, JsonRejection>;
type InReach = extract::State<Reach>;
