//! The wall clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passes::time::{Clock, Timestamp};

/// First pause between turns; doubled by each, and drawn at random from there down.
const FIRST_PAUSE_MS: u64 = 20;
const LONGEST_PAUSE_MS: u64 = 400;

/// Tells the time by whatever it was given, in deployment the operating system.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    pub fn system() -> Self {
        Self::from_fn(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
        })
    }

    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The same clock for adapters that take a function.
    pub fn as_fn(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        self.0.clone()
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        (self.0)()
    }

    async fn back_off(&self, turn: u32) {
        let longest = LONGEST_PAUSE_MS.min(FIRST_PAUSE_MS << turn.min(8));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=longest))).await;
    }

    async fn wait(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WallClock({})", self.now().millis())
    }
}
