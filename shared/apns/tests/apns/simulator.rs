//! The simulator is as strict as Apple: each malformed request gets its word.

use std::time::Duration;

use apns_simulator::{Answer, PushRecord, Simulator, SimulatorConfig};
use futures_util::future::join_all;
use http::{HeaderValue, Method, Request};
use passes::push::PushOutcome;

use crate::raw::{Raw, bearer, valid, valid_bearer};
use crate::world::{KEY_ID, KeyFile, TEAM, WINDOW_START, World, in_time};

const PHONE: &str = "00ff";

/// Sends one request on a connection of its own; gives status and reason.
async fn answer(world: &World, change: impl FnOnce(&mut Request<String>)) -> (u16, String) {
    world.phone(0xff);
    world.apple.assign(PHONE, crate::world::TOPIC);
    let mut request = valid(world, PHONE);
    change(&mut request);
    let reply = Raw::connect(world).await.send(request).await;
    let record = world.apple.pushes().pop().unwrap();
    assert_eq!(record.status, reply.status.as_u16());
    let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let reason = body["reason"].as_str().unwrap_or_default().to_owned();
    assert_eq!(record.reason.unwrap_or_default(), reason);
    (record.status, reason)
}

fn set(request: &mut Request<String>, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
}

fn path(request: &mut Request<String>, path: &str) {
    let url = format!("https://{}{path}", request.uri().authority().unwrap());
    *request.uri_mut() = url.parse().unwrap();
}

#[tokio::test]
async fn a_right_push_is_accepted_in_its_variants() {
    let world = World::new().await;
    let accepted = (200, String::new());
    assert_eq!(answer(&world, |_| {}).await, accepted);
    let variants: [fn(&mut Request<String>); 7] = [
        |r| path(r, "/3/device/00FF"),
        |r| set(r, "apns-expiration", "0"),
        |r| set(r, "apns-expiration", "1778592000"),
        |r| set(r, "apns-id", "123e4567-e89b-12d3-a456-4266554400a0"),
        |r| set(r, "apns-collapse-id", &"x".repeat(64)),
        |r| *r.body_mut() = " { \"aps\" : { } } ".to_owned(),
        |r| {
            let value = r.headers()["authorization"].to_str().unwrap().to_owned();
            set(r, "authorization", &value.replacen("bearer", "Bearer", 1));
        },
    ];
    for variant in variants {
        assert_eq!(answer(&world, variant).await, accepted);
    }
}

#[tokio::test]
async fn method_and_path() {
    let world = World::new().await;
    let method = |method: Method| answer(&world, |r| *r.method_mut() = method);
    for wrong in [Method::GET, Method::PUT, Method::DELETE] {
        let expected = (405, "MethodNotAllowed".to_owned());
        assert_eq!(method(wrong).await, expected);
    }
    for (wrong, status, reason) in [
        ("/", 404, "BadPath"),
        ("/2/device/00ff", 404, "BadPath"),
        ("/3/devices/00ff", 404, "BadPath"),
        ("/3/device/00ff/", 404, "BadPath"),
        ("/3/device/00ff?a=b", 404, "BadPath"),
        ("/3/device", 400, "MissingDeviceToken"),
        ("/3/device/", 400, "MissingDeviceToken"),
        ("/3/device/00fg", 400, "BadDeviceToken"),
        ("/3/device/00%20", 400, "BadDeviceToken"),
        ("/3/device/abcd", 400, "BadDeviceToken"),
    ] {
        let expected = (status, reason.to_owned());
        assert_eq!(answer(&world, |r| path(r, wrong)).await, expected, "{wrong}");
    }
}

#[tokio::test]
async fn headers() {
    let world = World::new().await;
    for (name, reason) in [
        ("apns-topic", "MissingTopic"),
        ("apns-push-type", "InvalidPushType"),
        ("apns-priority", "BadPriority"),
    ] {
        let without = answer(&world, |r| drop(r.headers_mut().remove(name)));
        assert_eq!(without.await, (400, reason.to_owned()));
    }
    let long = "x".repeat(65);
    for (name, wrong, reason) in [
        ("apns-topic", "", "BadTopic"),
        ("apns-topic", "pass.com/example", "BadTopic"),
        ("apns-topic", "com.example.app", "TopicDisallowed"),
        ("apns-topic", "pass.com.example.other", "DeviceTokenNotForTopic"),
        ("apns-push-type", "alert", "InvalidPushType"),
        ("apns-push-type", "wallet", "InvalidPushType"),
        ("apns-priority", "10", "BadPriority"),
        ("apns-priority", "1", "BadPriority"),
        ("apns-priority", "high", "BadPriority"),
        ("apns-expiration", "tomorrow", "BadExpirationDate"),
        ("apns-expiration", "-1", "BadExpirationDate"),
        ("apns-expiration", "", "BadExpirationDate"),
        ("apns-id", "7", "BadMessageId"),
        ("apns-collapse-id", &long, "BadCollapseId"),
    ] {
        let expected = (400, reason.to_owned());
        let outcome = answer(&world, |r| set(r, name, wrong)).await;
        assert_eq!(outcome, expected, "{name}: {wrong}");
    }
}

#[tokio::test]
async fn payload() {
    let world = World::new().await;
    let large = format!(r#"{{"aps":{{}},"more":"{}"}}"#, "x".repeat(4_096));
    for (wrong, status, reason) in [
        ("", 400, "PayloadEmpty"),
        ("{}", 400, "PayloadEmpty"),
        ("{\"aps\":{}", 400, "PayloadEmpty"),
        ("{\"aps\":{\"alert\":\"Hi\"}}", 400, "PayloadEmpty"),
        ("{\"aps\":{},\"more\":1}", 400, "PayloadEmpty"),
        (&large, 413, "PayloadTooLarge"),
    ] {
        let expected = (status, reason.to_owned());
        let outcome = answer(&world, |r| wrong.clone_into(r.body_mut())).await;
        assert_eq!(outcome, expected, "{wrong}");
    }
}

#[tokio::test]
async fn provider_tokens() {
    let world = World::new().await;
    let ours = &world.key.private_key_pem;
    let stranger = KeyFile::generate(KEY_ID).private_key_pem;
    let now = WINDOW_START;
    let unsigned = {
        let signed = bearer(ours, Some(KEY_ID), TEAM, now);
        let (rest, _) = signed.rsplit_once('.').unwrap();
        format!("{rest}.")
    };
    let symmetric = {
        let header = jsonwebtoken::Header {
            kid: Some(KEY_ID.to_owned()),
            ..Default::default()
        };
        let claims = serde_json::json!({"iss": TEAM, "iat": now});
        let key = jsonwebtoken::EncodingKey::from_secret(world.key.public_key_pem.as_bytes());
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        format!("bearer {token}")
    };
    for (what, wrong, reason) in [
        ("empty", String::new(), "MissingProviderToken"),
        ("basic", "basic abc".to_owned(), "MissingProviderToken"),
        ("no JWT", "bearer abc".to_owned(), "InvalidProviderToken"),
        ("unsigned", unsigned, "InvalidProviderToken"),
        ("HS256", symmetric, "InvalidProviderToken"),
        (
            "another's signature",
            bearer(&stranger, Some(KEY_ID), TEAM, now),
            "InvalidProviderToken",
        ),
        ("without kid", bearer(ours, None, TEAM, now), "InvalidProviderToken"),
        (
            "another kid",
            bearer(ours, Some("OTHER12345"), TEAM, now),
            "InvalidProviderToken",
        ),
        (
            "another team",
            bearer(ours, Some(KEY_ID), "OTHERTEAM1", now),
            "InvalidProviderToken",
        ),
        (
            "from the future",
            bearer(ours, Some(KEY_ID), TEAM, now + 61),
            "InvalidProviderToken",
        ),
        (
            "older than an hour",
            bearer(ours, Some(KEY_ID), TEAM, now - 3_601),
            "ExpiredProviderToken",
        ),
    ] {
        let expected = (403, reason.to_owned());
        let outcome = answer(&world, |r| set(r, "authorization", &wrong)).await;
        assert_eq!(outcome, expected, "{what}");
    }
    let without = answer(&world, |r| drop(r.headers_mut().remove("authorization")));
    let missing = (403, "MissingProviderToken".to_owned());
    assert_eq!(without.await, missing);
    // What concerns the sender is found before what concerns the push.
    let bad_in_both = answer(&world, |r| {
        r.headers_mut().remove("authorization");
        r.headers_mut().remove("apns-topic");
        path(r, "/3/device/xyz");
    });
    assert_eq!(bad_in_both.await, missing);

    let hour_old = bearer(ours, Some(KEY_ID), TEAM, now - 3_600);
    let outcome = answer(&world, |r| set(r, "authorization", &hour_old)).await;
    assert_eq!(outcome, (200, String::new()));
}

#[tokio::test]
async fn a_token_changes_no_more_often_than_every_20_minutes_on_a_connection() {
    let world = World::new().await;
    let phone = world.phone(1);
    let raw = Raw::connect(&world).await;
    let statuses = [(0, 200), (0, 200), (1_199, 429), (1, 200)];
    for (seconds, status) in statuses {
        world.turn(seconds);
        // As of now; after no time with the same `iat`, though with another signature.
        let reply = raw.send(valid(&world, &phone)).await;
        assert_eq!(reply.status, status);
    }
    // Another connection counts for itself.
    world.turn(1);
    let reply = Raw::connect(&world).await.send(valid(&world, &phone)).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_second_stream_before_the_first_success_is_refused() {
    let world = World::new().await;
    let phone = world.phone(1);
    let raw = Raw::connect(&world).await;
    world.apple.pause();
    let first = raw.start(valid(&world, &phone)).await;
    in_time(world.apple.held(1)).await;
    let second = raw.start(valid(&world, &phone)).await;
    let error = in_time(second).await.unwrap_err();
    assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM));
    world.apple.resume();
    assert_eq!(in_time(first).await.unwrap().status(), 200);
    let refused = (0, Some("RefusedStream".to_owned()));
    assert_eq!(world.received(), [refused, (200, None)]);

    // From now on side by side.
    world.apple.pause();
    let third = raw.start(valid(&world, &phone)).await;
    let fourth = raw.start(valid(&world, &phone)).await;
    in_time(world.apple.held(2)).await;
    world.apple.resume();
    for response in join_all([third, fourth]).await {
        assert_eq!(response.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_refusal_proves_nothing_about_a_connection() {
    let world = World::new().await;
    let phone = world.phone(1);
    let raw = Raw::connect(&world).await;
    world.apple.answer_once(&phone, Answer::unregistered(7));
    let reply = raw.send(valid(&world, &phone)).await;
    assert_eq!(reply.body, r#"{"reason":"Unregistered","timestamp":7}"#);
    world.apple.pause();
    let _second = raw.start(valid(&world, &phone)).await;
    let third = raw.start(valid(&world, &phone)).await;
    assert!(in_time(third).await.unwrap_err().is_reset());
}

#[tokio::test]
async fn a_stream_that_the_client_gave_up_makes_room_for_the_next() {
    let world = World::new().await;
    let phone = world.phone(1);
    let raw = Raw::connect(&world).await;
    world.apple.pause();
    let first = raw.start(valid(&world, &phone)).await;
    in_time(world.apple.held(1)).await;
    drop(first);
    let second = raw.start(valid(&world, &phone)).await;
    in_time(world.apple.pushed_after(0, Duration::MAX)).await;
    world.apple.resume();
    assert_eq!(in_time(second).await.unwrap().status(), 200);
    let unanswered = (0, Some("Unanswered".to_owned()));
    assert_eq!(world.received(), [unanswered, (200, None)]);
}

#[tokio::test]
async fn an_answer_stands_until_200_takes_it_back() {
    let world = World::new().await;
    let phone = world.phone(1);
    let raw = Raw::connect(&world).await;
    let busy = Answer::refused(429, "TooManyRequests").retry_after("60");
    world.apple.answer(&phone, busy);
    for _ in 0..2 {
        let reply = raw.send(valid(&world, &phone)).await;
        assert_eq!(reply.status, 429);
        assert_eq!(reply.headers["retry-after"], "60");
        assert_eq!(reply.body, r#"{"reason":"TooManyRequests"}"#);
    }
    world.apple.answer(&phone, Answer::accepted());
    let mut request = valid(&world, &phone);
    let id = "123E4567-E89B-12D3-A456-4266554400A0";
    set(&mut request, "apns-id", id);
    let reply = raw.send(request).await;
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, ""));
    assert_eq!(reply.headers["apns-id"], id);
}

#[tokio::test]
async fn an_answer_to_all_goes_before_their_own_and_leaves_those_standing() {
    let world = World::new().await;
    let (one, two) = (world.phone(1), world.phone(2));
    world.apple.answer(&one, Answer::refused(400, "BadDeviceToken"));
    world
        .apple
        .answer_all(Answer::refused(503, "Shutdown").retry_after("60"));
    for phone in [&one, &two] {
        world.client().push(phone).await;
    }
    world.apple.answer_all(Answer::accepted());
    for phone in [&one, &two] {
        world.client().push(phone).await;
    }
    assert_eq!(world.statuses(), [503, 503, 400, 200]);
}

#[tokio::test]
async fn a_lost_push_is_accepted_and_said_to_be_lost() {
    let world = World::new().await;
    let phone = world.phone(1);
    world.apple.answer(&phone, Answer::lost());
    assert_eq!(world.client().push(&phone).await, PushOutcome::Accepted);
    world.apple.answer(&phone, Answer::accepted());
    assert_eq!(world.client().push(&phone).await, PushOutcome::Accepted);
    let lost: Vec<_> = world.apple.pushes().iter().map(|push| push.lost).collect();
    assert_eq!(lost, [true, false]);
}

#[tokio::test]
async fn tokens_signed_before_a_second_can_be_called_expired() {
    let world = World::new().await;
    let expired = (403, "ExpiredProviderToken".to_owned());
    let signed_at = world.apples_clock.now_ms() / 1_000;
    for (before, expected) in [
        (signed_at + 1, expired),
        (signed_at, (200, String::new())),
        (0, (200, String::new())),
    ] {
        world.apple.expire_provider_tokens(before);
        assert_eq!(answer(&world, |_| {}).await, expected, "{before}");
    }
}

#[tokio::test]
async fn a_record_reaches_subscribers_and_waiters() {
    let world = World::new().await;
    let phone = world.phone(1);
    let mut subscription = world.apple.subscribe();
    assert_eq!(world.apple.pushed_after(0, Duration::ZERO).await, []);
    let push = async {
        let outcome = world.client().push(&phone).await;
        assert_eq!(outcome, PushOutcome::Accepted);
    };
    let (_, records) = tokio::join!(push, world.apple.pushed_after(0, Duration::MAX));
    let of_phone = |record: &PushRecord| record.device_token == phone && record.status == 200;
    assert!(records.iter().all(of_phone) && records.len() == 1);
    assert!(of_phone(&subscription.recv().await.unwrap()));
}

#[tokio::test]
async fn unknown_tokens_are_taken_only_where_that_is_configured() {
    for (accept, expected) in [
        (false, (400, "BadDeviceToken".to_owned())),
        (true, (200, String::new())),
    ] {
        let world = World::configured(WINDOW_START, |c| c.accept_unknown_tokens = accept).await;
        let unknown = answer(&world, |r| path(r, "/3/device/abcd")).await;
        assert_eq!(unknown, expected);
        // A wanted answer needs no assignment.
        let dead = Answer::refused(410, "ExpiredToken");
        world.apple.answer("abcd", dead);
        let unknown = answer(&world, |r| path(r, "/3/device/abcd")).await;
        assert_eq!(unknown, (410, "ExpiredToken".to_owned()));
    }
}

#[tokio::test]
async fn it_serves_this_machine_only() {
    let world = World::new().await;
    let config = SimulatorConfig {
        address: ([0, 0, 0, 0], 0).into(),
        tls_certificate_chain_pem: String::new(),
        tls_private_key_pem: String::new(),
        team_id: TEAM.to_owned(),
        key_id: KEY_ID.to_owned(),
        public_key_pem: world.key.public_key_pem.clone(),
        accept_unknown_tokens: true,
    };
    let clock = std::sync::Arc::new(|| 0);
    let Err(error) = Simulator::start(config, clock).await else {
        panic!("started");
    };
    assert_eq!(
        error.to_string(),
        "0.0.0.0:0 is not a loopback address; the simulator serves this machine only"
    );
}

#[tokio::test]
async fn provider_tokens_never_reach_the_records() {
    let world = World::new().await;
    let phone = world.phone(1);
    let secret = valid_bearer(&world);
    let mut request = valid(&world, &phone);
    set(&mut request, "authorization", &secret);
    Raw::connect(&world).await.send(request).await;
    let text = format!("{:?}", world.only_record());
    assert!(!text.contains(&secret[7..]) && text.contains("\"redacted\""));
}
