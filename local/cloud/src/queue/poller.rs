//! The loop between queue and function.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    folder::{Message, QueueFolder},
    verdict::failed,
};
use crate::{
    ACCOUNT, Clock, Function, REGION,
    function::invoke_attached,
    template::{Queue, QueueSettings},
};

pub(super) struct Poller {
    pub folder: QueueFolder,
    pub queue: Queue,
    pub settings: QueueSettings,
    pub function: Arc<dyn Function>,
    pub function_name: String,
    pub clock: Clock,
    pub poll_interval: Duration,
    /// Counts looks that found nothing to give out.
    pub looks: watch::Sender<u64>,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
}

impl Poller {
    pub async fn run(self) {
        // When messages that were given out may be given out again, by their ids.
        let mut hidden = BTreeMap::new();
        while !self.stop.is_cancelled() {
            match self.take(&mut hidden) {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => {
                    self.invoke(batch, &mut hidden).await;
                    continue;
                }
                Err(failure) => tracing::error!(%failure, "the queue could not be read"),
            }
            self.looks.send_modify(|looks| *looks += 1);
            tokio::select! {
                () = tokio::time::sleep(self.poll_interval) => {}
                () = self.wake.notified() => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Gives out as many visible messages as a batch holds, and counts that.
    fn take(&self, hidden: &mut BTreeMap<String, u64>) -> io::Result<Vec<Message>> {
        let now = (self.clock)();
        let mut batch = Vec::new();
        for mut message in self.folder.messages()? {
            let visible_at = hidden.get(&message.id).copied().unwrap_or(message.content.visible_at);
            if visible_at > now {
                continue;
            }
            let redrive = self.queue.redrive.as_ref();
            if redrive.is_some_and(|redrive| message.content.receive_count >= redrive.max_receive_count) {
                self.folder.bury(&message.id)?;
                hidden.remove(&message.id);
                tracing::error!(
                    queue = self.settings.queue,
                    message = message.id,
                    "given out too often; moved to the dead letters"
                );
                continue;
            }
            message.content.receive_count += 1;
            self.folder.store(&message)?;
            let timeout = u64::try_from(self.queue.visibility_timeout.as_millis()).unwrap_or(u64::MAX);
            hidden.insert(message.id.clone(), now.saturating_add(timeout));
            batch.push(message);
            if batch.len() == self.settings.batch_size {
                break;
            }
        }
        Ok(batch)
    }

    /// What the function took is deleted; the rest stays hidden until its time is over.
    async fn invoke(&self, batch: Vec<Message>, hidden: &mut BTreeMap<String, u64>) {
        let ids: BTreeSet<&str> = batch.iter().map(|message| message.id.as_str()).collect();
        let answer = match invoke_attached(&self.function, self.event(&batch)).await {
            Ok(_) if !self.settings.report_batch_item_failures => Value::Null,
            Ok(answer) => answer,
            Err(failure) => {
                tracing::warn!(function = self.function_name, messages = batch.len(), %failure, "the batch failed");
                return;
            }
        };
        let Some(failed) = failed(&answer, &ids) else {
            tracing::warn!(function = self.function_name, %answer, "unreadable answer: the batch failed");
            return;
        };
        if !failed.is_empty() {
            tracing::warn!(
                function = self.function_name,
                messages = failed.len(),
                "messages failed and are given out again"
            );
        }
        for id in ids.difference(&failed) {
            hidden.remove(*id);
            if let Err(failure) = self.folder.delete(id) {
                tracing::error!(%failure, message = id, "a message that is done with could not be deleted");
            }
        }
    }

    fn event(&self, batch: &[Message]) -> Value {
        let records = batch.iter().map(|message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.id,
                "body": message.content.body,
                "attributes": {
                    "ApproximateReceiveCount": message.content.receive_count.to_string(),
                    "SentTimestamp": message.content.sent_at.to_string(),
                    "SenderId": ACCOUNT,
                    "ApproximateFirstReceiveTimestamp": (self.clock)().to_string(),
                },
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", self.settings.queue),
                "awsRegion": REGION,
            })
        });
        json!({ "Records": records.collect::<Vec<_>>() })
    }
}
