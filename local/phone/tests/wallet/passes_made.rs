//! Passes, and phones that trust them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use passes::ids::PassKey;
use phone::{Ios, Phone, PhoneConfig};
use pkpass::{Identity, LocalKey, SigningCertificate, Template};
use seed::{SeedTemplate, TestAuthority, Validity};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

pub const TYPE: &str = "pass.com.example.loyalty";
pub const OTHER_TYPE: &str = "pass.com.example.ticket";
pub const TOKEN: &str = "0123456789abcdef";
/// 2026-11-21 10:00:00.
pub const NOW: u64 = 1_795_255_200;

pub const MONDAY: &str = "Mon, 16 Nov 2026 08:00:00 GMT";
pub const TUESDAY: &str = "Tue, 17 Nov 2026 08:00:00 GMT";

/// Keys take a while, so all tests share these.
struct Signing {
    root: Vec<u8>,
    identities: BTreeMap<&'static str, Identity>,
    template: Template,
}

static SIGNING: LazyLock<Signing> = LazyLock::new(|| {
    let authority = TestAuthority::create().unwrap();
    let identities = [TYPE, OTHER_TYPE]
        .into_iter()
        .map(|pass_type| (pass_type, identity(&authority, pass_type)))
        .collect();
    Signing {
        root: authority.root_certificate_der().to_vec(),
        identities,
        template: Template::from_files(template_files()).unwrap(),
    }
});

fn identity(authority: &TestAuthority, pass_type: &str) -> Identity {
    let pem = authority
        .issue_pass_certificate(
            &pass_type.parse().unwrap(),
            &"A1B2C3D4E5".parse().unwrap(),
            Validity::long(),
        )
        .unwrap();
    let certificate = SigningCertificate::from_pem(pem.certificate_chain_pem.as_bytes()).unwrap();
    let key = LocalKey::from_pem(pem.private_key_pem.as_bytes()).unwrap();
    Identity::new(Arc::new(certificate), key).unwrap()
}

pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

pub fn key(serial: &str) -> PassKey {
    PassKey::parse(TYPE, serial).unwrap()
}

pub fn topic() -> passes::ids::PassTypeIdentifier {
    TYPE.parse().unwrap()
}

/// pass.json of a loyalty card.
pub fn card(web_service: &str, serial: &str, balance: u32) -> Value {
    let mut pass = SIGNING.template.skeleton().clone();
    pass["passTypeIdentifier"] = TYPE.into();
    pass["teamIdentifier"] = "A1B2C3D4E5".into();
    pass["serialNumber"] = serial.into();
    pass["webServiceURL"] = web_service.into();
    pass["authenticationToken"] = TOKEN.into();
    pass["storeCard"]["primaryFields"][0]["value"] = json!(balance);
    pass
}

/// The package of a pass.json, signed for its own type.
pub fn signed(pass: &Value) -> Vec<u8> {
    let identity = &SIGNING.identities[pass["passTypeIdentifier"].as_str().unwrap()];
    SIGNING
        .template
        .package(&pkpass::canonical_json(pass), &[], identity, now())
        .unwrap()
}

/// The package of a pass.json whose template has these files beside those of all.
pub fn signed_with(pass: &Value, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut all = template_files();
    all.extend(
        files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.to_vec())),
    );
    let template = Template::from_files(all).unwrap();
    let identity = &SIGNING.identities[pass["passTypeIdentifier"].as_str().unwrap()];
    template
        .package(&pkpass::canonical_json(pass), &[], identity, now())
        .unwrap()
}

pub fn icon() -> Vec<u8> {
    template_files().remove("icon.png").unwrap()
}

fn template_files() -> BTreeMap<String, Vec<u8>> {
    let mut files = (SeedTemplate::LOYALTY.files)();
    files.retain(|name, _| name == "pass.json" || name == "icon.png");
    files
}

pub fn package(server: &Server, serial: &str, balance: u32) -> Vec<u8> {
    signed(&card(&server.url, serial, balance))
}

/// Its clock stands, and it repeats twice without a pause.
pub fn phone() -> Phone {
    phone_of(Ios::default(), "en")
}

pub fn phone_of(ios: Ios, language: &str) -> Phone {
    let mut config = PhoneConfig::new(SIGNING.root.clone());
    config.clock = Arc::new(now);
    config.retry_pauses = vec![Duration::ZERO; 2];
    config.user_agent = "passd/1.0".to_owned();
    config.ios = ios;
    config.language = language.to_owned();
    Phone::new(config).unwrap()
}

/// The request lines of one pass.
pub fn registration(method: &str, serial: &str) -> String {
    format!("{method} /v1/devices/*/registrations/{TYPE}/{serial}")
}

pub fn list(tag: Option<&str>) -> String {
    let line = format!("GET /v1/devices/*/registrations/{TYPE}");
    match tag {
        Some(tag) => format!("{line}?passesUpdatedSince={tag}"),
        None => line,
    }
}

pub fn pass(serial: &str) -> String {
    format!("GET /v1/passes/{TYPE}/{serial}")
}

/// A phone with the card `A-1` of balance 10, registered, dated Monday and with the tag 100.
pub async fn with_card(server: &Server) -> Phone {
    let mut phone = phone();
    add_card(&mut phone, server).await;
    phone
}

pub async fn add_card(phone: &mut Phone, server: &Server) {
    let package = package(server, "A-1", 10);
    server.expect(&registration("POST", "A-1"), Answer::status(201));
    server.expect(&list(None), Answer::list(&["A-1"], "100"));
    server.expect(&pass("A-1"), Answer::package(package.clone()).modified(MONDAY));
    phone.add(package).await.unwrap();
    server.take_seen();
    assert!(phone.complaints().is_empty());
}
