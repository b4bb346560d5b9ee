use std::collections::BTreeMap;
use std::time::Duration;

use pkpass::{Manifest, Sha1Digest, verify};

use crate::authority::{Leaf, apple, stranger};
use crate::samples::{self, now, pass_bytes, png, unzip, zip_of};

fn package() -> Vec<u8> {
    samples::template()
        .package(&pass_bytes(), &[], &apple().identity(), now())
        .unwrap()
}

/// The faults, one per line, of the right package after its files have been changed.
fn faults_after(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<String> {
    let mut files = unzip(&package());
    change(&mut files);
    faults_of(&zip_of(&files))
}

fn faults_of(package: &[u8]) -> Vec<String> {
    match verify(package, apple().root_der(), now()) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[track_caller]
fn starts(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_right_package_is_opened() {
    let opened = verify(&package(), apple().root_der(), now()).unwrap();
    assert_eq!(opened.pass["serialNumber"], "4711");
    assert_eq!(opened.files["icon.png"], png(29, 1));
    assert_eq!(opened.manifest.len(), opened.files.len() - 2);
    assert_eq!(opened.signing_time, now());
}

#[test]
fn every_altered_file_is_refused_by_name() {
    for name in unzip(&package()).into_keys() {
        let found = faults_after(|files| {
            let content = files.get_mut(&name).unwrap();
            let last = content.len() - 1;
            content[last] ^= 1;
        });
        assert!(
            found
                .iter()
                .any(|fault| fault.starts_with(name.as_str())
                    || (name == "manifest.json" && fault.starts_with("signature"))),
            "{name}: {found:?}"
        );
    }
}

/// Some bytes of an archive mean nothing (times, versions); altering those may go unnoticed, but
/// never with another content.
#[test]
fn no_altered_byte_gives_another_content() {
    let right = package();
    let files = unzip(&right);
    let mut refused = 0;
    for position in 0..right.len() {
        let mut altered = right.clone();
        altered[position] ^= 0x55;
        match verify(&altered, apple().root_der(), now()) {
            Ok(opened) => assert_eq!(opened.files, files, "byte {position}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > right.len() / 2, "{refused} of {}", right.len());
}

#[test]
fn files_and_manifest_are_compared_both_ways() {
    let extra = faults_after(|files| {
        files.insert("strip.png".to_owned(), png(1, 1));
    });
    starts(&extra, &["strip.png: it is not in the manifest"]);
    let lost = faults_after(|files| {
        files.remove("logo.png");
    });
    starts(
        &lost,
        &["logo.png: the manifest lists it, but it is not in the archive"],
    );
    let altered = faults_after(|files| {
        files.insert("logo.png".to_owned(), png(2, 2));
    });
    starts(&altered, &["logo.png: it is not the file that the manifest lists"]);
}

#[test]
fn a_new_manifest_does_not_fit_the_old_signature() {
    let found = faults_after(|files| {
        files.insert("logo.png".to_owned(), png(2, 2));
        let mut manifest = Manifest::from_json(&files["manifest.json"]).unwrap();
        manifest.insert_digest("logo.png", Sha1Digest::of(&files["logo.png"]));
        files.insert("manifest.json".to_owned(), manifest.to_json());
    });
    starts(&found, &["signature: it was made over another manifest"]);
}

#[test]
fn of_a_file_that_was_altered_only_that_is_told() {
    for (name, content) in [
        ("pass.json", b"{".as_slice()),
        ("pass.json", b"{}"),
        ("logo.png", b"GIF89a"),
    ] {
        let found = faults_after(|files| {
            files.insert(name.to_owned(), content.to_vec());
        });
        starts(
            &found,
            &[&format!("{name}: it is not the file that the manifest lists")],
        );
    }
    let stray = faults_after(|files| {
        files.insert(".DS_Store".to_owned(), Vec::new());
    });
    starts(&stray, &[".DS_Store: .DS_Store is no part of a pass"]);
}

#[test]
fn of_a_manifest_that_was_altered_only_that_is_told() {
    for manifest in [
        b"{}".as_slice(),
        b"{\"logo.png\":\"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f\"}",
        b"no JSON",
    ] {
        let found = faults_after(|files| {
            files.insert("manifest.json".to_owned(), manifest.to_vec());
        });
        starts(&found, &["signature: it was made over another manifest"]);
    }
}

#[test]
fn an_icon_in_any_scale_is_an_icon() {
    let found = faults_after(|files| {
        files.retain(|name, _| !name.starts_with("icon"));
        files.insert("icon@3x.png".to_owned(), png(87, 1));
        files.insert("manifest.json".to_owned(), b"{}".to_vec());
    });
    starts(&found, &["signature: it was made over another manifest"]);
}

#[test]
fn the_three_files_and_the_icon_are_required() {
    for name in ["pass.json", "manifest.json", "signature"] {
        let found = faults_after(|files| {
            files.remove(name);
        });
        assert_eq!(
            found,
            [format!("{name}: it is missing: a package needs it at its root")]
        );
    }
    let found = faults_after(|files| {
        files.retain(|name, _| !name.starts_with("icon"));
    });
    starts(
        &found,
        &["icon.png: it is missing", "icon@2x.png: the manifest lists it"],
    );
}

#[test]
fn layout_is_that_of_a_package() {
    let wrapped: BTreeMap<String, Vec<u8>> = unzip(&package())
        .into_iter()
        .map(|(name, content)| (format!("Coffee/{name}"), content))
        .collect();
    let found = faults_of(&zip_of(&wrapped));
    assert!(found[0].starts_with("Coffee/"), "{found:?}");
    let strays = faults_after(|files| {
        files.insert("__MACOSX/._icon.png".to_owned(), Vec::new());
    });
    assert!(
        strays[0].starts_with("__MACOSX/._icon.png: the Finder of macOS left it"),
        "{strays:?}"
    );
    starts(&faults_of(b"nonsense"), &["archive: it is not a ZIP archive"]);
    let prefixed = [b"#!/bin/sh\n", package().as_slice()].concat();
    assert!(!faults_of(&prefixed).is_empty());
}

#[test]
fn pass_json_is_judged() {
    let mut pass = samples::pass();
    pass["authenticationToken"] = "short".into();
    pass["formatVersion"] = 2.into();
    let package = samples::template()
        .package(&pkpass::canonical_json(&pass), &[], &apple().identity(), now())
        .unwrap();
    starts(
        &faults_of(&package),
        &[
            "pass.json formatVersion: it must be the number 1",
            "pass.json authenticationToken: it is too short",
        ],
    );
}

#[test]
fn type_and_team_are_those_of_the_certificate() {
    let identity = apple().identity_of(&Leaf {
        uid: Some("pass.com.example.tea"),
        team: Some("TTTTTTTTTT"),
        ..Leaf::default()
    });
    let package = samples::template()
        .package(&pass_bytes(), &[], &identity, now())
        .unwrap();
    assert_eq!(
        faults_of(&package),
        [
            "pass.json passTypeIdentifier: it is pass.com.example.coffee, but the certificate is \
             for pass.com.example.tea: sign with the certificate for pass.com.example.coffee",
            "pass.json teamIdentifier: it is A1B2C3D4E5, but the certificate is for TTTTTTTTTT: \
             sign with the certificate for A1B2C3D4E5",
        ]
    );
}

#[test]
fn the_chain_ends_at_the_root() {
    let error = verify(&package(), stranger().root_der(), now()).unwrap_err();
    assert!(error.to_string().contains("was not issued by"), "{error}");
    let error = verify(&package(), b"no root", now()).unwrap_err();
    assert!(
        error.to_string().contains("the root to verify against cannot be read"),
        "{error}"
    );
}

#[test]
fn certificates_are_valid_now() {
    let year = Duration::from_secs(31_557_600);
    let late = verify(&package(), apple().root_der(), now() + year).unwrap_err();
    assert!(late.to_string().contains("expired at 2027-01-01T00:00:00Z"), "{late}");
    let early = verify(&package(), apple().root_der(), now() - year).unwrap_err();
    assert!(
        early.to_string().contains("is valid from 2026-01-01T00:00:00Z"),
        "{early}"
    );
    let much_later = verify(&package(), apple().root_der(), now() + 9 * year).unwrap_err();
    assert!(much_later.to_string().contains("the root"), "{much_later}");
}

/// DER of the three attributes that the signature holds, as they follow each other.
fn attributes(signature: &[u8]) -> [std::ops::Range<usize>; 3] {
    let oid = |last: u8| [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, last];
    [3, 5, 4].map(|last| {
        let position = signature.windows(11).position(|bytes| bytes == oid(last)).unwrap();
        let start = position - 2;
        start..start + 2 + usize::from(signature[start + 1])
    })
}

#[test]
fn signed_attributes_are_sorted() {
    let signature = unzip(&package())["signature"].clone();
    let [content_type, signing_time, message_digest] = attributes(&signature);
    assert_eq!(content_type.end, signing_time.start);
    assert_eq!(signing_time.end, message_digest.start);
    let encoded = [
        &signature[content_type.clone()],
        &signature[signing_time.clone()],
        &signature[message_digest.clone()],
    ];
    assert!(encoded.is_sorted());

    let swapped = [encoded[1], encoded[0]].concat();
    let found = faults_after(|files| {
        let signature = files.get_mut("signature").unwrap();
        signature.splice(content_type.start..signing_time.end, swapped);
    });
    starts(&found, &["signature: its signed attributes are not sorted"]);
}

#[test]
fn content_type_digest_and_time_must_be_signed() {
    let signature = unzip(&package())["signature"].clone();
    let [content_type, signing_time, message_digest] = attributes(&signature);
    for (attribute, reason) in [
        (content_type, "its signed content type is missing"),
        (signing_time, "it has no signing time, without which iOS refuses it"),
        (
            message_digest,
            "it has no digest of the manifest among its signed attributes",
        ),
    ] {
        let found = faults_after(|files| {
            // The last number of the attribute's type: none that anybody knows.
            files.get_mut("signature").unwrap()[attribute.start + 12] = 0x63;
        });
        starts(&found, &[&format!("signature: {reason}")]);
    }
}

#[test]
fn an_altered_signature_value_is_refused() {
    let found = faults_after(|files| {
        *files.get_mut("signature").unwrap().last_mut().unwrap() ^= 1;
    });
    starts(&found, &["signature: the certificate's key did not make it"]);
}
