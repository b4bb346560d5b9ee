//! One connection, its first push alone, and what happens when it goes.

use apns::ApnsConfig;
use apns_simulator::Answer;
use futures_util::FutureExt as _;
use passes::push::{PushOutcome, RefusalKind, UndeliveredCause};

use crate::world::{KEY_ID, KeyFile, PATIENCE, SHORT, World, all_accepted, in_time, refused, undelivered};

const UNREACHABLE: PushOutcome = PushOutcome::Undelivered {
    retry_after: None,
    cause: UndeliveredCause::Network,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_burst_of_1000_pushes_opens_one_connection() {
    let world = World::new().await;
    let phones = world.phones(1_000);
    let config = ApnsConfig {
        window: ApnsConfig::MAX_WINDOW,
        ..world.config()
    };
    let client = world.client_with(config);
    // Apple takes its time with the first, which is when the others would open their own.
    world.apple.pause();
    let pushes = client.start(&phones);
    in_time(world.apple.held(1)).await;
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
    assert_eq!(world.apple.connections(), 1);
    // No stream came too early: those would be records as well.
    assert_eq!(world.statuses(), [200; 1_000]);
}

#[tokio::test]
async fn the_first_push_of_a_connection_goes_alone() {
    let world = World::new().await;
    let client = world.client();
    world.apple.pause();
    let pushes = client.start(&world.phones(10));
    assert_eq!(in_time(world.apple.held(1)).await, 1);
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
    assert_eq!(world.statuses(), [200; 10]);
}

#[tokio::test]
async fn after_the_first_success_pushes_go_side_by_side() {
    let world = World::new().await;
    let client = world.client();
    let phones = world.phones(10);
    client.push(&phones[0]).await;
    world.apple.pause();
    let pushes = client.start(&phones);
    assert_eq!(in_time(world.apple.held(10)).await, 10);
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
    assert_eq!(world.apple.connections(), 1);
}

#[tokio::test]
async fn pushes_in_flight_are_no_more_than_the_window() {
    let world = World::new().await;
    let client = world.client_with(ApnsConfig {
        window: 4,
        ..world.config()
    });
    let phones = world.phones(10);
    client.push(&phones[0]).await;
    world.apple.pause();
    let pushes = client.start(&phones);
    assert_eq!(in_time(world.apple.held(4)).await, 4);
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
}

#[tokio::test]
async fn whoever_is_refused_first_leaves_the_lead_to_the_next() {
    let world = World::new().await;
    let phones = world.phones(20);
    for phone in &phones[..3] {
        world.apple.answer(phone, Answer::unregistered(7));
    }
    let outcomes = world.client().push_all(&phones).await;
    let gone = refused("Unregistered", RefusalKind::Gone { since_ms: 7 });
    assert_eq!(outcomes[..3], [gone.clone(), gone.clone(), gone]);
    assert!(all_accepted(&outcomes[3..]));
    assert_eq!(world.statuses()[..4], [410, 410, 410, 200]);
    assert_eq!(world.statuses().len(), 20);
    assert_eq!(world.apple.connections(), 1);
}

/// A batch is under way when the key turns out to be wrong: APNs says so once.
#[tokio::test]
async fn a_refusal_of_everything_is_that_of_all_who_wait_for_it() {
    let world = World::new().await;
    let phones = world.phones(300);
    let client = world.client();
    world.apple.revoke_key(KEY_ID);
    world.apple.pause();
    let pushes = client.start(&phones);
    in_time(world.apple.held(1)).await;
    world.apple.resume();
    let invalid = refused("InvalidProviderToken", RefusalKind::Everything);
    assert_eq!(in_time(pushes).await.unwrap(), vec![invalid.clone(); 300]);
    assert_eq!(world.statuses(), [403]);

    // Whoever comes later asks again: the key may have been mended.
    assert_eq!(client.push(&phones[0]).await, invalid);
    assert_eq!(world.statuses(), [403, 403]);
    world.apple.trust_key(KEY_ID, &world.key.public_key_pem).unwrap();
    assert!(all_accepted(&client.push_all(&phones).await));
    assert_eq!(world.statuses()[2..], [200; 300]);
}

/// With a token that is too young to be replaced, the fault is a clock's.
#[tokio::test]
async fn so_is_an_expired_token_that_may_not_be_replaced_yet() {
    let world = World::new().await;
    let phones = world.phones(50);
    world.apple.answer_all(Answer::refused(403, "ExpiredProviderToken"));
    let expired = refused("ExpiredProviderToken", RefusalKind::Everything);
    assert_eq!(world.client().push_all(&phones).await, vec![expired; 50]);
    assert_eq!(world.statuses(), [403]);
}

#[tokio::test]
async fn goaway_is_followed_and_loses_nothing() {
    let world = World::new().await;
    let client = world.client();
    let phones = world.phones(5);
    client.push(&phones[0]).await;

    world.apple.pause();
    let pushes = client.start(&phones);
    in_time(world.apple.held(5)).await;
    world.apple.drain_connections();
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
    in_time(world.apple.disconnected()).await;

    // The next connection begins with one push alone as well.
    world.apple.pause();
    let pushes = client.start(&phones);
    assert_eq!(in_time(world.apple.held(1)).await, 1);
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
    assert_eq!(world.statuses(), [200; 11]);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn streams_cut_by_a_closed_connection_are_sent_once_more() {
    let world = World::new().await;
    let client = world.client();
    let phones = world.phones(5);
    client.push(&phones[0]).await;

    world.apple.pause();
    let pushes = client.start(&phones);
    in_time(world.apple.held(5)).await;
    world.apple.close_connections();
    in_time(world.apple.disconnected()).await;
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));

    // One before the cut, five cut, five on the new connection: its first alone again.
    let statuses = [200, 0, 0, 0, 0, 0, 200, 200, 200, 200, 200];
    assert_eq!(world.statuses(), statuses);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn a_push_is_sent_twice_at_most() {
    let world = World::new().await;
    let client = world.client();
    world.apple.pause();
    let pushes = client.start(&[world.phone(1)]);
    for _ in 0..2 {
        in_time(world.apple.held(1)).await;
        world.apple.close_connections();
        in_time(world.apple.disconnected()).await;
    }
    assert_eq!(in_time(pushes).await.unwrap(), [UNREACHABLE]);
    assert_eq!(world.statuses(), [0, 0]);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn a_dead_connection_costs_one_try_and_is_left() {
    let world = World::new().await;
    let client = world.client_with(ApnsConfig {
        timeout: SHORT,
        ..world.config()
    });
    let phones = world.phones(20);
    assert_eq!(client.push(&phones[0]).await, PushOutcome::Accepted);
    world.apple.black_hole();
    in_time(world.apple.disconnected()).await;

    assert!(all_accepted(&in_time(client.push_all(&phones)).await));
    assert_eq!(world.statuses(), [200; 21]);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn when_the_first_push_fails_nobody_waits_for_a_time_out_of_his_own() {
    let world = World::new().await;
    let client = world.client_with(ApnsConfig {
        timeout: SHORT,
        ..world.config()
    });
    world.apple.pause();
    let outcomes = in_time(client.push_all(&world.phones(50))).await;
    assert_eq!(outcomes, vec![UNREACHABLE; 50]);
    // Two connections with one push each: the other 48 were never sent.
    world.apple.pushed_after(1, PATIENCE).await;
    assert_eq!(world.statuses(), [0, 0]);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn after_more_than_a_minute_without_traffic_a_new_connection_is_taken() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    client.push(&phone).await;
    world.turn(60);
    client.push(&phone).await;
    assert_eq!(world.apple.connections(), 1);
    world.turn(61);
    client.push(&phone).await;
    assert_eq!(world.apple.connections(), 2);
    assert_eq!(world.statuses(), [200, 200, 200]);
}

#[tokio::test]
async fn a_push_that_is_dropped_midway_harms_no_other() {
    let world = World::new().await;
    let client = world.client();
    let phones = world.phones(5);
    world.apple.pause();
    let leader = client.start(&phones[..1]);
    in_time(world.apple.held(1)).await;
    let others = client.start(&phones[1..]);
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    world.apple.resume();
    assert!(all_accepted(&in_time(others).await.unwrap()));
    assert!(all_accepted(&client.push_all(&phones).await));
}

#[tokio::test]
async fn a_push_that_is_dropped_while_it_connects_costs_the_next_no_try() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    assert!(client.push(&phone).now_or_never().is_none());
    world.apple.answer_once(&phone, Answer::reset());
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
}

#[tokio::test]
async fn a_clone_shares_the_connection() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    client.push(&phone).await;
    client.clone().push(&phone).await;
    assert_eq!(world.apple.connections(), 1);
}

#[tokio::test]
async fn a_key_is_replaced_on_a_new_connection() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);

    let next = KeyFile::generate("NEXT123456");
    let trusted = world.apple.trust_key(next.key_id, &next.public_key_pem);
    trusted.unwrap();
    world.apple.revoke_key(world.key.key_id);
    let expected = refused("InvalidProviderToken", RefusalKind::Everything);
    assert_eq!(client.push(&phone).await, expected);

    client.0.replace_key(next.parse());
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn when_nobody_listens_the_push_is_undelivered() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    world.apple.shutdown().await;
    assert_eq!(in_time(client.push(&phone)).await, UNREACHABLE);
}

#[tokio::test]
async fn a_server_without_a_trusted_certificate_gets_no_push() {
    let world = World::new().await;
    let client = world.client_with(ApnsConfig {
        root_certificate_pem: None,
        ..world.config()
    });
    let outcome = in_time(client.push(&world.phone(1))).await;
    assert_eq!(outcome, undelivered(UndeliveredCause::Network, None));
    assert_eq!(world.apple.received(), 0);
}
