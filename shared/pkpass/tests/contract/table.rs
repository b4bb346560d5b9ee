//! The table of pass.json: each key and each rule of it decides something.

use pkpass::pass_json::table::{Kind, Need, OBJECTS, Object};
use pkpass::pass_json::{Context, Finding, Rule, Texts, Verdict, check};
use serde_json::{Value, json};

use crate::samples;

/// A right pass that has the object, and the path to it as a JSON pointer.
fn with_object(object: &Object) -> (Value, &'static str) {
    let mut pass = samples::pass();
    let mut add = |key: &str, value: Value| samples::set(&mut pass, &format!("/{key}"), Some(value));
    let path = match object.name {
        "pass.json" => "",
        "a style" => "/storeCard",
        "a field" => "/storeCard/backFields/0",
        "a barcode" => "/barcodes/0",
        "a location" => {
            add("locations", json!([{"latitude": 52.5, "longitude": 13.4}]));
            "/locations/0"
        }
        "a beacon" => {
            add(
                "beacons",
                json!([{"proximityUUID": "F8F589E9-C07E-48B0-AEAB-A36BE4D0B2D6"}]),
            );
            "/beacons/0"
        }
        "an entry of relevantDates" => "/relevantDates/0",
        "nfc" => {
            add("nfc", json!({"message": "1"}));
            "/nfc"
        }
        "a featured action" => {
            add("featuredActions", json!([{"identifier": "a", "type": "link"}]));
            "/featuredActions/0"
        }
        "semantics" => {
            add("semantics", json!({}));
            "/semantics"
        }
        other => panic!("how does a pass come to have {other}?"),
    };
    (pass, path)
}

/// A JSON pointer as findings show it.
fn place(pointer: &str) -> String {
    let mut shown = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => shown.push_str(&format!("[{index}]")),
            Err(_) if shown.is_empty() => shown.push_str(part),
            Err(_) => shown.push_str(&format!(".{part}")),
        }
    }
    shown
}

fn right_value(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Bytes | Kind::Scalar => json!("text"),
        Kind::Bool => json!(false),
        Kind::Number(least, most) => json!(least.max(-1.0).min(*most)),
        Kind::Integer(least, _) => json!(least),
        Kind::Date => json!("2026-11-21T09:30:00+01:00"),
        Kind::Colour => json!("rgb(1, 2, 3)"),
        Kind::Word(words) => json!(words.known[0]),
        Kind::Map | Kind::Object(_) => json!({}),
        Kind::List(..) => json!([]),
    }
}

fn wrong_values(kind: &Kind) -> Vec<(Value, Rule)> {
    let mut wrong: Vec<_> = [json!(null), json!([]), json!({}), json!(true), json!("12"), json!(12)]
        .into_iter()
        .filter(|value| match kind {
            Kind::Text | Kind::Bytes | Kind::Date | Kind::Colour | Kind::Word(_) => !value.is_string(),
            Kind::Bool => !value.is_boolean(),
            Kind::Number(..) | Kind::Integer(..) => !value.is_number(),
            Kind::Scalar => !value.is_string() && !value.is_number(),
            Kind::Map | Kind::Object(_) => !value.is_object(),
            Kind::List(..) => !value.is_array(),
        })
        .map(|value| (value, Rule::WrongType))
        .collect();
    match kind {
        Kind::Text | Kind::Scalar => wrong.push((json!("a\0b"), Rule::Nul)),
        Kind::Number(least, most) => {
            let bounds = [least - 1.0, most + 1.0]
                .into_iter()
                .filter(|bound| bound.abs() < 1e300);
            wrong.extend(bounds.map(|bound| (json!(bound), Rule::OutOfRange)));
        }
        Kind::Integer(least, most) => {
            wrong.push((json!(least - 1), Rule::OutOfRange));
            wrong.push((json!(0.5), Rule::OutOfRange));
            wrong.extend(most.checked_add(1).map(|bound| (json!(bound), Rule::OutOfRange)));
        }
        Kind::Date => wrong.push((json!("tomorrow"), Rule::Date)),
        Kind::Colour => wrong.push((json!("red"), Rule::Colour)),
        Kind::Word(words) => {
            let unknown = format!("{}Unheard", words.prefix);
            let rule = if words.extended {
                Rule::UnknownWord
            } else {
                Rule::WrongWord
            };
            wrong.push((json!(unknown), rule));
            wrong.extend((!words.prefix.is_empty()).then(|| (json!("Unheard"), Rule::WrongWord)));
        }
        _ => {}
    }
    wrong
}

#[test]
fn each_key_has_the_type_range_and_words_of_the_table() {
    let mut looked_at = 0;
    for object in OBJECTS {
        for key in object.keys {
            let (pass, parent) = with_object(object);
            let pointer = format!("{parent}/{}", key.name);
            let at = place(&pointer);
            let found_at = |value: Value| -> Vec<Rule> {
                let mut pass = pass.clone();
                samples::set(&mut pass, &pointer, Some(value));
                let found = check(&pass, &Context::default());
                let here = found.into_iter().filter(|finding| finding.place().to_string() == at);
                here.map(|finding| finding.rule).collect()
            };
            let of_kind = [
                Rule::WrongType,
                Rule::OutOfRange,
                Rule::WrongWord,
                Rule::UnknownWord,
                Rule::Nul,
            ];
            let right = found_at(right_value(&key.kind));
            assert!(!right.iter().any(|rule| of_kind.contains(rule)), "{at}: {right:?}");
            for (value, rule) in wrong_values(&key.kind) {
                assert!(found_at(value.clone()).contains(&rule), "{at} = {value}: {rule:?}");
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 500, "{looked_at}");
}

#[test]
fn each_needed_key_is_missed() {
    for object in OBJECTS {
        for key in object.keys.iter().filter(|key| key.need != Need::No) {
            let (mut pass, parent) = with_object(object);
            let pointer = format!("{parent}/{}", key.name);
            assert!(pass.pointer(&pointer).is_some(), "{pointer}");
            samples::set(&mut pass, &pointer, None);
            let found = check(&pass, &Context::default());
            let missed =
                |finding: &Finding| finding.rule == Rule::Missing && finding.place().to_string() == place(&pointer);
            assert!(found.iter().any(missed), "{pointer}: {found:#?}");
        }
    }
}

/// A change to the right pass that breaks the rule, and one that is as near to it as can be and does not.
fn broken_and_right(rule: Rule) -> [Vec<(&'static str, Value)>; 2] {
    let field = |field: Value| ("/storeCard/backFields/-", field);
    let set = |path, value| vec![(path, value)];
    let poster = |groups: Value| vec![("/posterGeneric", groups)];
    let fields = |count: usize| -> Value {
        (0..count)
            .map(|key| json!({"key": format!("p{key}"), "value": "x"}))
            .collect()
    };
    let barcode =
        |format: &str, message: &str| json!({"format": format, "message": message, "messageEncoding": "iso-8859-1"});
    let location = |latitude: Value| json!([{"latitude": latitude, "longitude": 13.4}]);
    match rule {
        Rule::NotAnObject => [set("", json!([])), vec![]],
        Rule::WrongType => [
            set("/locations", location(json!("52.5"))),
            set("/locations", location(json!(52.5))),
        ],
        Rule::OutOfRange => [
            set("/locations", location(json!(90.5))),
            set("/locations", location(json!(90))),
        ],
        Rule::WrongWord => [
            vec![field(json!({"key": "x", "value": 1, "numberStyle": "Decimal"}))],
            vec![field(
                json!({"key": "x", "value": 1, "numberStyle": "PKNumberStyleDecimal"}),
            )],
        ],
        Rule::UnknownWord => [
            set("/barcodes/-", barcode("PKBarcodeFormatQr", "1")),
            set("/barcodes/-", barcode("PKBarcodeFormatQR", "1")),
        ],
        Rule::Missing => [
            set("/locations", json!([{"relevantText": "Shop", "longitude": 13.4}])),
            set("/locations", location(json!(0))),
        ],
        Rule::Empty => [set("/description", json!("")), set("/description", json!("x"))],
        Rule::Date => [
            set("/expirationDate", json!("2017-04-05T20:00:00")),
            set("/expirationDate", json!("2027-04-05T20:00:00Z")),
        ],
        Rule::Colour => [set("/labelColor", json!("white")), set("/labelColor", json!("#FFF"))],
        Rule::Nul => [
            set("/logoText", json!("a\0b")),
            set("/barcodes/-", barcode("PKBarcodeFormatAztec", "a\0b")),
        ],
        Rule::NoStyle => [set("/storeCard", Value::Null), vec![]],
        Rule::SeveralStyles => [set("/coupon", json!({})), poster(json!({}))],
        Rule::PosterAlone => [
            vec![("/storeCard", Value::Null), ("/posterGeneric", json!({}))],
            poster(json!({})),
        ],
        Rule::PosterBesideBoardingPass => [
            vec![
                ("/storeCard", Value::Null),
                ("/boardingPass", json!({"transitType": "PKTransitTypeAir"})),
                ("/posterGeneric", json!({})),
            ],
            poster(json!({})),
        ],
        Rule::PosterRoom => [
            poster(json!({"primaryFields": fields(5)})),
            poster(json!({"primaryFields": fields(4)})),
        ],
        Rule::GroupOfOtherStyle => [
            set("/storeCard/footerFields", fields(1)),
            poster(json!({"footerFields": fields(1)})),
        ],
        Rule::SameKeyOnFront => [
            set("/storeCard/auxiliaryFields", json!([{"key": "points", "value": 1}])),
            set("/storeCard/auxiliaryFields", json!([{"key": "other", "value": 1}])),
        ],
        Rule::SameKeyOnBack => [
            vec![field(json!({"key": "points", "value": 1}))],
            vec![field(json!({"key": "other", "value": 1}))],
        ],
        Rule::FormatsNumbers => [
            vec![field(json!({"key": "x", "value": "1", "currencyCode": "EUR"}))],
            vec![field(json!({"key": "x", "value": 1, "currencyCode": "EUR"}))],
        ],
        Rule::CurrencyAndStyle => [
            vec![field(
                json!({"key": "x", "value": 1, "currencyCode": "EUR", "numberStyle": "PKNumberStyleDecimal"}),
            )],
            vec![field(json!({"key": "x", "value": 1, "currencyCode": "EUR"}))],
        ],
        Rule::Currency => [
            vec![field(json!({"key": "x", "value": 1, "currencyCode": "euro"}))],
            vec![field(json!({"key": "x", "value": 1, "currencyCode": "EUR"}))],
        ],
        Rule::FormatsDates => [
            vec![field(json!({"key": "x", "value": "10:30", "isRelative": false}))],
            vec![field(
                json!({"key": "x", "value": "2026-11-21T10:30Z", "isRelative": false}),
            )],
        ],
        Rule::StaticMessage => [
            vec![field(
                json!({"key": "x", "value": 1, "changeMessage": "Your hall has changed"}),
            )],
            vec![field(json!({"key": "x", "value": 1, "changeMessage": ""}))],
        ],
        Rule::MessageInSomeLanguages => [
            vec![field(json!({"key": "x", "value": 1, "changeMessage": "in_english"}))],
            vec![field(json!({"key": "x", "value": 1, "changeMessage": "in_both"}))],
        ],
        Rule::LongNumber => [
            vec![field(json!({"key": "x", "value": 1e125}))],
            vec![field(json!({"key": "x", "value": 123_456_789_012_345_i64}))],
        ],
        Rule::Unencodable => [
            set("/barcodes/-", barcode("PKBarcodeFormatQR", "4 €")),
            set("/barcodes/-", barcode("PKBarcodeFormatQR", "é\u{ff}\0")),
        ],
        Rule::UnknownEncoding => [
            set(
                "/barcodes/-",
                json!({"format": "PKBarcodeFormatQR", "message": "1", "messageEncoding": "klingon"}),
            ),
            set(
                "/barcodes/-",
                json!({"format": "PKBarcodeFormatQR", "message": "1", "messageEncoding": "Shift_JIS"}),
            ),
        ],
        Rule::NewBarcodeAlone => [
            set("/barcodes", json!([barcode("PKBarcodeFormatEAN13", "1")])),
            set(
                "/barcodes",
                json!([barcode("PKBarcodeFormatEAN13", "1"), barcode("PKBarcodeFormatQR", "1")]),
            ),
        ],
        Rule::NfcCertificate => [set("/nfc", json!({"message": "1"})), vec![]],
        Rule::NfcMessage => [
            set("/nfc", json!({"message": "X".repeat(65)})),
            set("/nfc", json!({"message": "X".repeat(64)})),
        ],
        Rule::TooMany => [set("/featuredActions", actions(3)), set("/featuredActions", actions(2))],
        Rule::FeaturedAction => [
            set(
                "/featuredActions",
                json!([{"identifier": "a", "type": "x"}, {"identifier": "a", "type": "y"}]),
            ),
            set("/featuredActions", actions(2)),
        ],
        Rule::RelevanceOver => [
            set("/relevantDate", json!("2020-01-01T00:00:00Z")),
            set("/relevantDate", json!("2030-01-01T00:00:00Z")),
        ],
        Rule::ExpiredAlready => [
            set("/expirationDate", json!("2020-01-01T00:00:00Z")),
            set("/expirationDate", json!("2030-01-01T00:00:00Z")),
        ],
        Rule::Grouping => [
            set("/groupingIdentifier", json!("g")),
            vec![
                ("/storeCard", Value::Null),
                ("/eventTicket", json!({})),
                ("/groupingIdentifier", json!("g")),
            ],
        ],
        Rule::AppToOpen => [
            set("/associatedStoreIdentifiers", json!([])),
            set("/associatedStoreIdentifiers", json!([1])),
        ],
        Rule::WebService => [
            set("/webServiceURL", json!("https://passes.example.com/v1")),
            set("/webServiceURL", json!("https://passes.example.com")),
        ],
        Rule::PassType => [
            set("/passTypeIdentifier", json!("com.example")),
            set("/passTypeIdentifier", json!("pass.com.example")),
        ],
        Rule::Slip => [
            set("/expirationdate", json!("2030-01-01T00:00:00Z")),
            set("/maximumNumberOfPeople", json!(5)),
        ],
    }
}

fn actions(count: usize) -> Value {
    (0..count)
        .map(|number| json!({"identifier": number.to_string(), "type": "link"}))
        .collect()
}

#[test]
fn each_rule_finds_what_breaks_it_and_nothing_else() {
    let text = |text: &str| ("in_both".to_owned(), text.to_owned());
    let english = [text("Now %@"), ("in_english".to_owned(), "Now %@".to_owned())];
    let texts = Texts(
        [
            ("de".to_owned(), [text("Jetzt %@")].into()),
            ("en".to_owned(), english.into()),
        ]
        .into(),
    );
    for rule in Rule::ALL {
        let [broken, right] = broken_and_right(*rule);
        for (changes, breaks) in [(broken, true), (right, false)] {
            let mut pass = samples::pass();
            for (path, value) in changes {
                match path {
                    "" => pass = value,
                    path => samples::set(&mut pass, path, (!value.is_null()).then_some(value)),
                }
            }
            let context = Context {
                texts: Some(&texts),
                nfc_certificate: Some(*rule != Rule::NfcCertificate),
                now: Some(1_795_253_400),
                is_new: true,
            };
            let found = check(&pass, &context);
            let of_rule: Vec<_> = found.iter().filter(|finding| finding.rule == *rule).collect();
            assert_eq!(!of_rule.is_empty(), breaks, "{rule:?}: {found:#?}");
            assert!(of_rule.iter().all(|finding| finding.verdict() == rule.verdict()));
            if !breaks {
                let refused = found.iter().filter(|finding| finding.verdict() == Verdict::Refuse);
                assert_eq!(refused.map(|finding| finding.rule).collect::<Vec<_>>(), [], "{rule:?}");
            }
        }
    }
}
