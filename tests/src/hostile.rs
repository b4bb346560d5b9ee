//! Hostile input: whatever somebody sends, nothing panics, answers 5xx, or is taken for
//! something that it is not.
//!
//! Each [`Target`] takes bytes and holds what comes of them against its own rules. Inputs are
//! mutations of good ones, made from a seed: the same seed gives the same inputs.

mod mutator;
mod parsers;
mod requests;
mod signed;

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::time::{Duration, Instant};

use fastrand::Rng;

use mutator::Mutator;
pub use requests::Requests;

/// Something that takes input from outside.
pub trait Target {
    fn name(&self) -> &'static str;

    /// Good inputs, and bad ones worth to start from.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// Takes one input, and says whether it passed for a good one; panics where a rule is broken.
    fn take(&mut self, input: &[u8]) -> bool;
}

/// Everything that needs no running stack, in a fixed order.
pub fn parsers() -> Vec<Box<dyn Target>> {
    let mut targets = parsers::all();
    targets.extend(signed::all());
    targets
}

/// What a run of one target has seen.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub inputs: u64,
    /// Those that passed for good ones: with none, nothing behind the first check has been tried.
    pub passed: u64,
    /// Far above the others, it would be a way to keep a function busy.
    pub slowest: Duration,
}

/// Feeds a target; `progress` hears of every input.
pub fn feed(target: &mut dyn Target, inputs: u64, seed: u64, mut progress: impl FnMut(u64)) -> Taken {
    let mut rng = Rng::with_seed(seed);
    let mutator = Mutator::new(target.seeds());
    let (mut passed, mut slowest) = (0, Duration::ZERO);
    for number in 0..inputs {
        let input = mutator.input(&mut rng);
        CURRENT.with_borrow_mut(|current| {
            *current = format!("{} (seed {seed}, input {number}): {}", target.name(), shown(&input))
        });
        let begun = Instant::now();
        passed += u64::from(target.take(&input));
        slowest = slowest.max(begun.elapsed());
        progress(number + 1);
    }
    CURRENT.with_borrow_mut(String::clear);
    Taken {
        inputs,
        passed,
        slowest,
    }
}

thread_local! {
    static CURRENT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Says beside every panic which input has brought it about.
pub fn name_inputs_in_panics() {
    let inherited: Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        CURRENT.with_borrow(|current| {
            if !current.is_empty() {
                eprintln!("\nhostile input to {current}");
            }
        });
        inherited(info);
    }));
}

/// An input as a byte string that can be pasted into a test, cut where it is long.
fn shown(input: &[u8]) -> String {
    const MOST: usize = 4096;
    let cut = if input.len() > MOST { "..." } else { "" };
    format!(
        "b\"{}{cut}\" ({} bytes)",
        input[..input.len().min(MOST)].escape_ascii(),
        input.len()
    )
}
