//! The simulation: all invariants hold whatever a seed brings, and the lack of a rule is
//! noticed. Everything is decided by the seeds, so nothing here comes and goes.
//!
//! Longer runs: `cargo run --profile long -p tests --example simulate -- --help`.

mod mutations;

use tests::simulation::{replay, shorten, simulate};

/// Seeds from 0 on: about half a minute unoptimised.
const SCHEDULES: u64 = 200;

#[test]
fn all_invariants_hold() {
    for seed in 0..SCHEDULES {
        let outcome = simulate(seed);
        let Some(violation) = outcome.violation else {
            continue;
        };
        let short = shorten(&outcome.schedule, violation.invariant, None, 300);
        let lines = replay(&short, None, true).lines.join("\n  ");
        panic!("seed {seed}: {violation}\n  {lines}");
    }
}

#[test]
fn a_seed_decides_everything() {
    for seed in [3, 4] {
        let (first, second) = (simulate(seed), simulate(seed));
        assert_eq!(first.schedule.steps, second.schedule.steps);
        assert_eq!(first.calls, second.calls);
        let lines = |outcome: &tests::simulation::Outcome| replay(&outcome.schedule, None, true).lines;
        assert_eq!(lines(&first), lines(&second));
    }
}
