//! A clock that stands until it is turned.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge::WallClock;
use passes::time::Timestamp;

/// Starts at the machine's time, in the middle of a second, and then moves only when told to: two
/// changes fall into one second unless a test turns it.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn starting_now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Self(Arc::new(AtomicU64::new(since.as_secs() * 1000 + 500)))
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub fn turn(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }

    pub fn turn_back(&self, by: Duration) {
        self.0.fetch_sub(by.as_millis() as u64, Ordering::SeqCst);
    }

    pub fn wall_clock(&self) -> WallClock {
        let clock = self.clone();
        WallClock::from_fn(move || clock.now())
    }

    pub fn system_time(&self) -> Arc<dyn Fn() -> SystemTime + Send + Sync> {
        let clock = self.clone();
        Arc::new(move || clock.now().system_time())
    }
}
