//! Rows 1 to 7: register.

use reqwest::Method;
use serde_json::{Value, json};
use tests::caller::Answer;
use tests::{DEMO, LOYALTY, Registrant, Site, TICKET};

/// Registers with a body of one's own.
async fn register_with(site: &Site, who: &Registrant, body: impl Into<reqwest::Body>) -> Answer {
    let request = site
        .caller
        .request(Method::POST, &who.registration_path())
        .header("Authorization", who.authorization())
        .header("Content-Type", "application/json")
        .body(body);
    site.caller.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn row_01_a_new_registration_answers_201() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;

    let answer = site.caller.register(&who).await;
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b""[..]));
    assert_eq!(site.held_by(&who).await, [DEMO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_02_the_same_registration_again_answers_200() {
    let site = Site::start().await;
    let (who, _) = site.installed("d1", LOYALTY, DEMO).await;

    let answer = site.caller.register(&who).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
    assert_eq!(site.held_by(&who).await, [DEMO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_03_a_new_push_token_is_stored_and_the_next_push_goes_to_it_only() {
    let site = Site::start().await;
    let (old, tag) = site.installed("d1", LOYALTY, DEMO).await;
    let new = Registrant {
        push_token: "00ff".repeat(16),
        ..old.clone()
    };

    assert_eq!(site.caller.register(&new).await.status, 200);
    assert_eq!(site.caller.list(&new, Some(&tag)).await.status, 200);
    site.set_balance(DEMO, 26).await;

    assert_eq!(site.pushes_to(&new.push_token).len(), 1);
    assert_eq!(site.pushes_to(&old.push_token), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_03_a_new_push_token_serves_every_pass_of_the_device() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let (old, _) = site.installed("d1", LOYALTY, DEMO).await;
    site.installed("d1", LOYALTY, "CARD-2").await;
    let new = Registrant {
        push_token: "00ff".repeat(16),
        ..old.clone()
    };

    assert_eq!(site.caller.register(&new).await.status, 200);
    site.caller.list(&new, None).await;
    site.set_balance("CARD-2", 2).await;

    assert_eq!(site.pushes_to(&new.push_token).len(), 1);
    assert_eq!(site.pushes_to(&old.push_token), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_03b_a_registration_after_an_unregister_that_was_lost_lists_the_pass_once_more() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    assert_eq!(site.caller.list(&who, Some(&tag)).await.status, 204);

    // The phone has unregistered and registered again; the first of the two never arrived.
    assert_eq!(site.caller.register(&who).await.status, 200);

    let list = site.caller.list(&who, Some(&tag)).await;
    assert_eq!(list.status, 200);
    assert_eq!(list.serials(), [DEMO]);
    assert_ne!(list.tag(), tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_04_no_or_a_wrong_token_and_every_other_scheme_answer_401() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let ticket = site.registrant("d1", TICKET, "TICKET-1").await;
    let token = &who.token;

    for authorization in [
        None,
        Some(String::new()),
        Some("ApplePass".to_owned()),
        Some(format!("ApplePass {token}x")),
        Some(format!("ApplePass {}", &token[1..])),
        Some(format!("ApplePass {}", token.to_lowercase())),
        Some(format!("ApplePass {}", ticket.token)),
        Some(format!("AndroidPass {token}")),
        Some(format!("WalletUnionPass {token}")),
        Some(format!("AttidoPass {token}")),
        Some(format!("Bearer {token}")),
        Some(token.clone()),
    ] {
        let mut request = site
            .caller
            .request(Method::POST, &who.registration_path())
            .json(&json!({ "pushToken": who.push_token }));
        if let Some(authorization) = &authorization {
            request = request.header("Authorization", authorization);
        }
        let answer = site.caller.send(request).await;
        assert_eq!(answer.status, 401, "{authorization:?}");
        assert_eq!(
            answer.json(),
            json!({ "message": "The authentication token does not fit this pass." })
        );
    }
    assert_eq!(site.device(&who).await, None);

    // The scheme itself counts in any case.
    let request = site
        .caller
        .request(Method::POST, &who.registration_path())
        .header("Authorization", format!("applepass {token}"))
        .json(&json!({ "pushToken": who.push_token }));
    assert_eq!(site.caller.send(request).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_05_an_unknown_pass_cannot_be_told_from_a_wrong_token() {
    let site = Site::start().await;
    let known = site.registrant("d1", LOYALTY, DEMO).await;
    let wrong_token = Registrant {
        token: "0123456789abcdef0123456789abcdef".into(),
        ..known.clone()
    };
    let expected = site.caller.register(&wrong_token).await.comparable();
    assert_eq!(expected.0, 401);

    let unknown = |pass_type: &str, serial: &str| Registrant {
        pass_type: pass_type.into(),
        serial: serial.into(),
        ..known.clone()
    };
    for unknown in [
        unknown(LOYALTY, "NOBODY"),
        unknown("pass.com.example.nothing", DEMO),
        unknown("com.example.nothing", DEMO),
        unknown(LOYALTY, "A%20B"),
        unknown(LOYALTY, &"x".repeat(129)),
    ] {
        let answer = site.caller.register(&unknown).await;
        assert_eq!(answer.comparable(), expected, "{unknown:?}");
        let unregistered = site.caller.unregister(&unknown).await;
        assert_eq!(unregistered.comparable(), expected, "{unknown:?}");
        assert_eq!(
            site.caller.pass(&unknown, None).await.comparable(),
            expected,
            "{unknown:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_05_a_refused_body_does_not_tell_a_known_pass_from_an_unknown_one() {
    let site = Site::start().await;
    let known = site.registrant("d1", LOYALTY, DEMO).await;
    let token = "0123456789abcdef0123456789abcdef".to_owned();
    let wrong_token = Registrant { token, ..known };
    let unknown = Registrant {
        serial: "NOBODY".into(),
        ..wrong_token.clone()
    };
    for body in ["", "{", r#"{"pushToken":"no hex"}"#] {
        assert_eq!(
            register_with(&site, &wrong_token, body).await.comparable(),
            register_with(&site, &unknown, body).await.comparable(),
            "{body:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_06_a_body_without_a_usable_push_token_answers_400() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;

    const NO_JSON: &str = "The body must be JSON with a string `pushToken`.";
    const NO_HEX: &str = "pushToken: must be an even number of hexadecimal digits, 512 at most";
    for (body, message) in [
        ("", NO_JSON),
        ("{", NO_JSON),
        ("[]", NO_JSON),
        ("null", NO_JSON),
        ("{}", NO_JSON),
        (r#"{"pushtoken":"00ff"}"#, NO_JSON),
        (r#"{"pushToken":null}"#, NO_JSON),
        (r#"{"pushToken":17}"#, NO_JSON),
        (r#"{"pushToken":["00ff"]}"#, NO_JSON),
        (r#"["00ff"]"#, NO_JSON),
        (r#"{"pushToken":""}"#, NO_HEX),
        (r#"{"pushToken":"00f"}"#, NO_HEX),
        (r#"{"pushToken":"<00ff 00ff>"}"#, NO_HEX),
    ] {
        let answer = register_with(&site, &who, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json(), json!({ "message": message }), "{body}");
    }
    let binary = register_with(&site, &who, vec![0xff, 0x00, 0xfe]).await;
    assert_eq!((binary.status, binary.json()["message"].as_str()), (400, Some(NO_JSON)));
    assert_eq!(site.device(&who).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_06_unknown_keys_of_the_body_are_ignored() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let body = json!({"pushToken": who.push_token, "pushServiceUrl": "https://example.com", "more": [{}]});
    assert_eq!(register_with(&site, &who, body.to_string()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_07_any_serial_of_letters_digits_dot_underscore_and_hyphen_works() {
    let site = Site::start().await;
    for serial in ["a", "0", "-", "..x", "A.b_c-9", "DEVICE", &"x".repeat(128)] {
        let key = site.card(serial, 1).await;
        let (who, tag) = site.installed("d1", LOYALTY, serial).await;

        site.set_balance(serial, 2).await;
        let list = site.caller.list(&who, Some(&tag)).await;
        assert_eq!(list.serials(), [serial]);
        let pass = site.opened(&site.caller.pass(&who, None).await);
        assert_eq!(pass["serialNumber"], serial);
        let added = reqwest::get(site.link(&key)).await.unwrap();
        assert_eq!(added.status(), 200, "{serial}");
        assert_eq!(site.caller.unregister(&who).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_07_a_serial_of_other_characters_is_never_published_and_holds_nothing_up() {
    let site = Site::start().await;
    let record = json!({"template": "loyalty", "fields": {"balance": 1}});
    for serial in ["A B", "A/B", "A#B", "Zürich", "A%20B", "A+B"] {
        site.backend.put(LOYALTY, serial, record.clone()).await;
    }
    site.card("BEHIND-THEM", 1).await;

    let mut revisions = site.revisions().await;
    revisions.sort();
    assert_eq!(
        revisions,
        [
            "PASS#pass.com.example.loyalty#BEHIND-THEM",
            "PASS#pass.com.example.loyalty#DEMO-1",
            "PASS#pass.com.example.ticket#TICKET-1",
        ]
    );
    let reason = passes::ids::PassKey::parse(LOYALTY, "A B").unwrap_err();
    assert_eq!(
        reason.to_string(),
        "serialNumber: contains ' '; letters, digits, '.', '_' and '-' are allowed"
    );
    let answer = site
        .caller
        .call(
            Method::GET,
            &format!("/v1/passes/{LOYALTY}/A%20B"),
            Some("ApplePass 0123456789abcdef"),
        )
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.json()["message"],
        Value::from("The authentication token does not fit this pass.")
    );
}
