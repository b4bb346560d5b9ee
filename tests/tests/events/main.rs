//! Replays every file in `events/` through the deployed handlers.
//!
//! A file is named `function--situation.json`; the test that replays it makes the situation first
//! and then says the whole answer.

mod batches;
mod calls;
mod scene;

use serde_json::Value;

use crate::scene::root;

#[test]
fn every_event_is_replayed_and_every_function_has_one() {
    let names_in = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "README.md").collect()
    };
    let events = names_in("events");
    let replays = concat!(include_str!("calls.rs"), include_str!("batches.rs"));
    for event in &events {
        let name = event.strip_suffix(".json").expect("a JSON file");
        assert!(replays.contains(&format!("(\"{name}\")")), "nothing replays {event}");
    }
    let template = std::fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    for event in &events {
        let text = std::fs::read_to_string(root().join("events").join(event)).expect("the event");
        let event: Value = serde_json::from_str(&text).expect("JSON");
        if let Some(route) = event["routeKey"].as_str() {
            assert!(
                template.contains(&format!("RouteKey: {route}\n")),
                "no route is `{route}`"
            );
        }
    }
    for function in names_in("functions") {
        assert!(
            events.iter().any(|event| event.starts_with(&format!("{function}--"))),
            "{function} has no event"
        );
    }
}
