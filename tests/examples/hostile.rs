//! Feeds hostile input to everything that reads from outside, as much as is asked for.

use std::time::Instant;

use clap::Parser;
use tests::hostile::{Requests, Target, feed, name_inputs_in_panics, parsers};
use tests::progress::Progress;

/// Feed hostile input to everything that reads from outside
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo run --profile long -p tests --example hostile -- --inputs 10000000
  cargo run --profile long -p tests --example hostile -- --target package --inputs 1000000 --seed 7")]
struct Arguments {
    /// Inputs in all; requests, which go through a whole stack, get a tenth of what another target gets
    #[arg(long, default_value_t = 1_000_000)]
    inputs: u64,
    /// The same seed gives the same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// This target alone
    #[arg(long)]
    target: Option<String>,
}

fn main() {
    let arguments = Arguments::parse();
    name_inputs_in_panics();
    let mut targets: Vec<Box<dyn Target>> = parsers();
    targets.push(Box::new(Requests::start()));
    let names: Vec<_> = targets.iter().map(|target| target.name()).collect();
    if let Some(wanted) = &arguments.target {
        targets.retain(|target| target.name() == wanted);
        if targets.is_empty() {
            eprintln!("error: there is no target `{wanted}`; there are {}", names.join(", "));
            std::process::exit(2);
        }
    }
    let weight = |target: &dyn Target| if target.name() == "requests" { 1 } else { 10 };
    let weights: u64 = targets.iter().map(|target| weight(target.as_ref())).sum();
    let (begun, mut total) = (Instant::now(), 0);
    for mut target in targets {
        let share = (arguments.inputs * weight(target.as_ref())).div_ceil(weights);
        let (name, started) = (target.name(), Instant::now());
        let mut progress = Progress::begin(&format!("inputs to {name}"), share);
        let taken = feed(target.as_mut(), share, arguments.seed, |number| progress.is_at(number));
        drop(progress);
        total += taken.inputs;
        println!(
            "{name:<22} {:>9} inputs, {:>8} pass for good   {:>6.1} s   slowest {:.1} ms",
            taken.inputs,
            taken.passed,
            started.elapsed().as_secs_f64(),
            taken.slowest.as_secs_f64() * 1000.0
        );
    }
    println!(
        "{total} inputs in {:.0} s: no panic, no 5xx, no rule broken",
        begun.elapsed().as_secs_f64()
    );
}
