//! The first download: a link that is signed and expires.

use std::time::Duration;

use passes::ids::PassKey;
use passes::link::LinkSignature;
use reqwest::Method;
use serde_json::json;
use tests::caller::Answer;
use tests::{DEMO, LOYALTY, Site, TICKET};

fn demo() -> PassKey {
    PassKey::parse(LOYALTY, DEMO).unwrap()
}

/// The link is a secret, so every answer must be neither kept nor passed on.
async fn follow(site: &Site, path_and_query: &str) -> Answer {
    let answer = site.caller.call(Method::GET, path_and_query, None).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    answer
}

fn signature(site: &Site, key: &PassKey) -> LinkSignature {
    site.link_signature(key, site.clock.now().seconds() + 60)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_gives_the_pass_as_often_as_it_is_opened() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let link = signature(&site, &demo()).path_and_query(&demo());
    for _ in 0..2 {
        let answer = follow(&site, &link).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/vnd.apple.pkpass"));
        // What a browser saves is known as a pass by its name.
        assert_eq!(
            answer.header("content-disposition"),
            Some(r#"inline; filename="DEMO-1.pkpass""#)
        );
        assert_eq!(
            answer.header("last-modified"),
            site.caller.pass(&who, None).await.header("last-modified")
        );
        assert_eq!(site.opened(&answer)["authenticationToken"], who.token.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_link_answers_403_whether_or_not_the_pass_exists() {
    let site = Site::start().await;
    let nobody = PassKey::parse(LOYALTY, "NOBODY").unwrap();
    let ticket = PassKey::parse(TICKET, "TICKET-1").unwrap();
    let link = signature(&site, &demo());
    let LinkSignature { expiry, key_name, mac } = &link;
    let with = |expiry: &str, key_name: &str, mac: &str| LinkSignature {
        expiry: expiry.into(),
        key_name: key_name.into(),
        mac: mac.into(),
    };
    let later = (expiry.parse::<u64>().unwrap() + 1).to_string();
    let one_less = &mac[1..];
    let path = format!("/add/{LOYALTY}/{DEMO}");

    for forged in [
        // Another pass's link, on a pass that exists and on one that does not.
        link.path_and_query(&ticket),
        link.path_and_query(&nobody),
        with(&later, key_name, mac).path_and_query(&demo()),
        with(&format!("0{expiry}"), key_name, mac).path_and_query(&demo()),
        with(expiry, "k9", mac).path_and_query(&demo()),
        with(expiry, key_name, one_less).path_and_query(&demo()),
        with(expiry, key_name, &format!("{mac}A")).path_and_query(&demo()),
        with(expiry, key_name, "%00").path_and_query(&demo()),
        with("1", key_name, "").path_and_query(&demo()),
        path.clone(),
        format!("{path}?e={expiry}&k={key_name}"),
        format!("{path}?e={expiry}&s={mac}"),
        format!("{path}?k={key_name}&s={mac}"),
        format!("/add/{LOYALTY}/A%20B?e={expiry}&k={key_name}&s={mac}"),
        format!("/add/nothing/{DEMO}?e={expiry}&k={key_name}&s={mac}"),
    ] {
        let answer = follow(&site, &forged).await;
        assert_eq!(answer.status, 403, "{forged}");
        assert_eq!(
            answer.json(),
            json!({"message": "This link is not valid. Ask for a new one."})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_answers_410_from_the_second_on_in_which_it_expires() {
    let site = Site::start().await;
    let expires_at = site.clock.now().seconds() + 30;
    let link = site.link_signature(&demo(), expires_at).path_and_query(&demo());

    site.clock.turn(Duration::from_secs(29));
    assert_eq!(follow(&site, &link).await.status, 200);
    site.clock.turn(Duration::from_secs(1));
    assert_eq!(site.clock.now().seconds(), expires_at);
    let answer = follow(&site, &link).await;
    assert_eq!(answer.status, 410);
    assert_eq!(
        answer.json(),
        json!({"message": "This link has expired. Ask for a new one."})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_expiry_is_no_second_within_a_year_answers_400_and_says_what_e_is() {
    let site = Site::start().await;
    let now = site.clock.now();
    let year = 366 * 86_400;
    let at = |expires_at| site.link_signature(&demo(), expires_at).path_and_query(&demo());
    let far = "This link's expiry lies more than 366 days ahead: e is Unix seconds, not milliseconds, and a link holds \
               for 366 days at most.";
    // Milliseconds, of a moment that is to come and of one that is over; and two years.
    for too_far in [
        now.millis() + 3_600_000,
        now.millis() - 3_600_000,
        now.seconds() + 2 * year,
    ] {
        let answer = follow(&site, &at(too_far)).await;
        assert_eq!(answer.status, 400, "{too_far}");
        assert_eq!(answer.json(), json!({ "message": far }));
    }
    assert_eq!(follow(&site, &at(now.seconds() + year)).await.status, 200);
    // Who cannot sign learns nothing of it.
    let forged = LinkSignature {
        expiry: now.millis().to_string(),
        ..signature(&site, &demo())
    };
    assert_eq!(follow(&site, &forged.path_and_query(&demo())).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_on_a_link_answers_as_get_without_a_body() {
    let site = Site::start().await;
    let nobody = PassKey::parse(LOYALTY, "NOBODY").unwrap();
    let forged = LinkSignature {
        mac: String::new(),
        ..signature(&site, &demo())
    };
    let now = site.clock.now().seconds();
    let link = |expires_at| site.link_signature(&demo(), expires_at).path_and_query(&demo());
    for (link, status) in [
        (link(now + 60), 200),
        (link(now * 1000), 400),
        (forged.path_and_query(&demo()), 403),
        (signature(&site, &nobody).path_and_query(&nobody), 404),
        (link(now - 1), 410),
    ] {
        let get = site.caller.call(Method::GET, &link, None).await;
        let head = site.caller.call(Method::HEAD, &link, None).await;
        assert_eq!((get.status, head.status), (status, status), "{link}");
        assert_eq!(head.body, b"", "{status}");
        for name in [
            "content-type",
            "last-modified",
            "content-disposition",
            "cache-control",
            "referrer-policy",
        ] {
            assert_eq!(head.header(name), get.header(name), "{status} {name}");
        }
    }
    // Who looks first and then gets is not the worse for it: either publishes the pass.
    let record = json!({"template": "loyalty", "fields": {"balance": 7}});
    let key = PassKey::parse(LOYALTY, "LOOKED-AT").unwrap();
    site.backend.put(LOYALTY, "LOOKED-AT", record).await;
    let link = signature(&site, &key).path_and_query(&key);
    assert_eq!(site.caller.call(Method::HEAD, &link, None).await.status, 200);
    assert_eq!(site.caller.call(Method::GET, &link, None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_no_pass_or_to_one_that_cannot_be_published_answers_404() {
    let site = Site::start().await;
    let record = json!({"template": "no-such-template"});
    site.backend.put(LOYALTY, "REFUSED", record).await;
    for serial in ["NOBODY", "REFUSED"] {
        let key = PassKey::parse(LOYALTY, serial).unwrap();
        let answer = follow(&site, &signature(&site, &key).path_and_query(&key)).await;
        assert_eq!(answer.status, 404, "{serial}");
        assert_eq!(
            answer.json(),
            json!({"message": "There is no such pass, or its record cannot be published."})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_opened_before_the_stream_has_come_gives_the_pass() {
    let site = Site::start().await;
    let record = json!({"template": "loyalty", "fields": {"balance": 7}});
    let key = PassKey::parse(LOYALTY, "JUST-NOW").unwrap();
    site.backend.put(LOYALTY, "JUST-NOW", record).await;

    let answer = follow(&site, &signature(&site, &key).path_and_query(&key)).await;
    assert_eq!(answer.status, 200);
    let date = answer.header("last-modified");
    assert_eq!(site.opened(&answer)["storeCard"]["primaryFields"][0]["value"], 7);
    // The stream finds nothing left to do.
    site.published().await;
    assert_eq!(
        Some(edge::date::last_modified(site.revision(&key).await.number).as_str()),
        date
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_installs_from_the_link_and_has_nothing_to_complain_of() {
    let site = Site::start().await;
    let mut phone = site.phone();
    let key = phone.add_from_link(&site.link(&demo())).await.unwrap();
    site.set_balance(DEMO, 26).await;
    assert_eq!(site.pushes_to(phone.push_token().expose()).len(), 1);

    let updates = phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].notification().as_deref(), Some("Your balance is now 26"));
    assert_eq!(phone.pass(&key).unwrap().shown("balance").as_deref(), Some("26"));
    assert_eq!(phone.complaints(), []);
}
