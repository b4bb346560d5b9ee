//! What is refused before the first push.

use std::time::SystemTime;

use apns::{Apns, ApnsConfig, ApnsError, PRODUCTION_URL, ProviderKey};
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};
use serde_json::json;

use crate::world::{KEY_ID, KeyFile, TEAM};

fn new(config: ApnsConfig) -> Result<Apns, ApnsError> {
    Apns::new(config, KeyFile::generate(KEY_ID).parse(), SystemTime::now)
}

fn error<T>(result: Result<T, ApnsError>) -> String {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_default_is_apples_production() {
    let config = ApnsConfig::default();
    assert_eq!(config.url, PRODUCTION_URL);
    assert_eq!((config.timeout.as_secs(), config.window), (5, 100));
    assert!(new(config).is_ok());
}

#[test]
fn the_url_is_a_host_and_nothing_more() {
    for good in ["https://127.0.0.1:2197", "https://api.push.apple.com/"] {
        let url = good.to_owned();
        assert!(
            new(ApnsConfig {
                url,
                ..ApnsConfig::default()
            })
            .is_ok()
        );
    }
    for bad in [
        "",
        "api.push.apple.com",
        "http://api.push.apple.com",
        "https://api.push.apple.com/3/device",
        "https://api.push.apple.com?a=b",
        "https://me@api.push.apple.com",
    ] {
        let url = bad.to_owned();
        assert_eq!(
            error(new(ApnsConfig {
                url,
                ..ApnsConfig::default()
            })),
            format!("the URL of APNs must be https://<host>[:<port>] and nothing more, but is {bad:?}")
        );
    }
}

#[test]
fn the_window_has_limits() {
    for window in [0, 501] {
        assert_eq!(
            error(new(ApnsConfig {
                window,
                ..ApnsConfig::default()
            })),
            format!("the window must be 1 to 500 pushes, but is {window}")
        );
    }
}

#[test]
fn a_root_certificate_must_be_readable() {
    let garbled = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    for pem in [garbled, "", "/path/to/root.pem"] {
        let config = ApnsConfig {
            root_certificate_pem: Some(pem.into()),
            ..ApnsConfig::default()
        };
        assert_eq!(
            error(new(config)),
            "the root certificate for APNs is not readable as PEM"
        );
    }
}

#[test]
fn a_key_is_read_from_the_secrets_json() {
    let file = KeyFile::generate(KEY_ID);
    let secret = serde_json::json!({
        "key_id": KEY_ID,
        "team_id": TEAM,
        "private_key": file.private_key_pem,
    });
    let key = ProviderKey::from_json(secret.to_string()).unwrap();
    assert_eq!((key.key_id(), key.team_id()), (KEY_ID, TEAM));
}

#[test]
fn a_key_is_never_printed() {
    let key = KeyFile::generate(KEY_ID).parse();
    assert_eq!(
        format!("{key:?}"),
        r#"ProviderKey { key_id: "ABC123DEFG", team_id: "A1B2C3D4E5", .. }"#
    );
    // A secret of the wrong form is not quoted either.
    assert_eq!(
        error(ProviderKey::from_json(r#""the key of our team is here""#)),
        "the APNs key must be JSON with the strings \"key_id\", \"team_id\" and \
         \"private_key\"; it is not, at line 1, column 29"
    );
}

#[test]
fn a_key_is_p256_in_pkcs8() {
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let public = KeyFile::generate(KEY_ID).public_key_pem;
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let sentence = "the APNs private key must be the content of Apple's .p8 file (P-256, PKCS#8, PEM)";
    for pem in [p384.serialize_pem(), rsa.serialize_pem()] {
        assert_eq!(error(ProviderKey::parse(KEY_ID, TEAM, &pem)), sentence);
    }
    let private = KeyFile::generate(KEY_ID).private_key_pem;
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (pem, reason) in [
        (public.as_str(), "there is no private key in it"),
        ("", "there is no private key in it"),
        (encrypted, "it is encrypted"),
        (
            &private[..100],
            "its line -----END ...----- is missing, so it was cut off",
        ),
    ] {
        assert_eq!(
            error(ProviderKey::parse(KEY_ID, TEAM, pem)),
            format!("{sentence}, but {reason}")
        );
    }
    let bare: String = private.lines().filter(|line| !line.starts_with('-')).collect();
    let bare = error(ProviderKey::parse(KEY_ID, TEAM, bare));
    assert!(
        bare.starts_with(sentence) && bare.contains("base64 without its first and last line"),
        "{bare}"
    );
}

#[test]
fn a_key_is_read_in_whatever_form_it_was_pasted() {
    let pem = KeyFile::generate(KEY_ID).private_key_pem;
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for pasted in [
        pem.replace('\n', " ").into_bytes(),
        pem.replace('\n', "\\n").into_bytes(),
        pem.replace('\n', "\r\n").into_bytes(),
        pem.replace('\n', "\t").into_bytes(),
        format!("\u{feff}{pem}").into_bytes(),
        [vec![0xff, 0xfe], utf16(&pem)].concat(),
        json!({ "AuthKey": pem }).to_string().into_bytes(),
        format!("'{pem}'").into_bytes(),
        format!("before\n{pem}\nafter").into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&pasted[..40]).into_owned();
        ProviderKey::parse(KEY_ID, TEAM, &pasted).unwrap_or_else(|error| panic!("{shown}: {error}"));
    }
    let secret = |key: &str| json!({ "key_id": KEY_ID, "team_id": TEAM, "private_key": key }).to_string();
    let plain = secret(&pem);
    let with_breaks = format!(r#"{{"key_id": "{KEY_ID}", "team_id": "{TEAM}", "private_key": "{pem}"}}"#);
    for pasted in [
        secret(&pem.replace('\n', " ")).into_bytes(),
        secret(&pem.replace('\n', "\\n")).into_bytes(),
        format!("\u{feff}{plain}").into_bytes(),
        [vec![0xff, 0xfe], utf16(&plain)].concat(),
        with_breaks.into_bytes(),
        json!({ "apns": plain }).to_string().into_bytes(),
    ] {
        let key = ProviderKey::from_json(&pasted).unwrap();
        assert_eq!((key.key_id(), key.team_id()), (KEY_ID, TEAM));
    }
    for alone in [pem.clone(), json!({ "AuthKey_ABC123DEFG": pem }).to_string()] {
        let said = error(ProviderKey::from_json(&alone));
        assert!(
            said.starts_with("the APNs key stands alone: its key id and team id are missing"),
            "{said}"
        );
    }
}

#[test]
fn a_keys_names_are_letters_and_digits() {
    let pem = KeyFile::generate(KEY_ID).private_key_pem;
    for bad in ["", "ABC 123", "ABC\n"] {
        assert_eq!(
            error(ProviderKey::parse(bad, TEAM, &pem)),
            "the APNs key's key id must be letters and digits, as Apple gave it"
        );
        assert!(ProviderKey::parse(KEY_ID, bad, &pem).is_err());
    }
}
