//! Shortening: steps are taken out as long as the same invariant stays violated.

use super::mutations::Mutation;
use super::plan::Step;
use super::replay;
use super::run::Schedule;

/// The shortest schedule that was found with a violation of the same invariant, within `tries`
/// replays.
pub fn shorten(schedule: &Schedule, invariant: char, mutation: Option<Mutation>, tries: u32) -> Schedule {
    let mut shortest = schedule.clone();
    let mut left = tries;
    let mut violates = |candidate: &Schedule| -> Option<Schedule> {
        left = left.checked_sub(1)?;
        let outcome = replay(candidate, mutation, false);
        let same = outcome
            .violation
            .is_some_and(|violation| violation.invariant == invariant);
        // Steps that had become impossible, or came after the violation, are gone as well.
        same.then_some(outcome.schedule)
    };
    loop {
        let before = shortest.steps.len();
        // Ever smaller pieces, from the end, where a piece depends on what stands before it.
        let mut size = (before / 2).max(1);
        loop {
            let mut end = shortest.steps.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut candidate = shortest.clone();
                candidate.steps.drain(start..end);
                if let Some(shorter) = violates(&candidate)
                    && shorter.steps.len() < shortest.steps.len()
                {
                    shortest = shorter;
                }
                end = start.min(shortest.steps.len());
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
        // Faults that are not needed become plain calls; clocks that need not be wrong are right.
        for index in 0..shortest.steps.len() {
            let plain = match shortest.steps.get(index) {
                Some(Step::Fault { actor, nth, .. } | Step::Push { actor, nth, .. }) => Step::Go {
                    actor: *actor,
                    nth: *nth,
                },
                _ => continue,
            };
            let mut candidate = shortest.clone();
            candidate.steps[index] = plain;
            if let Some(simpler) = violates(&candidate)
                && simpler.steps.len() <= shortest.steps.len()
            {
                shortest = simpler;
            }
        }
        for index in (0..shortest.setup.skews.len()).rev() {
            let mut candidate = shortest.clone();
            candidate.setup.skews.remove(index);
            shortest = violates(&candidate).unwrap_or(shortest);
        }
        for index in (0..shortest.setup.installed.len()).rev() {
            let mut candidate = shortest.clone();
            candidate.setup.installed.remove(index);
            if let Some(simpler) = violates(&candidate)
                && simpler.steps.len() <= shortest.steps.len()
            {
                shortest = simpler;
            }
        }
        if shortest.steps.len() == before {
            return shortest;
        }
    }
}
