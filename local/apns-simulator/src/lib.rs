//! APNs on this machine: HTTP/2 over TLS, as strict as Apple's, for tests and local runs.
//!
//! The simulator answers `POST /3/device/<token>` in the words that Apple documents, and is
//! strict where Apple is only specific: a push for Wallet has one right form, so anything else
//! is refused rather than let through. What it accepts, Apple accepts; what Apple would answer
//! to a live phone, a dead one or a misconfigured sender can be asked for with
//! [`Simulator::answer`].
//!
//! It speaks to loopback addresses only, and keeps what it received (the last
//! [`MAX_RECORDS`] pushes, provider tokens left out).
//!
//! Deliberately absent: certificate authentication, the sandbox environment, push types other
//! than `background`, and delivery. Who wants to be the phone subscribes to the records.

mod connection;
mod devices;
mod error;
mod journal;
mod provider;
mod stream;
mod validation;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::connection::Order;
use crate::devices::Devices;
use crate::journal::Journal;
use crate::provider::ProviderKeys;

pub use crate::devices::Answer;
pub use crate::error::SimulatorError;
pub use crate::journal::{MAX_RECORDS, PushRecord};

/// The time in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the simulator is, and whom it believes.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// A loopback address; port 0 takes a free one.
    pub address: SocketAddr,
    /// The server's certificate, leaf first. It must cover the IP address, since
    /// [`Simulator::url`] names that.
    pub tls_certificate_chain_pem: String,
    /// The leaf's private key: PKCS#8, PKCS#1 or SEC1.
    pub tls_private_key_pem: String,
    /// `iss` of every provider token.
    pub team_id: String,
    /// `kid` of the provider token's key.
    pub key_id: String,
    /// The provider key's public half: P-256, SubjectPublicKeyInfo.
    pub public_key_pem: String,
    /// Takes pushes to tokens that nobody [assigned](Simulator::assign), under any topic.
    /// Apple does not: false unless the phones are unknown to whoever runs the simulator.
    pub accept_unknown_tokens: bool,
}

/// What [`Simulator::answer_all`], [`Simulator::pause`] and [`Simulator::expire_provider_tokens`] have set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Weather {
    pub to_all: Option<Answer>,
    pub paused: bool,
    /// In seconds; 0 for none.
    pub expired_before: u64,
}

/// A running simulator. Dropping it closes every connection.
pub struct Simulator {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

/// What all connections share.
struct State {
    clock: Clock,
    provider_keys: ProviderKeys,
    devices: Devices,
    journal: Journal,
    accept_unknown_tokens: bool,
    connections: AtomicUsize,
    alive: watch::Sender<usize>,
    paused: watch::Sender<bool>,
    orders: broadcast::Sender<Order>,
}

impl Simulator {
    /// Listens, and serves from then on. Must be called inside a tokio runtime.
    ///
    /// `clock` judges the age of provider tokens and dates the records.
    pub async fn start(config: SimulatorConfig, clock: Clock) -> Result<Self, SimulatorError> {
        if !config.address.ip().is_loopback() {
            return Err(SimulatorError::NotLoopback(config.address));
        }
        let tls = connection::tls_config(&config.tls_certificate_chain_pem, &config.tls_private_key_pem)?;
        let provider_keys = ProviderKeys::new(config.team_id);
        provider_keys.trust(&config.key_id, &config.public_key_pem)?;

        let listen = |source| SimulatorError::Listen {
            address: config.address,
            source,
        };
        let listener = TcpListener::bind(config.address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let state = Arc::new(State {
            clock,
            provider_keys,
            devices: Devices::default(),
            journal: Journal::default(),
            accept_unknown_tokens: config.accept_unknown_tokens,
            connections: AtomicUsize::new(0),
            alive: watch::Sender::new(0),
            paused: watch::Sender::new(false),
            orders: broadcast::Sender::new(16),
        });
        let accepting = tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), state.clone()));
        Ok(Self {
            address,
            state,
            accepting,
        })
    }

    /// Where it listens, with the port that was really taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// For `APNS_URL`: `https://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Everything received, refused pushes included, oldest first; the last [`MAX_RECORDS`].
    pub fn pushes(&self) -> Vec<PushRecord> {
        self.state.journal.after(0)
    }

    /// How many pushes were ever received: what [`pushed_after`](Self::pushed_after) counts by.
    pub fn received(&self) -> usize {
        self.state.journal.received()
    }

    /// What came after the first `count_seen` pushes. Waits for the first of them, but no longer
    /// than `wait`; then the answer is empty.
    pub async fn pushed_after(&self, count_seen: usize, wait: Duration) -> Vec<PushRecord> {
        self.state.journal.wait_after(count_seen, wait).await
    }

    /// Every record from now on. A receiver that falls 1,024 records behind loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<PushRecord> {
        self.state.journal.subscribe()
    }

    /// How many HTTP/2 connections were ever opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Waits until no connection is alive: all are closed, or dead by
    /// [`black_hole`](Self::black_hole), and their pushes recorded.
    pub async fn disconnected(&self) {
        let mut alive = self.state.alive.subscribe();
        // Fails only when the sender is gone, and that is `self`.
        let _ = alive.wait_for(|alive| *alive == 0).await;
    }

    /// The `iat` (seconds) of every valid provider token seen, each token once, oldest first.
    /// Two tokens may share an `iat`: their signatures differ.
    pub fn provider_tokens(&self) -> Vec<u64> {
        self.state.provider_keys.seen()
    }

    /// A phone obtained this push token for this topic (pass type). It may have several.
    pub fn assign(&self, device_token: &str, topic: &str) {
        self.state.devices.assign(device_token, topic);
    }

    /// Answers every well-formed push to this token so from now on; status 200 ends that.
    pub fn answer(&self, device_token: &str, answer: Answer) {
        self.state.devices.answer(device_token, answer);
    }

    /// Answers every well-formed push so, whatever its token and whatever that one's own answer;
    /// status 200 ends that.
    pub fn answer_all(&self, answer: Answer) {
        self.state.devices.answer_all(answer);
    }

    /// Answers one well-formed push to this token so, the next that has no such answer before
    /// it in the queue.
    pub fn answer_once(&self, device_token: &str, answer: Answer) {
        self.state.devices.answer_once(device_token, answer);
    }

    /// Believes provider tokens of this key too, or of this key anew under an old name.
    pub fn trust_key(&self, key_id: &str, public_key_pem: &str) -> Result<(), SimulatorError> {
        self.state.provider_keys.trust(key_id, public_key_pem)
    }

    /// Answers provider tokens of this key with 403 `InvalidProviderToken` from now on.
    pub fn revoke_key(&self, key_id: &str) {
        self.state.provider_keys.revoke(key_id);
    }

    /// Answers provider tokens that were signed before this second (`iat`) with 403
    /// `ExpiredProviderToken`, however young they are; 0 ends that.
    pub fn expire_provider_tokens(&self, signed_before: u64) {
        self.state.provider_keys.expire(signed_before);
    }

    /// What every push meets, whatever its token.
    pub fn weather(&self) -> Weather {
        Weather {
            to_all: self.state.devices.answer_to_all(),
            paused: *self.state.paused.borrow(),
            expired_before: self.state.provider_keys.expired_before(),
        }
    }

    /// Takes pushes in but leaves them unanswered, until [`resume`](Self::resume). Connections
    /// stay alive: pings are answered.
    pub fn pause(&self) {
        self.state.paused.send_replace(true);
    }

    /// Ends [`pause`](Self::pause): what waits is answered now.
    pub fn resume(&self) {
        self.state.paused.send_replace(false);
    }

    /// Waits until `count` pushes or more lie unanswered because of [`pause`](Self::pause), and
    /// tells how many.
    pub async fn held(&self, count: usize) -> usize {
        self.state.journal.wait_held(count).await
    }

    /// Sends GOAWAY on every open connection and closes it; streams in flight are cut.
    pub fn close_connections(&self) {
        self.order(Order::Close);
    }

    /// Sends GOAWAY on every open connection, answers what is in flight, and closes it then.
    pub fn drain_connections(&self) {
        self.order(Order::Drain);
    }

    /// Makes every open connection dead: nothing is read or written any more, pings included,
    /// and nothing is closed. New connections work.
    pub fn black_hole(&self) {
        self.order(Order::BlackHole);
    }

    /// Closes everything, and returns when the port is free.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        // Cancelled is the only end it has.
        let _ = (&mut self.accepting).await;
    }

    fn order(&self, order: Order) {
        // Without a connection nobody listens, and nothing has to be done.
        let _ = self.state.orders.send(order);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, state: Arc<State>) {
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed before it was one concerns its client alone.
                if let Ok((socket, _)) = accepted {
                    // Subscribed here, not in the task: no order given after this is missed.
                    let orders = state.orders.subscribe();
                    connections.spawn(connection::serve(socket, tls.clone(), state.clone(), orders));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
