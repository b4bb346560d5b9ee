//! The pace of pushes: so many a second and no more, whoever waits for a turn.

use std::time::Duration;

use futures_util::lock::Mutex;

use crate::time::{Clock, Timestamp};

/// A tenth of a second: short enough for an even flow at the gateway that all pushed devices then
/// call, long enough that a timer's own grain (1 ms) costs little of it.
const WINDOW_MS: u64 = 100;

/// At most so many turns a second, a window of them at once.
///
/// Shared by everything that takes turns side by side in one worker.
#[derive(Debug)]
pub struct Pace {
    turns: u32,
    window: Duration,
    current: Mutex<Option<Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    begun: Timestamp,
    taken: u32,
}

impl Pace {
    /// `turns` a second; 0 counts as 1, since a pace that never lets anybody through would keep
    /// what it paces waiting for good.
    pub fn per_second(turns: u32) -> Self {
        let a_second = u64::from(turns.max(1));
        // 500 a second: 50 in 100 ms. 3 a second: 1 in 333 ms.
        let at_once = (a_second * WINDOW_MS / 1000).max(1);
        Self {
            turns: u32::try_from(at_once).unwrap_or(u32::MAX),
            window: Duration::from_micros(at_once * 1_000_000 / a_second),
            current: Mutex::new(None),
        }
    }

    /// Returns when it is the caller's turn. Callers wait one behind the other.
    pub async fn turn(&self, clock: &impl Clock) {
        let mut current = self.current.lock().await;
        let now = clock.now();
        if let Some(window) = current.as_mut() {
            // A clock that was set back counts as one that stands.
            let elapsed = Duration::from_millis(now.millis().saturating_sub(window.begun.millis()));
            if elapsed < self.window {
                if window.taken < self.turns {
                    window.taken += 1;
                    return;
                }
                clock.wait(self.window - elapsed).await;
            }
        }
        *current = Some(Window {
            begun: clock.now(),
            taken: 1,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that moves by being waited on.
    struct Waited(AtomicU64);

    impl Clock for Waited {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst) / 1000)
        }

        async fn back_off(&self, _: u32) {}

        async fn wait(&self, pause: Duration) {
            self.0.fetch_add(pause.as_micros() as u64, Ordering::SeqCst);
        }
    }

    fn millis_for(a_second: u32, turns: u32) -> u64 {
        let clock = Waited(AtomicU64::new(1_000_000_000));
        let pace = Pace::per_second(a_second);
        let begun = clock.now().millis();
        futures_util::FutureExt::now_or_never(async {
            for _ in 0..turns {
                pace.turn(&clock).await;
            }
        })
        .expect("only the clock is waited for");
        clock.now().millis() - begun
    }

    #[test]
    fn a_pace_is_kept_over_a_second_and_never_exceeded() {
        for (a_second, turns, millis) in [
            (500, 50, 0),
            (500, 51, 100),
            (500, 1000, 1900),
            (166, 16, 0),
            (166, 166, 960),
            (10, 10, 900),
            (3, 1, 0),
            (3, 4, 999),
            (1, 3, 2000),
            (0, 2, 1000),
        ] {
            let took = millis_for(a_second, turns);
            assert!(
                took.abs_diff(millis) <= 4,
                "{turns} turns at {a_second} a second took {took} ms"
            );
        }
    }

    #[test]
    fn a_pause_is_not_made_up_for_by_a_burst() {
        let clock = Waited(AtomicU64::new(1_000_000_000));
        let pace = Pace::per_second(10);
        futures_util::FutureExt::now_or_never(async {
            pace.turn(&clock).await;
            clock.wait(Duration::from_secs(60)).await;
            let begun = clock.now().millis();
            for _ in 0..3 {
                pace.turn(&clock).await;
            }
            assert_eq!(clock.now().millis() - begun, 200);
        })
        .expect("only the clock is waited for");
    }
}
