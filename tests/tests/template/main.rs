//! template.yaml against the code that it deploys: routes, permissions, variables, event sources,
//! logs and alarms. Each check returns what is wrong as sentences that name it, so that it can be
//! shown that it finds what it is there for: a template with one thing taken away.

mod alarms;
mod environment;
mod event_sources;
mod logs;
mod needs;
mod parameters;
mod permissions;
mod routes;
mod source;
mod survival;
mod system;

use system::System;

/// Fails with the sentences, one a line.
#[track_caller]
fn holds(faults: Vec<String>) {
    assert!(faults.is_empty(), "template.yaml:\n  {}", faults.join("\n  "));
}

/// A check finds what was taken away, and names all of `names` in one sentence.
#[track_caller]
fn finds(check: fn(&System) -> Vec<String>, broken: &System, names: &[&str]) {
    let faults = check(broken);
    let named = faults.iter().any(|fault| names.iter().all(|name| fault.contains(name)));
    assert!(named, "no fault names all of {names:?}: {faults:#?}");
}

#[test]
fn every_resource_that_is_mentioned_is_there() {
    holds(system::references(&System::read()));
}
