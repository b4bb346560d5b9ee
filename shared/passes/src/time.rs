//! Time as the domain sees it: milliseconds by a clock that a test can turn.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds, rounded down: the grain of tags, revisions and HTTP dates.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }
}

/// Port: tells the time, and waits.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Waits a random while before the next of several turns (0 is the first repetition), so
    /// that those who collided do not collide again.
    fn back_off(&self, turn: u32) -> impl Future<Output = ()> + Send;

    /// Waits this long: for a turn of a [`Pace`](crate::pace::Pace).
    fn wait(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}
