use pkpass::pass_json::{Context, Finding, check, check_web_service_url};
use serde_json::{Value, json};

use crate::samples;

/// What is found in the right pass after `path` (a JSON pointer) has been set to `value`, or removed.
fn found_with(path: &str, value: Option<Value>) -> Vec<String> {
    let mut pass = samples::pass();
    samples::set(&mut pass, path, value);
    lines(&pass)
}

fn found(pass: &Value) -> Vec<Finding> {
    check(pass, &Context::default())
}

fn lines(pass: &Value) -> Vec<String> {
    found(pass).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused(path: &str, value: Value, expected: &str) {
    let found = found_with(path, Some(value));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(expected), "{found:#?}");
}

#[track_caller]
fn taken(path: &str, value: Value) {
    assert_eq!(found_with(path, Some(value)), Vec::<String>::new());
}

#[test]
fn a_right_pass_has_no_findings() {
    assert_eq!(lines(&samples::pass()), Vec::<String>::new());
}

#[test]
fn keys_of_a_later_ios_pass_unchanged() {
    taken("/quantumColor", json!({"anything": [1, null]}));
    taken("/storeCard/holograms", json!(true));
    taken("/storeCard/backFields/0/fontWeight", json!(5));
    taken("/semantics", json!({"airlineCode": "XX", "aKeyOfNextYear": [null]}));
    taken("/userInfo", json!({"expirationdate": "soon"}));
}

#[test]
fn token_and_url_come_together() {
    let token = found_with("/authenticationToken", None);
    assert_eq!(
        token,
        ["authenticationToken: it is missing, but webServiceURL is there: add both or none"]
    );
    let url = found_with("/webServiceURL", None);
    assert_eq!(
        url,
        ["webServiceURL: it is missing, but authenticationToken is there: add both or none"]
    );
    let mut pass = samples::pass();
    samples::set(&mut pass, "/webServiceURL", None);
    samples::set(&mut pass, "/authenticationToken", None);
    assert_eq!(lines(&pass), Vec::<String>::new());
}

#[test]
fn a_token_has_sixteen_characters_and_is_never_shown() {
    let found = found_with("/authenticationToken", Some(json!("secret-token-15")));
    assert_eq!(
        found,
        ["authenticationToken: it is too short: write at least 16 characters"]
    );
    refused("/authenticationToken", json!(5), "authenticationToken: it must be text");
}

#[test]
fn the_web_service_is_https_without_version() {
    for url in [
        "https://passes.example.com",
        "https://passes.example.com:8443/stage",
        "https://passes.example.com/v1/wallet",
        "https://passes.example.com/v10",
        "https://[2001:db8::1]:443",
        "HTTPS://passes.example.com",
        "http://localhost:3000",
        "http://127.0.0.1",
        "http://127.8.9.1:80/prod",
        "http://[::1]:3000",
    ] {
        taken("/webServiceURL", json!(url));
    }
    for (url, reason) in [
        ("http://passes.example.com", "is not encrypted"),
        ("http://128.0.0.1", "is not encrypted"),
        ("http://localhost.example.com", "is not encrypted"),
        ("http://127.0.0.1.example.com", "is not encrypted"),
        ("https://passes.example.com/", "ends with a slash"),
        ("https://passes.example.com/prod/", "ends with a slash"),
        ("https://passes.example.com/v1", "ends with /v1"),
        ("https://passes.example.com/prod/v1", "ends with /v1"),
        ("https://passes.example.com/v1/", "ends with a slash"),
        ("https://passes.example.com?a=b", "has a query or fragment"),
        ("https://passes.example.com#a", "has a query or fragment"),
        ("https://me:you@passes.example.com", "has a user name"),
        ("https://passes.example.com ", "has white space"),
        ("https://", "is no URL"),
        ("https://:443", "is no URL"),
        ("https://passes.example.com:port", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://[::1]x", "is no URL"),
        ("ftp://passes.example.com", "is no URL"),
        ("passes.example.com", "is no URL"),
    ] {
        refused("/webServiceURL", json!(url), &format!("webServiceURL: it {reason}"));
        let alone = check_web_service_url(url).unwrap_err();
        assert!(alone.starts_with(&format!("it {reason}")), "{alone}");
    }
    refused("/webServiceURL", json!(5), "webServiceURL: it must be text");
}

#[test]
fn every_finding_is_listed_without_any_value() {
    let pass = json!({
        "description": 1,
        "expirationDate": "2017-04-05T20:00:00",
        "labelColor": "secret",
        "generic": {"backFields": [{"currencyCode": "secret", "value": "x"}]},
        "barcodes": [{"format": "secret", "message": "s\u{20ac}cret", "messageEncoding": "iso-8859-1"}],
    });
    let found = lines(&pass);
    let paths: Vec<&str> = found.iter().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(
        paths,
        [
            "formatVersion",
            "description",
            "organizationName",
            "passTypeIdentifier",
            "teamIdentifier",
            "serialNumber",
            "generic.backFields[0].key",
            "expirationDate",
            "barcodes[0].format",
            "labelColor",
            "generic.backFields[0].currencyCode",
            "generic.backFields[0].value",
            "barcodes[0].message",
        ]
    );
    assert!(
        found
            .iter()
            .all(|line| !line.contains("secret") && !line.contains("2017")),
        "{found:#?}"
    );
}
