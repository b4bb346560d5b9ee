//! The whole of livepass in one process: the deployed handlers, a real DynamoDB engine, the event
//! sources of template.yaml and an APNs that validates. Listens on loopback addresses only.
//!
//! template.yaml is the one description: routes, event sources, tables and variables are read
//! from it, and this crate only gives what the running stack alone can know (addresses, folders).

mod client;
mod clock;
mod control;
mod drafts;
mod engine;
mod error;
mod functions;
mod seeding;

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apns_simulator::{Simulator, SimulatorConfig};
use cloud::queue::{QueueOptions, QueueSource};
use cloud::stream::{Pace, StreamOptions, StreamSource};
use cloud::template::QueueSettings;
use cloud::uploads::UploadOptions;
use cloud::{Functions, Gateway, Schedule, Template, UploadSource};
use edge::{Platform, WallClock};
use passes::time::Clock as _;
use serde::{Deserialize, Serialize};
use tap::Tap;

pub use client::dynamodb_client;
pub use error::StackError;
pub use seed::Folder;

/// The description of the system that is deployed.
const TEMPLATE_YAML: &str = include_str!("../../../template.yaml");

/// Where the stack listens and what it stands on.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// Everything that outlives the process.
    pub dir: PathBuf,
    /// Address of the web service; it is baked into every pass, so it should stay the same.
    pub http: SocketAddr,
    pub dynamodb: SocketAddr,
    pub apns: SocketAddr,
    pub control: SocketAddr,
    /// The URL baked into every pass, where it is not that of `http`: phones then register with
    /// somebody else's front on these tables, so the simulator cannot know their tokens before.
    pub web_service_url: Option<String>,
    /// Values of template.yaml's parameters beside those that only this machine can know.
    pub parameters: BTreeMap<String, String>,
    pub clock: WallClock,
}

impl StackConfig {
    /// Free ports and the machine's clock: for tests and the demo.
    pub fn on_free_ports(dir: impl Into<PathBuf>) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            dir: dir.into(),
            http: any,
            dynamodb: any,
            apns: any,
            control: any,
            web_service_url: None,
            parameters: BTreeMap::new(),
            clock: WallClock::system(),
        }
    }
}

/// Where everything is; one JSON object for scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    pub web_service_url: String,
    pub dynamodb_endpoint: String,
    pub passes_table: String,
    pub registry_table: String,
    pub apns_url: String,
    /// The PEM file that a simulated phone trusts.
    pub root_certificate: PathBuf,
    pub control_url: String,
}

impl Endpoints {
    /// Name of the copy in the stack's folder, by which other commands find the stack.
    pub const FILE: &str = "endpoints.json";

    /// Reads what the stack that runs (or last ran) on this folder left there.
    pub fn of_folder(dir: &Path) -> Option<Self> {
        let json = std::fs::read(dir.join(Self::FILE)).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// A running stack. Dropping it is a crash; [`Stack::shutdown`] lets everything end first.
pub struct Stack {
    endpoints: Endpoints,
    folder: Folder,
    simulator: Arc<Simulator>,
    functions: Functions,
    gateway: Gateway,
    stream: StreamSource,
    schedule: Schedule,
    queues: Vec<QueueSource>,
    uploads: UploadSource,
    drafts: drafts::Drafts,
    control: control::Control,
    // Last: whatever still runs while the rest is dropped finds its tables.
    engine: engine::Engine,
    /// Held as long as the process lives: two stacks on one folder would read one stream twice.
    _lock: File,
}

/// Makes the folder, for its owner alone (it holds keys and tokens), and takes it for this process.
fn lock(dir: &Path) -> Result<File, StackError> {
    std::fs::create_dir_all(dir).map_err(StackError::Folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(StackError::Folder)?;
    }
    let file = File::create(dir.join("stack.lock")).map_err(StackError::Folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StackError::FolderInUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(StackError::Folder(error)),
    }
}

impl Stack {
    /// Starts everything, in the order in which one part needs another.
    pub async fn start(mut config: StackConfig) -> Result<Self, StackError> {
        let lock = lock(&config.dir)?;
        let clock = clock::TurnableClock::over(config.clock);
        config.clock = clock.wall_clock();
        let folder = Folder::open_or_create(&config.dir, &seed::demo())?;
        let millis: cloud::Clock = {
            let clock = config.clock.clone();
            Arc::new(move || clock.now().millis())
        };
        let simulator = Arc::new(start_simulator(&config, &folder, millis.clone()).await?);
        // Held from now on: the address stands in every pass, so it is known before anything is served.
        let http = engine::listen(config.http).await?;
        let address = http.local_addr().map_err(|source| StackError::Listen {
            address: config.http,
            source,
        })?;
        let web_service_url = config
            .web_service_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"));
        let mut parameters = parameters(&folder, &web_service_url, &simulator);
        parameters.extend(config.parameters.clone());
        let template = Template::parse_with(TEMPLATE_YAML, &parameters)?;
        let engine = engine::Engine::start(&config.dir, config.dynamodb, &template).await?;
        // Faults are asked for between the functions and the engine; others are not concerned.
        let tap = Tap::default();
        let platform = Platform {
            dynamodb: tap.client(&dynamodb_client(&engine.direct_url()).await),
            clock: config.clock.clone(),
        };
        let (passes_table, registry_table) = (engine.table("Passes")?, engine.table("Registry")?);
        seeding::seed(
            &platform.dynamodb,
            &folder,
            &passes_table,
            &registry_table,
            config.clock.now(),
        )
        .await?;
        seeding::introduce_devices(&platform.dynamodb, &registry_table, &simulator).await?;

        // What `!Ref` gives of tables and queues.
        let mut resources = engine.tables().clone();
        for queue in template.queues().keys() {
            let folder = absolute(&queue_folder(&config.dir, queue));
            resources.insert(queue.clone(), format!("file://{}", folder.display()));
        }
        let functions = functions::wire(&template, &platform, &resources, &simulator).await?;
        let source = functions::only_stream(&template)?;
        let stream = StreamSource::start(StreamOptions {
            database: engine.database(),
            table: engine.table(&source.settings.table)?,
            settings: source.settings,
            function: functions[&source.binary].clone(),
            function_name: source.binary,
            checkpoint: config.dir.join("stream-checkpoint.json"),
            failures_dir: config.dir.join("failures"),
            // The engine dates its records by the machine's clock, whatever clock the domain has.
            clock: cloud::system_clock(),
            pace: Pace::default(),
        })?;
        let source = functions::only_schedule(&template)?;
        let schedule = Schedule::start(source.settings, functions[&source.binary].clone(), millis.clone());
        let queues = functions::queue_sources(&template)
            .into_iter()
            .map(|source| start_queue(&config.dir, &template, source, &functions, millis.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let source = functions::only_upload(&template)?;
        let uploads = UploadSource::start(UploadOptions {
            folder: folder.incoming_dir(),
            settings: source.settings,
            function: functions[&source.binary].clone(),
            function_name: source.binary,
            clock: millis.clone(),
            poll_interval: Pace::default().poll_interval,
        })?;
        let drafts = drafts::Drafts::start(folder.drafts_dir(), folder.incoming_dir(), last_bundles(&folder));
        let gateway = Gateway::start_on(http, template.routes(), &functions)?;
        let reach = control::Reach {
            simulator: simulator.clone(),
            clock,
            tap,
            stream: stream.handle(),
            schedule: schedule.handle(),
            queues: queues.iter().map(QueueSource::handle).collect(),
        };
        let control = control::Control::start(config.control, reach).await?;

        let endpoints = Endpoints {
            web_service_url,
            dynamodb_endpoint: engine.url(),
            passes_table,
            registry_table,
            apns_url: simulator.url(),
            root_certificate: absolute(&folder.root_certificate()),
            control_url: control.url(),
        };
        let json = serde_json::to_vec_pretty(&endpoints).map_err(|error| StackError::Folder(error.into()))?;
        std::fs::write(config.dir.join(Endpoints::FILE), json).map_err(StackError::Folder)?;
        Ok(Self {
            endpoints,
            folder,
            simulator,
            functions,
            gateway,
            stream,
            schedule,
            queues,
            uploads,
            drafts,
            control,
            engine,
            _lock: lock,
        })
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// The deployed functions by their binaries, to be invoked with an event of one's own.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Resolves when every change of the Passes table so far has been published.
    pub async fn published(&self) -> Result<(), StackError> {
        Ok(self.stream.drained().await?)
    }

    /// Resolves when the queues have given out whatever they could: sweeps have come to their end,
    /// keys are published, and fan-outs have come to their last page. What rests after a failure does
    /// not count.
    pub async fn worked_off(&self) -> Result<(), StackError> {
        // The second time for what one queue's work has sent to another.
        for queue in self.queues.iter().chain(&self.queues) {
            queue.drained().await?;
        }
        Ok(())
    }

    /// Resolves when every draft that was changed, and every bundle that was uploaded, is published
    /// or refused. Its passes follow as the queues are worked off.
    pub async fn taken_in(&self) -> Result<(), StackError> {
        self.drafts.uploaded().await?;
        Ok(self.uploads.drained().await?)
    }

    /// Runs the schedule now: devices whose lease has run out are pushed.
    pub async fn push_due_devices(&self) -> Result<serde_json::Value, StackError> {
        Ok(self.schedule.tick_now().await?)
    }

    /// Lets what is under way end, and closes the database.
    pub async fn shutdown(self) {
        self.control.shutdown().await;
        self.gateway.shutdown().await;
        self.schedule.shutdown().await;
        self.stream.shutdown().await;
        self.drafts.shutdown().await;
        self.uploads.shutdown().await;
        for queue in self.queues {
            queue.shutdown().await;
        }
        self.engine.shutdown().await;
    }
}

/// Where the messages of a queue lie, by its logical id.
pub fn queue_folder(dir: &Path, queue: &str) -> PathBuf {
    dir.join("queues").join(queue)
}

/// Each template's bundle as it was uploaded last, or as the seeds published it.
fn last_bundles(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let versions = folder.template_versions().iter();
    let published = versions.filter_map(|(id, version)| {
        let bundle = std::fs::read(folder.template_bundle(id, version)).ok()?;
        Some((id.clone(), bundle))
    });
    let mut bundles: BTreeMap<_, _> = published.collect();
    for entry in std::fs::read_dir(folder.incoming_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".zip"));
        if let (Some(id), Ok(bundle)) = (id, std::fs::read(entry.path())) {
            bundles.insert(id.to_owned(), bundle);
        }
    }
    bundles
}

fn start_queue(
    dir: &Path,
    template: &Template,
    source: functions::Source<QueueSettings>,
    functions: &Functions,
    clock: cloud::Clock,
) -> Result<QueueSource, StackError> {
    let queue = template.queues()[&source.settings.queue].clone();
    let dead_letters = queue
        .redrive
        .as_ref()
        .map(|redrive| queue_folder(dir, &redrive.dead_letters));
    Ok(QueueSource::start(QueueOptions {
        folder: queue_folder(dir, &source.settings.queue),
        dead_letters,
        queue,
        settings: source.settings,
        function: functions[&source.binary].clone(),
        function_name: source.binary,
        clock,
        poll_interval: Pace::default().poll_interval,
    })?)
}

async fn start_simulator(config: &StackConfig, folder: &Folder, clock: cloud::Clock) -> Result<Simulator, StackError> {
    let read = |path: PathBuf| std::fs::read_to_string(path).map_err(StackError::Folder);
    let key = folder.apns_provider_key()?;
    let settings = SimulatorConfig {
        address: config.apns,
        tls_certificate_chain_pem: read(folder.apns_certificate())?,
        tls_private_key_pem: read(folder.apns_key())?,
        team_id: key.team_id.clone(),
        key_id: key.key_id.clone(),
        public_key_pem: read(folder.apns_public_key())?,
        accept_unknown_tokens: config.web_service_url.is_some(),
    };
    Ok(Simulator::start(settings, clock).await?)
}

/// Values of template.yaml's parameters on this machine.
fn parameters(folder: &Folder, web_service_url: &str, simulator: &Simulator) -> BTreeMap<String, String> {
    let url = |path: PathBuf| format!("file://{}", absolute(&path).display());
    BTreeMap::from(
        [
            ("AWS::StackName", "livepass".to_owned()),
            ("WebServiceUrl", web_service_url.to_owned()),
            ("TemplatesUrl", url(folder.templates_dir())),
            ("IncomingUrl", url(folder.incoming_dir())),
            ("AssetsUrl", url(folder.dir().join("assets"))),
            ("SecretsUrl", url(folder.secrets_dir())),
            ("ApnsUrl", simulator.url()),
            (
                "ApnsRootCertificate",
                absolute(&folder.root_certificate()).display().to_string(),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
