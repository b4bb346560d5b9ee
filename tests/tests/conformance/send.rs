//! Rows 19 to 25: send an updated pass.

use passes::ids::PassKey;
use reqwest::Method;
use tests::{DEMO, LOYALTY, Registrant, Site, TICKET};

const PACKAGE: &str = "application/vnd.apple.pkpass";

#[tokio::test(flavor = "multi_thread")]
async fn row_19_a_pass_comes_with_its_content_type_and_its_date() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let revision = site.revision(&PassKey::parse(LOYALTY, DEMO).unwrap()).await;

    let answer = site.caller.pass(&who, None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some(PACKAGE));
    assert_eq!(
        answer.header("last-modified"),
        Some(edge::date::last_modified(revision.number).as_str())
    );
    let pass = site.opened(&answer);
    assert_eq!(pass["serialNumber"], DEMO);
    assert_eq!(pass["passTypeIdentifier"], LOYALTY);
    assert_eq!(pass["webServiceURL"], site.caller.url.as_str());
    assert_eq!(pass["authenticationToken"], who.token.as_str());
    assert_eq!(pass["storeCard"]["primaryFields"][0]["value"], 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_20_our_own_last_modified_is_answered_304_without_a_body() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let full = site.caller.pass(&who, None).await;
    let date = full.header("last-modified").unwrap();

    let answer = site.caller.pass(&who, Some(date)).await;
    assert_eq!((answer.status, answer.body.as_slice()), (304, &b""[..]));
    assert_eq!(answer.header("last-modified"), Some(date));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_21_any_other_date_is_answered_200() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let number = site.revision(&PassKey::parse(LOYALTY, DEMO).unwrap()).await.number;
    let own = edge::date::last_modified(number);
    let at = |seconds: u64| edge::date::http_date(seconds);

    for other in [
        at(0),
        at(number.value() - 1),
        at(number.value() + 1),
        at(number.value() + 86_400 * 365),
        // The same second in other words.
        own.to_lowercase(),
        own.replace("GMT", "UTC"),
        own.replace("GMT", "+0000"),
        own[5..].to_owned(),
        format!("\"{own}\""),
        number.value().to_string(),
        "yesterday".to_owned(),
        "*".to_owned(),
        String::new(),
    ] {
        let answer = site.caller.pass(&who, Some(&other)).await;
        assert_eq!(answer.status, 200, "{other:?}");
        assert_eq!(answer.header("last-modified"), Some(own.as_str()));
        assert!(!answer.body.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_22_a_wrong_token_or_another_passes_answers_401() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let sibling = site.registrant("d1", LOYALTY, "CARD-2").await;
    let ticket = site.registrant("d1", TICKET, "TICKET-1").await;
    let date = site
        .caller
        .pass(&who, None)
        .await
        .header("last-modified")
        .unwrap()
        .to_owned();

    for authorization in [
        None,
        Some("ApplePass".to_owned()),
        Some(format!("ApplePass {}x", who.token)),
        Some(format!("ApplePass {}", sibling.token)),
        Some(format!("ApplePass {}", ticket.token)),
        Some(format!("AndroidPass {}", who.token)),
    ] {
        for if_modified_since in [None, Some(&date)] {
            let mut request = site.caller.request(Method::GET, &who.pass_path());
            if let Some(authorization) = &authorization {
                request = request.header("Authorization", authorization);
            }
            if let Some(date) = if_modified_since {
                request = request.header("If-Modified-Since", date);
            }
            let answer = site.caller.send(request).await;
            assert_eq!(answer.status, 401, "{authorization:?}");
            assert_eq!(answer.header("last-modified"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_23_an_unknown_pass_cannot_be_told_from_a_wrong_token() {
    let site = Site::start().await;
    let known = site.registrant("d1", LOYALTY, DEMO).await;
    let wrong_token = Registrant {
        token: "0123456789abcdef".into(),
        ..known.clone()
    };
    let expected = site.caller.pass(&wrong_token, None).await.comparable();
    assert_eq!(expected.0, 401);

    for (pass_type, serial) in [
        (LOYALTY, "NOBODY"),
        ("pass.com.example.nothing", DEMO),
        (TICKET, DEMO),
        ("nothing", DEMO),
    ] {
        let unknown = Registrant {
            pass_type: pass_type.into(),
            serial: serial.into(),
            ..known.clone()
        };
        let answer = site.caller.pass(&unknown, None).await;
        assert_eq!(answer.comparable(), expected, "{pass_type} {serial}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_24_head_answers_as_get_without_a_body() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let forger = Registrant {
        token: "0123456789abcdef".into(),
        ..who.clone()
    };
    let date = site
        .caller
        .pass(&who, None)
        .await
        .header("last-modified")
        .unwrap()
        .to_owned();

    for (who, if_modified_since, status) in [
        (&who, None, 200),
        (&who, Some("Thu, 01 Jan 1970 00:00:00 GMT"), 200),
        (&who, Some(date.as_str()), 304),
        (&forger, None, 401),
    ] {
        let get = site.caller.pass(who, if_modified_since).await;
        let head = site.caller.pass_by(Method::HEAD, who, if_modified_since).await;
        assert_eq!((get.status, head.status), (status, status));
        assert_eq!(head.body, b"");
        for name in ["content-type", "last-modified", "www-authenticate", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{status} {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_25_no_304_hides_the_second_of_two_changes_within_one_second() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let second = site.clock.now().seconds();

    let mut held = site.caller.pass(&who, None).await;
    for balance in [26, 27, 28] {
        site.set_balance(DEMO, balance).await;
        let date = held.header("last-modified").unwrap().to_owned();
        held = site.caller.pass(&who, Some(&date)).await;
        assert_eq!(held.status, 200, "{balance}");
        assert_eq!(site.opened(&held)["storeCard"]["primaryFields"][0]["value"], balance);
        assert_ne!(held.header("last-modified"), Some(date.as_str()));
    }
    assert_eq!(site.clock.now().seconds(), second);
    let date = held.header("last-modified").unwrap();
    assert_eq!(site.caller.pass(&who, Some(date)).await.status, 304);
}
