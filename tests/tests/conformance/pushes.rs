//! Rows 32 and 33: APNs says that a token is dead.

use std::time::Duration;

use apns_simulator::Answer;
use passes::ids::PassKey;
use tests::{DEMO, LOYALTY, Registrant, Site, TICKET};

#[tokio::test(flavor = "multi_thread")]
async fn row_32_a_410_older_than_the_registration_leaves_it_alone() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let registered_at = site.clock.now().millis();
    site.clock.turn(Duration::from_secs(1));

    let simulator = site.stack.simulator();
    simulator.answer(&who.push_token, Answer::unregistered(registered_at - 1));
    site.set_balance(DEMO, 26).await;

    let [push] = &site.pushes_to(&who.push_token)[..] else {
        panic!("one push")
    };
    assert_eq!((push.status, push.reason.as_deref()), (410, Some("Unregistered")));
    assert_eq!(site.held_by(&who).await, [DEMO]);
    assert_eq!(site.holders_of(&key).await, ["d1"]);

    let list = site.caller.list(&who, Some(&tag)).await;
    assert_eq!(list.serials(), [DEMO]);
    simulator.answer(&who.push_token, Answer::accepted());
    site.set_balance(DEMO, 27).await;
    assert_eq!(site.pushes_to(&who.push_token).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_33_a_newer_410_ends_the_device_and_nobody_else() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let (dead, dead_tag) = site.installed("dead", LOYALTY, DEMO).await;
    site.installed("dead", LOYALTY, "CARD-2").await;
    let (alive, alive_tag) = site.installed("alive", LOYALTY, DEMO).await;
    // The same phone under another pass type is another device.
    let (ticket, _) = site.installed("dead", TICKET, "TICKET-1").await;
    site.clock.turn(Duration::from_secs(1));

    let since = site.clock.now().millis();
    let simulator = site.stack.simulator();
    simulator.answer(&dead.push_token, Answer::unregistered(since));
    site.set_balance(DEMO, 26).await;

    assert_eq!(site.held_by(&dead).await, Vec::<String>::new());
    let demo = PassKey::parse(LOYALTY, DEMO).unwrap();
    assert_eq!(site.holders_of(&demo).await, ["alive"]);
    let second = PassKey::parse(LOYALTY, "CARD-2").unwrap();
    assert_eq!(site.holders_of(&second).await, Vec::<String>::new());
    assert_eq!(site.caller.list(&dead, Some(&dead_tag)).await.status, 204);
    assert_eq!(site.held_by(&ticket).await, ["TICKET-1"]);

    assert_eq!(site.pushes_to(&alive.push_token).len(), 1);
    let list = site.caller.list(&alive, Some(&alive_tag)).await;
    assert_eq!(list.serials(), [DEMO]);
    site.set_balance(DEMO, 27).await;
    assert_eq!(site.pushes_to(&dead.push_token).len(), 1);
    assert_eq!(site.pushes_to(&alive.push_token).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_33_a_device_that_was_ended_can_register_again() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    site.clock.turn(Duration::from_secs(1));
    let simulator = site.stack.simulator();
    simulator.answer(&who.push_token, Answer::unregistered(site.clock.now().millis()));
    site.set_balance(DEMO, 26).await;
    assert_eq!(site.held_by(&who).await, Vec::<String>::new());

    let reborn = Registrant {
        push_token: "00ff".repeat(16),
        ..who.clone()
    };
    assert_eq!(site.caller.register(&reborn).await.status, 201);
    // The tag that the phone has kept names the old state, not the new one.
    let list = site.caller.list(&reborn, Some(&tag)).await;
    assert_eq!(list.serials(), [DEMO]);
    site.set_balance(DEMO, 27).await;
    assert_eq!(site.pushes_to(&reborn.push_token).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_33_a_410_for_an_earlier_token_does_not_end_the_device() {
    let site = Site::start().await;
    let (old, _) = site.installed("d1", LOYALTY, DEMO).await;
    let new = Registrant {
        push_token: "00ff".repeat(16),
        ..old.clone()
    };
    let simulator = site.stack.simulator();
    simulator.answer(
        &old.push_token,
        Answer::unregistered(site.clock.now().millis() + 60_000),
    );

    // The push is under way to the old token while the phone registers the new one.
    simulator.pause();
    site.backend.set_field(LOYALTY, DEMO, "balance", 26.into()).await;
    simulator.held(1).await;
    assert_eq!(site.caller.register(&new).await.status, 200);
    simulator.resume();
    site.published().await;

    assert_eq!(site.pushes_to(&old.push_token)[0].status, 410);
    assert_eq!(site.held_by(&new).await, [DEMO]);
    assert_eq!(site.caller.list(&new, None).await.serials(), [DEMO]);
    site.set_balance(DEMO, 27).await;
    assert_eq!(site.pushes_to(&new.push_token).len(), 1);
}
