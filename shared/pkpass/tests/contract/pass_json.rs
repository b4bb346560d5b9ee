use pkpass::pass_json::{check, check_skeleton, check_web_service_url};
use serde_json::{Value, json};

use crate::samples;

/// The faults of the right pass after `path` (a JSON pointer) has been set to `value`, or removed.
fn faults_with(path: &str, value: Option<Value>) -> Vec<String> {
    let mut pass = samples::pass();
    set(&mut pass, path, value);
    lines(&pass)
}

fn set(pass: &mut Value, path: &str, value: Option<Value>) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = pass.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Array(items), Some(value)) => items.push(value),
        (Value::Object(map), Some(value)) => {
            map.insert(key.to_owned(), value);
        }
        (Value::Object(map), None) => {
            map.remove(key).unwrap();
        }
        _ => panic!("{path}"),
    }
}

fn lines(pass: &Value) -> Vec<String> {
    check(pass).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused(path: &str, value: Value, expected: &str) {
    let found = faults_with(path, Some(value));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(expected), "{found:#?}");
}

#[track_caller]
fn taken(path: &str, value: Value) {
    assert_eq!(faults_with(path, Some(value)), Vec::<String>::new());
}

#[test]
fn a_right_pass_has_no_faults() {
    assert_eq!(check(&samples::pass()), []);
    assert_eq!(check_skeleton(&samples::skeleton()), []);
}

#[test]
fn pass_json_is_an_object() {
    assert_eq!(lines(&json!([])), ["pass.json: it is not a JSON object: write {...}"]);
}

#[test]
fn required_keys_are_named_when_missing() {
    for key in [
        "formatVersion",
        "description",
        "organizationName",
        "passTypeIdentifier",
        "teamIdentifier",
        "serialNumber",
    ] {
        let found = faults_with(&format!("/{key}"), None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{key}: it is missing: ")), "{found:?}");
    }
}

#[test]
fn format_version_is_the_number_1() {
    refused("/formatVersion", json!(2), "formatVersion: it is 2: write the number 1");
    refused(
        "/formatVersion",
        json!("1"),
        "formatVersion: it is \"1\": write the number 1",
    );
}

#[test]
fn names_and_identifiers_are_text() {
    refused("/description", json!(""), "description: it is no text");
    refused("/organizationName", json!(5), "organizationName: it is no text");
    refused(
        "/serialNumber",
        json!(4711),
        "serialNumber: it is no text: put it in quotes",
    );
    refused("/teamIdentifier", json!(""), "teamIdentifier: it is empty");
    refused(
        "/passTypeIdentifier",
        json!("com.example"),
        "passTypeIdentifier: `com.example` is no pass type: they begin with `pass.`",
    );
}

#[test]
fn a_pass_has_exactly_one_style() {
    let mut pass = samples::pass();
    set(&mut pass, "/storeCard", None);
    assert_eq!(
        lines(&pass),
        [
            "style: the pass has none: add exactly one of boardingPass, coupon, eventTicket, \
          generic, storeCard"
        ]
    );
    refused(
        "/coupon",
        json!({}),
        "style: the pass has 2 (coupon, storeCard): keep exactly one",
    );
    refused("/storeCard", json!([]), "storeCard: it is not a JSON object");
}

#[test]
fn a_boarding_pass_needs_a_transit_type() {
    let mut pass = samples::pass();
    set(&mut pass, "/storeCard", None);
    set(&mut pass, "/boardingPass", Some(json!({})));
    assert!(lines(&pass)[0].starts_with("boardingPass.transitType: a boarding pass needs it"));
    set(&mut pass, "/boardingPass", Some(json!({"transitType": "plane"})));
    assert!(lines(&pass)[0].starts_with("boardingPass.transitType: \"plane\" is no transit type"));
    for kind in ["PKTransitTypeAir", "PKTransitTypeSpaceElevator"] {
        set(&mut pass, "/boardingPass", Some(json!({"transitType": kind})));
        assert_eq!(lines(&pass), Vec::<String>::new());
    }
}

#[test]
fn field_keys_are_unique_over_all_groups() {
    for group in [
        "auxiliaryFields",
        "backFields",
        "headerFields",
        "primaryFields",
        "secondaryFields",
        "additionalInfoFields",
    ] {
        let mut pass = samples::pass();
        let twins = json!([{"key": "twin", "value": 1}, {"key": "twin", "value": 2}]);
        set(&mut pass, "/storeCard", Some(json!({ group: twins })));
        let expected = format!(
            "storeCard.{group}[1].key: `twin` is the key of storeCard.{group}[0] already: keys \
             are unique over all groups, so give this field another one"
        );
        assert_eq!(lines(&pass), [expected]);
    }
    refused(
        "/storeCard/backFields/-",
        json!({"key": "points", "value": "again"}),
        "storeCard.backFields[1].key: `points` is the key of storeCard.headerFields[0] already",
    );
}

#[test]
fn a_field_has_key_and_value() {
    refused(
        "/storeCard/backFields/-",
        json!({"value": "x"}),
        "storeCard.backFields[1].key: the field has no key",
    );
    refused(
        "/storeCard/backFields/-",
        json!({"key": "", "value": "x"}),
        "storeCard.backFields[1].key: it is no text",
    );
    refused(
        "/storeCard/backFields/-",
        json!({"key": "x"}),
        "storeCard.backFields[1].value: the field has no value",
    );
    for value in [json!(null), json!(true), json!({}), json!([])] {
        refused(
            "/storeCard/backFields/-",
            json!({"key": "x", "value": value}),
            "storeCard.backFields[1].value: it is neither text nor number",
        );
    }
    refused(
        "/storeCard/backFields/-",
        json!("x"),
        "storeCard.backFields[1]: it is not a JSON object",
    );
    refused(
        "/storeCard/backFields",
        json!({}),
        "storeCard.backFields: it is no array",
    );
    taken("/storeCard/backFields/-", json!({"key": "x", "value": ""}));
}

#[test]
fn dates_have_a_zone_and_no_milliseconds() {
    for key in ["expirationDate", "relevantDate"] {
        let path = format!("/{key}");
        taken(&path, json!("2026-11-21T09:30:00Z"));
        refused(&path, json!(5), &format!("{key}: it is no date: write it like 2026-"));
        refused(
            &path,
            json!("2026-11-21T09:30:00"),
            &format!("{key}: it has no time zone: write it like 2026-"),
        );
        refused(
            &path,
            json!("2026-11-21T09:30:00.123Z"),
            &format!("{key}: it has fractions of a second"),
        );
    }
    for key in ["date", "startDate", "endDate"] {
        refused(
            "/relevantDates/-",
            json!({ key: "tomorrow" }),
            &format!("relevantDates[2].{key}: it is no ISO 8601 date"),
        );
    }
    refused(
        "/relevantDates/-",
        json!("x"),
        "relevantDates[2]: it is not a JSON object",
    );
    refused("/relevantDates", json!({}), "relevantDates: it is no array");
}

#[test]
fn a_field_with_a_date_style_holds_a_date() {
    for style in ["dateStyle", "timeStyle"] {
        let field = json!({"key": "x", style: "PKDateStyleShort", "value": "2026-11-21"});
        refused(
            "/storeCard/backFields/-",
            field,
            "storeCard.backFields[1].value: it is no ISO 8601 date with a time",
        );
    }
    let both = json!({
        "key": "x", "value": "soon", "dateStyle": "PKDateStyleShort", "timeStyle": "PKDateStyleShort",
    });
    refused(
        "/storeCard/backFields/-",
        both,
        "storeCard.backFields[1].value: it is no",
    );
}

#[test]
fn currency_and_number_style_exclude_each_other_and_need_a_number() {
    refused(
        "/storeCard/backFields/-",
        json!({"key": "x", "value": 1, "currencyCode": "EUR", "numberStyle": "PKNumberStyleDecimal"}),
        "storeCard.backFields[1].numberStyle: the field has a currencyCode too",
    );
    for (format, value) in [("currencyCode", "EUR"), ("numberStyle", "PKNumberStylePercent")] {
        refused(
            "/storeCard/backFields/-",
            json!({"key": "x", "value": "1", format: value}),
            &format!("storeCard.backFields[1].value: {format} formats numbers only"),
        );
    }
    for code in [json!("euro"), json!("eur"), json!("€"), json!(978)] {
        refused(
            "/storeCard/backFields/-",
            json!({"key": "x", "value": 1, "currencyCode": code}),
            "storeCard.backFields[1].currencyCode: ",
        );
    }
}

#[test]
fn a_change_message_contains_the_placeholder() {
    for message in [json!("Changed"), json!("Changed to %d"), json!(5)] {
        refused(
            "/storeCard/backFields/-",
            json!({"key": "x", "value": 1, "changeMessage": message}),
            "storeCard.backFields[1].changeMessage: it does not contain %@",
        );
    }
}

#[test]
fn token_and_url_come_together() {
    let token = faults_with("/authenticationToken", None);
    assert_eq!(
        token,
        ["authenticationToken: it is missing, but webServiceURL is there: add both or none"]
    );
    let url = faults_with("/webServiceURL", None);
    assert_eq!(
        url,
        ["webServiceURL: it is missing, but authenticationToken is there: add both or none"]
    );
    let mut pass = samples::pass();
    set(&mut pass, "/webServiceURL", None);
    set(&mut pass, "/authenticationToken", None);
    assert_eq!(check(&pass), []);
}

#[test]
fn a_token_has_sixteen_characters_and_is_never_shown() {
    let found = faults_with("/authenticationToken", Some(json!("secret-token-15")));
    assert_eq!(
        found,
        ["authenticationToken: it is too short: write at least 16 characters"]
    );
    refused("/authenticationToken", json!(5), "authenticationToken: it is no text");
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
    refused("/webServiceURL", json!(5), "webServiceURL: it is no text");
}

#[test]
fn a_barcode_has_format_message_and_encoding() {
    for key in ["format", "message", "messageEncoding"] {
        let right = json!({
            "format": "PKBarcodeFormatQR", "message": "1", "messageEncoding": "utf-8",
        });
        let mut without = right.clone();
        without.as_object_mut().unwrap().remove(key);
        refused("/barcodes/-", without, &format!("barcodes[1].{key}: it is missing"));
        let mut number = right;
        number[key] = json!(5);
        refused("/barcodes/-", number, &format!("barcodes[1].{key}: it is no text"));
    }
    refused("/barcodes", json!({}), "barcodes: it is no array");
    refused("/barcodes/-", json!("x"), "barcodes[1]: it is not a JSON object");
    refused(
        "/barcode",
        json!({"format": "QR", "message": "1", "messageEncoding": "utf-8"}),
        "barcode.format: it is no barcode format",
    );
}

#[test]
fn a_barcode_message_is_encodable() {
    let barcode = |message: &str, encoding: &str| json!({"format": "PKBarcodeFormatQR", "message": message, "messageEncoding": encoding});
    for (message, encoding) in [
        ("é", "iso-8859-1"),
        ("é", "ISO-8859-1"),
        ("日本", "utf-8"),
        ("abc", "us-ascii"),
        ("日本", "shift_jis"),
    ] {
        taken("/barcodes/-", barcode(message, encoding));
    }
    for (message, encoding, stranger) in [
        ("4 €", "iso-8859-1", "€"),
        ("é", "us-ascii", "é"),
        ("日本", "ISO-8859-1", "日"),
    ] {
        refused(
            "/barcodes/-",
            barcode(message, encoding),
            &format!("barcodes[1].message: `{stranger}` does not exist in {encoding}"),
        );
    }
}

#[test]
fn an_app_launch_url_needs_the_app() {
    let expected = "appLaunchURL: Wallet does not know which app to open";
    let found = faults_with("/associatedStoreIdentifiers", None);
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    refused("/associatedStoreIdentifiers", json!([]), expected);
}

#[test]
fn only_tickets_and_boarding_passes_are_grouped() {
    refused(
        "/groupingIdentifier",
        json!("g"),
        "groupingIdentifier: only event tickets",
    );
    for (style, content) in [
        ("eventTicket", json!({})),
        ("boardingPass", json!({"transitType": "PKTransitTypeAir"})),
    ] {
        let mut pass = samples::pass();
        set(&mut pass, "/storeCard", None);
        set(&mut pass, &format!("/{style}"), Some(content));
        set(&mut pass, "/groupingIdentifier", Some(json!("g")));
        assert_eq!(check(&pass), []);
    }
}

#[test]
fn colours_are_rgb() {
    for key in [
        "foregroundColor",
        "backgroundColor",
        "labelColor",
        "footerBackgroundColor",
    ] {
        taken(&format!("/{key}"), json!("rgb(0, 128,255)"));
        for colour in [
            json!("#ffffff"),
            json!("rgb(256, 0, 0)"),
            json!("rgb(1, 2)"),
            json!("rgb(1, 2, 3, 4)"),
            json!("rgb(+1, 2, 3)"),
            json!("rgb(, 2, 3)"),
            json!("white"),
            json!(0),
        ] {
            refused(
                &format!("/{key}"),
                colour.clone(),
                &format!("{key}: it is no colour: write it like rgb(23, 187, 82)"),
            );
        }
    }
}

#[test]
fn every_fault_is_listed() {
    let pass = json!({"description": 1, "generic": {"backFields": [{}]}, "labelColor": "red"});
    let found = check(&pass);
    let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
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
            "generic.backFields[0].value",
            "labelColor",
        ]
    );
}
