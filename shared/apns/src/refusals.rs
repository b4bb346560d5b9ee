//! Answers that every push would get.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::answer::Answer;

/// How often APNs has refused everything (key, team, request), and its last words.
///
/// Pushes that wait for the leader's answer meanwhile take it for theirs: sent one after the other, a
/// hundred of them would each bring the same refusal, and to APNs that is a client that does not stop.
/// A push that begins later is sent again, since what was wrong may have been mended.
#[derive(Default)]
pub(crate) struct Refusals {
    last: Mutex<(u64, Option<Answer>)>,
}

impl Refusals {
    pub(crate) fn count(&self) -> u64 {
        self.last().0
    }

    pub(crate) fn note(&self, answer: &Answer) {
        let mut last = self.last();
        *last = (last.0 + 1, Some(answer.clone()));
    }

    /// The refusal that came since there were `begun`, if any did.
    pub(crate) fn since(&self, begun: u64) -> Option<Answer> {
        let last = self.last();
        last.1.clone().filter(|_| last.0 > begun)
    }

    fn last(&self) -> MutexGuard<'_, (u64, Option<Answer>)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
