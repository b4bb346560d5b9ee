//! The queues under test, each with a way to look into it.

use std::sync::Arc;

use aws::queues::{FolderMessage, Queue, QueueStore};
use passes::time::Timestamp;
use tempfile::TempDir;

use crate::moto::Moto;
use crate::places::own_name;

/// When the folder's messages are sent, in milliseconds.
pub const NOW_MS: u64 = 1_795_255_200_123;

/// A queue.
pub struct QueuePlace {
    pub queue: Queue<QueueStore>,
    kind: Kind,
}

enum Kind {
    Folder(TempDir),
    Sqs {
        client: aws_sdk_sqs::Client,
        url: String,
        _moto: Arc<Moto>,
    },
}

impl QueuePlace {
    #[expect(clippy::unused_async, reason = "made like the other")]
    pub async fn folder() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}/queues/PushQueue", dir.path().display());
        let clock = Arc::new(|| Timestamp::from_millis(NOW_MS));
        let store = QueueStore::from_url(&url, &aws::Connections::default(), clock).unwrap();
        Some(Self {
            queue: Queue::new(store),
            kind: Kind::Folder(dir),
        })
    }

    pub async fn sqs() -> Option<Self> {
        let moto = Moto::shared()?;
        let client = moto.sqs().await;
        let created = client
            .create_queue()
            .queue_name(own_name("queue"))
            .send()
            .await
            .unwrap();
        let url = created.queue_url.unwrap();
        let clock = Arc::new(|| Timestamp::from_millis(NOW_MS));
        let store = QueueStore::from_url(&url, &moto.connections().await, clock).unwrap();
        Some(Self {
            queue: Queue::new(store),
            kind: Kind::Sqs {
                client,
                url,
                _moto: moto,
            },
        })
    }

    /// Bodies that could be taken up now, and how many messages still wait for their time.
    pub async fn waiting(&self) -> (Vec<String>, usize) {
        match &self.kind {
            Kind::Folder(dir) => {
                let Ok(entries) = std::fs::read_dir(dir.path().join("queues/PushQueue")) else {
                    return (Vec::new(), 0);
                };
                let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
                paths.sort();
                let messages = paths.iter().map(|path| {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    let id = name
                        .strip_prefix(&format!("{NOW_MS}-"))
                        .unwrap()
                        .strip_suffix(".json")
                        .unwrap();
                    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
                    let message: FolderMessage = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
                    assert_eq!((message.sent_at, message.receive_count), (NOW_MS, 0));
                    message
                });
                let (now, later): (Vec<_>, Vec<_>) = messages.partition(|message| message.visible_at <= NOW_MS);
                (now.into_iter().map(|message| message.body).collect(), later.len())
            }
            Kind::Sqs { client, url, .. } => {
                let receive = client.receive_message().queue_url(url).max_number_of_messages(10);
                let received = receive.send().await.unwrap();
                let bodies = received
                    .messages()
                    .iter()
                    .map(|message| message.body().unwrap().to_owned());
                let counts = client
                    .get_queue_attributes()
                    .queue_url(url)
                    .attribute_names(aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessagesDelayed);
                let counts = counts.send().await.unwrap();
                let delayed = counts.attributes().unwrap().values().next().unwrap().parse().unwrap();
                (bodies.collect(), delayed)
            }
        }
    }
}
