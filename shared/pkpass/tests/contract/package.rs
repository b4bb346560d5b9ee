use std::collections::BTreeMap;

use pkpass::{MAX_PACKAGE_BYTES, Manifest, PackageError, Sha1Digest, Template, check_image, verify};

use crate::authority::apple;
use crate::samples::{self, files, now, pass_bytes, png, unzip};

fn manifest_from_scratch(files: &BTreeMap<String, Vec<u8>>) -> Manifest {
    let mut manifest = Manifest::default();
    for (name, content) in files {
        if name != "manifest.json" && name != "signature" {
            manifest.insert(name, content);
        }
    }
    manifest
}

#[test]
fn the_prepared_way_gives_the_manifest_made_from_scratch() {
    let identity = apple().identity();
    let template = samples::template();
    for images in [
        vec![],
        vec![("strip.png".to_owned(), png(20, 9))],
        // One in place of the template's file of that name, one in a language, one new.
        vec![
            ("thumbnail.png".to_owned(), png(90, 200)),
            ("de.lproj/logo.png".to_owned(), png(50, 201)),
            ("strip.png".to_owned(), png(20, 202)),
        ],
    ] {
        let package = template.package(&pass_bytes(), &images, &identity, now()).unwrap();

        let mut expected = files();
        expected.insert("pass.json".to_owned(), pass_bytes());
        expected.extend(images.iter().cloned());
        let mut found = unzip(&package);
        let manifest = found.remove("manifest.json").unwrap();
        assert!(found.remove("signature").is_some());
        assert_eq!(found, expected);
        assert_eq!(manifest, manifest_from_scratch(&expected).to_json());

        let digests: Vec<(String, Sha1Digest)> = images
            .iter()
            .map(|(name, content)| (name.clone(), Sha1Digest::of(content)))
            .collect();
        let without_building = template.manifest_with(&pass_bytes(), &digests);
        assert_eq!(manifest, without_building.to_json());

        let opened = verify(&package, apple().root_der(), now()).unwrap();
        assert_eq!(opened.pass, samples::pass());
        assert_eq!(opened.manifest, without_building);
        assert_eq!(opened.signing_time, now());
        assert_eq!(opened.certificate.team_identifier(), crate::authority::TEAM);
    }
}

#[test]
fn no_name_occurs_twice_when_an_image_takes_a_files_place() {
    let image = ("thumbnail.png".to_owned(), png(90, 200));
    let package = samples::template()
        .package(&pass_bytes(), &[image], &apple().identity(), now())
        .unwrap();
    let directory_entries = package.windows(4).filter(|bytes| bytes == b"PK\x01\x02").count();
    assert_eq!(directory_entries, files().len() + 2);
    let names = package.windows(13).filter(|bytes| bytes == b"thumbnail.png").count();
    // Once each in the local header, the directory and manifest.json.
    assert_eq!(names, 3);
}

const STRIPS: [&str; 6] = [
    "strip.png",
    "strip@2x.png",
    "strip@3x.png",
    "de.lproj/strip.png",
    "de.lproj/strip@2x.png",
    "fr.lproj/strip.png",
];

/// A template with an image in all scales and two languages, and others beside it.
fn in_scales_and_languages() -> BTreeMap<String, Vec<u8>> {
    let mut files = files();
    for (shade, name) in STRIPS.into_iter().chain(["strips.bin"]).enumerate() {
        files.insert(name.to_owned(), png(20, u8::try_from(100 + shade).unwrap()));
    }
    files
}

#[test]
fn an_image_of_a_record_replaces_all_that_a_phone_might_show_instead() {
    let template = Template::from_files(in_scales_and_languages()).unwrap();
    for (images, left) in [
        (vec![], STRIPS.to_vec()),
        (vec!["strip.png"], vec![]),
        (vec!["strip@3x.png"], vec![]),
        (vec!["strip.png", "strip@2x.png", "fr.lproj/strip.png"], vec![]),
        (
            vec!["de.lproj/strip@3x.png"],
            vec!["strip.png", "strip@2x.png", "strip@3x.png", "fr.lproj/strip.png"],
        ),
        (vec!["it.lproj/strip.png"], STRIPS.to_vec()),
    ] {
        let images: Vec<(String, Vec<u8>)> = images.into_iter().map(|name| (name.to_owned(), png(20, 250))).collect();
        let mut expected = in_scales_and_languages();
        expected.retain(|name, _| !name.contains("strip") || name == "strips.bin" || left.contains(&name.as_str()));
        expected.extend(images.iter().cloned());
        expected.insert("pass.json".to_owned(), pass_bytes());

        let package = template
            .package(&pass_bytes(), &images, &apple().identity(), now())
            .unwrap();
        let opened = verify(&package, apple().root_der(), now()).unwrap();
        let mut found = opened.files;
        found.retain(|name, _| !["manifest.json", "signature"].contains(&name.as_str()));
        assert_eq!(found, expected);
        let digests: Vec<(String, Sha1Digest)> = images
            .iter()
            .map(|(name, content)| (name.clone(), Sha1Digest::of(content)))
            .collect();
        assert_eq!(template.manifest_with(&pass_bytes(), &digests), opened.manifest);
        assert_eq!(opened.manifest, manifest_from_scratch(&expected));
    }
}

#[test]
fn what_an_image_replaces_does_not_count_for_the_size() {
    let mut files = files();
    let large = [png(4, 1), noise(4_000_000)].concat();
    files.insert("strip@2x.png".to_owned(), large);
    let template = Template::from_files(files).unwrap();
    for (name, fits) in [("strip.png", true), ("de.lproj/strip.png", false), ("logo.png", false)] {
        let content = [png(4, 1), noise(800_000)].concat();
        let size = [(name.to_owned(), content.len() as u64)];
        assert_eq!(template.check_size(&pass_bytes(), &size).is_ok(), fits, "{name}");
        let package = template.package(&pass_bytes(), &[(name.to_owned(), content)], &apple().identity(), now());
        assert_eq!(package.is_ok(), fits, "{name}");
    }
}

#[test]
fn an_image_that_wallet_does_not_know_is_refused_when_published_and_sent_as_it_was_published() {
    let name = "strip2x.png";
    assert_eq!(
        check_image(name, &png(20, 1)),
        Err("Wallet shows no image of this name: name it strip@2x.png".to_owned())
    );
    let images = [(name.to_owned(), png(20, 1))];
    let package = samples::template()
        .package(&pass_bytes(), &images, &apple().identity(), now())
        .unwrap();
    assert_eq!(unzip(&package)[name], images[0].1);
}

#[test]
fn equal_input_gives_equal_packages() {
    let template = samples::template();
    let identity = apple().identity();
    let package = || template.package(&pass_bytes(), &[], &identity, now()).unwrap();
    assert_eq!(package(), package());
}

#[test]
fn the_original_certificate_bytes_are_embedded() {
    let identity = apple().identity();
    let package = samples::template()
        .package(&pass_bytes(), &[], &identity, now())
        .unwrap();
    let signature = &unzip(&package)["signature"];
    for der in [
        identity.certificate().leaf_der(),
        identity.certificate().intermediate_der(),
    ] {
        assert!(signature.windows(der.len()).any(|bytes| bytes == der));
    }
    assert_eq!(identity.certificate().intermediate_der(), apple().intermediate_der());
}

#[test]
fn images_that_wallet_would_refuse_are_refused() {
    let template = samples::template();
    let identity = apple().identity();
    let image = |name: &str, content: Vec<u8>| (name.to_owned(), content);
    for (images, expected) in [
        (
            vec![image("strip.png", b"GIF".to_vec())],
            "strip.png: it is named .png but",
        ),
        (vec![image("strip.jpg", vec![])], "strip.jpg: Wallet shows PNG only"),
        (
            vec![image("../strip.png", png(1, 1))],
            "../strip.png: it is no plain relative",
        ),
        (
            vec![image("pass.json", b"{}".to_vec())],
            "pass.json: it is not named .png",
        ),
        (vec![image("signature", vec![])], "signature: it is not named .png"),
        (
            vec![image("strip.png", png(1, 1)), image("strip.png", png(1, 2))],
            "strip.png: it is given twice",
        ),
    ] {
        let error = template.package(&pass_bytes(), &images, &identity, now()).unwrap_err();
        assert!(matches!(error, PackageError::Image(_)), "{error:?}");
        assert!(error.to_string().starts_with(expected), "{error}");
        if let [(name, content)] = images.as_slice() {
            assert!(check_image(name, content).is_err(), "{name}");
        }
    }
    assert_eq!(check_image("de.lproj/strip@2x.png", &png(1, 1)), Ok(()));
}

#[test]
fn a_package_fits_into_an_answer() {
    let mut files = files();
    files.insert("noise.bin".to_owned(), noise(4_000_000));
    let template = Template::from_files(files).unwrap();
    let identity = apple().identity();
    let image = |bytes: usize| {
        // Behind IEND, where nobody reads: a large image that is quickly made.
        let mut content = png(4, 1);
        content.extend(noise(bytes));
        vec![("strip.png".to_owned(), content)]
    };
    let package = template
        .package(&pass_bytes(), &image(600_000), &identity, now())
        .unwrap();
    assert!(package.len() <= MAX_PACKAGE_BYTES);
    let error = template
        .package(&pass_bytes(), &image(800_000), &identity, now())
        .unwrap_err();
    assert!(
        matches!(error, PackageError::TooLarge { bytes } if bytes > MAX_PACKAGE_BYTES),
        "{error:?}"
    );
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

#[test]
fn the_signing_time_must_be_writable() {
    let before = std::time::UNIX_EPOCH - std::time::Duration::from_secs(1);
    let error = samples::template()
        .package(&pass_bytes(), &[], &apple().identity(), before)
        .unwrap_err();
    assert!(
        error.to_string().starts_with("the signing time is not between"),
        "{error}"
    );
    assert!(matches!(error, PackageError::Sign(ref sign) if !sign.is_retryable()));
}

#[test]
fn values_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
    shared::<pkpass::Identity>();
    shared::<pkpass::SigningCertificate>();
}
