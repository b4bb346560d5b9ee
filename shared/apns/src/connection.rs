//! One connection to APNs, from its first push to its last.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, redirect, retry};
use rustls::ClientConfig;
use tokio::sync::SemaphorePermit;

use crate::ApnsError;
use passes::push::Concerns;

use crate::answer::{Answer, Meaning};
use crate::connect_once::ConnectOnce;
use crate::gate::{Decision, Gate};
use crate::refusals::Refusals;
use crate::sender::seconds;
use crate::token::ProviderToken;

const APNS_TOPIC: HeaderName = HeaderName::from_static("apns-topic");
const APNS_PUSH_TYPE: HeaderName = HeaderName::from_static("apns-push-type");
const APNS_PRIORITY: HeaderName = HeaderName::from_static("apns-priority");

const BACKGROUND: HeaderValue = HeaderValue::from_static("background");

/// The one priority that APNs takes for background pushes; absent would mean 10.
const PRIORITY: HeaderValue = HeaderValue::from_static("5");

/// Wallet needs no content. There is no `apns-expiration` either: a phone that is off for days
/// is to get its push when it comes back.
const PAYLOAD: &str = r#"{"aps":{}}"#;

/// Apple's bodies have about 60 bytes; more than this is not read.
const MAX_BODY_BYTES: usize = 4_096;

/// A minute without traffic, by the wall clock: a frozen process has no other that goes on, and
/// a connection that was left so long is usually gone without anybody having said so.
const MAX_IDLE_S: u64 = 60;

/// What every connection is set up with.
pub(crate) struct ConnectionSettings {
    pub(crate) tls: ClientConfig,
    pub(crate) timeout: Duration,
}

/// At most one TCP connection, opened by the first push. When that is over, so is this: nothing
/// reconnects behind its back, since the new connection's first push has to go alone again.
pub(crate) struct Connection {
    client: Client,
    token: Arc<ProviderToken>,
    refusals: Arc<Refusals>,
    gate: Gate,
    over: AtomicBool,
    /// Seconds since the epoch; 0 before the first push.
    last_used: AtomicU64,
}

/// What became of one request.
pub(crate) enum Attempt {
    Answered(Answer),
    /// No answer; the connection is over.
    Failed,
    /// Not sent: the connection gave way to another while this push waited for its turn.
    Superseded,
}

impl Connection {
    /// Opens nothing yet.
    pub(crate) fn new(
        settings: &ConnectionSettings,
        token: Arc<ProviderToken>,
        refusals: &Arc<Refusals>,
    ) -> Result<Self, ApnsError> {
        // A dead connection is noticed by unanswered pings while pushes wait, before the first
        // of them times out.
        let ping = settings.timeout / 3;
        let client = Client::builder()
            .tls_backend_preconfigured(settings.tls.clone())
            .https_only(true)
            // APNs is spoken to directly: whoever stands between may multiplex differently.
            .no_proxy()
            .redirect(redirect::Policy::none())
            // Without it a burst opens a connection per push, to find out that one is enough.
            .http2_prior_knowledge()
            .http2_keep_alive_interval(ping)
            .http2_keep_alive_timeout(ping)
            .pool_idle_timeout(None)
            .timeout(settings.timeout)
            .retry(retry::never())
            .connector_layer(ConnectOnce::default())
            .build()
            .map_err(ApnsError::Client)?;
        Ok(Self {
            client,
            token,
            refusals: refusals.clone(),
            gate: Gate::new(),
            over: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
        })
    }

    pub(crate) fn token(&self) -> &Arc<ProviderToken> {
        &self.token
    }

    /// Whether a push may still be given to it at `now` (seconds since the epoch).
    pub(crate) fn is_usable(&self, now: u64) -> bool {
        let last_used = self.last_used.load(Ordering::Relaxed);
        let idle = last_used != 0 && now.saturating_sub(last_used) > MAX_IDLE_S;
        !idle && !self.over.load(Ordering::Relaxed)
    }

    /// Notes traffic at `now` (seconds since the epoch).
    pub(crate) fn touch(&self, now: u64) {
        self.last_used.fetch_max(now, Ordering::Relaxed);
    }

    /// Takes no more pushes: another connection has its place. What is in flight goes on.
    pub(crate) fn supersede(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.gate.decide(Decision::Superseded);
    }

    /// Takes no more pushes: it failed, or APNs is closing it. What is in flight goes on.
    pub(crate) fn give_up(&self, why: &dyn std::fmt::Display) {
        // Said once, however many pushes were under way.
        if !self.over.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = %why, "the connection to APNs is over");
        }
        self.gate.decide(Decision::Broken);
    }

    /// Sends one push when it is its turn. Never waits longer for a leader than the leader for
    /// its answer: a connection that fails under the first push fails for all who wait, and so does a
    /// refusal of everything. `begun` is how many of these there had been when the push began.
    pub(crate) async fn push(
        &self,
        url: &str,
        topic: &HeaderValue,
        clock: &(dyn Fn() -> SystemTime + Send + Sync),
        begun: u64,
    ) -> Attempt {
        let leader = match self.gate.enter().await {
            Ok(permit) => {
                let leader = Leader::new(self, permit);
                if let Some(refusal) = self.refusals.since(begun) {
                    leader.gives_way();
                    return Attempt::Answered(refusal);
                }
                Some(leader)
            }
            Err(Decision::Open) => None,
            Err(Decision::Broken) => return Attempt::Failed,
            Err(Decision::Superseded) => return Attempt::Superseded,
        };
        match self.exchange(url, topic, clock).await {
            Ok(answer) => {
                if let Some(leader) = leader {
                    leader.answered(&answer, clock());
                }
                Attempt::Answered(answer)
            }
            Err(error) => {
                self.give_up(&Causes(&error));
                Attempt::Failed
            }
        }
    }

    async fn exchange(
        &self,
        url: &str,
        topic: &HeaderValue,
        clock: &(dyn Fn() -> SystemTime + Send + Sync),
    ) -> Result<Answer, reqwest::Error> {
        let request = self
            .client
            .post(url)
            .header(AUTHORIZATION, self.token.authorization())
            .header(APNS_TOPIC, topic)
            .header(APNS_PUSH_TYPE, BACKGROUND)
            .header(APNS_PRIORITY, PRIORITY)
            .body(PAYLOAD);
        // The URL holds the push token, which no log line may.
        let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while body.len() < MAX_BODY_BYTES
            && let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)?
        {
            let room = MAX_BODY_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(Answer::new(response.status(), response.headers(), &body, clock()))
    }
}

/// The push that goes alone. One that is abandoned midway leaves a connection of which nothing
/// is known, so that the others take a new one.
struct Leader<'a> {
    connection: &'a Connection,
    answered: bool,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Leader<'a> {
    fn new(connection: &'a Connection, permit: SemaphorePermit<'a>) -> Self {
        Self {
            connection,
            answered: false,
            _permit: permit,
        }
    }

    /// A success opens the gate. A refusal of everything is that of all who wait. After any other answer
    /// the next push leads.
    fn answered(mut self, answer: &Answer, now: SystemTime) {
        self.answered = true;
        if answer.is_success() {
            self.connection.gate.decide(Decision::Open);
        } else if self.refuses_everything(answer, now) {
            self.connection.refusals.note(answer);
        }
    }

    fn refuses_everything(&self, answer: &Answer, now: SystemTime) -> bool {
        match answer.clone().meaning() {
            Meaning::Final(outcome) => outcome.concerns() == Concerns::Everything,
            // A token that is old enough is replaced, and then the others go on.
            Meaning::TokenExpired { .. } => !self.connection.token.may_be_replaced(seconds(now)),
            Meaning::ConnectionOver | Meaning::ServerFault { .. } => false,
        }
    }

    /// Sends nothing, and leaves the lead to the next.
    fn gives_way(mut self) {
        self.answered = true;
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        // After a failure the gate has been decided already, and this changes nothing.
        if !self.answered {
            self.connection.supersede();
        }
    }
}

/// An error with what caused it, in one line.
struct Causes<'a>(&'a dyn StdError);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
