//! The loop between stream and function.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Pace,
    checkpoint::Checkpoint,
    failures::{FailureFolder, Reason, event},
    reader::{Record, StreamReader},
    verdict::{Verdict, verdict},
};
use crate::{Clock, Function, function::invoke_attached, template::StreamSettings};

pub(super) struct Poller {
    pub reader: StreamReader,
    pub settings: StreamSettings,
    pub pace: Pace,
    pub function: Arc<dyn Function>,
    pub function_name: String,
    pub clock: Clock,
    pub checkpoint: Checkpoint,
    /// `None`: what is given up is dropped.
    pub failures: Option<FailureFolder>,
    pub done: watch::Sender<Option<String>>,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
}

/// Records that go to the function together, and never out of order.
struct Batch {
    records: Vec<Record>,
    /// Invocations that failed, without those that led to a bisection.
    attempts: u32,
    last_error: Option<String>,
}

impl Batch {
    fn new(records: Vec<Record>) -> Self {
        Self {
            records,
            attempts: 0,
            last_error: None,
        }
    }
}

/// What one step left to do.
enum Next {
    /// What was tried is done with.
    Forward,
    /// Only a part of it is: pause for the shortest time.
    Partly,
    /// Nothing is: pause, longer each time.
    Retry,
}

impl Poller {
    pub async fn run(self) {
        let mut batches: VecDeque<Batch> = VecDeque::new();
        let mut retries = 0;
        while !self.stop.is_cancelled() {
            let Some(batch) = batches.pop_front() else {
                let records = self.gather().await;
                if records.is_empty() {
                    self.pause(self.pace.poll_interval).await;
                } else {
                    batches.push_back(Batch::new(records));
                }
                continue;
            };
            match self.step(batch, &mut batches).await {
                Next::Forward => retries = 0,
                Next::Partly => {
                    retries = 0;
                    self.pause(self.pace.first_retry).await;
                }
                Next::Retry => {
                    let factor = 2_u32.saturating_pow(retries);
                    let pause = self.pace.first_retry.saturating_mul(factor);
                    retries = retries.saturating_add(1);
                    self.pause(pause.min(self.pace.longest_retry)).await;
                }
            }
        }
    }

    /// Reads a batch: as soon as there is a record, or when the batching window is over or the
    /// batch is full.
    async fn gather(&self) -> Vec<Record> {
        let mut window_ends: Option<Instant> = None;
        loop {
            let position = self.done.borrow().clone();
            let records = match self.reader.after(position, self.settings.batch_size).await {
                Ok(records) => records,
                Err(failure) => {
                    tracing::error!(%failure, "the stream could not be read");
                    return Vec::new();
                }
            };
            let full = records.len() >= self.settings.batch_size;
            if records.is_empty() || full || self.settings.batching_window.is_zero() {
                return records;
            }
            let ends = *window_ends.get_or_insert_with(|| Instant::now() + self.settings.batching_window);
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.is_cancelled() {
                return records;
            }
            self.pause(self.pace.poll_interval.min(left)).await;
        }
    }

    /// Takes the first batch one step further. What remains of it goes back to the front.
    async fn step(&self, mut batch: Batch, batches: &mut VecDeque<Batch>) -> Next {
        let expired = self.expired(&batch.records);
        if expired > 0 {
            let rest = batch.records.split_off(expired);
            let rest = (!rest.is_empty()).then(|| Batch {
                records: rest,
                attempts: batch.attempts,
                last_error: batch.last_error.clone(),
            });
            let next = self.give_up(batch, Reason::RecordAgeExceeded, batches).await;
            // Behind the expired records, if those had to go back for a further attempt.
            if let Some(rest) = rest {
                let place = usize::from(matches!(next, Next::Retry));
                batches.insert(place, rest);
            }
            return next;
        }
        let failure = match invoke_attached(&self.function, event(&batch.records)).await {
            Ok(_) if !self.settings.report_batch_item_failures => None,
            Ok(answer) => match verdict(&answer, &batch.records) {
                Verdict::Success => None,
                Verdict::FailedFrom(index) => return self.resume(batch, index, batches).await,
                Verdict::Unreadable => Some(format!("unreadable answer: {answer}")),
            },
            Err(failure) => Some(failure.to_string()),
        };
        match failure {
            None => {
                self.done_with(&batch.records).await;
                Next::Forward
            }
            Some(failure) => self.failed(batch, failure, batches).await,
        }
    }

    /// How many records at the front are older than the limit. Records are in order of time.
    fn expired(&self, records: &[Record]) -> usize {
        let Some(limit) = self.settings.maximum_record_age else {
            return 0;
        };
        let now = Duration::from_millis((self.clock)());
        records
            .iter()
            .take_while(|record| now.saturating_sub(Duration::from_secs(record.created_at)) > limit)
            .count()
    }

    /// The function named what failed: what stands before it is done with.
    async fn resume(&self, mut batch: Batch, index: usize, batches: &mut VecDeque<Batch>) -> Next {
        if index > 0 {
            let rest = batch.records.split_off(index);
            self.done_with(&batch.records).await;
            // Another record stands in front now; its retries are counted from the start.
            batches.push_front(Batch::new(rest));
            tracing::warn!(
                function = self.function_name,
                done = index,
                "a part of the batch failed; going on with the first failed record"
            );
            return Next::Partly;
        }
        batch.last_error = None;
        self.retry(batch, batches).await
    }

    /// The invocation failed as a whole.
    async fn failed(&self, mut batch: Batch, failure: String, batches: &mut VecDeque<Batch>) -> Next {
        tracing::warn!(
            function = self.function_name,
            records = batch.records.len(),
            failure,
            "the batch failed"
        );
        batch.last_error = Some(failure);
        if self.settings.bisect_on_error && batch.records.len() > 1 {
            // Splitting does not use a retry up.
            let second = batch.records.split_off(batch.records.len() / 2);
            batches.push_front(Batch {
                records: second,
                attempts: batch.attempts,
                last_error: batch.last_error.clone(),
            });
            batches.push_front(batch);
            return Next::Retry;
        }
        self.retry(batch, batches).await
    }

    async fn retry(&self, mut batch: Batch, batches: &mut VecDeque<Batch>) -> Next {
        batch.attempts = batch.attempts.saturating_add(1);
        let limit = self.settings.maximum_retry_attempts;
        if limit.is_some_and(|limit| batch.attempts > limit) {
            return self.give_up(batch, Reason::RetryAttemptsExhausted, batches).await;
        }
        batches.push_front(batch);
        Next::Retry
    }

    /// Keeps the records elsewhere and goes on. While they cannot be kept, they are not given up.
    async fn give_up(&self, batch: Batch, reason: Reason, batches: &mut VecDeque<Batch>) -> Next {
        let kept = self.keep(&batch, reason);
        match kept {
            Ok(place) => {
                tracing::error!(
                    function = self.function_name,
                    records = batch.records.len(),
                    ?reason,
                    kept_in = place,
                    "records were given up"
                );
                self.done_with(&batch.records).await;
                Next::Forward
            }
            Err(failure) => {
                tracing::error!(%failure, "records that failed could not be kept");
                batches.push_front(batch);
                Next::Retry
            }
        }
    }

    fn keep(&self, batch: &Batch, reason: Reason) -> io::Result<Option<String>> {
        let Some(folder) = &self.failures else {
            return Ok(None);
        };
        let path = folder.keep(
            &batch.records,
            reason,
            batch.attempts,
            batch.last_error.as_deref(),
            (self.clock)(),
        )?;
        Ok(Some(path.display().to_string()))
    }

    /// Moves the position behind these records. When the checkpoint cannot be written, the next
    /// start repeats them, which is allowed; skipping would not be.
    async fn done_with(&self, records: &[Record]) {
        let Some(last) = records.last() else { return };
        if let Err(failure) = self.checkpoint.store(&last.sequence_number) {
            tracing::error!(%failure, "the checkpoint could not be written");
        }
        self.done.send_replace(Some(last.sequence_number.clone()));
    }

    async fn pause(&self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.wake.notified() => {}
            () = self.stop.cancelled() => {}
        }
    }
}
