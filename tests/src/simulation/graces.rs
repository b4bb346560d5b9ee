//! Invariant (h): when a pass without record may come to its end.

use passes::deletion::GRACE_SECONDS;

use super::engine::{Call, Item, REGISTRY, number};
use super::invariants::Violation;
use super::report::since_start;
use super::steps::LONGEST_FUNCTION;
use super::world::{Actor, Row, World, revision_key, serial};

/// The grace of a pass whose record is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grace {
    /// True time at which it was noted first, in milliseconds.
    since: u64,
    /// When it ends, in seconds.
    ends: u64,
}

impl World {
    /// A revision is written.
    pub fn observe_end(&mut self, actor: Actor, pass: u8, item: &Item) {
        let lets_go = self.watch.letting_go.remove(&(actor, pass));
        let grace = self.watch.noted.graces.get(&pass).copied();
        if lets_go && self.watch.noted.let_go.contains(&pass) {
            // Written anew after a restore.
        } else if lets_go {
            // A grace begins when the record is read, and is noted within that function's life.
            let now = (self.now + self.disagreement() + LONGEST_FUNCTION) / 1000;
            let over = grace.is_some_and(|grace| grace.since / 1000 + GRACE_SECONDS <= now);
            if !over {
                let sentence = format!("{} is let go amid its grace: {grace:?}", serial(pass));
                self.violate(Violation::grace(sentence));
            }
            self.watch.noted.let_go.insert(pass);
        } else {
            self.watch.noted.let_go.remove(&pass);
        }
        self.note_grace(pass, item);
    }

    /// A revision is changed in place.
    pub fn observe_grace(&mut self, actor: Actor, pass: u8, call: &Call) {
        let Some(item) = self.engine.peek(REGISTRY, revision_key(pass)) else {
            return;
        };
        let reminds = call.body["UpdateExpression"] == "SET #due_at = :next";
        if reminds {
            let clock = self.clock(actor) / 1000;
            let grace = self.watch.noted.graces.get(&pass).copied();
            if grace.is_none_or(|grace| grace.ends > clock) {
                let sentence = format!(
                    "{actor} hands {} on at {}, whose grace is not over: {grace:?}",
                    serial(pass),
                    since_start(Some(clock))
                );
                self.violate(Violation::grace(sentence));
            }
        }
        self.note_grace(pass, &item);
    }

    fn note_grace(&mut self, pass: u8, item: &Item) {
        let graces = &mut self.watch.noted.graces;
        match number(item, "grace_ends") {
            Some(ends) => {
                let since = graces.get(&pass).map_or(self.now, |grace| grace.since);
                graces.insert(pass, Grace { since, ends });
            }
            None => {
                graces.remove(&pass);
            }
        }
    }

    pub fn check_graces(&mut self) {
        for pass in 0..self.setup.passes {
            let noted = &self.watch.noted;
            let (has_grace, let_go) = (noted.graces.contains_key(&pass), noted.let_go.contains(&pass));
            let revision = self.engine.peek(REGISTRY, revision_key(pass));
            let due = revision.as_ref().is_some_and(|item| number(item, "due_at").is_some());
            let wrong = match self.rows[usize::from(pass)] {
                // It was never published.
                Row::Absent if revision.is_none() => false,
                Row::Absent => has_grace == let_go || due != has_grace,
                Row::Balance(_) | Row::Voided(_) => has_grace || let_go || due,
                // It is back, if not as it should be.
                Row::Spoilt => has_grace || due,
            };
            if wrong {
                let row = self.rows[usize::from(pass)];
                let sentence = format!(
                    "at rest, {} = {row:?} has a grace: {has_grace}, is due: {due}, is let go: {let_go}",
                    serial(pass)
                );
                return self.violate(Violation::grace(sentence));
            }
        }
    }
}
