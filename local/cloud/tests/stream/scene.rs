//! A table, a source and a function that does as it is told.

use std::{
    collections::VecDeque,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cloud::{
    Function, FunctionError, StreamSource, Template,
    stream::{Pace, StreamOptions},
    template::StreamSettings,
};
use dynoxide::{Database, actions::put_item::PutItemRequest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

pub const TEMPLATE: &str = include_str!("../../../../template.yaml");

pub type Answer = Result<Value, FunctionError>;

/// What the function does with the next batches, given the serials in them and their sequence
/// numbers; afterwards it succeeds.
pub type Act = Box<dyn FnMut(&[String], &[String]) -> Answer + Send>;

pub struct Scene {
    pub database: Database,
    pub folder: TempDir,
    pub settings: StreamSettings,
    pub now_ms: Arc<AtomicU64>,
    pub acts: Arc<Mutex<VecDeque<Act>>>,
    /// Every batch that the function got, as its serials.
    pub batches: mpsc::UnboundedReceiver<Vec<String>>,
    pub events: mpsc::UnboundedReceiver<Value>,
    pub function: Arc<dyn Function>,
}

impl Scene {
    pub fn new() -> Self {
        Self::over(Database::memory().unwrap())
    }

    pub fn over(database: Database) -> Self {
        let template = Template::parse(TEMPLATE).unwrap();
        template.tables()["Passes"].create_in(&database).unwrap();
        let acts: Arc<Mutex<VecDeque<Act>>> = Arc::default();
        let (batch_sender, batches) = mpsc::unbounded_channel();
        let (event_sender, events) = mpsc::unbounded_channel();
        let script = Arc::clone(&acts);
        let function = move |event: Value| {
            let serials = strings(&event, "/dynamodb/Keys/serialNumber/S");
            let numbers = strings(&event, "/dynamodb/SequenceNumber");
            let act = script.lock().unwrap().pop_front();
            let answer = act.map_or(Ok(Value::Null), |mut act| act(&serials, &numbers));
            // Nobody looks once the test has what it wanted.
            let _ = event_sender.send(event);
            let _ = batch_sender.send(serials);
            async move { answer }
        };
        Self {
            database,
            folder: TempDir::new().unwrap(),
            settings: template.function("publish-changes").unwrap().streams[0].clone(),
            now_ms: Arc::new(AtomicU64::new(cloud::system_clock()())),
            acts,
            batches,
            events,
            function: Arc::new(function),
        }
    }

    pub fn start(&self) -> StreamSource {
        StreamSource::start(self.options()).unwrap()
    }

    pub fn options(&self) -> StreamOptions {
        let now_ms = Arc::clone(&self.now_ms);
        StreamOptions {
            database: self.database.clone(),
            table: "Passes".into(),
            settings: self.settings.clone(),
            function: Arc::clone(&self.function),
            function_name: "publish-changes".into(),
            checkpoint: self.checkpoint(),
            failures_dir: self.folder.path().join("failures"),
            clock: Arc::new(move || now_ms.load(Ordering::SeqCst)),
            pace: Pace {
                poll_interval: Duration::from_millis(5),
                first_retry: Duration::from_millis(1),
                longest_retry: Duration::from_millis(4),
            },
        }
    }

    pub fn checkpoint(&self) -> PathBuf {
        self.folder.path().join("checkpoint.json")
    }

    pub fn write(&self, serials: &[&str]) {
        for serial in serials {
            put(&self.database, serial);
        }
    }

    pub fn next(&self, act: impl FnMut(&[String], &[String]) -> Answer + Send + 'static) {
        self.acts.lock().unwrap().push_back(Box::new(act));
    }

    pub fn failures(&self) -> Vec<Value> {
        let Ok(files) = fs::read_dir(self.folder.path().join("failures")) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths
            .iter()
            .map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
            .collect()
    }

    pub fn seen(&mut self) -> Vec<Vec<String>> {
        std::iter::from_fn(|| self.batches.try_recv().ok()).collect()
    }
}

pub fn strings(event: &Value, pointer: &str) -> Vec<String> {
    let records = event["Records"].as_array().unwrap();
    records
        .iter()
        .map(|record| record.pointer(pointer).unwrap().as_str().unwrap().to_owned())
        .collect()
}

pub fn key(serial: &str) -> Value {
    json!({ "serialNumber": { "S": serial }, "passTypeIdentifier": { "S": "pass.com.example" } })
}

pub fn put(database: &Database, serial: &str) {
    let request = json!({ "TableName": "Passes", "Item": key(serial) });
    let request: PutItemRequest = serde_json::from_value(request).unwrap();
    database.put_item(request).unwrap();
}

pub fn failed(number: &str) -> Answer {
    Ok(json!({ "batchItemFailures": [{ "itemIdentifier": number }] }))
}

pub fn broken() -> Answer {
    Err(FunctionError("broken".into()))
}

pub async fn drained(source: &StreamSource) {
    tokio::time::timeout(Duration::from_secs(20), source.drained())
        .await
        .expect("the stream was not drained in 20 s")
        .unwrap();
}

pub fn kept_serials(failure: &Value) -> Vec<String> {
    let event = serde_json::from_str(failure["payload"].as_str().unwrap()).unwrap();
    strings(&event, "/dynamodb/Keys/serialNumber/S")
}
