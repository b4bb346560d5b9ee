//! Between the SDK and the engine: each request waits until the scheduler says what becomes of it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, HttpClient, IdentityCache, Region, RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use passes::push::PushOutcome;

use super::engine::{Answer, Call};
use super::queues::Message;
use super::world::{Actor, World};

/// What an actor waits for. Between any two of these the scheduler may switch to another actor.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    /// A request to DynamoDB.
    Database(Call),
    /// A push to this token.
    Push { token: String },
    /// A message to a queue.
    Send(Message),
    /// A file that is read or stored.
    File { what: String },
    /// An answer of livepass on its way to a phone.
    Travel { what: String },
    /// A phone's pause before it asks again.
    Pause,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Verdict {
    Database(Answer),
    Push(PushOutcome),
    /// Whether the queue's answer was heard; it may have taken the message all the same.
    Sent {
        heard: bool,
    },
    /// Whether the answer was heard.
    File {
        heard: bool,
    },
    /// Whether the answer arrived.
    Travel {
        arrived: bool,
    },
    Pause,
}

pub(super) struct Waiting {
    pub gate: u64,
    pub actor: Actor,
    pub ask: Ask,
    pub verdict: Option<Verdict>,
    waker: Option<Waker>,
}

impl Waiting {
    pub fn decide(&mut self, verdict: Verdict) {
        self.verdict = Some(verdict);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The world, shared by its actors. Everything runs on one thread, so the lock is never contended;
/// it is there because the ports' futures have to be `Send`.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the scheduler's verdict. Must be called by an actor that is being polled.
    pub fn ask(&self, ask: Ask) -> Gate {
        let mut world = self.lock();
        let actor = world.running.expect("an actor is running");
        let gate = world.next_gate;
        world.next_gate += 1;
        world.waiting.push(Waiting {
            gate,
            actor,
            ask,
            verdict: None,
            waker: None,
        });
        Gate {
            shared: self.clone(),
            gate,
        }
    }

    /// A client of the engine in this process. The SDK's own retries are off: their budget is
    /// shared by a whole process, so a seed would not decide them. The scheduler repeats requests
    /// in their stead.
    pub fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            .endpoint_url("http://engine.invalid")
            .allow_no_auth()
            .auth_scheme_preference([AuthSchemeId::from("noAuth")])
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .time_source(Standing)
            .http_client(Wire(self.clone()))
            .build();
        Client::from_conf(config)
    }
}

/// The SDK dates its requests; nobody reads that here.
#[derive(Debug)]
struct Standing;

impl aws_smithy_async::time::TimeSource for Standing {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

/// A place in the queue for a verdict; given up when dropped.
pub(super) struct Gate {
    shared: Shared,
    gate: u64,
}

impl Future for Gate {
    type Output = Verdict;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        let mut world = self.shared.lock();
        let index = world
            .waiting
            .iter()
            .position(|waiting| waiting.gate == self.gate)
            .expect("a gate waits until it is answered");
        match world.waiting[index].verdict.take() {
            Some(verdict) => {
                world.waiting.remove(index);
                Poll::Ready(verdict)
            }
            None => {
                world.waiting[index].waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.lock().waiting.retain(|waiting| waiting.gate != self.gate);
    }
}

/// The SDK's HTTP client, without HTTP.
#[derive(Clone)]
struct Wire(Shared);

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let call = Call {
            action: target.rsplit('.').next().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("a body of JSON"),
        };
        let gate = self.0.ask(Ask::Database(call));
        HttpConnectorFuture::new(async move {
            let Verdict::Database(answer) = gate.await else {
                unreachable!("a request is answered by the engine");
            };
            let status = StatusCode::try_from(answer.status).expect("a status");
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            response
                .headers_mut()
                .insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}
