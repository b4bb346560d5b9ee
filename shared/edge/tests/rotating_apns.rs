//! The APNs key is rotated without a deploy.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apns::{Apns, ApnsConfig};
use apns_simulator::{Answer, Simulator, SimulatorConfig};
use aws::secrets::{ReadSecret, Secrets};
use edge::WallClock;
use edge::apns::RotatingApns;
use passes::ports::StoreResult;
use passes::push::{PushOutcome, SendPush as _, UndeliveredCause};
use passes::time::{Clock as _, Timestamp};
use pkpass::SigningCertificate;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256};
use seed::{TestAuthority, Validity};

const TEAM: &str = "A1B2C3D4E5";
const TOPIC: &str = "pass.com.example.loyalty";
const MINUTE: u64 = 60_000;

/// The one secret, and how often it was looked at.
#[derive(Clone, Default)]
struct Store {
    secret: Arc<Mutex<Option<Vec<u8>>>>,
    looks: Arc<AtomicU32>,
}

impl ReadSecret for Store {
    async fn secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        assert_eq!(name, "apns.json");
        self.looks.fetch_add(1, Ordering::SeqCst);
        Ok(self.secret.lock().unwrap().clone())
    }
}

struct World {
    apple: Simulator,
    store: Store,
    now: Arc<AtomicU64>,
    apns: RotatingApns<Store>,
    keys: [KeyPair; 2],
}

const KEY_IDS: [&str; 2] = ["AAAAAAAAAA", "BBBBBBBBBB"];

impl World {
    /// With the first of two keys in store and in force.
    async fn new() -> Self {
        let keys = [(); 2].map(|()| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap());
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let server_key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let server = server.signed_by(&server_key, &root).unwrap();

        let now = Arc::new(AtomicU64::new(1_776_000_000_000));
        let apples_now = now.clone();
        let config = SimulatorConfig {
            address: ([127, 0, 0, 1], 0).into(),
            tls_certificate_chain_pem: server.pem(),
            tls_private_key_pem: server_key.serialize_pem(),
            team_id: TEAM.to_owned(),
            key_id: KEY_IDS[0].to_owned(),
            public_key_pem: keys[0].public_key_pem(),
            accept_unknown_tokens: true,
        };
        let apple = Simulator::start(config, Arc::new(move || apples_now.load(Ordering::SeqCst)))
            .await
            .unwrap();
        let store = Store::default();
        *store.secret.lock().unwrap() = Some(secret(0, &keys));
        let our_now = now.clone();
        let clock = WallClock::from_fn(move || Timestamp::from_millis(our_now.load(Ordering::SeqCst)));
        let config = ApnsConfig {
            url: apple.url(),
            root_certificate_pem: Some(root.pem().into_bytes()),
            ..ApnsConfig::default()
        };
        let secrets = Secrets::new(store.clone(), clock.as_fn());
        let apns = RotatingApns::start(secrets, clock.clone(), |key| {
            Apns::new(config, key, move || clock.now().system_time()).map_err(|error| error.to_string())
        });
        Self {
            apns: apns.await.unwrap(),
            apple,
            store,
            now,
            keys,
        }
    }

    fn store(&self, secret: Option<Vec<u8>>) {
        *self.store.secret.lock().unwrap() = secret;
    }

    /// Apple stops taking the first key and takes the second.
    fn revoke_first(&self) {
        self.apple
            .trust_key(KEY_IDS[1], &self.keys[1].public_key_pem())
            .unwrap();
        self.apple.revoke_key(KEY_IDS[0]);
    }

    fn turn(&self, millis: u64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    async fn push(&self) -> PushOutcome {
        let token = "ab".repeat(32).parse().unwrap();
        self.apns.send_push(&token, &TOPIC.parse().unwrap()).await
    }

    async fn accepted(&self) -> bool {
        self.push().await == PushOutcome::Accepted
    }

    fn looks(&self) -> u32 {
        self.store.looks.load(Ordering::SeqCst)
    }
}

fn secret(number: usize, keys: &[KeyPair; 2]) -> Vec<u8> {
    let pem = keys[number].serialize_pem().replace('\r', "").replace('\n', "\\n");
    let key_id = KEY_IDS[number];
    format!(r#"{{"key_id":"{key_id}","team_id":"{TEAM}","private_key":"{pem}"}}"#).into_bytes()
}

#[tokio::test]
async fn the_key_is_looked_at_again_after_fifteen_minutes() {
    let world = World::new().await;
    assert_eq!(world.looks(), 1);
    world.turn(15 * MINUTE - 1);
    assert!(world.accepted().await);
    assert_eq!(world.looks(), 1);

    // Both are in force: the new one is taken without a refusal.
    world
        .apple
        .trust_key(KEY_IDS[1], &world.keys[1].public_key_pem())
        .unwrap();
    world.store(Some(secret(1, &world.keys)));
    world.turn(1);
    assert!(world.accepted().await);
    assert_eq!(world.looks(), 2);
    world.apple.revoke_key(KEY_IDS[0]);
    assert!(world.accepted().await, "the second key signs");
    assert_eq!(world.looks(), 2);
}

#[tokio::test]
async fn certificates_are_held_against_the_team_of_the_key_that_is_in_use() {
    let world = World::new().await;
    assert_eq!(world.apns.team_id().await, TEAM);
    let identity = TestAuthority::create()
        .and_then(|apple| {
            apple.issue_pass_certificate(&TOPIC.parse().unwrap(), &TEAM.parse().unwrap(), Validity::long())
        })
        .unwrap();
    let certificate = SigningCertificate::from_pem(identity.certificate_chain_pem.as_bytes()).unwrap();
    assert_eq!(world.apns.check_team_of(&certificate).await, Ok(()));

    let other = String::from_utf8(secret(1, &world.keys))
        .unwrap()
        .replace(TEAM, "ZZZZZZZZZZ");
    world.store(Some(other.into_bytes()));
    assert_eq!(
        world.apns.check_team_of(&certificate).await,
        Ok(()),
        "until it is looked at again"
    );
    world.turn(15 * MINUTE);
    let fault = world.apns.check_team_of(&certificate).await.unwrap_err().to_string();
    assert!(
        fault.starts_with(&format!(
            "the certificate for {TOPIC} is of team {TEAM}, and the APNs key of team ZZZZZZZZZZ: "
        )),
        "{fault}"
    );
}

#[tokio::test]
async fn a_key_that_apns_refuses_is_looked_at_again_and_the_push_sent_once_more() {
    let world = World::new().await;
    assert!(world.accepted().await);
    world.turn(MINUTE);
    world.store(Some(secret(1, &world.keys)));
    world.revoke_first();
    assert!(world.accepted().await);
    assert_eq!(world.looks(), 2);
}

#[tokio::test]
async fn a_refused_key_without_another_is_looked_at_once_a_minute() {
    let world = World::new().await;
    world.revoke_first();
    world.turn(MINUTE);
    for _ in 0..5 {
        assert!(matches!(world.push().await, PushOutcome::Refused(_)));
    }
    assert_eq!(world.looks(), 2);
    world.store(Some(secret(1, &world.keys)));
    world.turn(MINUTE);
    assert!(world.accepted().await);
    assert_eq!(world.looks(), 3);
}

#[tokio::test]
async fn a_key_that_cannot_be_read_leaves_the_present_one_in_use() {
    let world = World::new().await;
    for wrong in [None, Some(b"{}".to_vec())] {
        world.store(wrong);
        world.turn(15 * MINUTE);
        assert!(world.accepted().await);
    }
    assert_eq!(world.looks(), 3);
    // Looked at again soon, not after the lifetime.
    world.turn(MINUTE);
    assert!(world.accepted().await);
    assert_eq!(world.looks(), 4);
}

/// APNs asks for patience: the token stays, and nothing is sent that could only be answered alike.
#[tokio::test]
async fn after_too_many_token_updates_nothing_is_sent_for_minutes() {
    let world = World::new().await;
    let too_many = |seconds| PushOutcome::Undelivered {
        retry_after: Some(Duration::from_secs(seconds)),
        cause: UndeliveredCause::TooManyProviderTokenUpdates,
    };
    let answer = Answer::refused(429, "TooManyProviderTokenUpdates");
    world.apple.answer_all(answer.clone());
    assert!(matches!(
        world.push().await,
        PushOutcome::Undelivered {
            cause: UndeliveredCause::TooManyProviderTokenUpdates,
            ..
        }
    ));
    assert_eq!(world.push().await, too_many(300));
    world.turn(4 * MINUTE);
    assert_eq!(world.push().await, too_many(60));
    assert_eq!(world.apple.received(), 1);
    world.turn(MINUTE);
    world.apple.answer_all(answer.retry_after("30"));
    assert_eq!(world.push().await, too_many(30));
    assert_eq!(world.apple.received(), 2);
    world.apple.answer_all(Answer::accepted());
    // The end of a pause is no time to come to for a clock that is set back.
    world.now.fetch_sub(10 * MINUTE, Ordering::SeqCst);
    assert!(world.accepted().await);
}
