//! Certificate and key are rotated without a deploy and without a failure in between.

use std::cell::RefCell;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Once};

use aws::secrets::{ReadSecret, SecretStore, Secrets};
use passes::ports::{IdentityFault, ReadIdentities as _, ReadTokenKeys as _, StoreError, StoreResult};
use passes::time::Timestamp;

use crate::authority::{APPLE, NOW, PASS_TYPE, TEAM};
use crate::places::SecretPlace;

const MINUTE: u64 = 60_000;

/// A store that can be taken away, and that counts.
#[derive(Clone)]
struct Faltering {
    store: SecretStore,
    away: Arc<AtomicBool>,
    reads: Arc<AtomicU32>,
}

impl ReadSecret for Faltering {
    async fn secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        match self.away.load(Ordering::SeqCst) {
            true => Err(StoreError::Throttled {
                call: "read-secret",
                source: "scripted".into(),
            }),
            false => self.store.secret(name).await,
        }
    }
}

struct World {
    place: SecretPlace,
    secrets: Secrets<Faltering>,
    store: Faltering,
    now: Arc<AtomicU64>,
}

impl World {
    /// With the first of two identities.
    async fn over(place: SecretPlace) -> Self {
        let now = Arc::new(AtomicU64::new(NOW.millis()));
        let clock = now.clone();
        let store = Faltering {
            store: place.store.clone(),
            away: Arc::default(),
            reads: Arc::default(),
        };
        let clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
        let world = Self {
            secrets: Secrets::new(store.clone(), clock),
            place,
            store,
            now,
        };
        world.store_certificate(&APPLE.certificate_pem(0)).await;
        world.store_key(0).await;
        world
    }

    async fn store_certificate(&self, pem: &str) {
        self.place
            .put_text(&format!("pass-types/{PASS_TYPE}/certificate.pem"), pem)
            .await;
    }

    async fn store_key(&self, number: usize) {
        let name = format!("pass-types/{PASS_TYPE}/key.pem");
        self.place.put_text(&name, &APPLE.key_pem(number)).await;
    }

    fn turn(&self, millis: u64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    /// Signs a pass as Wallet would take it; returns which identity signed.
    async fn sign(&self) -> Result<usize, String> {
        let now = Timestamp::from_millis(self.now.load(Ordering::SeqCst));
        let identity = match self.secrets.identity(&PASS_TYPE.parse().unwrap(), now).await {
            Ok(identity) => identity,
            Err(IdentityFault::Unusable(sentence)) => return Err(sentence),
            Err(IdentityFault::Store(error)) => return Err(error.to_string()),
        };
        let package = template()
            .package(&pass_json(), &[], &identity, now.system_time())
            .map_err(|error| error.to_string())?;
        let root = pkpass::root_from_pem(APPLE.root_pem().as_bytes()).unwrap();
        let opened = pkpass::verify(&package, &root, now.system_time()).expect("a package that Wallet takes");
        let key = |number| pkpass::LocalKey::from_pem(APPLE.key_pem(number).as_bytes()).unwrap();
        let certificate = Arc::new(opened.certificate);
        let signed_by = (0..2).find(|number| pkpass::Identity::new(certificate.clone(), key(*number)).is_ok());
        Ok(signed_by.expect("one of the two identities"))
    }

    async fn signs_with(&self, number: usize) {
        assert_eq!(self.sign().await, Ok(number));
    }
}

fn template() -> pkpass::Template {
    let mut icon = Vec::new();
    let mut encoder = png::Encoder::new(&mut icon, 29, 29);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[1; 29 * 29]).unwrap();
    writer.finish().unwrap();
    let skeleton = br#"{"formatVersion":1,"description":"Card","organizationName":"Example","storeCard":{}}"#;
    let files = [
        ("pass.json".to_owned(), skeleton.to_vec()),
        ("icon.png".to_owned(), icon),
    ];
    pkpass::Template::from_files(files.into()).unwrap()
}

fn pass_json() -> Vec<u8> {
    format!(
        r#"{{"authenticationToken":"0123456789abcdef","description":"Card","formatVersion":1,"organizationName":"Example","passTypeIdentifier":"{PASS_TYPE}","serialNumber":"1","storeCard":{{}},"teamIdentifier":"{TEAM}","webServiceURL":"https://passes.example.com"}}"#
    )
    .into_bytes()
}

/// Half an hour lies between storing the two.
async fn rotates(place: Option<SecretPlace>, certificate_first: bool) {
    let Some(place) = place else { return };
    let world = World::over(place).await;
    world.signs_with(0).await;
    world.turn(5 * MINUTE);
    match certificate_first {
        true => world.store_certificate(&APPLE.certificate_pem(1)).await,
        false => world.store_key(1).await,
    }
    for _ in 0..10 {
        world.turn(3 * MINUTE);
        world.signs_with(0).await;
    }
    match certificate_first {
        true => world.store_key(1).await,
        false => world.store_certificate(&APPLE.certificate_pem(1)).await,
    }
    // No longer than the lifetime; here the last look has failed, so a minute is enough.
    world.turn(MINUTE);
    world.signs_with(1).await;
    world.turn(16 * MINUTE);
    world.signs_with(1).await;
}

#[tokio::test]
async fn a_folder_rotates_certificate_first() {
    rotates(SecretPlace::folder().await, true).await;
}

#[tokio::test]
async fn a_folder_rotates_key_first() {
    rotates(SecretPlace::folder().await, false).await;
}

#[tokio::test]
async fn secrets_manager_rotates_certificate_first() {
    rotates(SecretPlace::secrets_manager().await, true).await;
}

#[tokio::test]
async fn secrets_manager_rotates_key_first() {
    rotates(SecretPlace::secrets_manager().await, false).await;
}

#[tokio::test]
async fn a_function_that_starts_amid_a_rotation_finds_a_key_that_fits() {
    let world = folder().await;
    let name = format!("pass-types/{PASS_TYPE}/key.pem");
    let both = APPLE.key_pem(1) + &APPLE.key_pem(0);
    // As `livepass secret put pass-type` goes about it; each step is met by a cold start.
    let starts = async |signs: usize| {
        let started = World {
            secrets: Secrets::new(world.store.clone(), {
                let now = world.now.clone();
                Arc::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
            }),
            place: SecretPlace::folder().await.unwrap(),
            store: world.store.clone(),
            now: world.now.clone(),
        };
        started.signs_with(signs).await;
    };
    world.place.put_text(&name, &both).await;
    starts(0).await;
    world.store_certificate(&APPLE.certificate_pem(1)).await;
    starts(1).await;
    world.store_key(1).await;
    starts(1).await;
}

async fn folder() -> World {
    World::over(SecretPlace::folder().await.unwrap()).await
}

#[tokio::test]
async fn a_rotation_that_is_never_finished_is_refused_after_an_hour_and_mended_at_once() {
    let world = folder().await;
    world.signs_with(0).await;
    world.store_certificate(&APPLE.certificate_pem(1)).await;
    world.turn(60 * MINUTE - 1);
    world.signs_with(0).await;
    world.turn(1);
    let sentence = world.sign().await.unwrap_err();
    assert!(
        sentence.contains("the private key does not belong to the certificate"),
        "{sentence}"
    );
    world.store_key(1).await;
    world.signs_with(1).await;
}

#[tokio::test]
async fn an_earlier_identity_that_lapses_is_refused() {
    let world = folder().await;
    let (new_year, hour) = (1_798_761_600_000, 60 * MINUTE);
    let ending = APPLE.leaf_pem(0, PASS_TYPE, TEAM, (2026, 2027)) + &APPLE.intermediate_pem();
    world.store_certificate(&ending).await;
    world.now.store(new_year - hour / 4, Ordering::SeqCst);
    world.signs_with(0).await;
    world.store_key(1).await;
    world.turn(hour / 4);
    world.signs_with(0).await;
    world.turn(2_000);
    let sentence = world.sign().await.unwrap_err();
    assert!(sentence.contains("expired at 2027-01-01T00:00:00Z"), "{sentence}");
}

#[tokio::test]
async fn what_is_wrong_in_another_way_is_refused_at_once() {
    let world = folder().await;
    world.signs_with(0).await;
    world.store_certificate("nonsense").await;
    world.turn(15 * MINUTE);
    let sentence = world.sign().await.unwrap_err();
    assert!(sentence.contains("there is no certificate in the file"), "{sentence}");
    world.store_certificate(&APPLE.certificate_pem(0)).await;
    world.signs_with(0).await;
}

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log of the thread that writes it.
struct OwnThread;

impl Write for OwnThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What this thread logs from now on. One subscriber for the whole process: with one of its own,
/// a test that meets a warning first on another thread would turn it off for all.
fn own_log() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| tracing_subscriber::fmt().with_writer(|| OwnThread).init());
    LOG.with_borrow_mut(Vec::clear);
}

#[tokio::test]
async fn a_store_that_falters_is_looked_at_once_a_minute_and_warned_of_at_each_look() {
    own_log();
    let world = folder().await;
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let ring = format!(r#"{{"current":"a","keys":{{"a":"{key}"}}}}"#);
    world.place.put_text("token-keys.json", &ring).await;
    world.signs_with(0).await;
    world.secrets.token_keys().await.unwrap();
    let healthy = world.store.reads.load(Ordering::SeqCst);
    assert_eq!(healthy, 3, "certificate, key, ring");

    world.store.away.store(true, Ordering::SeqCst);
    world.turn(15 * MINUTE);
    for _ in 0..5 {
        world.signs_with(0).await;
        world.secrets.token_keys().await.unwrap();
        world.turn(MINUTE / 5);
    }
    assert_eq!(world.store.reads.load(Ordering::SeqCst) - healthy, 2, "one look each");
    let log = LOG.with_borrow(|log| String::from_utf8(log.clone()).unwrap());
    assert_eq!(log.matches("WARN").count(), 2, "{log}");
    assert!(
        log.contains("a secret cannot be renewed; the earlier one stays in use"),
        "{log}"
    );

    world.turn(44 * MINUTE);
    assert_eq!(world.sign().await.unwrap_err(), "read-secret: throttled");
    assert!(world.secrets.token_keys().await.is_err());
    world.store.away.store(false, Ordering::SeqCst);
    world.signs_with(0).await;
    world.secrets.token_keys().await.unwrap();
}
