//! Rows 11 to 18: list updatable passes.

use std::collections::BTreeSet;

use edge::date::http_date;
use reqwest::Method;
use serde_json::json;
use tests::caller::Answer;
use tests::{DEMO, LOYALTY, Registrant, Site, TICKET};

fn assert_no_content(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_slice()), (204, &b""[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_11_an_unknown_device_is_answered_204() {
    let site = Site::start().await;
    let known = site.registrant("d1", LOYALTY, DEMO).await;
    for device in ["d1", "no%20device", &"x".repeat(129)] {
        let who = Registrant {
            device: device.to_owned(),
            ..known.clone()
        };
        for since in [None, Some("1795255200"), Some("no-tag")] {
            assert_no_content(&site.caller.list(&who, since).await);
        }
    }
    let no_type = Registrant {
        pass_type: "com.example.loyalty".into(),
        ..known
    };
    assert_no_content(&site.caller.list(&no_type, None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_12_without_a_tag_all_passes_of_the_type_are_listed() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    site.card("NOT-HELD", 1).await;
    site.installed("d1", LOYALTY, DEMO).await;
    let (who, _) = site.installed("d1", LOYALTY, "CARD-2").await;

    let list = site.caller.list(&who, None).await;
    let tag = site.device(&who).await.unwrap().tag;
    assert_eq!(list.status, 200);
    assert_eq!(list.header("content-type"), Some("application/json"));
    assert_eq!(
        list.json(),
        json!({"serialNumbers": ["CARD-2", "DEMO-1"], "lastUpdated": tag.to_string()})
    );
    assert_eq!(list.header("last-modified"), Some(http_date(tag.value()).as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn row_13_the_current_tag_is_answered_204_with_an_empty_body() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    assert_no_content(&site.caller.list(&who, Some(&tag)).await);
    assert_no_content(&site.caller.list(&who, Some(&tag)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_14_after_several_changes_each_pass_is_listed_once() {
    let site = Site::start().await;
    for serial in ["CARD-2", "CARD-3"] {
        site.card(serial, 1).await;
        site.installed("d1", LOYALTY, serial).await;
    }
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;

    site.set_balance("CARD-2", 2).await;
    site.set_balance(DEMO, 26).await;
    site.set_balance("CARD-2", 3).await;

    let list = site.caller.list(&who, Some(&tag)).await;
    assert_eq!(list.serials(), ["CARD-2", DEMO]);
    assert_no_content(&site.caller.list(&who, Some(&list.tag())).await);
    // An answer that was lost is given again.
    assert_eq!(site.caller.list(&who, Some(&tag)).await.comparable(), list.comparable());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_15_only_the_type_that_was_asked_for_is_listed() {
    let site = Site::start().await;
    let (card, card_tag) = site.installed("d1", LOYALTY, DEMO).await;
    let (ticket, ticket_tag) = site.installed("d1", TICKET, "TICKET-1").await;
    assert_eq!(site.caller.list(&card, None).await.serials(), [DEMO]);
    assert_eq!(site.caller.list(&ticket, None).await.serials(), ["TICKET-1"]);

    site.set_balance(DEMO, 26).await;
    assert_eq!(site.caller.list(&card, Some(&card_tag)).await.serials(), [DEMO]);
    assert_no_content(&site.caller.list(&ticket, Some(&ticket_tag)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_16_a_list_needs_no_authorization_and_minds_none() {
    let site = Site::start().await;
    let (who, _) = site.installed("d1", LOYALTY, DEMO).await;
    let expected = site.caller.list(&who, None).await.comparable();
    assert_eq!(expected.0, 200);
    for authorization in [None, Some("ApplePass 0123456789abcdef"), Some("Basic YTpi")] {
        let answer = site.caller.call(Method::GET, &who.list_path(), authorization).await;
        assert_eq!(answer.comparable(), expected, "{authorization:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_17_an_unreadable_tag_means_everything() {
    let site = Site::start().await;
    let (who, current) = site.installed("d1", LOYALTY, DEMO).await;
    for unreadable in [
        "",
        "-5",
        "+5",
        "1.5",
        "1e9",
        "0x1f",
        "null",
        "2026-11-21T10:00:00Z",
        "Sat,%2021%20Nov%202026%2010:00:00%20GMT",
        "%F0%9F%92%A9",
        "12345678901234567890",
        &"9".repeat(5000),
    ] {
        let list = site.caller.list(&who, Some(unreadable)).await;
        assert_eq!(list.status, 200, "{unreadable}");
        assert_eq!(list.serials(), [DEMO], "{unreadable}");
        assert_eq!(list.tag(), current, "{unreadable}");
    }
    assert_no_content(&site.caller.list(&who, Some(&current)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_17_a_tag_that_we_never_gave_means_everything_and_gets_a_fresh_one() {
    let site = Site::start().await;
    let (who, mut current) = site.installed("d1", LOYALTY, DEMO).await;
    let newer = current.parse::<u64>().unwrap() + 1000;
    for foreign in [newer.to_string(), "9".repeat(19), "0".repeat(18) + "1"] {
        let list = site.caller.list(&who, Some(&foreign)).await;
        assert_eq!((list.status, list.serials()), (200, vec![DEMO.to_owned()]), "{foreign}");
        let fresh = list.tag();
        assert_ne!(fresh, foreign);
        assert!(fresh.parse::<u64>().unwrap() >= current.parse().unwrap());
        assert_no_content(&site.caller.list(&who, Some(&fresh)).await);
        current = fresh;
    }
    // A newer tag is left behind, so that the next change is above it.
    assert!(current.parse::<u64>().unwrap() > newer);
    site.set_balance(DEMO, 26).await;
    let list = site.caller.list(&who, Some(&current)).await;
    assert_eq!(list.serials(), [DEMO]);
    assert!(list.tag().parse::<u64>().unwrap() > current.parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn row_18_no_two_states_within_one_second_have_the_same_tag() {
    let site = Site::start().await;
    site.card("CARD-2", 1).await;
    let (who, mut tag) = site.installed("d1", LOYALTY, DEMO).await;
    let second = site.clock.now().seconds();
    let mut seen = BTreeSet::from([tag.clone()]);
    let mut take = async |changed: &[&str]| {
        let list = site.caller.list(&who, Some(&tag)).await;
        assert_eq!(list.status, 200);
        assert_eq!(list.serials(), changed);
        tag = list.tag();
        // A text, not a number, and never one that stood before.
        assert!(String::from_utf8_lossy(&list.body).contains(&format!(r#""lastUpdated":"{tag}""#)));
        assert!(seen.insert(tag.clone()), "{tag} twice");
        assert_eq!(
            list.header("last-modified"),
            Some(http_date(tag.parse().unwrap()).as_str())
        );
        assert_no_content(&site.caller.list(&who, Some(&tag)).await);
    };

    for balance in 100..110 {
        site.set_balance(DEMO, balance).await;
        take(&[DEMO]).await;
    }
    let second_card = site.registrant("d1", LOYALTY, "CARD-2").await;
    site.caller.register(&second_card).await;
    take(&["CARD-2"]).await;
    site.caller.register(&second_card).await;
    take(&["CARD-2"]).await;
    site.set_balance(DEMO, 200).await;
    site.set_balance("CARD-2", 200).await;
    take(&["CARD-2", DEMO]).await;
    assert_eq!(site.clock.now().seconds(), second);

    // Nor by a clock that goes wrong.
    site.clock.turn_back(std::time::Duration::from_secs(3600));
    site.set_balance(DEMO, 201).await;
    take(&[DEMO]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_18_tags_go_on_after_the_last_pass_has_left_the_device() {
    let site = Site::start().await;
    let (who, first) = site.installed("d1", LOYALTY, DEMO).await;
    site.caller.unregister(&who).await;
    assert_eq!(site.caller.register(&who).await.status, 201);

    let list = site.caller.list(&who, Some(&first)).await;
    assert_eq!(list.serials(), [DEMO]);
    assert!(list.tag().parse::<u64>().unwrap() > first.parse().unwrap());
}
