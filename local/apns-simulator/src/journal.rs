//! The record of everything received, and the events that tests wait for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, watch};

/// How many records are kept; older ones are dropped.
pub const MAX_RECORDS: usize = 10_000;

/// How far a subscriber may fall behind.
const SUBSCRIBER_BACKLOG: usize = 1_024;

/// One push as it was received, and what was answered.
///
/// As JSON: `{"at", "device_token", "topic", "headers", "body", "status", "reason", "lost"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushRecord {
    /// When it was answered: milliseconds since the Unix epoch, by the simulator's clock.
    pub at: u64,
    /// The last part of the path; empty where the path has none.
    pub device_token: String,
    /// `apns-topic`; empty where it was missing.
    pub topic: String,
    /// All headers but the pseudo-headers, names in lower case; `authorization` is `redacted`.
    pub headers: BTreeMap<String, String>,
    /// Up to 8 KiB of it, as text.
    pub body: String,
    /// The answer's status. 0 stands for a stream that got none: `reason` tells why.
    pub status: u16,
    /// Apple's word for a refusal; `None` with status 200. With status 0:
    /// - `RefusedStream`: a second stream before the connection's first success, reset with
    ///   `REFUSED_STREAM`, and never judged;
    /// - `Reset`: reset because [`Answer::reset`](crate::Answer::reset) was asked for;
    /// - `Unanswered`: the client gave up or the connection ended before the answer.
    pub reason: Option<String>,
    /// Accepted, and never brought to the phone: [`Answer::lost`](crate::Answer::lost) was asked for.
    pub lost: bool,
}

/// All records so far.
pub(crate) struct Journal {
    records: Mutex<VecDeque<PushRecord>>,
    received: watch::Sender<usize>,
    held: watch::Sender<usize>,
    subscribers: broadcast::Sender<PushRecord>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            received: watch::Sender::new(0),
            held: watch::Sender::new(0),
            subscribers: broadcast::Sender::new(SUBSCRIBER_BACKLOG),
        }
    }
}

impl Journal {
    pub(crate) fn add(&self, record: PushRecord) {
        let mut records = self.records.lock().expect("no panic while the lock was held");
        if records.len() == MAX_RECORDS {
            records.pop_front();
        }
        records.push_back(record.clone());
        // Under the lock, so that the order is the same for everybody who looks. That nobody
        // subscribes is no fault.
        let _ = self.subscribers.send(record);
        self.received.send_modify(|received| *received += 1);
    }

    pub(crate) fn received(&self) -> usize {
        *self.received.borrow()
    }

    /// The records after the first `count_seen` ever received, as far as they are still kept.
    pub(crate) fn after(&self, count_seen: usize) -> Vec<PushRecord> {
        let records = self.records.lock().expect("no panic while the lock was held");
        let dropped = self.received() - records.len();
        let skip = count_seen.saturating_sub(dropped);
        records.iter().skip(skip).cloned().collect()
    }

    pub(crate) async fn wait_after(&self, count_seen: usize, wait: Duration) -> Vec<PushRecord> {
        let mut received = self.received.subscribe();
        let arrived = received.wait_for(|received| *received > count_seen);
        // Neither outcome needs a look: after the wait there are records, or there are none.
        let _ = tokio::time::timeout(wait, arrived).await;
        self.after(count_seen)
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<PushRecord> {
        self.subscribers.subscribe()
    }

    /// Counts one push as unanswered for as long as the guard lives.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.held.send_modify(|held| *held += 1);
        Held(self)
    }

    pub(crate) async fn wait_held(&self, count: usize) -> usize {
        let mut held = self.held.subscribe();
        let reached = held.wait_for(|held| *held >= count).await;
        *reached.expect("the sender is part of `self`")
    }
}

pub(crate) struct Held<'a>(&'a Journal);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.send_modify(|held| *held -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at: u64) -> PushRecord {
        PushRecord {
            at,
            device_token: "00ff".to_owned(),
            topic: "pass.com.example".to_owned(),
            headers: BTreeMap::from([("apns-priority".to_owned(), "5".to_owned())]),
            body: r#"{"aps":{}}"#.to_owned(),
            status: 200,
            reason: None,
            lost: false,
        }
    }

    #[test]
    fn the_oldest_records_go_but_are_still_counted() {
        let journal = Journal::default();
        for at in 0..MAX_RECORDS as u64 + 5 {
            journal.add(record(at));
        }
        assert_eq!(journal.received(), MAX_RECORDS + 5);
        assert_eq!(journal.after(0).len(), MAX_RECORDS);
        assert_eq!(journal.after(0)[0].at, 5);
        let last = journal.after(MAX_RECORDS + 3);
        assert_eq!(last.iter().map(|r| r.at).collect::<Vec<_>>(), [10_003, 10_004]);
    }

    #[test]
    fn a_record_as_json() {
        assert_eq!(
            serde_json::to_string(&record(7)).unwrap(),
            r#"{"at":7,"device_token":"00ff","topic":"pass.com.example","headers":{"apns-priority":"5"},"body":"{\"aps\":{}}","status":200,"reason":null,"lost":false}"#
        );
    }
}
