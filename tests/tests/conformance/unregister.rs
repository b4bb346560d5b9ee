//! Rows 8 to 10: unregister.

use std::collections::{BTreeMap, HashMap};

use edge::Environment;
use edge::http::HttpFunction as _;
use edge::http::lambda_http::{Body, RequestExt as _, http};
use serde_json::json;
use tests::{DEMO, LOYALTY, Registrant, Site};
use unregister_device::UnregisterDevice;

#[tokio::test(flavor = "multi_thread")]
async fn row_08_unregister_answers_200_and_nothing_is_pushed_any_more() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;

    let answer = site.caller.unregister(&who).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({}));

    site.set_balance(DEMO, 26).await;
    assert_eq!(site.pushes_to(&who.push_token), []);
    assert_eq!(site.caller.list(&who, Some(&tag)).await.status, 204);
    assert_eq!(site.caller.list(&who, None).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_08_other_passes_of_the_device_stay_registered() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let (gone, _) = site.installed("d1", LOYALTY, DEMO).await;
    let (kept, tag) = site.installed("d1", LOYALTY, "CARD-2").await;

    assert_eq!(site.caller.unregister(&gone).await.status, 200);
    site.set_balance(DEMO, 26).await;
    site.set_balance("CARD-2", 2).await;

    assert_eq!(site.pushes_to(&kept.push_token).len(), 1);
    assert_eq!(site.caller.list(&kept, Some(&tag)).await.serials(), ["CARD-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_09_unregister_again_or_never_registered_answers_200() {
    let site = Site::start().await;
    let (who, _) = site.installed("d1", LOYALTY, DEMO).await;
    let stranger = site.registrant("d2", LOYALTY, DEMO).await;
    let impossible = Registrant {
        device: "no%20device".into(),
        ..stranger.clone()
    };

    let first = site.caller.unregister(&who).await.comparable();
    assert_eq!(first.0, 200);
    for who in [&who, &stranger, &impossible] {
        assert_eq!(site.caller.unregister(who).await.comparable(), first, "{}", who.device);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_10_unregister_with_a_wrong_token_answers_401_and_removes_nothing() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    let other_pass = site.registrant("d1", LOYALTY, "CARD-2").await;

    for token in ["0123456789abcdef", "short", other_pass.token.as_str()] {
        let forger = Registrant {
            token: token.to_owned(),
            ..who.clone()
        };
        assert_eq!(site.caller.unregister(&forger).await.status, 401, "{token}");
    }
    let without = site
        .caller
        .call(reqwest::Method::DELETE, &who.registration_path(), None)
        .await;
    assert_eq!(without.status, 401);

    assert_eq!(site.held_by(&who).await, [DEMO]);
    site.set_balance(DEMO, 26).await;
    assert_eq!(site.pushes_to(&who.push_token).len(), 1);
    assert_eq!(site.caller.list(&who, Some(&tag)).await.serials(), [DEMO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unregister_answers_204_where_the_parameter_says_so() {
    let site = Site::start().await;
    let (who, _) = site.installed("d1", LOYALTY, DEMO).await;

    let mut environment = Environment::from(BTreeMap::from([
        (
            "REGISTRY_TABLE".to_owned(),
            site.stack.endpoints().registry_table.clone(),
        ),
        ("UNREGISTER_STATUS".to_owned(), "204".to_owned()),
    ]));
    let function = UnregisterDevice::new(&site.platform(), &mut environment);
    environment.finish().unwrap();
    let parameters = [
        ("device", &who.device),
        ("passType", &who.pass_type),
        ("serial", &who.serial),
    ];
    let request = http::Request::delete(who.registration_path())
        .header("authorization", who.authorization())
        .body(Body::Empty)
        .unwrap()
        .with_path_parameters(HashMap::from(
            parameters.map(|(name, value)| (name.to_owned(), value.clone())),
        ));

    let answer = function.handle(request).await;
    assert_eq!(answer.status(), 204);
    assert!(answer.body().is_empty());
    assert_eq!(site.held_by(&who).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_unregister_status_keeps_the_function_from_starting() {
    let site = Site::start().await;
    let mut environment = Environment::from(BTreeMap::from([
        ("REGISTRY_TABLE".to_owned(), "Registry".to_owned()),
        ("UNREGISTER_STATUS".to_owned(), "201".to_owned()),
    ]));
    let _ = UnregisterDevice::new(&site.platform(), &mut environment);
    assert_eq!(
        environment.finish().unwrap_err().to_string(),
        "the function is not configured:\n  UNREGISTER_STATUS: must be 200 or 204"
    );
}
