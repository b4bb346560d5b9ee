//! The end of a pass: its record is gone, and stays gone.
//!
//! A deleted record voids its pass at once, but the pass keeps its web service for a while: most
//! deletions of many rows are mistakes, and a phone that has stopped asking cannot be reached
//! again. Only when the grace is over does a last revision let the phones go.

use std::time::Duration;

use crate::ids::PassKey;
use crate::ports::{Conditional, KeepGrace, SendKeys, StoreResult};
use crate::time::Clock;
use crate::work::{Hint, KeyToPublish};

/// 30 days: a mistake is noticed by the end of a month.
pub const GRACE_SECONDS: u64 = 30 * 86_400;

/// When a pass is brought up again that has not come to its end by then, in seconds.
const REMINDER_SECONDS: u64 = 3600;

/// A pass whose grace is over, as the index of due items has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingPass {
    pub key: PassKey,
    /// Seconds since the epoch.
    pub due_at: u64,
}

/// Hands a pass whose grace is over on to be published, which gives it its last revision. `false`
/// if somebody else has, or the record is back.
///
/// The reminder is moved first: the pass comes up again if the message is lost, and is not sent
/// every minute while the queue is behind.
pub async fn end_grace<S, Q, C>(store: &S, queue: &Q, clock: &C, pass: &EndingPass) -> StoreResult<bool>
where
    S: KeepGrace,
    Q: SendKeys,
    C: Clock,
{
    let next = clock.now().seconds() + REMINDER_SECONDS;
    match store.remind_of_grace(&pass.key, pass.due_at, next).await? {
        Conditional::Overtaken => Ok(false),
        Conditional::Done => {
            let key = KeyToPublish {
                key: pass.key.clone(),
                hint: Hint::default(),
            };
            queue.send_keys(&[key], Duration::ZERO).await?;
            Ok(true)
        }
    }
}
