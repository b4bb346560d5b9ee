use std::str::FromStr;

use pkpass::{Manifest, Sha1Digest, canonical_json};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn keys_are_sorted_at_all_depths_and_nothing_is_between() {
    let value: Value =
        serde_json::from_str(r#" { "z" : [ { "b" : 1 , "a" : "\u00e9\n" } ] , "é" : null , "Z" : true , "a" : {} } "#)
            .unwrap();
    let expected = "{\"Z\":true,\"a\":{},\"z\":[{\"a\":\"é\\n\",\"b\":1}],\"é\":null}";
    assert_eq!(String::from_utf8(canonical_json(&value)).unwrap(), expected);
}

#[test]
fn numbers_keep_their_digits() {
    let literals = "[0.10,1e2,-0,12345678901234567890123.000]";
    let value: Value = serde_json::from_str(literals).unwrap();
    let text = String::from_utf8(canonical_json(&value)).unwrap();
    assert_eq!(text, literals.replace("1e2", "1e+2"));
}

proptest! {
    #[test]
    fn canonical_bytes_are_the_same_value(text in "\\PC*", number: f64, flag: bool) {
        let value = serde_json::json!({text.clone(): [number, flag, {"k": text}]});
        let bytes = canonical_json(&value);
        let again: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(canonical_json(&again), bytes);
        prop_assert_eq!(again, value);
    }
}

#[test]
fn a_digest_is_forty_hex_digits() {
    let digest = Sha1Digest::of(b"abc");
    assert_eq!(digest.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(Sha1Digest::from_str(&digest.to_string()), Ok(digest));
    assert_eq!(Sha1Digest::from_str(&digest.to_string().to_uppercase()), Ok(digest));
    for text in ["", "a9", &"g".repeat(40), &"a".repeat(41), &"é".repeat(20)] {
        assert!(Sha1Digest::from_str(text).is_err(), "{text}");
    }
}

#[test]
fn a_manifest_is_sorted_and_read_back() {
    let mut manifest = Manifest::default();
    manifest.insert("pass.json", b"{}");
    manifest.insert("icon.png", b"1");
    manifest.insert("icon.png", b"2");
    let expected = format!(
        "{{\"icon.png\":\"{}\",\"pass.json\":\"{}\"}}",
        Sha1Digest::of(b"2"),
        Sha1Digest::of(b"{}")
    );
    assert_eq!(String::from_utf8(manifest.to_json()).unwrap(), expected);
    assert_eq!(Manifest::from_json(&manifest.to_json()), Ok(manifest.clone()));
    assert_eq!(manifest.len(), 2);
    assert!(!manifest.is_empty());
}

#[test]
fn a_fingerprint_is_sha256_of_the_manifest() {
    // printf '{}' | sha256sum
    assert_eq!(
        Manifest::default().fingerprint(),
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
}

#[test]
fn a_manifest_that_is_none_is_refused() {
    for text in ["", "[]", "nonsense"] {
        let faults = Manifest::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(faults[0].path, "manifest.json");
    }
    let faults = Manifest::from_json(br#"{"a": "12", "b": 3}"#).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["manifest.json a", "manifest.json b"]);
}
