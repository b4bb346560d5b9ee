//! The gate of a connection: one push at a time until APNs has accepted one.

use std::sync::OnceLock;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Closed at first: whoever enters is the leader and goes alone. One decision, taken once, lets
/// everybody through or sends everybody away.
pub(crate) struct Gate {
    decision: OnceLock<Decision>,
    /// One permit for the leader. Closed by the decision, which wakes all who wait.
    leader: Semaphore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// APNs accepted a push here.
    Open,
    /// The connection failed before that; nothing was sent for those who wait.
    Broken,
    /// Another connection took its place.
    Superseded,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            decision: OnceLock::new(),
            leader: Semaphore::new(1),
        }
    }

    /// Waits for the leader's place or for the decision, whichever comes first. Leaders that
    /// were neither accepted nor failed give way to the next by dropping the permit.
    pub(crate) async fn enter(&self) -> Result<SemaphorePermit<'_>, Decision> {
        self.leader
            .acquire()
            .await
            .map_err(|_closed| *self.decision.get().expect("closed by `decide` only"))
    }

    /// The first decision stands.
    pub(crate) fn decide(&self, decision: Decision) {
        if self.decision.set(decision).is_ok() {
            self.leader.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let gate = Gate::new();
        let first = gate.enter().now_or_never().unwrap().unwrap();
        assert!(gate.enter().now_or_never().is_none());
        drop(first);
        assert!(gate.enter().now_or_never().unwrap().is_ok());
    }

    #[test]
    fn a_decision_wakes_everybody_and_stands() {
        let gate = Gate::new();
        let _first = gate.enter().now_or_never().unwrap().unwrap();
        let mut second = Box::pin(gate.enter());
        assert!(second.as_mut().now_or_never().is_none());
        gate.decide(Decision::Open);
        gate.decide(Decision::Broken);
        assert_eq!(second.now_or_never().unwrap().unwrap_err(), Decision::Open);
        let third = gate.enter().now_or_never().unwrap();
        assert_eq!(third.unwrap_err(), Decision::Open);
    }
}
