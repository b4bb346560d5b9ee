//! New objects of a folder, told to a function as S3 and EventBridge would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cloud::template::UploadSettings;
use cloud::uploads::UploadOptions;
use cloud::{Clock, FunctionError, UploadSource};
use serde_json::{Value, json};
use tokio::sync::mpsc;

struct Scene {
    dir: tempfile::TempDir,
    source: UploadSource,
    told: mpsc::UnboundedReceiver<Value>,
    fails: Arc<AtomicBool>,
    now_ms: Arc<AtomicU64>,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let (sender, told) = mpsc::unbounded_channel();
    let (fails, now_ms) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(1_000)));
    let (refuses, time) = (fails.clone(), now_ms.clone());
    let function = move |event: Value| {
        sender.send(event).unwrap();
        let failed = refuses.load(Ordering::SeqCst);
        async move {
            match failed {
                true => Err(FunctionError("out of order".into())),
                false => Ok(json!(null)),
            }
        }
    };
    let clock: Clock = Arc::new(move || time.load(Ordering::SeqCst));
    let source = UploadSource::start(UploadOptions {
        folder: dir.path().join("incoming"),
        settings: UploadSettings {
            prefix: "incoming/".into(),
            suffix: ".zip".into(),
        },
        function: Arc::new(function),
        function_name: "publish-template".into(),
        clock,
        poll_interval: Duration::from_millis(20),
    });
    Scene {
        dir,
        source: source.unwrap(),
        told,
        fails,
        now_ms,
    }
}

impl Scene {
    fn upload(&self, name: &str, content: &str) {
        std::fs::write(self.dir.path().join("incoming").join(name), content).unwrap();
    }

    /// The keys that the function was told of since the last call.
    async fn told(&mut self) -> Vec<String> {
        self.source.drained().await.unwrap();
        let mut keys = Vec::new();
        while let Ok(event) = self.told.try_recv() {
            keys.push(event["detail"]["object"]["key"].as_str().unwrap().to_owned());
        }
        keys
    }
}

#[tokio::test]
async fn the_function_is_told_once_of_each_upload_that_the_rule_is_about() {
    let mut scene = scene();
    scene.upload("card.zip", "one");
    scene.upload("readme.txt", "not a bundle");
    assert_eq!(scene.told().await, ["incoming/card.zip"]);
    assert!(scene.told().await.is_empty());
    scene.upload("card.zip", "another");
    assert_eq!(scene.told().await, ["incoming/card.zip"]);
}

#[tokio::test]
async fn the_event_is_the_one_that_eventbridge_sends() {
    let mut scene = scene();
    scene.upload("card.zip", "one");
    let mut event = scene.told.recv().await.unwrap();
    assert_eq!(event["id"].take().as_str().map(str::len), Some(36));
    assert_eq!(
        event,
        json!({
            "version": "0",
            "id": null,
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": "000000000000",
            "time": "1970-01-01T00:00:01Z",
            "region": "dynoxide",
            "resources": ["arn:aws:s3:::livepass-templates"],
            "detail": {
                "version": "0",
                "bucket": {"name": "livepass-templates"},
                "object": {"key": "incoming/card.zip", "size": 3},
                "reason": "PutObject"
            }
        })
    );
}

#[tokio::test]
async fn an_upload_that_fails_is_told_of_twice_more_and_then_no_more() {
    let mut scene = scene();
    scene.fails.store(true, Ordering::SeqCst);
    scene.upload("card.zip", "one");
    assert_eq!(scene.told().await.len(), 1);
    for (minutes, times) in [(1, 1), (2, 1), (60, 0)] {
        assert_eq!(scene.told().await.len(), 0);
        scene.now_ms.fetch_add(minutes * 60_000, Ordering::SeqCst);
        assert_eq!(scene.told().await.len(), times, "after {minutes} minutes");
    }
}
