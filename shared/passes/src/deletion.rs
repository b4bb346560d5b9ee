//! The end of a pass: its record is gone, and stays gone.
//!
//! A deleted record voids its pass at once (unless it is one of a [`burst`](crate::burst)), but the
//! pass keeps its web service for a while: most deletions of many rows are mistakes, and a phone that
//! has stopped asking cannot be reached again. Only when the grace is over does a last revision let
//! the phones go.

use std::time::Duration;

use crate::ids::PassKey;
use crate::ports::{Conditional, KeepGrace, SendKeys, StoreResult};
use crate::time::Clock;
use crate::work::{Hint, KeyToPublish};

/// 30 days: a mistake is noticed by the end of a month.
pub const GRACE_SECONDS: u64 = 30 * 86_400;

/// When a pass without record comes up again that waits for something else than the end of its
/// grace: an operator, or a message that may have been lost. In seconds.
pub(crate) const REMINDER_SECONDS: u64 = 3600;

/// A pass without record whose time has come, as the index of due items has it: its grace is over, or
/// it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePass {
    pub key: PassKey,
    /// Seconds since the epoch.
    pub due_at: u64,
}

/// Hands a pass whose time has come on to be published, which decides what becomes of it. `false` if
/// somebody else has, or the record is back.
///
/// The reminder is moved first: the pass comes up again if the message is lost, and is not sent
/// every minute while the queue is behind.
pub async fn hand_on<S, Q, C>(store: &S, queue: &Q, clock: &C, pass: &DuePass) -> StoreResult<bool>
where
    S: KeepGrace,
    Q: SendKeys,
    C: Clock,
{
    let next = clock.now().seconds() + REMINDER_SECONDS;
    match store.remind(&pass.key, pass.due_at, next).await? {
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
