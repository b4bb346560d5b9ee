//! Stores of files.

use aws::files::{FileStore, MAX_FILE_BYTES, ReadFiles as _, WriteFiles as _};
use passes::ports::StoreError;

use crate::places::FilePlace;
use crate::scripted::{answering, chain, s3_error, unreachable};

/// Each rule for each kind of store.
macro_rules! for_every_store {
    ($($rule:ident)*) => {
        for_every_store!(@ folder [$($rule)*]);
        for_every_store!(@ versioned_bucket [$($rule)*]);
        for_every_store!(@ unversioned_bucket [$($rule)*]);
    };
    (@ $kind:ident [$($rule:ident)*]) => {
        mod $kind {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(place) = crate::places::FilePlace::$kind().await {
                    super::$rule(&place).await;
                }
            })*
        }
    };
}

for_every_store! {
    the_newest_file_is_the_one_written_last
    a_pinned_version_survives_being_overwritten
    what_is_not_there_is_none
    a_key_that_could_lead_elsewhere_is_not_there
    an_unusual_key_is_read_as_it_stands
    any_bytes_come_back
    a_file_is_read_up_to_the_limit
    what_is_written_is_read_back
    a_stamp_changes_with_the_file
}

async fn newest(place: &FilePlace, key: &str) -> (String, Vec<u8>) {
    let file = place.store.newest(key).await.unwrap().expect("a file");
    (file.version, file.bytes)
}

async fn the_newest_file_is_the_one_written_last(place: &FilePlace) {
    place.put("card/1.zip", b"one").await;
    let (first, bytes) = newest(place, "card/1.zip").await;
    assert_eq!(bytes, b"one");
    assert_eq!(newest(place, "card/1.zip").await.0, first);
    place.put("card/1.zip", b"two").await;
    let (second, bytes) = newest(place, "card/1.zip").await;
    assert_eq!(bytes, b"two");
    assert_ne!(first, second);
}

async fn what_is_written_is_read_back(place: &FilePlace) {
    for bytes in [b"one".to_vec(), b"another".to_vec()] {
        place.store.write("card/1.zip", bytes.clone()).await.unwrap();
        assert_eq!(place.store.bytes("card/1.zip").await.unwrap(), Some(bytes.clone()));
        assert_eq!(newest(place, "card/1.zip").await.1, bytes);
    }
    assert_eq!(place.store.bytes("card/2.zip").await.unwrap(), None);
}

/// Where a bucket keeps no versions its time has a grain of a second, and the same bytes within it
/// have one stamp.
async fn a_stamp_changes_with_the_file(place: &FilePlace) {
    assert_eq!(place.store.stamp("card.zip").await.unwrap(), None);
    let mut stamps = std::collections::BTreeSet::new();
    let contents: &[&[u8]] = match place.keeps_versions {
        true => &[b"one", b"two", b"two"],
        false => &[b"one", b"two"],
    };
    for content in contents {
        place.put("card.zip", content).await;
        let stamp = place.store.stamp("card.zip").await.unwrap().expect("a stamp");
        assert_eq!(place.store.stamp("card.zip").await.unwrap().as_ref(), Some(&stamp));
        stamps.insert(stamp);
    }
    assert_eq!(stamps.len(), contents.len());
    place.delete("card.zip").await;
    assert_eq!(place.store.stamp("card.zip").await.unwrap(), None);
}

async fn a_pinned_version_survives_being_overwritten(place: &FilePlace) {
    place.put("a.png", b"one").await;
    let (first, _) = newest(place, "a.png").await;
    assert_eq!(place.store.version("a.png", &first).await.unwrap().unwrap(), b"one");
    place.put("a.png", b"two").await;
    let (second, _) = newest(place, "a.png").await;
    let earlier = place.store.version("a.png", &first).await.unwrap();
    assert_eq!(earlier, place.keeps_versions.then(|| b"one".to_vec()));
    assert_eq!(place.store.version("a.png", &second).await.unwrap().unwrap(), b"two");
    place.delete("a.png").await;
    assert_eq!(place.store.newest("a.png").await.unwrap(), None);
    let earlier = place.store.version("a.png", &second).await.unwrap();
    assert_eq!(earlier, place.keeps_versions.then(|| b"two".to_vec()));
}

async fn what_is_not_there_is_none(place: &FilePlace) {
    assert_eq!(place.store.newest("none.png").await.unwrap(), None);
    place.put("a.png", b"one").await;
    assert_eq!(place.store.newest("a.png/b.png").await.unwrap(), None);
    // Versions of other stores, and of none.
    for version in [
        "",
        "null",
        "../a.png",
        "\"0cc175b9c0f1b6a831c399e269772661\"",
        "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
    ] {
        let read = place.store.version("a.png", version).await.unwrap();
        assert_eq!(read, None, "{version:?}");
        let read = place.store.version("none.png", version).await.unwrap();
        assert_eq!(read, None, "{version:?}");
    }
}

async fn a_key_that_could_lead_elsewhere_is_not_there(place: &FilePlace) {
    place.put("a/b", b"x").await;
    let long = "x".repeat(2_000);
    for key in [
        "", "/", "/a/b", "a", "a/", "a//b", "./a/b", "a/../a/b", "..", "a\0b", "a\nb", &long,
    ] {
        assert_eq!(place.store.newest(key).await.unwrap(), None, "{key:?}");
        assert_eq!(place.store.version(key, "v").await.unwrap(), None, "{key:?}");
    }
}

async fn an_unusual_key_is_read_as_it_stands(place: &FilePlace) {
    for key in ["Größe/ä é.png", "a+b c%20d&e=f?g#h.png", "a..b/~'()!*", "日本.png"] {
        place.put(key, key.as_bytes()).await;
        let (version, bytes) = newest(place, key).await;
        assert_eq!(bytes, key.as_bytes(), "{key:?}");
        let pinned = place.store.version(key, &version).await.unwrap();
        assert_eq!(pinned.as_deref(), Some(key.as_bytes()), "{key:?}");
    }
}

async fn any_bytes_come_back(place: &FilePlace) {
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [all.as_slice(), b"", b"\r\n\r\n\0"] {
        place.put("bytes", bytes).await;
        assert_eq!(newest(place, "bytes").await.1, bytes);
    }
}

async fn a_file_is_read_up_to_the_limit(place: &FilePlace) {
    let mut bytes: Vec<u8> = (0..MAX_FILE_BYTES).map(|n| (n % 251) as u8).collect();
    place.put("large.zip", &bytes).await;
    assert!(newest(place, "large.zip").await.1 == bytes);
    bytes.push(0);
    place.put("large.zip", &bytes).await;
    let error = place.store.newest("large.zip").await.unwrap_err().to_string();
    assert!(error.contains("large.zip is larger than 6291456 bytes"), "{error}");
}

#[tokio::test]
async fn versioning_that_is_switched_on_later_loses_no_pinned_file() {
    let Some(place) = FilePlace::unversioned_bucket().await else {
        return;
    };
    place.put("a.png", b"one").await;
    let (pinned, _) = newest(&place, "a.png").await;
    place.keep_versions().await;
    assert_eq!(newest(&place, "a.png").await.0, pinned, "nothing was written");
    place.put("a.png", b"two").await;
    assert_eq!(place.store.version("a.png", &pinned).await.unwrap().unwrap(), b"one");
    assert_eq!(newest(&place, "a.png").await.1, b"two");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let Some(place) = FilePlace::versioned_bucket().await else {
        return;
    };
    let bucket = place.as_bucket();
    bucket.client.delete_bucket().bucket(&bucket.name).send().await.unwrap();
    let error = place.store.newest("a.png").await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }));
    let expected = format!("read-object: refused: s3://{}/a.png: NoSuchBucket", bucket.name);
    assert!(chain(&error).starts_with(&expected), "{}", chain(&error));
}

fn bucket(connections: &aws::Connections) -> FileStore {
    FileStore::from_url("s3://cards/templates", connections).unwrap()
}

#[tokio::test]
async fn a_denied_read_names_the_file_and_the_permission() {
    let store = bucket(&s3_error(403, "AccessDenied").await);
    let error = store.newest("a.zip").await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }));
    let line = chain(&error);
    let expected = "read-object: refused: s3://cards/templates/a.zip: access is denied; grant s3:GetObject on \
                    arn:aws:s3:::cards/templates/*, and s3:ListBucket on arn:aws:s3:::cards";
    assert!(line.starts_with(expected), "{line}");
    let line = chain(&store.version("a.zip", "v1").await.unwrap_err());
    assert!(
        line.contains("grant s3:GetObjectVersion on arn:aws:s3:::cards/templates/*"),
        "{line}"
    );
}

#[tokio::test]
async fn a_bucket_that_asks_for_patience_is_throttled() {
    let store = bucket(&s3_error(503, "SlowDown").await);
    let error = store.newest("a.zip").await.unwrap_err();
    assert!(matches!(error, StoreError::Throttled { .. }), "{error:?}");
}

#[tokio::test]
async fn a_read_without_a_whole_answer_is_unknown() {
    for connections in [
        s3_error(500, "InternalError").await,
        unreachable().await,
        // Ends before it is whole.
        answering(200, "content-length: 100\r\netag: \"a\"\r\n", "short").await,
        answering(200, "", "").await,
    ] {
        let outcome = bucket(&connections).newest("a.zip").await;
        assert!(
            matches!(
                outcome,
                Err(StoreError::OutcomeUnknown { .. } | StoreError::Unreadable { .. })
            ),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_says_it_is_too_large_is_not_read() {
    let connections = answering(200, "content-length: 9999999\r\netag: \"a\"\r\n", "").await;
    let error = bucket(&connections).newest("a.zip").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "read-object: s3://cards/templates/a.zip is larger than 6291456 bytes"
    );
}
