//! The stack's clock: another one, turned.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use edge::WallClock;
use passes::time::{Clock as _, Timestamp};

/// Runs with the clock that it stands on, so many milliseconds ahead of it or behind. Clones are
/// the same clock.
#[derive(Clone)]
pub(crate) struct TurnableClock {
    under: WallClock,
    ahead_ms: Arc<AtomicI64>,
}

impl TurnableClock {
    pub fn over(under: WallClock) -> Self {
        Self {
            under,
            ahead_ms: Arc::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        let ahead = self.ahead_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(self.under.now().millis().saturating_add_signed(ahead))
    }

    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::SeqCst)
    }

    /// Turns it on, or back.
    pub fn turn(&self, by_ms: i64) {
        self.ahead_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub fn wall_clock(&self) -> WallClock {
        let clock = self.clone();
        WallClock::from_fn(move || clock.now())
    }
}
