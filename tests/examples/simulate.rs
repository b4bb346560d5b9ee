//! Long runs of the simulation: `cargo run --profile long -p tests --example simulate -- --help`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use tests::progress::Progress;
use tests::simulation::{Mutation, Outcome, Theme, Violation, replay, shorten};

/// Runs seeded schedules of livepass with faults, and checks its invariants.
///
/// Each seed is one schedule: backends, publishers, the schedule, APNs and phones interleaved over the real domain and
/// the real DynamoDB adapters. A violation is shortened and printed line by line; the command then ends with status 1.
#[derive(Parser)]
#[command(after_help = "Examples:
  simulate --schedules 100000 --jobs 2
  simulate --seed 4711 --schedules 1 --trace     what happens in one schedule
  simulate --mutation ClearWithoutTag            whether the lack of a rule is noticed
  simulate --mutations                           names the rules that can be taken out
  simulate --every-mutation --schedules 2000     how many schedules each one takes")]
struct Arguments {
    /// How many schedules are run, one per seed.
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Takes a rule out.
    #[arg(long, value_parser = mutation)]
    mutation: Option<Mutation>,
    /// Only schedules that are about this, e.g. Queues; a mutation has a theme of its own.
    #[arg(long, value_parser = theme)]
    theme: Option<Theme>,
    /// Lists the rules that can be taken out.
    #[arg(long)]
    mutations: bool,
    /// Takes one rule out after the other, and tells at which seed its lack is noticed; with a part of
    /// a name, only those.
    #[arg(long, num_args = 0..=1, default_missing_value = "", value_name = "PART")]
    every_mutation: Option<String>,
    /// Prints what happens in the first schedule, whether or not something is violated.
    #[arg(long)]
    trace: bool,
    /// Replays that shortening may take.
    #[arg(long, default_value_t = 2000)]
    shorten: u32,
    /// Ends with a summary as JSON on standard output.
    #[arg(long)]
    json: bool,
}

fn mutation(name: &str) -> Result<Mutation, String> {
    let found = Mutation::ALL.iter().find(|mutation| mutation.name() == name);
    found
        .copied()
        .ok_or_else(|| "is none of those that --mutations lists".to_owned())
}

fn theme(name: &str) -> Result<Theme, String> {
    let found = Theme::ALL.into_iter().find(|theme| format!("{theme:?}") == name);
    found.ok_or_else(|| format!("is none of {:?}", Theme::ALL))
}

fn simulate(seed: u64, theme: Option<Theme>, mutation: Option<Mutation>) -> Outcome {
    match (mutation, theme) {
        (Some(mutation), _) => tests::simulation::simulate_without(mutation, seed),
        (None, Some(theme)) => tests::simulation::simulate_about(theme, seed),
        (None, None) => tests::simulation::simulate(seed),
    }
}

/// What a run of many schedules came to.
struct Total {
    schedules: u64,
    calls: u64,
    pushes: u64,
    took: Duration,
    /// The lowest seed with a violation.
    violation: Option<(u64, Violation)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.mutations {
        for mutation in Mutation::ALL {
            println!("{:<26}{}", mutation.name(), mutation.sentence());
        }
        return ExitCode::SUCCESS;
    }
    if arguments.trace {
        return trace(&arguments);
    }
    if let Some(part) = &arguments.every_mutation {
        return every_mutation(&arguments, part);
    }
    let total = run(&arguments, arguments.mutation);
    let shown = total
        .violation
        .as_ref()
        .map(|(seed, violation)| show(&arguments, *seed, violation));
    let rate = total.schedules as f64 / total.took.as_secs_f64();
    if arguments.json {
        let violation = total.violation.as_ref().map(|(seed, violation)| {
            json!({"seed": seed, "invariant": violation.invariant.to_string(), "sentence": violation.sentence, "lines": shown})
        });
        let summary = json!({
            "first_seed": arguments.seed,
            "schedules": total.schedules,
            "calls": total.calls,
            "pushes": total.pushes,
            "jobs": arguments.jobs,
            "duration_ms": total.took.as_millis() as u64,
            "mutation": arguments.mutation.map(Mutation::name),
            "violation": violation,
        });
        println!("{summary}");
    } else {
        if let Some(lines) = shown {
            lines.iter().for_each(|line| println!("{line}"));
        }
        println!(
            "{} schedules from seed {}, {} calls, {} pushes, {rate:.0} schedules/s with {} jobs: {}",
            total.schedules,
            arguments.seed,
            total.calls,
            total.pushes,
            arguments.jobs,
            if total.violation.is_some() {
                "a violation"
            } else {
                "all invariants hold"
            }
        );
    }
    ExitCode::from(u8::from(total.violation.is_some()))
}

fn run(arguments: &Arguments, mutation: Option<Mutation>) -> Total {
    let started = Instant::now();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let (calls, pushes) = (AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    let violation = Mutex::new(None::<(u64, Violation)>);
    let jobs = arguments.jobs.max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= arguments.schedules {
                            return;
                        }
                        let seed = arguments.seed + index;
                        let outcome = simulate(seed, arguments.theme, mutation);
                        calls.fetch_add(outcome.calls, Ordering::Relaxed);
                        pushes.fetch_add(outcome.pushes, Ordering::Relaxed);
                        done.fetch_add(1, Ordering::Relaxed);
                        if let Some(found) = outcome.violation {
                            over.store(true, Ordering::Relaxed);
                            let mut lowest = violation.lock().unwrap_or_else(PoisonError::into_inner);
                            if lowest.as_ref().is_none_or(|(known, _)| seed < *known) {
                                *lowest = Some((seed, found));
                            }
                        }
                    }
                })
            })
            .collect();
        let mut progress = Progress::begin("schedules", arguments.schedules);
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
            progress.is_at(done.load(Ordering::Relaxed));
        }
    });
    Total {
        schedules: done.into_inner(),
        calls: calls.into_inner(),
        pushes: pushes.into_inner(),
        took: started.elapsed(),
        violation: violation.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}

/// The shortened schedule, as lines.
fn show(arguments: &Arguments, seed: u64, violation: &Violation) -> Vec<String> {
    let whole = simulate(seed, arguments.theme, arguments.mutation);
    let short = shorten(
        &whole.schedule,
        violation.invariant,
        arguments.mutation,
        arguments.shorten,
    );
    let replayed = replay(&short, arguments.mutation, true);
    let mut lines = vec![format!(
        "seed {seed}, {} of {} steps: {violation}",
        short.steps.len(),
        whole.schedule.steps.len()
    )];
    lines.extend(
        replayed
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| format!("{:>4}. {line}", index + 1)),
    );
    lines
}

fn trace(arguments: &Arguments) -> ExitCode {
    let outcome = simulate(arguments.seed, arguments.theme, arguments.mutation);
    let replayed = replay(&outcome.schedule, arguments.mutation, true);
    for (index, line) in replayed.lines.iter().enumerate() {
        println!("{:>4}. {line}", index + 1);
    }
    ExitCode::from(u8::from(outcome.violation.is_some()))
}

fn every_mutation(arguments: &Arguments, part: &str) -> ExitCode {
    let mut missed = false;
    for mutation in Mutation::ALL.iter().filter(|mutation| mutation.name().contains(part)) {
        let total = run(arguments, Some(*mutation));
        match total.violation {
            Some((seed, violation)) => println!(
                "{:<26}{:>6} schedules  {violation}",
                mutation.name(),
                seed - arguments.seed + 1
            ),
            None => {
                missed = true;
                println!("{:<26}not caught in {} schedules", mutation.name(), total.schedules);
            }
        }
    }
    ExitCode::from(u8::from(missed))
}
