use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pkpass::{Identity, IdentityError, LocalKey, SignError, Signer, SigningCertificate, verify};
use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, date_time_ymd};

use crate::authority::{Leaf, PASS_TYPE, TEAM, apple, stranger};
use crate::samples::{self, now, pass_bytes};

fn certificate(pem: &str) -> Result<SigningCertificate, IdentityError> {
    SigningCertificate::from_pem(pem.as_bytes())
}

#[track_caller]
fn refused(pem: &str, expected: &str) {
    let error = certificate(pem).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn leaf_and_intermediate_are_found_in_any_order() {
    let leaf = apple().leaf(&Leaf::default()).pem();
    let (root, intermediate) = (apple().root_pem(), apple().intermediate_pem());
    let (key, other) = (apple().key_pem(), stranger().intermediate_pem());
    for pem in [
        format!("{leaf}{intermediate}"),
        format!("{intermediate}{leaf}"),
        format!("{root}{intermediate}{leaf}"),
        // Another generation with the same name, a key, a certificate twice.
        format!("{other}{key}{leaf}{intermediate}{leaf}"),
        // What `openssl pkcs12` writes, and what an editor on Windows makes of it.
        format!("Bag Attributes\n  friendlyName: Pass\n{leaf}subject=/UID=x\n{intermediate}").replace('\n', "\r\n"),
        // A secret store that indents, and lines of another length.
        rewrapped(&format!("{leaf}{intermediate}")),
    ] {
        let certificate = certificate(&pem).unwrap();
        assert_eq!(certificate.pass_type_identifier(), PASS_TYPE);
        assert_eq!(certificate.team_identifier(), TEAM);
        assert_eq!(certificate.intermediate_der(), apple().intermediate_der());
    }
}

fn rewrapped(pem: &str) -> String {
    let mut text = String::new();
    let mut body = String::new();
    for line in pem.lines() {
        if line.starts_with("-----") {
            let characters: Vec<char> = body.drain(..).collect();
            for chunk in characters.chunks(76) {
                text.push_str(&format!("    {}  \n", chunk.iter().collect::<String>()));
            }
            text.push_str(&format!("  {line}\n"));
        } else {
            body.push_str(line);
        }
    }
    text
}

#[test]
fn dates_are_those_that_hold_for_both_certificates() {
    let at = |year, month, day| {
        let seconds = date_time_ymd(year, month, day).unix_timestamp();
        UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap())
    };
    let years = |years| {
        apple().certificate(&Leaf {
            years,
            ..Leaf::default()
        })
    };
    let certificate = years((2026, 2027));
    assert_eq!(certificate.not_before(), at(2026, 1, 1));
    assert_eq!(certificate.not_after(), at(2027, 1, 1));
    assert_eq!(certificate.valid_at(at(2026, 1, 1)), Ok(()));
    assert_eq!(certificate.valid_at(at(2027, 1, 1)), Ok(()));

    let early = certificate.valid_at(at(2025, 12, 31)).unwrap_err();
    assert!(matches!(early, IdentityError::NotYetValid { .. }));
    assert!(
        early.to_string().contains("is valid from 2026-01-01T00:00:00Z"),
        "{early}"
    );
    let late = certificate.valid_at(at(2027, 1, 2)).unwrap_err();
    assert!(matches!(late, IdentityError::Expired { .. }));
    assert!(
        late.to_string().contains("expired at 2027-01-01T00:00:00Z: renew it"),
        "{late}"
    );

    // The intermediate ends first.
    let long = years((2026, 2040));
    assert_eq!(long.not_after(), at(2030, 12, 10));
    let late = long.valid_at(at(2031, 1, 1)).unwrap_err();
    assert!(late.to_string().contains("Worldwide Developer Relations"), "{late}");
}

#[test]
fn a_certificate_is_checked_for_a_pass() {
    let certificate = apple().certificate(&Leaf::default());
    assert_eq!(certificate.check_for(PASS_TYPE, None, now()), Ok(()));
    assert_eq!(certificate.check_for(PASS_TYPE, Some(TEAM), now()), Ok(()));
    let other_type = certificate.check_for("pass.com.y", None, now()).unwrap_err();
    assert_eq!(
        other_type.to_string(),
        "the certificate is for pass.com.example.coffee, not pass.com.y: store the one for \
         pass.com.y, or name pass.com.example.coffee as the pass type"
    );
    let other_team = certificate.check_for(PASS_TYPE, Some("ZZZZZZZZZZ"), now()).unwrap_err();
    assert!(other_team.to_string().contains("is of team A1B2C3D4E5, not ZZZZZZZZZZ"));
    let expired = certificate.check_for(PASS_TYPE, None, now() + Duration::from_secs(63_072_000));
    assert!(matches!(expired, Err(IdentityError::Expired { .. })));
}

#[test]
fn nfc_is_allowed_by_apples_extension_alone() {
    let with = |nfc| apple().certificate(&Leaf { nfc, ..Leaf::default() });
    assert!(with(true).allows_nfc());
    assert!(!with(false).allows_nfc());
}

#[test]
fn the_apns_key_has_to_be_of_the_certificates_team() {
    let certificate = apple().certificate(&Leaf::default());
    assert_eq!(certificate.check_push_team(TEAM), Ok(()));
    assert_eq!(
        certificate.check_push_team("ZZZZZZZZZZ").unwrap_err().to_string(),
        "the certificate for pass.com.example.coffee is of team A1B2C3D4E5, and the APNs key of team ZZZZZZZZZZ: \
         APNs would refuse each push for these passes, so store an APNs key of team A1B2C3D4E5, or a certificate that \
         ZZZZZZZZZZ created"
    );
}

#[test]
fn files_that_hold_no_certificate_are_explained() {
    refused("", "there is no certificate in the file");
    refused(&apple().key_pem(), "there is no certificate in the file");
    let der = apple().leaf(&Leaf::default());
    assert_eq!(
        SigningCertificate::from_pem(der.der()).unwrap_err(),
        IdentityError::DerCertificate
    );
    assert_eq!(
        SigningCertificate::from_pem(&[0x30, 0x03, 0x02, 0x01, 0x03]).unwrap_err(),
        IdentityError::Binary
    );
    assert_eq!(
        SigningCertificate::from_pem(b"\xff\xfe\x00").unwrap_err(),
        IdentityError::Binary
    );
    refused(
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "certificate 1 of the file cannot be read",
    );
    refused(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "certificate 1 of the file cannot be read",
    );
}

#[test]
fn leaves_that_wallet_would_refuse_are_explained() {
    let with = |leaf: Leaf| apple().certificates_pem(&leaf);
    let default = Leaf::default;
    refused(
        &with(Leaf { uid: None, ..default() }),
        "is for a pass type, because none has a UID",
    );
    refused(
        &with(Leaf {
            uid: Some("com.example.app"),
            ..default()
        }),
        "the certificate is for `com.example.app`, which is no pass type",
    );
    refused(
        &with(Leaf {
            team: None,
            ..default()
        }),
        "names no team (OU)",
    );
    refused(
        &with(Leaf {
            marker: false,
            ..default()
        }),
        "lacks Apple's marker for pass types (1.2.840.113635.100.6.1.16)",
    );
    refused(
        &with(Leaf {
            rsa: false,
            ..default()
        }),
        "is not RSA with 2048 bits or more",
    );
    let two = with(default())
        + &with(Leaf {
            uid: Some("pass.com.example.tea"),
            ..default()
        });
    refused(
        &two,
        "there are 2 certificates for pass types (pass.com.example.coffee, pass.com",
    );
}

#[test]
fn the_intermediate_is_the_one_that_issued_the_leaf() {
    let leaf = apple().leaf(&Leaf::default()).pem();
    let missing = certificate(&leaf).unwrap_err();
    assert!(matches!(missing, IdentityError::NoIntermediate { .. }), "{missing:?}");
    let message = missing.to_string();
    assert!(message.contains("is missing: add C=US"), "{message}");
    assert!(message.contains("OU=G4"), "{message}");
    let root_only = certificate(&(leaf.clone() + &apple().root_pem())).unwrap_err();
    assert!(matches!(root_only, IdentityError::NoIntermediate { .. }));
    let foreign = certificate(&(leaf + &stranger().intermediate_pem())).unwrap_err();
    assert!(
        matches!(foreign, IdentityError::ForeignIntermediate { .. }),
        "{foreign:?}"
    );
}

#[test]
fn keys_are_read_as_pkcs8_and_as_pkcs1() {
    if !samples::available(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, apple().key_pem()).unwrap();
    let traditional = Command::new("openssl")
        .args(["rsa", "-traditional", "-in"])
        .arg(&path)
        .output()
        .unwrap()
        .stdout;
    assert!(traditional.starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
    let certificate = Arc::new(apple().certificate(&Leaf::default()));
    for pem in [apple().key_pem().into_bytes(), traditional] {
        let key = LocalKey::from_pem(&pem).unwrap();
        assert_eq!(format!("{key:?}"), "LocalKey(redacted)");
        Identity::new(certificate.clone(), key).unwrap();
    }

    let encrypted = Command::new("openssl")
        .args(["pkey", "-aes-128-cbc", "-passout", "pass:secret", "-in"])
        .arg(&path)
        .output()
        .unwrap()
        .stdout;
    assert_eq!(LocalKey::from_pem(&encrypted).unwrap_err(), IdentityError::EncryptedKey);
    let old_encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                         -----END RSA PRIVATE KEY-----\n";
    assert_eq!(
        LocalKey::from_pem(old_encrypted.as_bytes()).unwrap_err(),
        IdentityError::EncryptedKey
    );
}

#[test]
fn files_that_hold_no_rsa_key_are_explained() {
    let key = |pem: &str| LocalKey::from_pem(pem.as_bytes()).unwrap_err();
    assert_eq!(key(""), IdentityError::NoKey);
    assert_eq!(key(&apple().root_pem()), IdentityError::NoKey);
    assert_eq!(LocalKey::from_pem(b"\xff").unwrap_err(), IdentityError::Binary);
    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    assert_eq!(key(&elliptic.serialize_pem()), IdentityError::KeyNotRsa);
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    assert_eq!(key(sec1), IdentityError::KeyNotRsa);
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(key(broken), IdentityError::MalformedKey { .. }));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let certificate = Arc::new(apple().certificate(&Leaf::default()));
    let error = Identity::new(certificate.clone(), stranger().key()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the private key does not belong to the certificate for pass.com.example.coffee: use the \
         key that its signing request was made with, or create a new certificate with this one"
    );
    let error = Identity::with_signer(certificate, Box::new(stranger().key())).unwrap_err();
    assert!(matches!(error, IdentityError::OtherKey { .. }));
}

#[test]
fn any_signer_may_stand_behind_the_port() {
    let certificate = Arc::new(apple().certificate(&Leaf::default()));
    let identity = Identity::with_signer(certificate.clone(), Box::new(apple().key())).unwrap();
    let package = samples::template()
        .package(&pass_bytes(), &[], &identity, now())
        .unwrap();
    verify(&package, apple().root_der(), now()).unwrap();
    let shown = format!("{identity:?}");
    assert!(shown.contains(PASS_TYPE) && !shown.contains("PRIVATE"), "{shown}");

    struct Unreachable;
    impl Signer for Unreachable {
        fn sign(&self, _digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
            Err(SignError::Service {
                retryable: true,
                source: "no answer".into(),
            })
        }
    }
    assert!(Unreachable.sign(&[0; 32]).unwrap_err().is_retryable());
    let error = Identity::with_signer(certificate, Box::new(Unreachable)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("(the key service did not sign): check its access"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(
        label in "CERTIFICATE|PRIVATE KEY|RSA PRIVATE KEY|\\PC*",
        body in "[A-Za-z0-9+/=\n ]{0,200}|\\PC*",
        bytes: Vec<u8>,
    ) {
        let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        for bytes in [pem.as_bytes(), &bytes] {
            prop_assert!(SigningCertificate::from_pem(bytes).is_err());
            prop_assert!(LocalKey::from_pem(bytes).is_err());
        }
    }
}
