//! Variables of the template = variables that the function's code reads.

use std::collections::BTreeSet;

use crate::source::{Bodies, constants, files};
use crate::system::{System, read as source};
use crate::{finds, holds};

/// What a function reads itself, by the platform's parts that it names, and by its telemetry.
fn read_by(binary: &str, platform: &Bodies) -> BTreeSet<String> {
    let own = files(&format!("functions/{binary}/src"))
        .into_values()
        .collect::<String>();
    let mut read = constants(&own);
    for part in platform.called_in(&own) {
        if own.contains(&format!("platform.{part}(")) || own.contains(&format!("Platform::{part}(")) {
            read.extend(constants(&platform.reach(part)));
        }
    }
    if own.contains("telemetry::start(") {
        read.extend(constants(&source("shared/edge/src/telemetry.rs")));
    }
    // Lambda's own, which the template cannot set.
    read.retain(|name| !name.starts_with("AWS_"));
    read
}

fn check(system: &System) -> Vec<String> {
    let platform = Bodies::of("shared/edge/src/platform.rs");
    let mut faults = Vec::new();
    let globals = &system.template["Globals"]["Function"];
    for (binary, id) in system.functions() {
        let given: BTreeSet<String> = [globals, system.properties(id)]
            .iter()
            .filter_map(|properties| properties["Environment"]["Variables"].as_object())
            .flat_map(|variables| variables.keys().cloned())
            .collect();
        let read = read_by(binary, &platform);
        for name in read.difference(&given) {
            faults.push(format!("{binary} reads {name}, which {id} is not given"));
        }
        for name in given.difference(&read) {
            faults.push(format!("{id} is given {name}, which {binary} never reads"));
        }
    }
    faults
}

#[test]
fn every_function_is_given_what_it_reads_and_nothing_else() {
    holds(check(&System::read()));
}

#[test]
fn a_variable_that_is_taken_away_or_too_many_is_named() {
    let system = System::read();
    for (binary, id) in system.functions() {
        let variables = system.properties(id)["Environment"]["Variables"].as_object();
        for name in variables.into_iter().flat_map(|variables| variables.keys()) {
            let pointer = format!("/Resources/{id}/Properties/Environment/Variables/{name}");
            finds(check, &system.without(&pointer), &[binary, name, "is not given"]);
        }
    }
    let more = serde_json::json!({ "METRICS_NAMESPACE": "x", "RUST_LOG_LEVEL": "debug" });
    let system = system.with("/Globals/Function/Environment/Variables", more);
    finds(check, &system, &["LogMessages is given RUST_LOG_LEVEL"]);
}
