//! What is bounded, and how the bound is answered.

use std::collections::{BTreeMap, HashMap};

use edge::Environment;
use edge::http::HttpFunction as _;
use edge::http::lambda_http::{Body, RequestExt as _, http};
use register_device::RegisterDevice;
use reqwest::Method;
use serde_json::json;
use tests::{DEMO, LOYALTY, Registrant, Site};

/// register-device with a limit of its own.
fn function_with(site: &Site, limit: &str, value: &str) -> RegisterDevice {
    let variables = [
        ("REGISTRY_TABLE", site.stack.endpoints().registry_table.as_str()),
        (limit, value),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut environment = Environment::from(BTreeMap::from(variables));
    let function = RegisterDevice::new(&site.platform(), &mut environment);
    environment.finish().unwrap();
    function
}

async fn register(function: &RegisterDevice, who: &Registrant) -> (u16, String) {
    let parameters = [
        ("device", &who.device),
        ("passType", &who.pass_type),
        ("serial", &who.serial),
    ];
    let request = http::Request::post(who.registration_path())
        .header("authorization", who.authorization())
        .body(Body::from(json!({ "pushToken": who.push_token }).to_string()))
        .unwrap()
        .with_path_parameters(HashMap::from(
            parameters.map(|(name, value)| (name.to_owned(), value.clone())),
        ));
    let (head, body) = function.handle(request).await.into_parts();
    (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_more_than_a_pass_may_be_on_is_answered_400_and_those_that_hold_it_are_not_touched() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let function = function_with(&site, "MAX_DEVICES_PER_PASS", "2");
    let register = async |who: &Registrant| register(&function, who).await;
    let demo = async |device| site.registrant(device, LOYALTY, DEMO).await;

    assert_eq!(register(&demo("d1").await).await, (201, String::new()));
    assert_eq!(register(&demo("d2").await).await, (201, String::new()));
    let third = demo("d3").await;
    let full = r#"{"message":"This pass is on 2 devices, which is the limit."}"#;
    assert_eq!(register(&third).await, (400, full.to_owned()));
    assert_eq!(site.device(&third).await, None);

    // A repeated registration adds none, another pass has room, and so has this one afterwards.
    assert_eq!(register(&demo("d1").await).await, (200, String::new()));
    let elsewhere = site.registrant("d3", LOYALTY, "CARD-2").await;
    assert_eq!(register(&elsewhere).await, (201, String::new()));
    assert_eq!(site.caller.unregister(&demo("d2").await).await.status, 200);
    assert_eq!(register(&third).await, (201, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pass_more_than_a_device_may_hold_is_answered_400_and_those_it_holds_are_not_touched() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    site.card("CARD-3", 1).await;
    // The site's own limit is 1,000.
    let function = function_with(&site, "MAX_SERIALS_PER_DEVICE", "2");
    let register = async |who: &Registrant| register(&function, who).await;
    let card = async |serial| site.registrant("d1", LOYALTY, serial).await;

    assert_eq!(register(&card(DEMO).await).await, (201, String::new()));
    assert_eq!(register(&card("CARD-2").await).await, (201, String::new()));
    let third = card("CARD-3").await;
    assert_eq!(
        register(&third).await,
        (
            400,
            r#"{"message":"This device holds 2 passes of this type, which is the limit."}"#.to_owned()
        )
    );
    assert_eq!(site.held_by(&third).await, ["CARD-2", DEMO]);

    // A repeated registration adds none, another device has room, and so has this one afterwards.
    assert_eq!(register(&card(DEMO).await).await, (200, String::new()));
    let elsewhere = site.registrant("d2", LOYALTY, "CARD-3").await;
    assert_eq!(register(&elsewhere).await, (201, String::new()));
    assert_eq!(site.caller.unregister(&card(DEMO).await).await.status, 200);
    assert_eq!(register(&third).await, (201, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_of_more_than_4_kb_is_answered_400() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let of_size = |bytes: usize| {
        let body = json!({"pushToken": who.push_token, "padding": ""}).to_string();
        let padding = "x".repeat(bytes - body.len());
        json!({"pushToken": who.push_token, "padding": padding}).to_string()
    };
    let register = async |body: String| {
        assert!(body.len() >= 4096);
        let request = site
            .caller
            .request(Method::POST, &who.registration_path())
            .header("Authorization", who.authorization())
            .header("Content-Type", "application/json")
            .body(body);
        site.caller.send(request).await
    };

    let refused = register(of_size(4097)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json(),
        json!({"message": "The body is larger than 4096 bytes."})
    );
    assert_eq!(site.device(&who).await, None);
    assert_eq!(register(of_size(4096)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_id_that_cannot_be_one_is_answered_400_and_names_what_is_allowed() {
    let site = Site::start().await;
    let known = site.registrant("d1", LOYALTY, DEMO).await;
    for (device, message) in [
        (
            "a%20b".to_owned(),
            "deviceLibraryIdentifier: contains ' '; letters, digits, '.', '_' and '-' are allowed",
        ),
        (
            "a%23b".to_owned(),
            "deviceLibraryIdentifier: contains '#'; letters, digits, '.', '_' and '-' are allowed",
        ),
        (
            "x".repeat(129),
            "deviceLibraryIdentifier: is 129 bytes long; at most 128 are allowed",
        ),
    ] {
        let who = Registrant {
            device,
            ..known.clone()
        };
        let answer = site.caller.register(&who).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json(), json!({ "message": message }));
    }
    let longest = Registrant {
        device: "x".repeat(128),
        ..known
    };
    assert_eq!(site.caller.register(&longest).await.status, 201);
}
