//! A burst of deletions: most are mistakes, so it pauses, with an alarm, until an operator releases
//! it.
//!
//! Passes that lose their record are counted by the hour, before they are voided. Above the limit
//! deletions pause: from then on a pass whose record is gone is held, which means that its last good
//! revision stays in service as it is. Nothing lists held passes. Each comes up again every hour by
//! itself, and finds its record back, the pause still standing, or the pause released.
//!
//! A pause is named by the second at which it began. No pause has the second of another one or of a
//! release before it, whatever clocks say, so that a hold always tells whether its own pause has been
//! released.

use crate::ports::{Conditional, CountDeletions, StoreError, StoreResult};
use crate::time::{Clock, Timestamp};

/// Turns before counting gives way: each turn means that another publisher got on.
const TURNS: u32 = 8;

const HOUR_SECONDS: u64 = 3600;

/// What is known of the deletions of late. Times are seconds since the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deletions {
    /// The hour that was counted last; `None` before the first, and after a release.
    pub hour: Option<CountedHour>,
    /// The pause that stands.
    pub paused_at: Option<u64>,
    /// All pauses that began until then are released.
    pub released_at: Option<u64>,
}

/// An hour from its first deletion on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedHour {
    pub began_at: u64,
    /// Passes that were voided within it; those whose publish was repeated amid it count twice.
    pub count: u64,
}

/// What becomes of a pass that has lost its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletion {
    GoesAhead,
    Held {
        /// The pause that it is held by.
        by: u64,
    },
}

/// What a publisher does about one more deletion.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Count { hour: CountedHour },
    BeginHour { replaced: Option<CountedHour> },
    Pause { at: u64 },
    Hold { by: u64 },
}

impl Deletions {
    /// Whether a pass that is held by this pause may go ahead.
    fn have_released(&self, pause: u64) -> bool {
        self.released_at.is_some_and(|released| pause <= released)
    }

    fn step(&self, per_hour: u64, now: Timestamp) -> Step {
        let now = now.seconds();
        // A clock that is a little behind counts in the same hour. One that was set back by more
        // begins another, or the hour of a wrong clock would last for years.
        let hour = self.hour.filter(|hour| now.abs_diff(hour.began_at) < HOUR_SECONDS);
        match (self.paused_at, hour) {
            (Some(by), _) => Step::Hold { by },
            (None, Some(hour)) if hour.count < per_hour => Step::Count { hour },
            (None, None) if per_hour > 0 => Step::BeginHour { replaced: self.hour },
            (None, _) => Step::Pause {
                at: self.released_at.map_or(now, |released| now.max(released + 1)),
            },
        }
    }
}

/// Counts a pass that has lost its record, and says whether it may be voided. One that is held
/// already and has been released goes ahead without being counted again.
pub(crate) async fn count_deletion<S, C>(
    store: &S,
    clock: &C,
    per_hour: u64,
    held_by: Option<u64>,
) -> StoreResult<Deletion>
where
    S: CountDeletions,
    C: Clock,
{
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        let deletions = store.deletions().await?;
        if held_by.is_some_and(|pause| deletions.have_released(pause)) {
            return Ok(Deletion::GoesAhead);
        }
        let now = clock.now();
        let (done, deletion) = match deletions.step(per_hour, now) {
            Step::Hold { by } => return Ok(Deletion::Held { by }),
            Step::Count { hour } => (store.count_in_hour(hour.began_at, per_hour).await, Deletion::GoesAhead),
            Step::BeginHour { replaced } => {
                let replaced = replaced.map(|hour| hour.began_at);
                (store.begin_hour(now.seconds(), replaced).await, Deletion::GoesAhead)
            }
            Step::Pause { at } => {
                let hour = deletions.hour.map(|hour| hour.began_at);
                (store.pause_deletions(at, hour).await, Deletion::Held { by: at })
            }
        };
        match done {
            Ok(Conditional::Done) => return Ok(deletion),
            // Perhaps counted: once more than need be is on the safe side.
            Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Contended {
        call: "count-deletion",
        turns: TURNS,
    })
}

/// What became of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    Released {
        paused_at: u64,
        released_at: u64,
    },
    /// No pause stands, or somebody else has just released it.
    NotPaused,
}

/// Ends the pause: what is held goes ahead, and counting begins anew.
pub async fn release<S, C>(store: &S, clock: &C) -> StoreResult<ReleaseOutcome>
where
    S: CountDeletions,
    C: Clock,
{
    let Some(paused_at) = store.deletions().await?.paused_at else {
        return Ok(ReleaseOutcome::NotPaused);
    };
    // By whichever clock: never before the pause itself.
    let released_at = clock.now().seconds().max(paused_at);
    Ok(match store.release_deletions(paused_at, released_at).await? {
        Conditional::Done => ReleaseOutcome::Released { paused_at, released_at },
        Conditional::Overtaken => ReleaseOutcome::NotPaused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 100_000;

    fn counted(ago: i64, count: u64) -> Deletions {
        Deletions {
            hour: Some(CountedHour {
                began_at: NOW.saturating_add_signed(-ago),
                count,
            }),
            ..Deletions::default()
        }
    }

    fn step(deletions: Deletions, per_hour: u64) -> Step {
        deletions.step(per_hour, Timestamp::from_seconds(NOW))
    }

    #[test]
    fn so_many_go_ahead_in_an_hour_and_the_next_one_pauses() {
        assert_eq!(step(Deletions::default(), 2), Step::BeginHour { replaced: None });
        let one = counted(10, 1);
        assert_eq!(
            step(one, 2),
            Step::Count {
                hour: one.hour.unwrap()
            }
        );
        assert_eq!(step(counted(10, 2), 2), Step::Pause { at: NOW });
        assert_eq!(step(counted(3599, 2), 2), Step::Pause { at: NOW });
        let over = counted(3600, 2);
        assert_eq!(step(over, 2), Step::BeginHour { replaced: over.hour });
    }

    #[test]
    fn with_a_limit_of_zero_each_deletion_waits() {
        assert_eq!(step(Deletions::default(), 0), Step::Pause { at: NOW });
        assert_eq!(step(counted(9000, 5), 0), Step::Pause { at: NOW });
    }

    #[test]
    fn a_clock_that_is_set_back_counts_on_or_begins_anew_and_waits_for_nothing() {
        let ahead = counted(-600, 1);
        assert_eq!(
            step(ahead, 2),
            Step::Count {
                hour: ahead.hour.unwrap()
            }
        );
        let years_ahead = counted(-100_000_000, 2);
        let replaced = years_ahead.hour;
        assert_eq!(step(years_ahead, 2), Step::BeginHour { replaced });
    }

    #[test]
    fn a_pause_is_later_than_any_release_before_it() {
        let released = Deletions {
            released_at: Some(NOW + 60),
            ..counted(0, 2)
        };
        assert_eq!(step(released, 2), Step::Pause { at: NOW + 61 });
        assert!(released.have_released(NOW + 60) && !released.have_released(NOW + 61));
        assert!(!Deletions::default().have_released(0));
    }
}
