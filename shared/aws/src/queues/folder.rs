//! A queue in a folder: one file a message.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use passes::ports::{StoreError, StoreResult};
use passes::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::SendMessages;
use crate::files::write_whole;

const CALL: &str = "send-messages";

/// Messages as files `{sent, 13 digits of milliseconds}-{32 hex}.json`, whole at every moment and
/// in the order in which they were sent. Whoever takes a message up deletes its file.
#[derive(Clone)]
pub struct QueueFolder {
    root: PathBuf,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// One file. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderMessage {
    pub body: String,
    pub sent_at: u64,
    /// Nobody gets it before.
    pub visible_at: u64,
    /// How often it has been given out.
    pub receive_count: u32,
}

impl QueueFolder {
    pub fn new(root: impl Into<PathBuf>, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            root: root.into(),
            clock,
        }
    }
}

impl std::fmt::Debug for QueueFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueFolder")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl SendMessages for QueueFolder {
    async fn send_messages(&self, bodies: &[String], delay: Duration) -> StoreResult<()> {
        let now = (self.clock)().millis();
        let messages: Vec<_> = bodies
            .iter()
            .map(|body| FolderMessage {
                body: body.clone(),
                sent_at: now,
                visible_at: now + u64::try_from(delay.as_millis()).unwrap_or(u64::MAX - now),
                receive_count: 0,
            })
            .collect();
        let root = self.root.clone();
        let kept = tokio::task::spawn_blocking(move || messages.iter().try_for_each(|message| keep(&root, message)));
        match kept.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StoreError::Refused {
                call: CALL,
                source: error.into(),
            }),
            Err(error) => Err(StoreError::OutcomeUnknown {
                call: CALL,
                source: error.into(),
            }),
        }
    }
}

fn keep(root: &Path, message: &FolderMessage) -> std::io::Result<()> {
    let mut id = [0; 16];
    rand::fill(&mut id).map_err(|_| std::io::Error::other("the system gives no random numbers"))?;
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = root.join(format!("{:013}-{id}.json", message.sent_at));
    write_whole(&path, &serde_json::to_vec(message)?)
}
