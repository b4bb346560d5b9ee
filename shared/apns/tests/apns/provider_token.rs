//! The provider token: signed once per window, renewed by the clock, never too often.

use passes::push::{PushOutcome, RefusalKind};

use crate::world::{WINDOW_START, World, all_accepted, in_time, refused};

/// Seconds of a window.
const WINDOW: u64 = 2_400;

#[tokio::test]
async fn one_token_serves_its_window_and_one_connection() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    for _ in 0..WINDOW / 60 {
        assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
        world.turn(60);
    }
    assert_eq!(world.apple.provider_tokens(), [WINDOW_START]);
    assert_eq!(world.apple.connections(), 1);

    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    let tokens = [WINDOW_START, WINDOW_START + WINDOW];
    assert_eq!(world.apple.provider_tokens(), tokens);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn processes_agree_on_the_time_of_the_token() {
    let world = World::at(WINDOW_START + 10).await;
    let phone = world.phone(1);
    world.client().push(&phone).await;
    world.turn(1_000);
    world.client().push(&phone).await;
    assert_eq!(world.apple.provider_tokens(), [WINDOW_START, WINDOW_START]);
}

#[tokio::test]
async fn a_process_born_at_the_end_of_a_window_does_not_change_its_token_too_soon() {
    let world = World::at(WINDOW_START + WINDOW - 1).await;
    let client = world.client();
    let phone = world.phone(1);
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    world.turn(1);
    // On the same connection this would be 429 TooManyProviderTokenUpdates.
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    assert_eq!(world.statuses(), [200, 200]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_as_of_now_on_a_new_connection() {
    let world = World::at(WINDOW_START + 2_300).await;
    let client = world.client();
    let phone = world.phone(1);
    // Apple's clock is ahead, so that the window's token looks older than an hour there.
    world.apples_clock.turn(1_400);
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    assert_eq!(world.statuses(), [403, 200]);
    assert_eq!(world.apple.provider_tokens(), [WINDOW_START + 2_300]);
    assert_eq!(world.apple.connections(), 2);

    // It stays for 20 minutes, though a new window begins in between.
    for _ in 0..19 {
        world.turn(60);
        assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    }
    assert_eq!(world.apple.provider_tokens(), [WINDOW_START + 2_300]);
    world.turn(60);
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    let tokens = [WINDOW_START + 2_300, WINDOW_START + WINDOW];
    assert_eq!(world.apple.provider_tokens(), tokens);
}

#[tokio::test]
async fn a_cold_burst_with_an_expired_token_renews_it_once() {
    let world = World::at(WINDOW_START + 2_300).await;
    world.apples_clock.turn(1_400);
    let outcomes = in_time(world.client().push_all(&world.phones(50))).await;
    assert!(all_accepted(&outcomes));
    // Only the first push met the old token.
    assert_eq!(world.statuses().len(), 51);
    assert_eq!(world.apple.provider_tokens(), [WINDOW_START + 2_300]);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn a_token_that_expires_under_a_burst_is_renewed_once() {
    let world = World::at(WINDOW_START + 2_300).await;
    let client = world.client();
    let phones = world.phones(50);
    assert_eq!(client.push(&phones[0]).await, PushOutcome::Accepted);
    world.apple.pause();
    let pushes = client.start(&phones);
    in_time(world.apple.held(50)).await;
    world.apples_clock.turn(1_400);
    world.apple.resume();
    assert!(all_accepted(&in_time(pushes).await.unwrap()));
    assert_eq!(world.apple.received(), 101);
    let tokens = [WINDOW_START, WINDOW_START + 2_300];
    assert_eq!(world.apple.provider_tokens(), tokens);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn an_expired_token_that_is_fresh_is_the_clocks_fault() {
    let world = World::at(WINDOW_START + 1_200).await;
    world.apples_clock.turn(2 * 3_600);
    let outcome = world.client().push(&world.phone(1)).await;
    let expected = refused("ExpiredProviderToken", RefusalKind::Everything);
    assert_eq!(outcome, expected);
    assert_eq!(world.statuses(), [403]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_only() {
    let world = World::at(WINDOW_START + 2_300).await;
    let client = world.client();
    let phone = world.phone(1);
    world.apples_clock.turn(2 * 3_600);
    let expected = refused("ExpiredProviderToken", RefusalKind::Everything);
    assert_eq!(client.push(&phone).await, expected);
    assert_eq!(world.statuses(), [403, 403]);
    // The new token is fresh now: further pushes do not sign at all.
    assert_eq!(client.push(&phone).await, expected);
    assert_eq!(world.statuses(), [403, 403, 403]);
    assert_eq!(world.apple.connections(), 2);
}
