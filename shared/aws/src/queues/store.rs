//! The queue that a URL names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use passes::ports::StoreResult;
use passes::time::Timestamp;

use super::{QueueFolder, SendMessages, SqsQueue};
use crate::connections::Connections;

/// SQS or a folder, as `PUBLISH_QUEUE_URL` and `PUSH_QUEUE_URL` say.
#[derive(Debug, Clone)]
pub enum QueueStore {
    Folder(QueueFolder),
    Sqs(SqsQueue),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url:?} names no queue; write https://sqs.{{region}}.amazonaws.com/{{account}}/{{name}} or file:///absolute/path"
)]
pub struct QueueUrlError {
    pub url: String,
}

impl QueueStore {
    /// Reads the URL of an SQS queue (that of an engine may begin with `http://`) or
    /// `file:///absolute/path`. Makes no call. A folder dates its messages by `clock`.
    pub fn from_url(
        url: &str,
        connections: &Connections,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self, QueueUrlError> {
        let unclear = || QueueUrlError { url: url.to_owned() };
        if let Some(path) = url.strip_prefix("file://") {
            return match path.starts_with('/') {
                true => Ok(Self::Folder(QueueFolder::new(Path::new(path), clock))),
                false => Err(unclear()),
            };
        }
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        // Host, account and name.
        let parts: Vec<_> = rest.ok_or_else(unclear)?.split('/').collect();
        match parts[..] {
            [host, account, name] if ![host, account, name].contains(&"") => {
                Ok(Self::Sqs(SqsQueue::new(connections.clone(), url)))
            }
            _ => Err(unclear()),
        }
    }
}

impl SendMessages for QueueStore {
    async fn send_messages(&self, bodies: &[String], delay: Duration) -> StoreResult<()> {
        match self {
            Self::Folder(folder) => folder.send_messages(bodies, delay).await,
            Self::Sqs(queue) => queue.send_messages(bodies, delay).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_url(url: &str) -> Result<QueueStore, QueueUrlError> {
        QueueStore::from_url(url, &Connections::default(), Arc::new(|| Timestamp::from_seconds(0)))
    }

    #[test]
    fn a_url_chooses_the_kind_of_queue() {
        assert!(matches!(from_url("file:///var/queue"), Ok(QueueStore::Folder(_))));
        for url in [
            "https://sqs.eu-central-1.amazonaws.com/123456789012/livepass-PushQueue-1A2B",
            "http://127.0.0.1:5000/123456789012/queue",
        ] {
            assert!(matches!(from_url(url), Ok(QueueStore::Sqs(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_names_the_forms_that_are_allowed() {
        for url in [
            "PushQueue",
            "file://queue",
            "sqs://queue",
            "https://",
            "https://sqs.eu-central-1.amazonaws.com/queue",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/",
            "arn:aws:sqs:eu-central-1:123456789012:queue",
        ] {
            assert_eq!(
                from_url(url).unwrap_err().to_string(),
                format!(
                    "{url:?} names no queue; write https://sqs.{{region}}.amazonaws.com/{{account}}/{{name}} or \
                     file:///absolute/path"
                )
            );
        }
    }
}
