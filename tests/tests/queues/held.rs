//! `HoldPushes`: publishing goes on, nobody is pushed, and nothing is lost.

use std::time::Duration;

use passes::deletion::GRACE_SECONDS;
use stack::{Stack, StackConfig};
use tests::{DEMO, LOYALTY, Site};

#[tokio::test(flavor = "multi_thread")]
async fn while_pushes_are_held_nobody_is_pushed_and_who_asks_is_told() {
    let site = Site::start_with([("HoldPushes", "true")]).await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    site.set_balance(DEMO, 26).await;
    // The schedule neither.
    site.clock.turn(Duration::from_secs(301));
    let run = site.stack.push_due_devices().await.unwrap();
    assert_eq!(run["pushed"], 0);
    assert!(site.pushes_to(&who.push_token).is_empty());
    let device = site.device(&who).await.unwrap();
    let lease = device.lease.expect("the lease keeps what is due");
    assert_eq!(lease.attempts, 0, "the time of the hold uses up no attempt");
    assert_eq!(site.caller.list(&who, Some(&tag)).await.serials(), [DEMO]);
}

/// Publishing goes on: what the schedule hands on to be published does not wait for the pushes.
#[tokio::test(flavor = "multi_thread")]
async fn while_pushes_are_held_a_pass_whose_grace_is_over_is_let_go() {
    let site = Site::start_with([("HoldPushes", "true")]).await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    site.backend.delete(LOYALTY, DEMO).await;
    site.published().await;
    site.clock.turn(Duration::from_secs(GRACE_SECONDS));
    let run = site.push_due_devices().await;
    assert_eq!((&run["handed_on"], &run["pushed"]), (&1.into(), &0.into()), "{run}");
    site.worked_off().await;
    assert!(site.pushes_to(&who.push_token).is_empty());
    assert_eq!(site.caller.list(&who, Some(&tag)).await.serials(), [DEMO]);
    let last = site.opened(&site.caller.pass(&who, None).await);
    assert_eq!(last.get("webServiceURL"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_pushed_afterwards() {
    let held = Site::start_with([("HoldPushes", "true")]).await;
    let mut holders = Vec::new();
    for number in 0..110 {
        holders.push(held.installed(&format!("d{number:03}"), LOYALTY, DEMO).await.0);
    }
    held.set_balance(DEMO, 26).await;
    held.worked_off().await;
    for who in &holders {
        assert!(held.pushes_to(&who.push_token).is_empty());
        assert!(
            held.device(who).await.unwrap().lease.is_some(),
            "also beyond the first page"
        );
    }
    held.clock.turn(Duration::from_secs(301));

    let (dir, clock) = held.shut_down().await;
    let config = StackConfig {
        clock: clock.wall_clock(),
        ..StackConfig::on_free_ports(dir.path())
    };
    let stack = Stack::start(config).await.unwrap();
    let run = stack.push_due_devices().await.unwrap();
    assert_eq!(run["pushed"], 110);
    let mut pushed: Vec<_> = stack
        .simulator()
        .pushes()
        .into_iter()
        .map(|push| push.device_token)
        .collect();
    pushed.sort();
    pushed.dedup();
    assert_eq!(pushed.len(), 110, "each once");
    stack.shutdown().await;
}
