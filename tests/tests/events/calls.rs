//! Wallet's calls and the download link, as the HTTP API tells of them.

use tests::DEMO;

use crate::scene::{Answer, JSON, PACKAGE, PACKAGE_TYPE, Scene};

// ---- register-device

#[tokio::test(flavor = "multi_thread")]
async fn register_device_new() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("register-device--new").await, Answer::new(201, [], ""));
    assert_eq!(scene.site.held_by(&scene.who).await, [DEMO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_again() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(scene.call("register-device--again").await, Answer::new(200, [], ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_wrong_token() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("register-device--wrong-token").await, Answer::unauthorized());
    assert_eq!(scene.site.device(&scene.who).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_no_push_token() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("register-device--no-push-token").await,
        Answer::new(
            400,
            [JSON],
            r#"{"message":"The body must be JSON with a string `pushToken`."}"#
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn register_device_wrong_method() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("register-device--wrong-method").await,
        Answer::new(
            405,
            [("allow", "POST, DELETE"), JSON],
            r#"{"message":"This path does not take that method."}"#
        )
    );
}

// ---- unregister-device

#[tokio::test(flavor = "multi_thread")]
async fn unregister_device_registered() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("unregister-device--registered").await,
        Answer::new(200, [JSON], "{}")
    );
    assert_eq!(scene.site.held_by(&scene.who).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn unregister_device_not_registered() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("unregister-device--not-registered").await,
        Answer::new(200, [JSON], "{}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unregister_device_wrong_token() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("unregister-device--wrong-token").await,
        Answer::unauthorized()
    );
    assert_eq!(scene.site.held_by(&scene.who).await, [DEMO]);
}

// ---- list-updated-passes

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_no_tag() {
    let (scene, tag) = Scene::registered().await;
    let date = edge::date::http_date(tag.parse().unwrap());
    assert_eq!(
        scene.call("list-updated-passes--no-tag").await,
        Answer::new(
            200,
            [JSON, ("last-modified", &date)],
            format!(r#"{{"lastUpdated":"{tag}","serialNumbers":["DEMO-1"]}}"#)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_nothing_new() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("list-updated-passes--nothing-new").await,
        Answer::new(204, [], "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_unreadable_tag() {
    let (scene, tag) = Scene::registered().await;
    let date = edge::date::http_date(tag.parse().unwrap());
    assert_eq!(
        scene.call("list-updated-passes--unreadable-tag").await,
        Answer::new(
            200,
            [JSON, ("last-modified", &date)],
            format!(r#"{{"lastUpdated":"{tag}","serialNumbers":["DEMO-1"]}}"#)
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn list_updated_passes_unknown_device() {
    let (scene, _) = Scene::registered().await;
    assert_eq!(
        scene.call("list-updated-passes--unknown-device").await,
        Answer::new(204, [], "")
    );
}

// ---- send-pass

async fn package(scene: &Scene) -> Answer {
    let headers = [
        ("content-type", PACKAGE_TYPE),
        ("last-modified", &*scene.last_modified().await),
    ];
    Answer::new(200, headers, PACKAGE).in_base64()
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_full() {
    let scene = Scene::set().await;
    let answer = scene.call("send-pass--full").await.with_package_cut();
    assert_eq!(answer, package(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_older_copy() {
    let scene = Scene::set().await;
    let answer = scene.call("send-pass--older-copy").await.with_package_cut();
    assert_eq!(answer, package(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_doubly_encoded_serial() {
    let scene = Scene::set().await;
    let answer = scene.call("send-pass--doubly-encoded-serial").await.with_package_cut();
    assert_eq!(answer, package(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_head() {
    let scene = Scene::set().await;
    let expected = Answer {
        body: String::new(),
        ..package(&scene).await
    };
    assert_eq!(scene.call("send-pass--head").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_not_modified() {
    let scene = Scene::set().await;
    let date = scene.last_modified().await;
    assert_eq!(
        scene.call("send-pass--not-modified").await,
        Answer::new(304, [("last-modified", &*date)], "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn send_pass_wrong_token() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("send-pass--wrong-token").await, Answer::unauthorized());
}

// ---- log-messages

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_authentication_failure() {
    let scene = Scene::set().await;
    assert_eq!(
        scene.call("log-messages--authentication-failure").await,
        Answer::new(200, [], "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_malformed() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("log-messages--malformed").await, Answer::new(200, [], ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_messages_life_cycle() {
    let scene = Scene::set().await;
    assert_eq!(scene.call("log-messages--life-cycle").await, Answer::new(200, [], ""));
}

// ---- add-pass

const NOT_KEPT: [(&str, &str); 2] = [("cache-control", "no-store"), ("referrer-policy", "no-referrer")];

async fn downloaded(scene: &Scene) -> Answer {
    let mut expected = package(scene).await;
    let [no_store, no_referrer] = NOT_KEPT;
    let name = ("content-disposition", r#"inline; filename="DEMO-1.pkpass""#);
    expected
        .headers
        .extend(Answer::new(0, [no_store, no_referrer, name], "").headers);
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_signed_link() {
    let scene = Scene::set().await;
    let answer = scene.call("add-pass--signed-link").await.with_package_cut();
    assert_eq!(answer, downloaded(&scene).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_head() {
    let scene = Scene::set().await;
    let expected = Answer {
        body: String::new(),
        ..downloaded(&scene).await
    };
    assert_eq!(scene.call("add-pass--head").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_expired_link() {
    let scene = Scene::set().await;
    let [no_store, no_referrer] = NOT_KEPT;
    assert_eq!(
        scene.call("add-pass--expired-link").await,
        Answer::new(
            410,
            [JSON, no_store, no_referrer],
            r#"{"message":"This link has expired. Ask for a new one."}"#
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn add_pass_forged_link() {
    let scene = Scene::set().await;
    let [no_store, no_referrer] = NOT_KEPT;
    assert_eq!(
        scene.call("add-pass--forged-link").await,
        Answer::new(
            403,
            [JSON, no_store, no_referrer],
            r#"{"message":"This link is not valid. Ask for a new one."}"#
        )
    );
}
