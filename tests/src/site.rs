//! A running stack in a folder of its own, with a clock that can be turned.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apns_simulator::PushRecord;
use aws::dynamodb::Registry;
use aws::files::write_whole;
use aws::queues::{Queue, QueueFolder};
use aws_sdk_dynamodb::types::AttributeValue;
use edge::Platform;
use passes::ids::{DeviceKey, PassKey};
use passes::link::LinkSignature;
use passes::ports::{AdvanceDevices as _, ReadDevice as _, ReadRevision as _, WriteRevision as _};
use passes::problem::Problem;
use passes::revision::Revision;
use phone::{Phone, PhoneConfig};
use serde_json::{Value, json};
use stack::{Stack, StackConfig};
use tempfile::TempDir;

use crate::caller::Answer;
use crate::{Backend, Caller, Registrant, TestClock};

pub struct Site {
    pub stack: Stack,
    pub clock: TestClock,
    pub backend: Backend,
    pub caller: Caller,
    pub registry: Registry,
    dir: TempDir,
}

/// How long to wait for what must happen; only a machine that is very busy comes near it.
const PATIENCE: Duration = Duration::from_secs(20);

impl Site {
    /// A first start, with the demo's records published.
    pub async fn start() -> Self {
        Self::start_with([]).await
    }

    /// The same with these values of template.yaml's parameters.
    pub async fn start_with<const N: usize>(parameters: [(&str, &str); N]) -> Self {
        let parameters = BTreeMap::from(parameters.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let dir = tempfile::tempdir().expect("a temporary folder");
        Self::start_on(dir, TestClock::starting_now(), parameters).await
    }

    /// On what another one has left.
    pub async fn start_again((dir, clock): (TempDir, TestClock)) -> Self {
        Self::start_on(dir, clock, BTreeMap::new()).await
    }

    async fn start_on(dir: TempDir, clock: TestClock, parameters: BTreeMap<String, String>) -> Self {
        let config = StackConfig {
            clock: clock.wall_clock(),
            parameters,
            ..StackConfig::on_free_ports(dir.path())
        };
        let stack = Stack::start(config).await.expect("the stack starts");
        let endpoints = stack.endpoints().clone();
        let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
        let site = Self {
            stack,
            clock,
            backend: Backend {
                client: client.clone(),
                passes_table: endpoints.passes_table,
            },
            caller: Caller {
                client: reqwest::Client::builder()
                    .redirect(reqwest::redirect::Policy::none())
                    .build()
                    .expect("a client"),
                url: endpoints.web_service_url,
            },
            registry: Registry::new(client, endpoints.registry_table),
            dir,
        };
        site.published().await;
        site
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Ends the stack and leaves its folder, on which another one may start.
    pub async fn shut_down(self) -> (TempDir, TestClock) {
        self.stack.shutdown().await;
        (self.dir, self.clock)
    }

    /// Every change so far has been published.
    pub async fn published(&self) {
        tokio::time::timeout(PATIENCE, self.stack.published())
            .await
            .expect("all changes are published in time")
            .expect("the stream runs");
    }

    /// The queue that sweeps go through.
    pub fn sweep_queue(&self) -> Queue<QueueFolder> {
        let folder = stack::queue_folder(self.dir(), "SweepQueue");
        Queue::new(QueueFolder::new(folder, self.clock.wall_clock().as_fn()))
    }

    /// Uploads a bundle, whole at once: the site's own source may look at any time.
    pub fn upload(&self, template: &str, bundle: &[u8]) {
        let path = self.stack.folder().incoming_dir().join(format!("{template}.zip"));
        write_whole(&path, bundle).expect("uploaded");
    }

    /// Every draft and upload is published or refused, and its passes have followed.
    pub async fn followed(&self) {
        tokio::time::timeout(PATIENCE, self.stack.taken_in())
            .await
            .expect("uploads are taken in in time")
            .expect("uploads are watched");
        self.worked_off().await;
    }

    /// Every message that the queues could give out has been.
    pub async fn worked_off(&self) {
        tokio::time::timeout(PATIENCE, self.stack.worked_off())
            .await
            .expect("the queues are worked off in time")
            .expect("the queues run");
    }

    /// Writes a loyalty card with this balance and publishes it.
    pub async fn card(&self, serial: &str, balance: u32) -> PassKey {
        let record = json!({"template": "loyalty", "fields": {"balance": balance}});
        self.backend.put(crate::LOYALTY, serial, record).await;
        self.published().await;
        PassKey::parse(crate::LOYALTY, serial).expect("a pass key")
    }

    /// Changes a card's balance and publishes it.
    pub async fn set_balance(&self, serial: &str, balance: u32) {
        self.backend
            .set_field(crate::LOYALTY, serial, "balance", balance.into())
            .await;
        self.published().await;
    }

    pub async fn revision(&self, key: &PassKey) -> Revision {
        self.registry
            .revision(key)
            .await
            .expect("the registry answers")
            .expect("the pass is published")
    }

    /// The device as the Registry has it.
    pub async fn device(&self, who: &Registrant) -> Option<passes::device::Device> {
        let key = DeviceKey {
            device: who.device.parse().expect("a device id"),
            pass_type: who.pass_type.parse().expect("a pass type"),
        };
        self.registry.device(&key).await.expect("the registry answers")
    }

    /// A device that could hold this published pass; nothing is registered yet.
    pub async fn registrant(&self, device: &str, pass_type: &str, serial: &str) -> Registrant {
        let key = PassKey::parse(pass_type, serial).expect("a pass key");
        let token = self.revision(&key).await.token.expose().to_owned();
        Registrant {
            device: device.to_owned(),
            pass_type: pass_type.to_owned(),
            serial: serial.to_owned(),
            token,
            // Hex, and different for each device.
            push_token: device.bytes().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// A device that has registered this pass and listed it once, as Wallet does at once; with its
    /// tag. Nothing is outstanding: the next change is pushed.
    pub async fn installed(&self, device: &str, pass_type: &str, serial: &str) -> (Registrant, String) {
        let who = self.registrant(device, pass_type, serial).await;
        assert_eq!(self.caller.register(&who).await.status, 201);
        let list = self.caller.list(&who, None).await;
        assert_eq!(list.status, 200);
        (who, list.tag())
    }

    /// Serials that the device holds, as the Registry has them.
    pub async fn held_by(&self, who: &Registrant) -> Vec<String> {
        let device = self.device(who).await;
        device.map_or(Vec::new(), |device| {
            device.serials.keys().map(ToString::to_string).collect()
        })
    }

    /// The devices that are registered for a pass, as the Registry has them.
    pub async fn holders_of(&self, key: &PassKey) -> Vec<String> {
        let page = self.registry.devices_with(key, None, 100).await;
        let devices = page.expect("the registry answers").devices;
        devices.iter().map(|device| device.as_str().to_owned()).collect()
    }

    /// The partition keys of all passes that have a revision, in no order.
    pub async fn revisions(&self) -> Vec<String> {
        let revisions = self.scan("REVISION", ["PK"]).await;
        revisions.into_iter().map(|[key]| key).collect()
    }

    /// Partition key, kind and sentence of all problems, found as docs/table.md says.
    pub async fn problems(&self) -> Vec<[String; 3]> {
        self.scan("PROBLEM", ["PK", "kind", "sentence"]).await
    }

    /// Texts of all items of the Registry with this sort key, in no order.
    async fn scan<const N: usize>(&self, sort_key: &str, attributes: [&str; N]) -> Vec<[String; N]> {
        let mut pages = self
            .backend
            .client
            .scan()
            .table_name(&self.stack.endpoints().registry_table)
            .filter_expression("SK = :wanted")
            .expression_attribute_values(":wanted", AttributeValue::S(sort_key.into()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.expect("the registry answers");
            found.push(attributes.map(|name| item[name].as_s().expect("a text").clone()));
        }
        found
    }

    /// Why the pass's record cannot be published.
    pub async fn problem(&self, key: &PassKey) -> Option<Problem> {
        self.registry.lock(key).await.expect("the registry answers").problem
    }

    /// pass.json of a package that Wallet would take.
    pub fn opened(&self, answer: &Answer) -> Value {
        let pem = std::fs::read(&self.stack.endpoints().root_certificate).expect("the root certificate");
        let root = pkpass::root_from_pem(&pem).expect("a PEM certificate");
        let opened = pkpass::verify(&answer.body, &root, self.clock.now().system_time());
        opened.expect("a package that Wallet takes").pass
    }

    /// What this site's functions stand on, for one that is made with variables of its own.
    pub fn platform(&self) -> Platform {
        Platform {
            dynamodb: self.backend.client.clone(),
            clock: self.clock.wall_clock(),
        }
    }

    /// A simulated phone that trusts this site and goes by its clock.
    pub fn phone(&self) -> Phone {
        self.phone_with(|_| {})
    }

    /// The same, set up otherwise.
    pub fn phone_with(&self, set_up: impl FnOnce(&mut PhoneConfig)) -> Phone {
        let pem = std::fs::read(&self.stack.endpoints().root_certificate).expect("the root certificate");
        let mut config = PhoneConfig::new(pkpass::root_from_pem(&pem).expect("a PEM certificate"));
        config.clock = self.clock.system_time();
        config.retry_pauses = Vec::new();
        set_up(&mut config);
        Phone::new(config).expect("a phone")
    }

    /// A download link that holds for an hour.
    pub fn link(&self, key: &PassKey) -> String {
        let signature = self.link_signature(key, self.clock.now().seconds() + 3600);
        format!("{}{}", self.caller.url, signature.path_and_query(key))
    }

    /// The signed part of a link that expires at this second.
    pub fn link_signature(&self, key: &PassKey, expires_at: u64) -> LinkSignature {
        let json = std::fs::read(self.stack.folder().link_keys()).expect("the link keys");
        let keys = aws::secrets::parse_key_ring(&json).expect("a key ring");
        LinkSignature::sign(keys.current(), key, expires_at)
    }

    /// Pushes to one token, accepted or not, in order.
    pub fn pushes_to(&self, push_token: &str) -> Vec<PushRecord> {
        let mut pushes = self.stack.simulator().pushes();
        pushes.retain(|push| push.device_token == push_token);
        pushes
    }

    /// Runs the schedule now.
    pub async fn push_due_devices(&self) -> serde_json::Value {
        self.stack.push_due_devices().await.expect("the schedule runs")
    }

    /// Seconds of the machine, which stream records and the operating system go by.
    pub fn machine_seconds() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }
}
