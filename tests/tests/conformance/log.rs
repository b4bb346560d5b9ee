//! Rows 26 and 29: what is taken in and answered 200, whatever it is.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{DEMO, LOYALTY, Site};

/// What phones send and what nobody should send.
fn bodies() -> Vec<Vec<u8>> {
    let authentication_failure = "[2026-11-21 10:00:00 +0000] Register task (for device \
        0123456789abcdef0123456789abcdef, pass type pass.com.example.loyalty, serial number DEMO-1; with web service \
        url https://passes.example.com) encountered error: Authentication failure";
    let json: [Value; 12] = [
        json!({"logs": [authentication_failure]}),
        json!({"logs": []}),
        json!({"logs": vec!["many"; 10_000]}),
        json!({"logs": ["x".repeat(1_000_000)]}),
        json!({"logs": ["a\r\n\u{0}\u{1b}[31mb", "\u{202e}"]}),
        json!({"logs": [1, null, {"a": "b"}, ["c"]]}),
        json!({"logs": "no list"}),
        json!({"logs": null}),
        json!({"log": ["other key"]}),
        json!([]),
        json!("text"),
        Value::Null,
    ];
    let mut bodies: Vec<_> = json.iter().map(|body| body.to_string().into_bytes()).collect();
    bodies.extend([
        Vec::new(),
        b"{".to_vec(),
        b"{\"logs\":[\"cut off".to_vec(),
        b"[".repeat(100_000),
        (0..=255).collect(),
        b"{\"logs\":[\"\xff\xfe\"]}".to_vec(),
    ]);
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn row_26_a_log_is_answered_200_whatever_it_holds_and_nothing_of_it_is_repeated() {
    let site = Site::start().await;
    for body in bodies() {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        for content_type in [None, Some("application/json"), Some("application/octet-stream")] {
            let mut request = site.caller.request(Method::POST, "/v1/log").body(body.clone());
            if let Some(content_type) = content_type {
                request = request.header("Content-Type", content_type);
            }
            let answer = site.caller.send(request).await;
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]), "{start}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_29_a_life_cycle_update_is_answered_200_whatever_it_holds() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let authorization = who.authorization();
    for path in [who.pass_path(), format!("/v1/passes/{LOYALTY}/NOBODY")] {
        for (authorization, body) in [
            (Some(&authorization), r#"{"passState":"installed"}"#),
            (None, r#"{"passState":"removed"}"#),
            (None, "{"),
            (None, ""),
        ] {
            let mut request = site
                .caller
                .request(Method::POST, &format!("{path}/passLifecycleUpdate"))
                .header("Content-Type", "application/json")
                .body(body);
            if let Some(authorization) = authorization {
                request = request.header("Authorization", authorization);
            }
            let answer = site.caller.send(request).await;
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]), "{body}");
        }
    }
    assert_eq!(site.device(&who).await, None);
}
