//! The conformance table: what Wallet asks, and what it must be answered. One test or more for
//! each row, named by its number.
//!
//! The clock of a site stands: all that a test does falls into one second unless it says otherwise.

mod add;
mod limits;
mod list;
mod log;
mod paths;
mod pushes;
mod register;
mod removal;
mod send;
mod unregister;
mod updates;

/// 1 to 33 and 3b.
#[test]
fn every_row_has_a_test() {
    let sources = [
        include_str!("list.rs"),
        include_str!("log.rs"),
        include_str!("paths.rs"),
        include_str!("pushes.rs"),
        include_str!("register.rs"),
        include_str!("removal.rs"),
        include_str!("send.rs"),
        include_str!("unregister.rs"),
        include_str!("updates.rs"),
    ]
    .concat();
    let rows = (1..=33).map(|row| format!("{row:02}")).chain(["03b".to_owned()]);
    let missing: Vec<_> = rows
        .filter(|row| !sources.contains(&format!("async fn row_{row}_")))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}
