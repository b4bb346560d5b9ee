//! Parsed secrets with a lifetime, and a grace when they cannot be read again.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use passes::time::Timestamp;

/// How long a secret is used without looking again.
pub(super) const LIFETIME_MS: u64 = 15 * 60 * 1000;

/// How long after it was read a secret may still be used while reading it again fails in a way
/// that passes: long enough to store the other half of a rotation or to sit out a fault of the
/// store, short enough that somebody hears of it the same day.
pub(super) const GRACE_MS: u64 = 60 * 60 * 1000;

/// A failed look is not repeated sooner, so that a throttled store is left alone and a warning
/// does not stand in the log for every pass.
const RETRY_MS: u64 = 60 * 1000;

/// What may be wrong with a reading for a while.
pub(super) trait Passing: Error {
    /// Whether the earlier value stays in use meanwhile.
    fn will_pass(&self) -> bool;
}

pub(super) struct Cache<T> {
    entries: Mutex<HashMap<String, Entry<T>>>,
    /// One reader at a time: the others find what it has read.
    reading: tokio::sync::Mutex<()>,
}

struct Entry<T> {
    read_at: Timestamp,
    /// The last time that reading failed since.
    failed_at: Option<Timestamp>,
    value: Arc<T>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }
}

impl<T> Cache<T> {
    /// The value read at most 15 minutes ago, or what `read` gives now. Where `read` fails with
    /// something that passes, the earlier value for up to an hour after it was read; each such
    /// failure is warned of once.
    ///
    /// A failure is not kept: without an earlier value, mending it shows at once.
    pub async fn get_or_read<E: Passing>(
        &self,
        name: &str,
        now: Timestamp,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        if let Some(value) = self.fresh(name, now) {
            return Ok(value);
        }
        let _reading = self.reading.lock().await;
        if let Some(value) = self.fresh(name, now) {
            return Ok(value);
        }
        match read.await {
            Ok(value) => {
                let value = Arc::new(value);
                let entry = Entry {
                    read_at: now,
                    failed_at: None,
                    value: value.clone(),
                };
                self.lock().insert(name.to_owned(), entry);
                Ok(value)
            }
            Err(error) if error.will_pass() => match self.in_grace(name, now) {
                Some(value) => {
                    tracing::warn!(
                        secret = name,
                        %error,
                        cause = error.source().map(tracing::field::display),
                        "a secret cannot be renewed; the earlier one stays in use for up to an hour"
                    );
                    Ok(value)
                }
                None => Err(error),
            },
            Err(error) => {
                // It was read, and it is wrong: the earlier value has been taken away on purpose.
                self.lock().remove(name);
                Err(error)
            }
        }
    }

    fn fresh(&self, name: &str, now: Timestamp) -> Option<Arc<T>> {
        let entries = self.lock();
        let entry = entries.get(name)?;
        let age = age(entry.read_at, now)?;
        let just_failed = || entry.failed_at.is_some_and(|at| age_below(at, now, RETRY_MS));
        (age < LIFETIME_MS || (age < GRACE_MS && just_failed())).then(|| entry.value.clone())
    }

    /// The earlier value after a failure that passes; notes the failure.
    fn in_grace(&self, name: &str, now: Timestamp) -> Option<Arc<T>> {
        let mut entries = self.lock();
        let entry = entries.get_mut(name)?;
        if !age_below(entry.read_at, now, GRACE_MS) {
            return None;
        }
        entry.failed_at = Some(now);
        Some(entry.value.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` by a clock that was set back: it must not keep a secret alive for ever.
fn age(read_at: Timestamp, now: Timestamp) -> Option<u64> {
    now.millis().checked_sub(read_at.millis())
}

fn age_below(at: Timestamp, now: Timestamp, limit_ms: u64) -> bool {
    age(at, now).is_some_and(|age| age < limit_ms)
}
