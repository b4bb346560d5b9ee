//! The templates as pkpass judges them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use pkpass::{Identity, LocalKey, SigningCertificate, Template};
use seed::drawings::{self, Landscape};
use seed::{SeedTemplate, TestAuthority, Validity, templates};
use serde_json::{Value, json};

/// What the largest template may weigh as a bundle, so that a package stays quick to send.
const MAX_BUNDLE_BYTES: usize = 250_000;

fn skeleton(files: &BTreeMap<String, Vec<u8>>) -> Value {
    serde_json::from_slice(&files["pass.json"]).unwrap()
}

fn keys(group: &Value) -> Vec<&str> {
    let fields = group.as_array().unwrap().iter();
    fields.map(|field| field["key"].as_str().unwrap()).collect()
}

#[test]
fn both_templates_are_accepted_and_small() {
    for template in [SeedTemplate::LOYALTY, SeedTemplate::TICKET] {
        let bundle = Template::from_files((template.files)())
            .unwrap_or_else(|error| panic!("{}: {error}", template.id))
            .to_bundle();
        assert!(
            bundle.len() < MAX_BUNDLE_BYTES,
            "{}: {} bytes",
            template.id,
            bundle.len()
        );
    }
}

#[test]
fn an_image_is_the_same_each_time_it_is_drawn() {
    assert!(drawings::logo(&Landscape::MORNING) == drawings::logo(&Landscape::MORNING));
}

/// Width and height stand at fixed places in a PNG's first chunk.
fn size(png: &[u8]) -> [u32; 2] {
    [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()))
}

#[test]
fn every_image_has_apples_size_at_each_scale() {
    for (files, name, [width, height]) in [
        (templates::loyalty(), "icon", [29, 29]),
        (templates::loyalty(), "logo", [50, 50]),
        (templates::loyalty(), "strip", [375, 123]),
        (templates::ticket(), "icon", [29, 29]),
        (templates::ticket(), "logo", [50, 50]),
        (templates::ticket(), "background", [180, 220]),
        (templates::ticket(), "thumbnail", [90, 90]),
    ] {
        for (scale, suffix) in [(1, ""), (2, "@2x"), (3, "@3x")] {
            let png = &files[&format!("{name}{suffix}.png")];
            assert_eq!(size(png), [width * scale, height * scale], "{name}{suffix}");
        }
    }
}

#[test]
fn the_loyalty_card_has_balance_member_and_tier() {
    let pass = skeleton(&templates::loyalty());
    let card = &pass["storeCard"];
    assert_eq!(keys(&card["headerFields"]), ["tier"]);
    assert_eq!(keys(&card["primaryFields"]), ["balance"]);
    assert_eq!(keys(&card["secondaryFields"]), ["member"]);
    assert_eq!(keys(&card["backFields"]), ["terms", "support"]);
    let balance = &card["primaryFields"][0];
    assert_eq!(balance["value"], json!(0));
    assert_eq!(balance["changeMessage"], "Your balance is now %@");
}

#[test]
fn the_ticket_has_event_location_date_seat_and_gate() {
    let pass = skeleton(&templates::ticket());
    let ticket = &pass["eventTicket"];
    assert_eq!(keys(&ticket["primaryFields"]), ["event"]);
    assert_eq!(keys(&ticket["secondaryFields"]), ["location", "date"]);
    assert_eq!(keys(&ticket["auxiliaryFields"]), ["seat", "gate"]);
    assert_eq!(pass["groupingIdentifier"], "nocturne-2027");
}

#[test]
fn every_label_and_message_is_translated() {
    for template in [SeedTemplate::LOYALTY, SeedTemplate::TICKET] {
        let files = (template.files)();
        let pass = skeleton(&files);
        let style = ["storeCard", "eventTicket"]
            .into_iter()
            .find_map(|style| pass[style].as_object())
            .unwrap();
        let fields = style.values().flat_map(|group| group.as_array().unwrap());
        for text in fields.flat_map(|field| [&field["label"], &field["changeMessage"]]) {
            let Some(text) = text.as_str() else { continue };
            for language in ["en", "de"] {
                let strings = &files[&format!("{language}.lproj/pass.strings")];
                let strings = str::from_utf8(strings).unwrap();
                assert!(
                    strings.contains(&format!("\"{text}\" = \"")),
                    "{text} in {language} of {}",
                    template.id
                );
            }
        }
    }
}

#[test]
fn a_pass_made_of_template_and_identity_is_one_that_wallet_takes() {
    let authority = TestAuthority::create().unwrap();
    for (template, pass_type) in [
        (SeedTemplate::LOYALTY, "pass.com.example.loyalty"),
        (SeedTemplate::TICKET, "pass.com.example.ticket"),
    ] {
        let identity = authority
            .issue_pass_certificate(
                &pass_type.parse().unwrap(),
                &"A1B2C3D4E5".parse().unwrap(),
                Validity::long(),
            )
            .unwrap();
        let identity = Identity::new(
            std::sync::Arc::new(SigningCertificate::from_pem(identity.certificate_chain_pem.as_bytes()).unwrap()),
            LocalKey::from_pem(identity.private_key_pem.as_bytes()).unwrap(),
        )
        .unwrap();
        let template = Template::from_files((template.files)()).unwrap();
        let mut pass = template.skeleton().clone();
        pass["passTypeIdentifier"] = pass_type.into();
        pass["teamIdentifier"] = "A1B2C3D4E5".into();
        pass["serialNumber"] = "DEMO-1".into();
        pass["webServiceURL"] = "https://passes.example.com".into();
        pass["authenticationToken"] = "0123456789abcdef".into();
        let now = SystemTime::now();
        let package = template
            .package(&pkpass::canonical_json(&pass), &[], &identity, now)
            .unwrap();
        let opened = pkpass::verify(&package, authority.root_certificate_der(), now).unwrap();
        assert_eq!(opened.pass, pass);
    }
}
