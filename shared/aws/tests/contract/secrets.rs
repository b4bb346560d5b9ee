//! Stores of secrets.

use aws::secrets::{ReadSecret as _, SecretStore};
use passes::ports::StoreError;

use crate::places::SecretPlace;
use crate::scripted::{chain, secrets_error, unreachable};

/// Each rule for each kind of store.
macro_rules! for_every_store {
    ($($rule:ident)*) => {
        for_every_store!(@ folder [$($rule)*]);
        for_every_store!(@ secrets_manager [$($rule)*]);
    };
    (@ $kind:ident [$($rule:ident)*]) => {
        mod $kind {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(place) = crate::places::SecretPlace::$kind().await {
                    super::$rule(&place).await;
                }
            })*
        }
    };
}

for_every_store! {
    the_newest_text_is_read
    binary_is_read_as_it_is
    what_is_not_there_is_none
    a_name_that_no_secret_can_have_is_not_there
    the_largest_secret_is_read_whole
}

const CERTIFICATE: &str = "pass-types/pass.com.example/certificate.pem";

async fn secret(place: &SecretPlace, name: &str) -> Option<Vec<u8>> {
    place.store.secret(name).await.unwrap()
}

async fn the_newest_text_is_read(place: &SecretPlace) {
    place.put_text(CERTIFICATE, "one\n").await;
    assert_eq!(secret(place, CERTIFICATE).await.unwrap(), b"one\n");
    place.put_text(CERTIFICATE, "zwö\r\n").await;
    assert_eq!(secret(place, CERTIFICATE).await.unwrap(), "zwö\r\n".as_bytes());
}

async fn binary_is_read_as_it_is(place: &SecretPlace) {
    let bytes: Vec<u8> = (0..=255).collect();
    place.put_binary("pass-types/pass.com.example/key.pem", &bytes).await;
    assert_eq!(
        secret(place, "pass-types/pass.com.example/key.pem").await.unwrap(),
        bytes
    );
}

async fn what_is_not_there_is_none(place: &SecretPlace) {
    place.put_text("apns.json", "{}").await;
    for name in ["link-keys.json", "apns.json/x", "pass-types", CERTIFICATE] {
        assert_eq!(secret(place, name).await, None, "{name:?}");
    }
}

async fn a_name_that_no_secret_can_have_is_not_there(place: &SecretPlace) {
    place.put_text("apns.json", "{}").await;
    let long = "x".repeat(2_000);
    for name in [
        "",
        "/apns.json",
        "apns.json/",
        "x/../apns.json",
        "a\0b",
        "a b",
        "Größe",
        &long,
    ] {
        assert_eq!(secret(place, name).await, None, "{name:?}");
    }
}

async fn the_largest_secret_is_read_whole(place: &SecretPlace) {
    // Secrets Manager's limit.
    let text = "x".repeat(65_536);
    place.put_text("large", &text).await;
    assert_eq!(secret(place, "large").await.unwrap(), text.as_bytes());
}

fn manager(connections: &aws::Connections) -> SecretStore {
    SecretStore::from_url("secretsmanager://livepass", connections).unwrap()
}

#[tokio::test]
async fn a_denied_read_names_the_secret_and_the_permission() {
    let store = manager(&secrets_error(400, "AccessDeniedException").await);
    let error = store.secret("apns.json").await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }));
    let line = chain(&error);
    let expected = "read-secret: refused: secret `livepass/apns.json`: access is denied; grant \
                    secretsmanager:GetSecretValue on arn:aws:secretsmanager:*:*:secret:livepass/apns.json-*";
    assert!(line.starts_with(expected), "{line}");
}

#[tokio::test]
async fn a_secret_that_is_marked_for_deletion_is_refused_by_name() {
    let store = manager(&secrets_error(400, "InvalidRequestException").await);
    let line = chain(&store.secret("apns.json").await.unwrap_err());
    let expected = "read-secret: refused: secret `livepass/apns.json`: InvalidRequestException";
    assert!(line.starts_with(expected), "{line}");
}

#[tokio::test]
async fn a_store_that_asks_for_patience_is_throttled() {
    let store = manager(&secrets_error(400, "ThrottlingException").await);
    let error = store.secret("apns.json").await.unwrap_err();
    assert!(matches!(error, StoreError::Throttled { .. }), "{error:?}");
}

#[tokio::test]
async fn a_read_without_an_answer_is_unknown() {
    for connections in [secrets_error(500, "InternalServiceError").await, unreachable().await] {
        let error = manager(&connections).secret("apns.json").await.unwrap_err();
        assert!(matches!(error, StoreError::OutcomeUnknown { .. }), "{error:?}");
    }
}
