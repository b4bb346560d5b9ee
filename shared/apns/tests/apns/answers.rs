//! Every row of the table of answers.

use apns_simulator::Answer;
use passes::push::{PushOutcome, RefusalKind, UndeliveredCause};

use crate::world::{PATIENCE, SHORT, World, in_time, refused, undelivered};

#[tokio::test]
async fn a_push_is_what_wallet_wants() {
    let world = World::new().await;
    let phone = world.phone(1);
    assert_eq!(world.client().push(&phone).await, PushOutcome::Accepted);
    assert_eq!(
        serde_json::to_value(world.only_record()).unwrap(),
        serde_json::json!({
            "at": 1_776_000_000_000_u64,
            "device_token": phone,
            "topic": "pass.com.example.loyalty",
            "headers": {
                "accept": "*/*",
                "apns-priority": "5",
                "apns-push-type": "background",
                "apns-topic": "pass.com.example.loyalty",
                "authorization": "redacted",
                "content-length": "10",
            },
            "body": "{\"aps\":{}}",
            "status": 200,
            "reason": null,
            "lost": false,
        })
    );
}

#[tokio::test]
async fn a_dead_token_comes_with_the_time_of_its_death() {
    let world = World::new().await;
    let phone = world.phone(1);
    for reason in ["Unregistered", "ExpiredToken"] {
        let answer = Answer {
            timestamp: Some(1_775_000_000_123),
            ..Answer::refused(410, reason)
        };
        world.apple.answer(&phone, answer);
        let gone = RefusalKind::Gone {
            since_ms: 1_775_000_000_123,
        };
        assert_eq!(world.client().push(&phone).await, refused(reason, gone));
    }
    assert_eq!(world.statuses(), [410, 410]);
}

#[tokio::test]
async fn a_token_that_apns_never_issued_concerns_its_device_alone() {
    let world = World::new().await;
    let outcome = world.client().push("00ff").await;
    assert_eq!(outcome, refused("BadDeviceToken", RefusalKind::Device));
    assert_eq!(world.statuses(), [400]);
}

#[tokio::test]
async fn a_token_of_another_pass_type_concerns_its_device_alone() {
    let world = World::new().await;
    world.apple.assign("00ff", "pass.com.example.other");
    let outcome = world.client().push("00ff").await;
    let expected = refused("DeviceTokenNotForTopic", RefusalKind::Device);
    assert_eq!(outcome, expected);
    assert_eq!(world.statuses(), [400]);
}

#[tokio::test]
async fn a_topic_that_is_not_the_keys_concerns_its_pass_type_alone() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    for reason in ["BadTopic", "TopicDisallowed"] {
        world.apple.answer(&phone, Answer::refused(400, reason));
        assert_eq!(client.push(&phone).await, refused(reason, RefusalKind::PassType));
    }
    assert_eq!(world.statuses(), [400, 400]);
}

#[tokio::test]
async fn other_refusals_concern_everything_and_are_not_tried_again() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    let answers = [
        (400, "MissingTopic"),
        (400, "PayloadEmpty"),
        (400, "InventedTomorrow"),
        (403, "InvalidProviderToken"),
        (403, "MissingProviderToken"),
        (403, "BadEnvironmentKeyIdInToken"),
        (403, "InventedTomorrow"),
        (404, "BadPath"),
        (405, "MethodNotAllowed"),
        (413, "PayloadTooLarge"),
    ];
    for (status, reason) in answers {
        world.apple.answer(&phone, Answer::refused(status, reason));
        let expected = refused(reason, RefusalKind::Everything);
        assert_eq!(client.push(&phone).await, expected);
    }
    assert_eq!(world.statuses(), answers.map(|(status, _)| status));
    assert_eq!(world.apple.connections(), 1);
}

#[tokio::test]
async fn an_idle_timeout_is_tried_once_more_on_a_new_connection() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    let idle = Answer::refused(400, "IdleTimeout");

    world.apple.answer_once(&phone, idle.clone());
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    assert_eq!(world.statuses(), [400, 200]);
    assert_eq!(world.apple.connections(), 2);

    world.apple.answer(&phone, idle);
    let outcome = client.push(&phone).await;
    assert_eq!(outcome, undelivered(UndeliveredCause::Network, None));
    assert_eq!(world.statuses(), [400, 200, 400, 400]);
    assert_eq!(world.apple.connections(), 3);
}

#[tokio::test]
async fn a_reset_stream_is_tried_once_more_on_a_new_connection() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);

    world.apple.answer_once(&phone, Answer::reset());
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    assert_eq!(world.statuses(), [0, 200]);
    assert_eq!(world.apple.connections(), 2);

    world.apple.answer(&phone, Answer::reset());
    let outcome = client.push(&phone).await;
    assert_eq!(outcome, undelivered(UndeliveredCause::Network, None));
    assert_eq!(world.statuses(), [0, 200, 0, 0]);
}

#[tokio::test]
async fn a_time_out_is_tried_once_more_on_a_new_connection() {
    let world = World::new().await;
    let client = world.client_with(apns::ApnsConfig {
        timeout: SHORT,
        ..world.config()
    });
    let phone = world.phone(1);
    world.apple.pause();
    let outcome = in_time(client.push(&phone)).await;
    assert_eq!(outcome, undelivered(UndeliveredCause::Network, None));
    world.apple.pushed_after(1, PATIENCE).await;
    let unanswered = (0, Some("Unanswered".to_owned()));
    assert_eq!(world.received(), [unanswered.clone(), unanswered]);
    assert_eq!(world.apple.connections(), 2);
}

#[tokio::test]
async fn too_many_requests_concern_one_device_and_say_when_to_come_back() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    let answer = Answer::refused(429, "TooManyRequests");

    world.apple.answer_once(&phone, answer.clone());
    let expected = undelivered(UndeliveredCause::TooManyRequests, None);
    assert_eq!(client.push(&phone).await, expected);

    world.apple.answer_once(&phone, answer.retry_after("120"));
    let expected = undelivered(UndeliveredCause::TooManyRequests, Some(120));
    assert_eq!(client.push(&phone).await, expected);
    assert_eq!(world.statuses(), [429, 429]);
}

#[tokio::test]
async fn too_many_token_updates_keep_the_token() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    let answer = Answer::refused(429, "TooManyProviderTokenUpdates");
    world.apple.answer_once(&phone, answer);
    let expected = undelivered(UndeliveredCause::TooManyProviderTokenUpdates, None);
    assert_eq!(client.push(&phone).await, expected);
    assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    assert_eq!(world.apple.provider_tokens(), [1_776_000_000]);
    assert_eq!(world.apple.connections(), 1);
}

#[tokio::test]
async fn a_server_fault_is_tried_once_more_at_once() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    for (status, reason) in [(500, "InternalServerError"), (503, "ServiceUnavailable")] {
        let fault = Answer::refused(status, reason);
        world.apple.answer_once(&phone, fault);
        assert_eq!(client.push(&phone).await, PushOutcome::Accepted);
    }
    assert_eq!(world.statuses(), [500, 200, 503, 200]);
    assert_eq!(world.apple.connections(), 1);
}

#[tokio::test]
async fn a_server_fault_that_lasts_is_left_for_15_minutes() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    let fault = Answer::refused(503, "Shutdown");
    world.apple.answer(&phone, fault);
    let expected = undelivered(UndeliveredCause::Server, Some(900));
    assert_eq!(client.push(&phone).await, expected);
    assert_eq!(world.statuses(), [503, 503]);
}

#[tokio::test]
async fn a_server_that_names_a_time_is_not_asked_before_it() {
    let world = World::new().await;
    let client = world.client();
    let phone = world.phone(1);
    for (value, seconds) in [("30", 30), ("Sun, 12 Apr 2026 13:21:00 GMT", 60)] {
        let fault = Answer::refused(503, "ServiceUnavailable").retry_after(value);
        world.apple.answer_once(&phone, fault);
        let expected = undelivered(UndeliveredCause::Server, Some(seconds));
        assert_eq!(client.push(&phone).await, expected);
    }
    assert_eq!(world.statuses(), [503, 503]);
}
