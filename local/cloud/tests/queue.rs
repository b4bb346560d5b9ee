//! A queue in a folder: what is given out when, what is deleted, what is buried.

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
    Error, Function, FunctionError, QueueSource, Template,
    queue::QueueOptions,
    template::{Queue, QueueSettings, Redrive},
};
use serde_json::{Value, json};
use tempfile::TempDir;

type Answer = Result<Value, FunctionError>;

const NOW_MS: u64 = 1_795_255_200_000;
const VISIBILITY: u64 = 360_000;

struct Scene {
    dir: TempDir,
    now_ms: Arc<AtomicU64>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Scene {
    fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            now_ms: Arc::new(AtomicU64::new(NOW_MS)),
            answers: Arc::default(),
            events: Arc::default(),
        }
    }

    fn options(&self) -> QueueOptions {
        let (answers, events) = (Arc::clone(&self.answers), Arc::clone(&self.events));
        let function: Arc<dyn Function> = Arc::new(move |event: Value| {
            events.lock().unwrap().push(event);
            let answer = answers.lock().unwrap().pop_front().unwrap_or(Ok(Value::Null));
            async move { answer }
        });
        let now_ms = Arc::clone(&self.now_ms);
        QueueOptions {
            folder: self.folder(),
            dead_letters: Some(self.dir.path().join("DeadLetters")),
            queue: Queue {
                visibility_timeout: Duration::from_millis(VISIBILITY),
                redrive: Some(Redrive {
                    dead_letters: "DeadLetters".into(),
                    max_receive_count: 2,
                }),
            },
            settings: QueueSettings {
                queue: "Work".into(),
                batch_size: 2,
                report_batch_item_failures: true,
            },
            function,
            function_name: "work".into(),
            clock: Arc::new(move || now_ms.load(Ordering::SeqCst)),
            poll_interval: Duration::from_millis(2),
        }
    }

    fn start(&self) -> QueueSource {
        QueueSource::start(self.options()).unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("Work")
    }

    fn send(&self, id: &str, rest_ms: u64) {
        let content = json!({ "body": format!("body of {id}"), "sentAt": NOW_MS, "visibleAt": NOW_MS + rest_ms,
            "receiveCount": 0 });
        fs::create_dir_all(self.folder()).unwrap();
        fs::write(self.folder().join(format!("{id}.json")), content.to_string()).unwrap();
    }

    fn answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    fn turn(&self, by_ms: u64) {
        self.now_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// The ids of each batch so far.
    fn batches(&self) -> Vec<Vec<String>> {
        let ids = |event: &Value| {
            let records = event["Records"].as_array().unwrap().iter();
            records
                .map(|record| record["messageId"].as_str().unwrap().to_owned())
                .collect()
        };
        self.events.lock().unwrap().iter().map(ids).collect()
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

async fn drained(source: &QueueSource) {
    tokio::time::timeout(Duration::from_secs(20), source.drained())
        .await
        .expect("the queue was not drained in 20 s")
        .unwrap();
}

fn failed(ids: &[&str]) -> Answer {
    let failures: Vec<_> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    Ok(json!({ "batchItemFailures": failures }))
}

#[tokio::test]
async fn messages_are_given_out_oldest_first_in_batches_and_deleted_once_taken() {
    let scene = Scene::new();
    for id in ["b", "a", "c"] {
        scene.send(id, 0);
    }
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.batches(), [vec!["a", "b"], vec!["c"]]);
    assert!(scene.files("Work").is_empty());
    source.shutdown().await;
}

#[tokio::test]
async fn an_event_has_the_form_of_lambdas() {
    let scene = Scene::new();
    scene.send("a", 0);
    let source = scene.start();
    drained(&source).await;
    assert_eq!(
        scene.events.lock().unwrap()[0],
        json!({ "Records": [{
            "messageId": "a",
            "receiptHandle": "a",
            "body": "body of a",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": NOW_MS.to_string(),
                "SenderId": "000000000000",
                "ApproximateFirstReceiveTimestamp": NOW_MS.to_string(),
            },
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:dynoxide:000000000000:Work",
            "awsRegion": "dynoxide",
        }] })
    );
    let event = scene.events.lock().unwrap()[0].to_string();
    let read: aws_lambda_events::event::sqs::SqsEvent = serde_json::from_str(&event).unwrap();
    assert_eq!(read.records[0].body.as_deref(), Some("body of a"));
    source.shutdown().await;
}

#[tokio::test]
async fn a_message_that_rests_is_not_given_out_before_its_time() {
    let scene = Scene::new();
    scene.send("a", 30_000);
    let source = scene.start();
    drained(&source).await;
    scene.turn(29_999);
    drained(&source).await;
    assert!(scene.batches().is_empty());
    scene.turn(1);
    drained(&source).await;
    assert_eq!(scene.batches(), [["a"]]);
    source.shutdown().await;
}

#[tokio::test]
async fn what_failed_alone_comes_again_and_only_after_its_visibility_timeout() {
    let scene = Scene::new();
    scene.send("a", 0);
    scene.send("b", 0);
    scene.answer(failed(&["b"]));
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.files("Work"), ["b.json"]);
    scene.turn(VISIBILITY - 1);
    drained(&source).await;
    assert_eq!(scene.batches(), [["a", "b"]]);
    scene.turn(1);
    drained(&source).await;
    assert_eq!(scene.batches(), [vec!["a", "b"], vec!["b"]]);
    assert!(scene.files("Work").is_empty());
    source.shutdown().await;
}

#[tokio::test]
async fn an_invocation_that_fails_or_answers_unreadably_fails_its_whole_batch() {
    let scene = Scene::new();
    scene.send("a", 0);
    scene.send("b", 0);
    scene.answer(Err(FunctionError("broken".into())));
    scene.answer(failed(&["nobody"]));
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.files("Work"), ["a.json", "b.json"]);
    scene.turn(VISIBILITY);
    drained(&source).await;
    assert_eq!(scene.batches().len(), 2);
    assert_eq!(scene.files("Work"), ["a.json", "b.json"]);
    source.shutdown().await;
}

#[tokio::test]
async fn a_message_that_was_given_out_too_often_moves_to_the_dead_letters() {
    let scene = Scene::new();
    scene.send("a", 0);
    let source = scene.start();
    for _ in 0..3 {
        scene.answer(failed(&["a"]));
    }
    for _ in 0..3 {
        drained(&source).await;
        scene.turn(VISIBILITY);
    }
    drained(&source).await;
    assert_eq!(scene.batches(), [["a"], ["a"]], "given out as often as the policy says");
    assert!(scene.files("Work").is_empty());
    assert_eq!(scene.files("DeadLetters"), ["a.json"]);
    let kept = fs::read(scene.dir.path().join("DeadLetters/a.json")).unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!((&kept["body"], &kept["receiveCount"]), (&json!("body of a"), &json!(2)));
    source.shutdown().await;
}

#[tokio::test]
async fn a_crash_gives_everything_out_again_and_forgets_no_count() {
    let scene = Scene::new();
    scene.send("a", 0);
    scene.answer(failed(&["a"]));
    let source = scene.start();
    drained(&source).await;
    drop(source);
    scene.answer(failed(&["a"]));
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.batches(), [["a"], ["a"]]);
    scene.turn(VISIBILITY);
    drained(&source).await;
    assert_eq!(scene.files("DeadLetters"), ["a.json"]);
    source.shutdown().await;
}

#[tokio::test]
async fn a_file_that_is_no_message_is_put_aside_and_holds_up_nothing() {
    let scene = Scene::new();
    scene.send("b", 0);
    fs::write(scene.folder().join("a.json"), "{}").unwrap();
    fs::write(scene.folder().join("c.part"), "half a mess").unwrap();
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.batches(), [["b"]]);
    assert_eq!(scene.files("Work"), ["a.unreadable", "c.part"]);
    source.shutdown().await;
}

#[tokio::test]
async fn a_redrive_policy_needs_a_folder() {
    let scene = Scene::new();
    let options = QueueOptions {
        dead_letters: None,
        ..scene.options()
    };
    let refused = QueueSource::start(options).err().unwrap();
    assert_eq!(refused.to_string(), "template, Work: its dead letters have no folder");
}

#[test]
fn a_queue_and_its_source_are_read_from_the_template() {
    let template = |queue: &str, source: &str| {
        Template::parse(&format!(
            "Resources:\n  \
             Dead: {{ Type: AWS::SQS::Queue }}\n  \
             Work: {{ Type: AWS::SQS::Queue, Properties: {{ {queue} }} }}\n  \
             F: {{ Type: AWS::Serverless::Function, Metadata: {{ BuildProperties: {{ Binary: work }} }} }}\n  \
             Source: {{ Type: AWS::Lambda::EventSourceMapping, Properties: {{ FunctionName: !Ref F, \
             EventSourceArn: !GetAtt Work.Arn, {source} }} }}\n"
        ))
    };
    let redrive = "RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 }";
    let read = template(
        &format!("VisibilityTimeout: 360, {redrive}"),
        "BatchSize: 1, FunctionResponseTypes: [ReportBatchItemFailures]",
    )
    .unwrap();
    assert_eq!(
        read.queues()["Work"],
        Queue {
            visibility_timeout: Duration::from_secs(360),
            redrive: Some(Redrive {
                dead_letters: "Dead".into(),
                max_receive_count: 5
            })
        }
    );
    assert_eq!(
        read.function("work").unwrap().queues,
        [QueueSettings {
            queue: "Work".into(),
            batch_size: 1,
            report_batch_item_failures: true
        }]
    );
    assert!(read.function("work").unwrap().streams.is_empty());
    let defaults = template("", "").unwrap();
    assert_eq!(defaults.queues()["Work"].visibility_timeout, Duration::from_secs(30));
    assert_eq!(defaults.function("work").unwrap().queues[0].batch_size, 10);
    for (queue, source, place) in [
        ("FifoQueue: true", "", "Work.FifoQueue"),
        ("DelaySeconds: 30", "", "Work.DelaySeconds"),
        ("", "BatchSize: 11", "Source.BatchSize"),
        (
            "",
            "MaximumBatchingWindowInSeconds: 1",
            "Source.MaximumBatchingWindowInSeconds",
        ),
    ] {
        match template(queue, source) {
            Err(Error::Template { place: named, .. }) => assert_eq!(named, place),
            other => panic!("{place}: {other:?}"),
        }
    }
}
