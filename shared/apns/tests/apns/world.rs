//! One simulator, one key, two clocks: Apple's and ours.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use apns::{Apns, ApnsConfig, ProviderKey};
use apns_simulator::{Clock, PushRecord, Simulator, SimulatorConfig};
use futures_util::future::join_all;
use passes::ids::PassTypeIdentifier;
use passes::push::{PushOutcome, Refusal, RefusalKind, SendPush as _, UndeliveredCause};
use passes::tokens::PushToken;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256};
use tokio::task::JoinHandle;

pub const TEAM: &str = "A1B2C3D4E5";
pub const KEY_ID: &str = "ABC123DEFG";
pub const TOPIC: &str = "pass.com.example.loyalty";

/// Seconds since the epoch: the start of a window of the provider token.
pub const WINDOW_START: u64 = 2_400 * 740_000;

/// Long enough for a busy machine; only tests that wait for time-outs take a shorter one.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// For tests in which requests time out. A busy machine must still connect within it.
pub const SHORT: Duration = Duration::from_secs(1);

/// A provider key as Apple hands it out, with the half that Apple keeps.
pub struct KeyFile {
    pub key_id: &'static str,
    pub private_key_pem: String,
    pub public_key_pem: String,
}

impl KeyFile {
    pub fn generate(key_id: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self {
            key_id,
            private_key_pem: pair.serialize_pem(),
            public_key_pem: pair.public_key_pem(),
        }
    }

    pub fn parse(&self) -> ProviderKey {
        ProviderKey::parse(self.key_id, TEAM, &self.private_key_pem).unwrap()
    }
}

/// Milliseconds since the epoch, turned by the test alone.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds * 1_000)))
    }

    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

pub struct World {
    pub apple: Simulator,
    pub apples_clock: TestClock,
    pub our_clock: TestClock,
    pub key: KeyFile,
    pub root_pem: String,
}

impl World {
    /// At the start of a window, unless the test says otherwise.
    pub async fn new() -> Self {
        Self::at(WINDOW_START).await
    }

    pub async fn at(seconds: u64) -> Self {
        Self::configured(seconds, |_| {}).await
    }

    pub async fn configured(seconds: u64, change: impl FnOnce(&mut SimulatorConfig)) -> Self {
        let key = KeyFile::generate(KEY_ID);
        let (root_pem, chain_pem, key_pem) = certificates();
        let apples_clock = TestClock::at(seconds);
        let clock = apples_clock.clone();
        let clock: Clock = Arc::new(move || clock.now_ms());
        let mut config = SimulatorConfig {
            address: ([127, 0, 0, 1], 0).into(),
            tls_certificate_chain_pem: chain_pem,
            tls_private_key_pem: key_pem,
            team_id: TEAM.to_owned(),
            key_id: key.key_id.to_owned(),
            public_key_pem: key.public_key_pem.clone(),
            accept_unknown_tokens: false,
        };
        change(&mut config);
        Self {
            apple: Simulator::start(config, clock).await.unwrap(),
            apples_clock,
            our_clock: TestClock::at(seconds),
            key,
            root_pem,
        }
    }

    /// Time passes for both sides.
    pub fn turn(&self, seconds: u64) {
        self.apples_clock.turn(seconds);
        self.our_clock.turn(seconds);
    }

    pub fn config(&self) -> ApnsConfig {
        ApnsConfig {
            url: self.apple.url(),
            root_certificate_pem: Some(self.root_pem.clone().into_bytes()),
            timeout: PATIENCE,
            ..ApnsConfig::default()
        }
    }

    pub fn client(&self) -> Client {
        self.client_with(self.config())
    }

    pub fn client_with(&self, config: ApnsConfig) -> Client {
        let clock = self.our_clock.clone();
        let now = move || UNIX_EPOCH + Duration::from_millis(clock.now_ms());
        Client(Apns::new(config, self.key.parse(), now).unwrap())
    }

    /// A phone's push token, assigned to [`TOPIC`].
    pub fn phone(&self, number: usize) -> String {
        let token = format!("{number:064x}");
        self.apple.assign(&token, TOPIC);
        token
    }

    pub fn phones(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.phone(number)).collect()
    }

    /// Status and reason of everything received, in order.
    pub fn received(&self) -> Vec<(u16, Option<String>)> {
        let records = self.apple.pushes().into_iter();
        records.map(|r| (r.status, r.reason)).collect()
    }

    pub fn statuses(&self) -> Vec<u16> {
        self.apple.pushes().iter().map(|r| r.status).collect()
    }

    pub fn only_record(&self) -> PushRecord {
        let [record] = <[_; 1]>::try_from(self.apple.pushes()).unwrap();
        record
    }
}

/// The client under test, with the calls that tests make.
#[derive(Clone)]
pub struct Client(pub Apns);

impl Client {
    pub async fn push(&self, token: &str) -> PushOutcome {
        let token: PushToken = token.parse().unwrap();
        let topic: PassTypeIdentifier = TOPIC.parse().unwrap();
        self.0.send_push(&token, &topic).await
    }

    pub async fn push_all(&self, tokens: &[String]) -> Vec<PushOutcome> {
        join_all(tokens.iter().map(|token| self.push(token))).await
    }

    /// Under way until it is awaited.
    pub fn start(&self, tokens: &[String]) -> JoinHandle<Vec<PushOutcome>> {
        let (client, tokens) = (self.clone(), tokens.to_vec());
        tokio::spawn(async move { client.push_all(&tokens).await })
    }
}

/// Fails a test that would otherwise wait for ever.
pub async fn in_time<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("the event came in time")
}

pub fn all_accepted(outcomes: &[PushOutcome]) -> bool {
    outcomes.iter().all(|o| *o == PushOutcome::Accepted)
}

pub fn refused(reason: &str, kind: RefusalKind) -> PushOutcome {
    PushOutcome::Refused(Refusal {
        reason: reason.to_owned(),
        kind,
    })
}

pub fn undelivered(cause: UndeliveredCause, retry_after_s: Option<u64>) -> PushOutcome {
    PushOutcome::Undelivered {
        retry_after: retry_after_s.map(Duration::from_secs),
        cause,
    }
}

/// A private root, and a server certificate for 127.0.0.1 under it: root, chain, key.
fn certificates() -> (String, String, String) {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let server = CertificateParams::new(names).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &root).unwrap();
    (root.pem(), certificate.pem(), key.serialize_pem())
}
