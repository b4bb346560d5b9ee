//! The domain over the real adapters and the real engine, without HTTP or streams: a test says
//! which step runs when.

mod doubles;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws::Material;
use aws::dynamodb::{Client, Registry, Sources};
use aws::files::{Assets, Folder, Templates};
use aws::secrets::Secrets;
use aws_sdk_dynamodb::types::AttributeValue;
use cloud::Template;
use dynoxide::Database;
use edge::WallClock;
use passes::device::Device;
use passes::due::{DueOutcome, push_if_due};
use passes::fan_out::{FurtherPages, Pushing};
use passes::ids::{DeviceKey, PassKey, Registration, SerialNumber};
use passes::list::{ListOutcome, list};
use passes::pace::Pace;
use passes::pages::{PageReport, Pages};
use passes::ports::{ReadDevice as _, ReadRevision as _, StoreResult};
use passes::publish::{PublishOutcome, PublishReport, Publisher};
use passes::register::{RegisterOutcome, RegistrationLimits, UnregisterOutcome, register, unregister};
use passes::revision::Revision;
use passes::settle::Breaker;
use passes::sweep::{Sweep, SweepPage, SweepPass, SweepReport, Swept};
use passes::tag::UpdateTag;
use passes::work::{Hint, NextPage};
use serde_json::json;
use tap::Tap;
use tempfile::TempDir;

use crate::{Backend, LOYALTY, TestClock};
pub use doubles::{PageQueue, Pushes};

const PASSES: &str = "Passes";
pub const REGISTRY: &str = "Registry";

/// Cheap to clone; clones share tables, clock and pushes, but each chooses its way to the engine.
#[derive(Clone)]
pub struct Workbench {
    /// In front of [`Workbench::tapped`]'s calls.
    pub tap: Tap,
    pub clock: TestClock,
    pub backend: Backend,
    pub pushes: Pushes,
    pub queue: PageQueue,
    pub registry: Registry,
    doubted: Arc<Mutex<u32>>,
    /// As the parameters say; a test lowers them.
    pub deletions_per_hour: u64,
    pub devices_per_pass: u64,
    pub sources: Sources,
    material: Arc<Material<Folder, Folder>>,
}

/// Passes of a sweep are published as any others; none of them is ever handed over.
impl SweepPass for Workbench {
    async fn sweep_pass(&self, key: &PassKey) -> Swept {
        match self.publish_key(key).await.map(|report| report.outcome) {
            Ok(PublishOutcome::Refused { .. }) => Swept::Refused,
            Ok(_) => Swept::Followed,
            Err(_) => Swept::NotDone,
        }
    }
}

/// Identities and templates, made once for all tests of a process.
fn seeded() -> &'static (TempDir, seed::Folder) {
    static FOLDER: OnceLock<(TempDir, seed::Folder)> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = seed::Folder::open_or_create(dir.path(), &seed::demo()).expect("a seeded folder");
        (dir, folder)
    })
}

fn material(clock: &WallClock) -> Material<Folder, Folder> {
    let folder = &seeded().1;
    let files = |path: &Path| Folder::new(path);
    Material {
        templates: Templates::new(files(&folder.templates_dir())),
        assets: Assets::new(files(&folder.dir().join("assets"))),
        secrets: Secrets::new(files(&folder.secrets_dir()), clock.as_fn()),
    }
}

impl Workbench {
    /// Empty tables with the templates published.
    pub async fn start() -> Self {
        let database = Database::memory().expect("an engine");
        let template = Template::parse(include_str!("../../template.yaml")).expect("template.yaml");
        for table in template.tables().values() {
            table.create_in(&database).expect("a table");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let client = stack::dynamodb_client(&upstream).await;
        let clock = TestClock::starting_now();
        let bench = Self {
            tap: Tap::recording(),
            backend: Backend {
                client: client.clone(),
                passes_table: PASSES.into(),
            },
            pushes: Pushes::default(),
            queue: PageQueue::default(),
            doubted: Arc::default(),
            registry: Registry::new(client.clone(), REGISTRY),
            deletions_per_hour: 1000,
            devices_per_pass: 100_000,
            sources: Sources::new(client, PASSES, REGISTRY),
            material: Arc::new(material(&clock.wall_clock())),
            clock,
        };
        for (id, version) in seeded().1.template_versions() {
            bench.point_template(id, version, 1).await;
        }
        bench
    }

    /// The same tables through the tap.
    pub async fn tapped(&self) -> Self {
        let client = self.tap.client(self.client());
        Self {
            registry: Registry::new(client.clone(), REGISTRY),
            sources: Sources::new(client, PASSES, REGISTRY),
            ..self.clone()
        }
    }

    pub fn client(&self) -> &Client {
        &self.backend.client
    }

    pub async fn point_template(&self, id: &str, version: &str, seq: u64) {
        self.client()
            .put_item()
            .table_name(REGISTRY)
            .item("PK", AttributeValue::S(format!("TEMPLATE#{id}")))
            .item("SK", AttributeValue::S("TEMPLATE".into()))
            .item("version", AttributeValue::S(version.into()))
            .item("seq", AttributeValue::N(seq.to_string()))
            .send()
            .await
            .expect("the pointer is written");
    }

    // ---- what backends and publishers do

    pub async fn write_balance(&self, serial: &str, balance: u32) {
        let record = json!({"template": "loyalty", "fields": {"balance": balance}});
        self.backend.put(LOYALTY, serial, record).await;
    }

    /// Publishes one pass, pushing at once.
    pub async fn publish(&self, serial: &str) -> StoreResult<PublishReport> {
        self.publish_key(&key(serial)).await
    }

    /// As somebody asks for it by hand.
    pub async fn publish_explicitly(&self, serial: &str) -> StoreResult<PublishReport> {
        self.publish_by(&key(serial), Hint::EXPLICIT).await
    }

    /// As `livepass publish --after-restore` asks for it.
    pub async fn publish_after_restore(&self, serial: &str, restored_at: u64) -> StoreResult<PublishReport> {
        let hint = Hint {
            restored_at: Some(restored_at),
            ..Hint::EXPLICIT
        };
        self.publish_by(&key(serial), hint).await
    }

    pub async fn publish_key(&self, key: &PassKey) -> StoreResult<PublishReport> {
        self.publish_by(key, Hint::default()).await
    }

    async fn publish_by(&self, key: &PassKey, hint: Hint) -> StoreResult<PublishReport> {
        let breaker = Breaker::default();
        let report = self.publish_in_batch(key, hint, &breaker).await;
        self.conclude(&breaker).await?;
        report
    }

    /// One of several passes that are published in one batch.
    pub async fn publish_in_batch(&self, key: &PassKey, hint: Hint, breaker: &Breaker) -> StoreResult<PublishReport> {
        let clock = self.clock.wall_clock();
        let publisher = Publisher {
            sources: &self.sources,
            store: &self.registry,
            material: &*self.material,
            pushing: Pushing::Now(&self.pushes, breaker),
            further_pages: FurtherPages::Sent(&self.queue),
            clock: &clock,
            web_service_url: "http://127.0.0.1:8080",
            deletions_per_hour: self.deletions_per_hour,
        };
        publisher.publish(key, hint).await
    }

    /// As the function does at a batch's end.
    pub async fn conclude(&self, breaker: &Breaker) -> StoreResult<()> {
        let conclusion = breaker.conclude(&self.registry, self.clock.now()).await;
        *self.doubted.lock().unwrap() = conclusion.doubted;
        conclusion.fault.map_or(Ok(()), Err)
    }

    /// Devices that kept their lease in the last batch because most were refused.
    pub fn doubted(&self) -> u32 {
        *self.doubted.lock().unwrap()
    }

    /// Takes a page up as push-devices does, without ever running out of time.
    pub async fn take_up(&self, page: &NextPage) -> StoreResult<PageReport> {
        self.take_up_until(page, || false).await
    }

    pub async fn take_up_until(
        &self,
        page: &NextPage,
        time_is_up: impl Fn() -> bool + Sync,
    ) -> StoreResult<PageReport> {
        let breaker = &Breaker::default();
        let pages = Pages {
            store: &self.registry,
            pushing: Pushing::Now(&self.pushes, breaker),
            queue: &self.queue,
            pace: &Pace::per_second(100_000),
            clock: &self.clock.wall_clock(),
        };
        let report = pages.take_up(page, time_is_up).await;
        self.conclude(breaker).await?;
        report
    }

    /// Takes a page of a sweep up as publish-changes does.
    pub async fn sweep(&self, page: &SweepPage, time_is_up: impl Fn() -> bool + Sync) -> StoreResult<SweepReport> {
        let sweep = Sweep {
            store: &self.registry,
            records: &self.sources,
            queue: &self.queue,
        };
        sweep.sweep_page(page, self, time_is_up).await
    }

    /// Takes up what was handed on until nothing is left.
    pub async fn sweep_all(&self) {
        loop {
            let pages = self.queue.take_sweeps();
            if pages.is_empty() {
                return;
            }
            for page in pages {
                self.sweep(&page, || false).await.expect("swept");
            }
        }
    }

    /// A card with this balance, published.
    pub async fn card(&self, serial: &str, balance: u32) {
        self.write_balance(serial, balance).await;
        self.publish(serial).await.expect("published");
    }

    pub async fn revision(&self, serial: &str) -> Revision {
        let revision = self.registry.revision(&key(serial)).await;
        revision.expect("the registry answers").expect("a revision")
    }

    /// The balance that the published pass shows.
    pub async fn published_balance(&self, serial: &str) -> u64 {
        let revision = self.revision(serial).await;
        let pass: serde_json::Value = serde_json::from_slice(&revision.pass_json).expect("pass.json");
        let balance = &pass["storeCard"]["primaryFields"][0];
        assert_eq!(balance["key"], "balance");
        balance["value"].as_u64().expect("a number")
    }

    /// One file of the package that is served for a published pass.
    pub async fn package_file(&self, serial: &str, name: &str) -> Option<Vec<u8>> {
        let revision = self.revision(serial).await;
        let now = self.clock.now();
        let package = passes::send::package(&*self.material, &key(serial), &revision, now)
            .await
            .expect("a package");
        let root = std::fs::read(seeded().1.root_certificate()).expect("the root certificate");
        let root = pkpass::root_from_pem(&root).expect("a PEM certificate");
        let mut opened = pkpass::verify(&package, &root, now.system_time()).expect("Wallet takes it");
        opened.files.remove(name)
    }

    /// Where `{id}/{version}.zip` lie; shared by all workbenches of a process.
    pub fn templates_dir(&self) -> PathBuf {
        seeded().1.templates_dir()
    }

    /// Where images of single passes lie; shared by all workbenches of a process.
    pub fn assets_dir(&self) -> PathBuf {
        seeded().1.dir().join("assets")
    }

    // ---- what devices do

    pub async fn register(&self, device: &str, serial: &str, push_token: &str) -> RegisterOutcome {
        self.try_register(device, serial, push_token).await.expect("registered")
    }

    pub async fn try_register(&self, device: &str, serial: &str, push_token: &str) -> StoreResult<RegisterOutcome> {
        let token = self.revision(serial).await.token;
        register(
            &self.registry,
            &self.clock.wall_clock(),
            &registration(device, serial),
            &token,
            &push_token.parse().expect("hex"),
            RegistrationLimits {
                serials_per_device: 1000,
                devices_per_pass: self.devices_per_pass,
            },
        )
        .await
    }

    pub async fn unregister(&self, device: &str, serial: &str) -> UnregisterOutcome {
        let token = self.revision(serial).await.token;
        let clock = self.clock.wall_clock();
        let device = device_key(device).device;
        unregister(&self.registry, &clock, &key(serial), Some(device), &token)
            .await
            .expect("unregistered")
    }

    /// The list call: serials and tag, or nothing.
    pub async fn list(&self, device: &str, since: Option<u64>) -> Option<(Vec<String>, u64)> {
        let clock = self.clock.wall_clock();
        let since = since.map(UpdateTag::new);
        match list(&self.registry, &clock, &device_key(device), since)
            .await
            .expect("listed")
        {
            ListOutcome::NothingNew => None,
            ListOutcome::Changed { serials, tag } => {
                Some((serials.iter().map(ToString::to_string).collect(), tag.value()))
            }
        }
    }

    pub async fn device(&self, device: &str) -> Option<Device> {
        self.registry
            .device(&device_key(device))
            .await
            .expect("the registry answers")
    }

    pub async fn push_if_due(&self, device: &str) -> DueOutcome {
        let clock = self.clock.wall_clock();
        let breaker = Breaker::default();
        let outcome = push_if_due(&self.registry, &self.pushes, &clock, &device_key(device), &breaker).await;
        let conclusion = breaker.conclude(&self.registry, self.clock.now()).await;
        assert!(
            conclusion.fault.is_none() && conclusion.doubted == 0,
            "one device is no environment"
        );
        outcome.expect("pushed")
    }

    /// A raw item of the Registry.
    pub async fn item(&self, pk: &str, sk: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
        self.client()
            .get_item()
            .table_name(REGISTRY)
            .key("PK", AttributeValue::S(pk.into()))
            .key("SK", AttributeValue::S(sk.into()))
            .send()
            .await
            .expect("the registry answers")
            .item
    }

    /// As an operator with a console would.
    pub async fn delete_item(&self, pk: &str, sk: &str) {
        self.client()
            .delete_item()
            .table_name(REGISTRY)
            .key("PK", AttributeValue::S(pk.into()))
            .key("SK", AttributeValue::S(sk.into()))
            .send()
            .await
            .expect("the item is deleted");
    }

    /// Whether the Registry holds the registration of this pass on this device.
    pub async fn is_registered(&self, device: &str, serial: &str) -> bool {
        let pk = format!("PASS#{LOYALTY}#{serial}");
        self.item(&pk, &format!("DEVICE#{device}")).await.is_some()
    }

    /// Turns the clock by whole seconds.
    pub fn turn(&self, seconds: u64) {
        self.clock.turn(Duration::from_secs(seconds));
    }
}

/// A loyalty card's key.
pub fn key(serial: &str) -> PassKey {
    PassKey::parse(LOYALTY, serial).expect("a pass key")
}

pub fn serial(serial: &str) -> SerialNumber {
    serial.parse().expect("a serial")
}

pub fn device_key(device: &str) -> DeviceKey {
    DeviceKey {
        device: device.parse().expect("a device id"),
        pass_type: LOYALTY.parse().expect("a pass type"),
    }
}

pub fn registration(device: &str, serial: &str) -> Registration {
    device_key(device).registration(&serial.parse().expect("a serial"))
}
