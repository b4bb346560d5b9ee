use std::collections::BTreeMap;

use pkpass::Sha1Digest;
use serde_json::json;

use super::*;
use crate::reading::Ios;

fn update(old: Value, new: Value) -> Update {
    Update {
        pass: PassKey::parse("pass.t", "A-1").unwrap(),
        old,
        new,
        old_reading: Reading::default(),
        new_reading: Reading::default(),
    }
}

fn on(ios: Ios, old: Value, new: Value) -> String {
    let mut update = update(old, new);
    update.old_reading.ios = ios;
    update.new_reading.ios = ios;
    update.to_string()
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    owned.collect()
}

fn card(balance: u32, tier: &str) -> Value {
    json!({"organizationName": "Morningside Coffee", "storeCard": {
        "headerFields": [{"key": "tier", "label": "TIER", "value": tier, "changeMessage": "You are now %@"}],
        "primaryFields": [
            {"key": "balance", "label": "POINTS", "value": balance, "changeMessage": "Your balance is now %@"},
        ],
        "secondaryFields": [{"key": "member", "value": "Ada"}],
    }})
}

/// What is told when this is set in a card.
fn told(pointer: &str, value: Value) -> String {
    let mut new = card(10, "Gold");
    set(&mut new, pointer, value);
    let line = update(card(10, "Gold"), new).to_string();
    line.strip_prefix("phone    A-1   ").unwrap().to_owned()
}

fn set(pass: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    pass.pointer_mut(parent).unwrap()[key] = value;
}

#[test]
fn one_changed_field_gives_its_change_message() {
    let update = update(card(10, "Gold"), card(20, "Gold"));
    assert_eq!(update.notification().unwrap(), "Your balance is now 20");
    assert_eq!(
        update.to_string(),
        "phone    A-1   balance: 10 -> 20   \"Your balance is now 20\""
    );
}

#[test]
fn several_changed_fields_give_one_general_sentence() {
    let update = update(card(10, "Silver"), card(20, "Gold"));
    assert_eq!(
        update.notification().unwrap(),
        "Morningside Coffee: the pass has changed"
    );
}

#[test]
fn a_field_without_change_message_changes_silently() {
    for message in [Value::Null, json!("")] {
        let mut old = card(10, "Gold");
        set(&mut old, "/storeCard/secondaryFields/0/changeMessage", message);
        let mut new = old.clone();
        set(&mut new, "/storeCard/secondaryFields/0/value", json!("Grace"));
        let update = update(old, new);
        assert_eq!(update.notification(), None);
        assert_eq!(
            update.changed_fields(),
            [("member".to_owned(), Some("Ada".to_owned()), Some("Grace".to_owned()))]
        );
    }
}

#[test]
fn a_change_message_without_a_place_for_the_value_gives_a_general_sentence() {
    let (mut old, mut new) = (card(10, "Gold"), card(20, "Gold"));
    for pass in [&mut old, &mut new] {
        set(
            pass,
            "/storeCard/primaryFields/0/changeMessage",
            json!("Your balance has changed"),
        );
    }
    assert_eq!(
        update(old, new).notification().unwrap(),
        "Morningside Coffee: the pass has changed"
    );
}

#[test]
fn a_change_message_may_be_a_key_of_the_texts() {
    let (mut old, mut new) = (card(10, "Gold"), card(20, "Gold"));
    for pass in [&mut old, &mut new] {
        set(
            pass,
            "/storeCard/primaryFields/0/changeMessage",
            json!("balance_changed"),
        );
    }
    let mut update = update(old, new);
    update.new_reading.texts = texts(&[("balance_changed", "Jetzt %@ Punkte")]);
    assert_eq!(update.notification().unwrap(), "Jetzt 20 Punkte");
    update.new_reading.texts = texts(&[("balance_changed", "Neue Punkte")]);
    assert_eq!(
        update.notification().unwrap(),
        "Morningside Coffee: the pass has changed"
    );
}

#[test]
fn labels_and_values_are_told_in_the_phones_language() {
    let mut new = card(10, "Silver");
    set(&mut new, "/storeCard/primaryFields/0/label", json!("STARS"));
    let mut update = update(card(10, "Gold"), new);
    let german = texts(&[("POINTS", "Punkte"), ("STARS", "Sterne"), ("Silver", "Silber")]);
    update.old_reading.texts = german.clone();
    update.new_reading.texts = german;
    assert_eq!(
        update.to_string(),
        "phone    A-1   tier: Gold -> Silber   balance label: Punkte -> Sterne   \"You are now Silber\""
    );
}

#[test]
fn a_text_that_was_translated_anew_is_told() {
    let mut update = update(card(10, "Gold"), card(10, "Gold"));
    update.old_reading.texts = texts(&[("POINTS", "Punkte")]);
    update.new_reading.texts = texts(&[("POINTS", "Sterne")]);
    assert_eq!(update.to_string(), "phone    A-1   balance label: Punkte -> Sterne");
}

#[test]
fn what_stands_outside_fields_is_told() {
    for (pointer, value, line) in [
        ("/voided", json!(true), "voided: no longer valid"),
        (
            "/expirationDate",
            json!("2026-12-31T23:59Z"),
            "expirationDate: (absent) -> 2026-12-31T23:59Z",
        ),
        (
            "/backgroundColor",
            json!("rgb(1, 2, 3)"),
            "backgroundColor: (absent) -> rgb(1, 2, 3)",
        ),
        ("/logoText", json!("Coffee"), "logoText: (absent) -> Coffee"),
        (
            "/organizationName",
            json!("Evening"),
            "organizationName: Morningside Coffee -> Evening",
        ),
        (
            "/relevantDate",
            json!("2026-12-31T20:00Z"),
            "relevantDate: (absent) -> 2026-12-31T20:00Z",
        ),
        ("/relevantDates", json!([]), "relevantDates added"),
        ("/locations", json!([{"latitude": 1}]), "locations added"),
        ("/somethingNew", json!({"a": 1}), "somethingNew added"),
        (
            "/webServiceURL",
            json!("https://a"),
            "webServiceURL added: updates from now on",
        ),
        (
            "/barcode",
            json!({"format": "PKBarcodeFormatQR", "message": "a"}),
            "barcode added",
        ),
        (
            "/storeCard/primaryFields/0/label",
            json!("STARS"),
            "balance label: POINTS -> STARS",
        ),
        (
            "/storeCard/primaryFields/0/textAlignment",
            json!("PKTextAlignmentRight"),
            "balance textAlignment changed",
        ),
        ("/storeCard/somethingNew", json!(1), "storeCard.somethingNew added"),
    ] {
        assert_eq!(told(pointer, value), line);
    }
}

#[test]
fn a_voided_pass_becomes_valid_again() {
    let mut old = card(10, "Gold");
    set(&mut old, "/voided", json!(true));
    assert_eq!(
        update(old, card(10, "Gold")).to_string(),
        "phone    A-1   not voided any more: valid again"
    );
    assert_eq!(told("/voided", json!(false)), "nothing that a person sees");
}

#[test]
fn a_pass_that_loses_its_web_service_no_longer_updates() {
    let mut old = card(10, "Gold");
    set(&mut old, "/webServiceURL", json!("https://a"));
    assert_eq!(
        update(old, card(10, "Gold")).to_string(),
        "phone    A-1   webServiceURL removed: no longer updates"
    );
}

#[test]
fn a_barcode_is_told_without_its_contents_and_only_if_it_is_the_one_that_is_shown() {
    let with = |shown: &str, spare: &str| {
        let mut pass = card(10, "Gold");
        set(
            &mut pass,
            "/barcodes",
            json!([{"format": "PKBarcodeFormatQR", "message": shown}]),
        );
        set(
            &mut pass,
            "/barcode",
            json!({"format": "PKBarcodeFormatQR", "message": spare}),
        );
        pass
    };
    assert_eq!(
        update(with("a", "a"), with("secret", "secret")).to_string(),
        "phone    A-1   barcode changed"
    );
    assert_eq!(
        update(with("a", "a"), with("a", "secret")).to_string(),
        "phone    A-1   barcode changed, but not the one that is shown   nothing that a person sees"
    );
}

#[test]
fn images_are_told_by_name() {
    let mut update = update(card(10, "Gold"), card(10, "Gold"));
    let files = |files: &[(&str, &str)]| {
        let digests = files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), Sha1Digest::of(content.as_bytes())));
        digests.collect::<BTreeMap<_, _>>()
    };
    update.old_reading.files = files(&[("icon.png", "a"), ("logo.png", "a"), ("strip.png", "a")]);
    update.new_reading.files = files(&[("icon.png", "a"), ("strip.png", "b"), ("thumbnail.png", "a")]);
    assert_eq!(
        update.to_string(),
        "phone    A-1   logo.png removed   strip.png changed   thumbnail.png added"
    );
}

#[test]
fn what_nobody_sees_is_told_as_such() {
    assert_eq!(
        update(card(10, "Gold"), card(10, "Gold")).to_string(),
        "phone    A-1   nothing that a person sees"
    );
    for (pointer, value, line) in [
        ("/userInfo", json!({"a": 1}), "userInfo added"),
        ("/authenticationToken", json!("secret"), "authenticationToken added"),
        (
            "/storeCard/primaryFields/0/changeMessage",
            json!("Now %@"),
            "balance changeMessage changed",
        ),
        (
            "/storeCard/primaryFields/0/value",
            json!("10"),
            "balance value changed, but reads as before",
        ),
    ] {
        assert_eq!(told(pointer, value), format!("{line}   nothing that a person sees"));
    }
}

#[test]
fn a_field_that_moves_comes_or_goes_is_told() {
    let fields = |header: Value, back: Value| json!({"coupon": {"headerFields": header, "backFields": back}});
    let (a, b) = (json!({"key": "a", "value": 1}), json!({"key": "b", "value": 2}));
    for (old, new, line) in [
        (
            fields(json!([a]), json!([])),
            fields(json!([]), json!([a])),
            "a moved from headerFields to backFields",
        ),
        (
            fields(json!([a]), json!([])),
            fields(json!([a, b]), json!([])),
            "b: (absent) -> 2",
        ),
        (
            fields(json!([a, b]), json!([])),
            fields(json!([b]), json!([])),
            "a: 1 -> (absent)",
        ),
        (
            fields(json!([a, b]), json!([])),
            fields(json!([b, a]), json!([])),
            "coupon changed",
        ),
    ] {
        assert_eq!(update(old, new).to_string(), format!("phone    A-1   {line}"));
    }
}

#[test]
fn a_value_behind_an_attributed_value_is_not_seen() {
    let offer = |value: &str, attributed: &str| {
        json!({"storeCard": {"backFields": [{
            "key": "offer", "value": value, "attributedValue": attributed, "changeMessage": "New: %@",
        }]}})
    };
    let (old, new) = ("<a href='https://a'>A</a>", "<a href='https://a'>B</a> < C");
    assert_eq!(
        update(offer("A", old), offer("B", old)).to_string(),
        "phone    A-1   offer: value changed, but attributedValue is shown   nothing that a person sees"
    );
    assert_eq!(
        update(offer("A", old), offer("B", new)).to_string(),
        format!("phone    A-1   offer: {old} -> {new}   \"New: B < C\"")
    );
}

#[test]
fn each_ios_tells_of_the_face_that_it_shows() {
    let both = |poster: &str, classic: &str| {
        let style = |value: &str| json!({"headerFields": [{"key": "tier", "value": value}]});
        json!({"posterGeneric": style(poster), "generic": style(classic)})
    };
    let old = both("Silver", "Silver");
    for ios in [Ios::Ios26, Ios::Ios27] {
        assert_eq!(
            on(ios, old.clone(), both("Gold", "Gold")),
            "phone    A-1   tier: Silver -> Gold"
        );
    }
    assert_eq!(
        on(Ios::Ios26, old.clone(), both("Gold", "Silver")),
        "phone    A-1   posterGeneric changed, which iOS 26 does not show   nothing that a person sees"
    );
    assert_eq!(
        on(Ios::Ios27, old, both("Silver", "Gold")),
        "phone    A-1   generic changed, which iOS 27 does not show   nothing that a person sees"
    );
}

#[test]
fn a_poster_alone_is_said_to_be_nothing_on_ios_26() {
    let poster = |since: u32| json!({"posterGeneric": {"footerFields": [{"key": "since", "value": since}]}});
    let line = on(Ios::Ios26, poster(2019), poster(2020));
    assert!(
        line.starts_with("phone    A-1   this pass has no style that iOS 26 shows"),
        "{line}"
    );
    assert_eq!(
        on(Ios::Ios27, poster(2019), poster(2020)),
        "phone    A-1   since: 2019 -> 2020"
    );
}

#[test]
fn a_line_stays_one() {
    assert_eq!(
        told("/storeCard/secondaryFields/0/value", json!("a\nb\u{1b}")),
        "member: Ada -> a b "
    );
}
