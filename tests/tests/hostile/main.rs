//! Hostile input, a fixed number of each kind. Many more:
//! `cargo run --profile long -p tests --example hostile -- --inputs 10000000`.

use tests::hostile::{Requests, Target, feed, name_inputs_in_panics, parsers};

const INPUTS: u64 = 2_000;
const SEED: u64 = 20_261_121;

#[test]
fn nothing_that_is_read_breaks_a_parser() {
    name_inputs_in_panics();
    for mut target in parsers() {
        let taken = feed(target.as_mut(), INPUTS, SEED, |_| {});
        // With no good one among them, only the door would have been tried.
        assert!((1..INPUTS).contains(&taken.passed), "{}: {taken:?}", target.name());
    }
}

#[test]
fn no_request_is_answered_with_a_fault_of_ours() {
    name_inputs_in_panics();
    let taken = feed(&mut Requests::start(), INPUTS, SEED, |_| {});
    assert!((1..INPUTS).contains(&taken.passed), "{taken:?}");
}

/// The rules themselves can fail: a target that breaks is noticed.
#[test]
#[should_panic(expected = "taken for a number")]
fn a_broken_target_is_noticed() {
    struct Broken;
    impl Target for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn seeds(&self) -> Vec<Vec<u8>> {
            vec![b"1".to_vec()]
        }
        fn take(&mut self, input: &[u8]) -> bool {
            assert!(!input.contains(&0), "taken for a number");
            true
        }
    }
    feed(&mut Broken, INPUTS, SEED, |_| {});
}
