//! The simulation: the domain and the DynamoDB adapters in one process, interleaved and broken by
//! a seed, and checked against the invariants.

mod actors;
mod apns;
mod conversations;
mod designs;
mod doings;
mod engine;
mod graces;
pub mod invariants;
mod material;
mod mutations;
mod phone;
mod plan;
mod queues;
mod report;
mod restore;
mod run;
mod setup;
mod shrink;
mod sources;
mod steps;
mod store;
mod watch;
mod wire;
mod world;

use std::cell::RefCell;

use engine::Engine;
pub use invariants::Violation;
pub use mutations::Mutation;
pub use plan::Step;
pub use run::{Outcome, Schedule};
pub use setup::{Setup, Theme};
pub use shrink::shorten;

/// Schedules before an engine is replaced: it remembers every transaction for a while, and that
/// slows it down.
const ENGINE_LASTS: u32 = 100;

thread_local! {
    static ENGINE: RefCell<Option<(Engine, u32)>> = const { RefCell::new(None) };
}

/// With this thread's engine, emptied.
fn with_engine(run: impl FnOnce(Engine) -> (Outcome, Engine)) -> Outcome {
    let (engine, used) = ENGINE.take().unwrap_or_else(|| (Engine::start(), 0));
    let (outcome, engine) = run(engine);
    if used < ENGINE_LASTS {
        engine.empty();
        ENGINE.set(Some((engine, used + 1)));
    }
    outcome
}

/// Runs the schedule that a seed decides.
pub fn simulate(seed: u64) -> Outcome {
    with_engine(|engine| run::draw(engine, seed, None, None))
}

/// Runs a schedule that is about one thing.
pub fn simulate_about(theme: Theme, seed: u64) -> Outcome {
    with_engine(|engine| run::draw(engine, seed, Some(theme), None))
}

/// The same with a rule taken out, among schedules that are about what the rule is for.
pub fn simulate_without(mutation: Mutation, seed: u64) -> Outcome {
    with_engine(|engine| run::draw(engine, seed, Some(mutation.theme()), Some(mutation)))
}

/// Runs a schedule again; `lines` keeps what happens.
pub fn replay(schedule: &Schedule, mutation: Option<Mutation>, lines: bool) -> Outcome {
    with_engine(|engine| run::replay(engine, schedule, mutation, lines))
}
