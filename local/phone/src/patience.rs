//! How annoyed iOS is by the pushes of one pass type.

use std::time::{Duration, SystemTime};

/// The score of one pass type on one phone. Field reports; Apple documents neither rule nor limits.
///
/// A push costs up to one point when it follows the last one closely, and the score decays with
/// time. Growing scores delay updates by 2, 10 and 60 minutes; in the end the phone offers its
/// owner to switch updates off.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    last_push: Option<SystemTime>,
    score: f64,
}

impl Patience {
    pub(crate) fn score(&self) -> f64 {
        self.score
    }

    /// Counts a push; `passes` of its type are installed.
    pub(crate) fn pushed(&mut self, now: SystemTime, passes: usize) {
        let free = free_spacing(passes).as_secs_f64();
        let since_last = self
            .last_push
            .and_then(|last| now.duration_since(last).ok())
            .map(|elapsed| elapsed.as_secs_f64());
        if let Some(seconds) = since_last {
            let closeness = (free - seconds) / free;
            let cost = if closeness > 0.0 { closeness.powi(3) } else { closeness };
            self.score = (self.score + cost).max(0.0);
        }
        self.last_push = Some(now);
    }
}

/// The spacing at which a push costs nothing: 120 minutes shared by the passes of the type, and at
/// least 30 minutes.
fn free_spacing(passes: usize) -> Duration {
    const MINUTE: u64 = 60;
    let passes = u64::try_from(passes.max(1)).unwrap_or(u64::MAX);
    Duration::from_secs((120 * MINUTE / passes).max(30 * MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(minutes: &[u64], passes: usize) -> f64 {
        let mut patience = Patience::default();
        for minute in minutes {
            patience.pushed(SystemTime::UNIX_EPOCH + Duration::from_secs(minute * 60), passes);
        }
        patience.score()
    }

    #[test]
    fn the_first_push_and_pushes_two_hours_apart_cost_nothing() {
        assert_eq!(after(&[0], 1), 0.0);
        assert_eq!(after(&[0, 120, 240], 1), 0.0);
    }

    #[test]
    fn a_push_at_half_the_free_spacing_costs_an_eighth() {
        assert_eq!(after(&[0, 60], 1), 0.125);
        assert_eq!(after(&[0, 15], 4), 0.125);
    }

    #[test]
    fn the_free_spacing_never_falls_below_thirty_minutes() {
        assert_eq!(after(&[0, 15], 100), 0.125);
    }

    #[test]
    fn the_score_decays_with_time() {
        assert_eq!(after(&[0, 0, 180], 1), 0.5);
    }
}
