//! What all functions stand on, and the adapters that several of them wire.

use apns::{Apns, ApnsConfig};
use aws::dynamodb::{Client, Registry, Sources};
use aws::files::{Assets, FileStore, Folder, Templates, Uploads};
use aws::queues::{Queue, QueueFolder, QueueStore};
use aws::secrets::{SecretStore, Secrets};
use aws::{Connections, Material};
use passes::pace::Pace;
use passes::time::Clock as _;

use crate::apns::RotatingApns;
use crate::clock::WallClock;
use crate::environment::Environment;
use crate::http::chain;

/// Connections and clock, given to every function at its start.
///
/// The clients of S3, Secrets Manager and SQS are [`Connections::of_process`]'s: made at the first call,
/// and not at all by a function that makes none.
#[derive(Debug, Clone)]
pub struct Platform {
    pub dynamodb: Client,
    pub clock: WallClock,
}

/// Templates, assets and secrets from where the environment says: S3 and Secrets Manager, or
/// folders, e.g. of a Lambda layer.
pub type StoredMaterial = Material<FileStore, SecretStore>;

/// SQS, or a folder of the local stack.
pub type WorkQueue = Queue<QueueStore>;

/// Workers that push at a pace at the same time, at most: the two instances that the event sources of
/// PushQueue and SweepQueue each have (the smallest `MaximumConcurrency`), and the schedule's.
const PUSHING_WORKERS: u32 = 5;

/// As in template.yaml.
const PUSHES_PER_SECOND: u32 = 500;
const DELETIONS_PER_HOUR: u64 = 1000;

impl Platform {
    /// Connects as the process's environment says.
    pub async fn connect() -> Self {
        Self {
            dynamodb: aws::dynamodb::connect(aws::from_environment()).await,
            clock: WallClock::system(),
        }
    }

    /// `REGISTRY_TABLE`.
    pub fn registry(&self, environment: &mut Environment) -> Registry {
        Registry::new(self.dynamodb.clone(), environment.text("REGISTRY_TABLE"))
    }

    /// `PASSES_TABLE` and `REGISTRY_TABLE`.
    pub fn sources(&self, environment: &mut Environment) -> Sources {
        Sources::new(
            self.dynamodb.clone(),
            environment.text("PASSES_TABLE"),
            environment.text("REGISTRY_TABLE"),
        )
    }

    /// `TEMPLATES_URL`, `ASSETS_URL` (`s3://bucket[/prefix]` or `file:///path`) and `SECRETS_URL`.
    pub fn material(&self, environment: &mut Environment) -> StoredMaterial {
        Material {
            templates: Templates::new(files(environment, "TEMPLATES_URL")),
            assets: Assets::new(files(environment, "ASSETS_URL")),
            secrets: self.secrets(environment),
        }
    }

    /// `SECRETS_URL`: `secretsmanager://prefix` or `file:///path`.
    pub fn secrets(&self, environment: &mut Environment) -> Secrets<SecretStore> {
        let store = place(environment, "SECRETS_URL", |url| {
            SecretStore::from_url(url, &Connections::of_process())
        });
        Secrets::new(
            store.unwrap_or_else(|| SecretStore::Folder(nowhere())),
            self.clock.as_fn(),
        )
    }

    /// `PUBLISH_QUEUE_URL`: keys to publish. An SQS queue's `https://` URL, or `file:///path`.
    pub fn publish_queue(&self, environment: &mut Environment) -> WorkQueue {
        self.queue(environment, "PUBLISH_QUEUE_URL")
    }

    /// `PUSH_QUEUE_URL`: pages of large fan-outs. An SQS queue's `https://` URL, or `file:///path`.
    pub fn push_queue(&self, environment: &mut Environment) -> WorkQueue {
        self.queue(environment, "PUSH_QUEUE_URL")
    }

    /// `SWEEP_QUEUE_URL`: pages of sweeps. An SQS queue's `https://` URL, or `file:///path`.
    pub fn sweep_queue(&self, environment: &mut Environment) -> WorkQueue {
        self.queue(environment, "SWEEP_QUEUE_URL")
    }

    /// `INCOMING_URL`, where bundles are uploaded, and `TEMPLATES_URL`, where published versions are stored.
    pub fn uploads(&self, environment: &mut Environment) -> Uploads<FileStore> {
        Uploads::new(files(environment, "INCOMING_URL"), files(environment, "TEMPLATES_URL"))
    }

    fn queue(&self, environment: &mut Environment, name: &str) -> WorkQueue {
        let store = place(environment, name, |url| {
            QueueStore::from_url(url, &Connections::of_process(), self.clock.as_fn())
        });
        // Never sent to: `finish` fails.
        let nowhere = || QueueStore::Folder(QueueFolder::new("", self.clock.as_fn()));
        Queue::new(store.unwrap_or_else(nowhere))
    }

    /// `PUSHES_PER_SECOND` is for the stack; this is one worker's share of it.
    pub fn pace(&self, environment: &mut Environment) -> Pace {
        let wanted = "a whole number of pushes a second, 5 or more";
        let all: u32 = environment.parsed("PUSHES_PER_SECOND", PUSHES_PER_SECOND, wanted);
        if all < PUSHING_WORKERS {
            environment.fault("PUSHES_PER_SECOND", &format!("must be {wanted}"));
        }
        Pace::per_second(all / PUSHING_WORKERS)
    }

    /// `HOLD_PUSHES`: nobody is pushed for now. Everything else goes on, and leases keep what is due.
    pub fn holds_pushes(&self, environment: &mut Environment) -> bool {
        environment.parsed("HOLD_PUSHES", false, "true or false")
    }

    /// `DELETIONS_PER_HOUR`: passes that may lose their record within an hour before further ones are
    /// held.
    pub fn deletions_per_hour(&self, environment: &mut Environment) -> u64 {
        let wanted = "a number of deletions, such as 1000";
        environment.parsed("DELETIONS_PER_HOUR", DELETIONS_PER_HOUR, wanted)
    }

    /// `WEB_SERVICE_URL`, as it is baked into every pass.
    pub fn web_service_url(&self, environment: &mut Environment) -> String {
        let url = environment.text("WEB_SERVICE_URL");
        if !url.is_empty()
            && let Err(reason) = pkpass::pass_json::check_web_service_url(&url)
        {
            environment.fault("WEB_SERVICE_URL", reason);
        }
        url
    }

    /// `SECRETS_URL`, `APNS_URL` (Apple's by default) and `APNS_ROOT_CERTIFICATE` (a PEM file, for
    /// an APNs behind a private root). Signs the first provider token, so that no push waits for it.
    /// `None` where one is wrong, in which case [`Environment::finish`] fails.
    pub async fn apns(&self, environment: &mut Environment) -> Option<RotatingApns> {
        let secrets = self.secrets(environment);
        environment.optional("SECRETS_URL")?;
        let mut config = ApnsConfig::default();
        if let Some(url) = environment.optional("APNS_URL") {
            config.url = url;
        }
        if let Some(path) = environment.optional("APNS_ROOT_CERTIFICATE") {
            match std::fs::read(&path) {
                Ok(pem) => config.root_certificate_pem = Some(pem),
                Err(error) => environment.fault("APNS_ROOT_CERTIFICATE", &format!("{path}: {error}")),
            }
        }
        let clock = self.clock.clone();
        let mut refused = None;
        let started = RotatingApns::start(secrets, self.clock.clone(), |key| {
            Apns::new(config, key, move || clock.now().system_time()).map_err(|error| {
                let reason = chain(&error);
                refused = Some("APNS_URL");
                reason
            })
        })
        .await;
        match started {
            Ok(apns) => Some(apns),
            Err(reason) => {
                environment.fault(refused.unwrap_or("SECRETS_URL"), &reason);
                None
            }
        }
    }
}

fn files(environment: &mut Environment, name: &str) -> FileStore {
    let store = place(environment, name, |url| {
        FileStore::from_url(url, &Connections::of_process())
    });
    store.unwrap_or_else(|| FileStore::Folder(nowhere()))
}

/// What the URL in a variable names; a wrong one is noted with the forms that are allowed.
fn place<T, E: std::error::Error>(
    environment: &mut Environment,
    name: &str,
    from_url: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let url = environment.text(name);
    if url.is_empty() {
        return None;
    }
    from_url(&url)
        .inspect_err(|error| environment.fault(name, &error.to_string()))
        .ok()
}

/// Never read from: `finish` fails.
fn nowhere() -> Folder {
    Folder::new("")
}
