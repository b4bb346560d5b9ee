//! What is wrong with an identity is said, by a sentence that names the fix.

use std::sync::Arc;

use aws::secrets::Secrets;
use passes::ports::{IdentityFault, ReadCertificates as _, ReadIdentities as _};

use crate::authority::{APPLE, NOW, PASS_TYPE, STRANGER, TEAM};
use crate::places::SecretPlace;

/// What the adapter says of these two secrets; without text there is no such secret.
async fn said(certificate: &str, key: &str) -> String {
    let place = SecretPlace::folder().await.unwrap();
    for (name, text) in [("certificate.pem", certificate), ("key.pem", key)] {
        if !text.is_empty() {
            place.put_text(&format!("pass-types/{PASS_TYPE}/{name}"), text).await;
        }
    }
    let secrets = Secrets::new(place.store.clone(), Arc::new(|| NOW));
    let pass_type = PASS_TYPE.parse().unwrap();
    match secrets.identity(&pass_type, NOW).await {
        Ok(_) => "good".to_owned(),
        Err(IdentityFault::Unusable(sentence)) => sentence,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_wrong_identity_is_refused_with_what_is_wrong() {
    let (good, key) = (APPLE.certificate_pem(0), APPLE.key_pem(0));
    let leaf = |pass_type, years| APPLE.leaf_pem(0, pass_type, TEAM, years);
    let intermediate = APPLE.intermediate_pem();
    assert_eq!(said(&good, &key).await, "good");
    for (certificate, key, expected) in [
        (
            "",
            &*key,
            "there is no certificate for pass.com.example.coffee; store it",
        ),
        (
            &*good,
            "",
            "there is no signing key for pass.com.example.coffee; store it",
        ),
        (
            &*(leaf("pass.com.example.tea", (2026, 2028)) + &intermediate),
            &*key,
            "the certificate is for pass.com.example.tea, not pass.com.example.coffee",
        ),
        (
            &*good,
            &*APPLE.key_pem(1),
            "the private key does not belong to the certificate for pass.com.example.coffee",
        ),
        (&*leaf(PASS_TYPE, (2026, 2028)), &*key, "is missing: add"),
        (
            &*(leaf(PASS_TYPE, (2026, 2028)) + &STRANGER.intermediate_pem()),
            &*key,
            "has the right name but did not sign the certificate",
        ),
        (
            &*(leaf(PASS_TYPE, (2024, 2026)) + &intermediate),
            &*key,
            "expired at 2026-01-01T00:00:00Z: renew it",
        ),
        (
            &*(leaf(PASS_TYPE, (2027, 2028)) + &intermediate),
            &*key,
            "is valid from 2027-01-01T00:00:00Z",
        ),
        ("nonsense", &*key, "there is no certificate in the file"),
        (&*good, "nonsense", "there is no private key in the file"),
    ] {
        let sentence = said(certificate, key).await;
        assert!(sentence.contains(expected), "{sentence}");
    }
}

/// As the console's form, PowerShell and a .env file leave them.
#[tokio::test]
async fn an_identity_is_read_in_the_form_in_which_it_was_pasted() {
    let (certificate, key) = (APPLE.certificate_pem(0), APPLE.key_pem(0));
    for pasted in [
        |pem: &str| pem.replace('\n', " "),
        |pem: &str| pem.replace('\n', "\\n"),
        |pem: &str| format!("\u{feff}{}", pem.replace('\n', "\r\n")),
        |pem: &str| format!("{{\"secret\": \"{}\"}}", pem.replace('\n', "\\n")),
    ] {
        assert_eq!(said(&pasted(&certificate), &pasted(&key)).await, "good");
    }
    let bare: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    let sentence = said(&certificate, &bare).await;
    assert!(
        sentence.starts_with(
            "secret `pass-types/pass.com.example.coffee/key.pem`: the file is base64 without its first and last line"
        ),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_certificate_says_which_team_it_is_of() {
    let place = SecretPlace::folder().await.unwrap();
    let pem = APPLE.leaf_pem(0, PASS_TYPE, "ZZZZZZZZZZ", (2026, 2028)) + &APPLE.intermediate_pem();
    place
        .put_text(&format!("pass-types/{PASS_TYPE}/certificate.pem"), &pem)
        .await;
    let secrets = Secrets::new(place.store.clone(), Arc::new(|| NOW));
    let certificate = secrets.certificate(&PASS_TYPE.parse().unwrap(), NOW).await.unwrap();
    let error = certificate.check_for(PASS_TYPE, Some(TEAM), NOW.system_time());
    let sentence = error.unwrap_err().to_string();
    assert!(sentence.contains("is of team ZZZZZZZZZZ, not A1B2C3D4E5"), "{sentence}");
}
