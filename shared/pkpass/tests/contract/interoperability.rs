//! The tools that everybody has agree with this crate.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::authority::{Leaf, apple};
use crate::samples::{self, NOW_SECONDS, now, pass_bytes, png, unzip};

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn openssl_verifies_the_signature_and_unzip_the_archive() {
    if !samples::available(&["openssl", "unzip"]) {
        return;
    }
    for images in [vec![], vec![("thumbnail.png".to_owned(), png(90, 200))]] {
        let folder = tempfile::tempdir().unwrap();
        let package = samples::template()
            .package(&pass_bytes(), &images, &apple().identity(), now())
            .unwrap();
        fs::write(folder.path().join("coffee.pkpass"), &package).unwrap();
        fs::write(folder.path().join("root.pem"), apple().root_pem()).unwrap();
        succeeds(&run(folder.path(), "unzip", &["-t", "coffee.pkpass"]));
        succeeds(&run(folder.path(), "unzip", &["-q", "coffee.pkpass"]));

        let at = NOW_SECONDS.to_string();
        let arguments = [
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-in",
            "signature",
            "-content",
            "manifest.json",
            "-CAfile",
            "root.pem",
            "-purpose",
            "any",
            "-attime",
            &at,
            "-out",
            "verified.json",
        ];
        succeeds(&run(folder.path(), "openssl", &arguments));
        assert_eq!(
            fs::read(folder.path().join("verified.json")).unwrap(),
            unzip(&package)["manifest.json"]
        );

        fs::write(folder.path().join("manifest.json"), b"{}").unwrap();
        let altered = run(folder.path(), "openssl", &arguments);
        assert!(!altered.status.success());
    }
}

#[test]
fn openssl_shows_the_structure_that_apple_asks_for() {
    if !samples::available(&["openssl", "unzip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let package = samples::template()
        .package(&pass_bytes(), &[], &apple().identity(), now())
        .unwrap();
    fs::write(folder.path().join("signature"), &unzip(&package)["signature"]).unwrap();
    let printed = run(
        folder.path(),
        "openssl",
        &[
            "cms",
            "-cmsout",
            "-print",
            "-noout",
            "-inform",
            "DER",
            "-in",
            "signature",
        ],
    );
    succeeds(&printed);
    let text = String::from_utf8(printed.stdout).unwrap();
    for expected in [
        "contentType: pkcs7-signedData",
        "eContent: <ABSENT>",
        "crls:\n      <ABSENT>",
        "d.issuerAndSerialNumber",
        "algorithm: sha256 (2.16.840.1.101.3.4.2.1)\n          parameter: NULL",
        "algorithm: rsaEncryption (1.2.840.113549.1.1.1)\n          parameter: NULL",
        "UTCTIME:Nov 21 09:30:00 2026 GMT",
        "unsignedAttrs:\n          <ABSENT>",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(text.matches("d.certificate:").count(), 2, "{text}");
    assert_eq!(text.matches("version: 1").count(), 2, "{text}");
    // DER sorts by the encoded bytes: content type, signing time, message digest.
    let positions: Vec<usize> = ["contentType (1.2", "signingTime (1.2", "messageDigest (1.2"]
        .iter()
        .map(|name| text.find(name).unwrap())
        .collect();
    assert!(positions.is_sorted(), "{text}");
    let signed = &text[text.find("signedAttrs:").unwrap()..];
    assert_eq!(signed.matches("object: ").count(), 3, "{text}");
}

/// A package whose manifest was signed by `openssl cms -sign`.
fn signed_by_openssl(extra: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let package = samples::template()
        .package(&pass_bytes(), &[], &apple().identity(), now())
        .unwrap();
    let mut files = unzip(&package);
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    write("manifest.json", &files["manifest.json"]);
    write("leaf.pem", apple().leaf(&Leaf::default()).pem().as_bytes());
    write("key.pem", apple().key_pem().as_bytes());
    write("intermediate.pem", apple().intermediate_pem().as_bytes());
    let mut arguments = vec![
        "cms",
        "-sign",
        "-binary",
        "-outform",
        "DER",
        "-signer",
        "leaf.pem",
        "-inkey",
        "key.pem",
        "-certfile",
        "intermediate.pem",
        "-in",
        "manifest.json",
        "-out",
        "signature",
    ];
    arguments.extend(extra);
    succeeds(&run(folder.path(), "openssl", &arguments));
    let signature = fs::read(folder.path().join("signature")).unwrap();
    files.insert("signature".to_owned(), signature);
    samples::zip_of(&files)
}

#[test]
fn signatures_made_by_openssl_are_verified() {
    if !samples::available(&["openssl", "unzip"]) {
        return;
    }
    for extra in [&["-md", "sha256", "-nosmimecap"][..], &["-md", "sha256"]] {
        let package = signed_by_openssl(extra);
        pkpass::verify(&package, apple().root_der(), now()).unwrap();
    }
}

#[test]
fn signatures_of_other_shapes_are_refused() {
    if !samples::available(&["openssl", "unzip"]) {
        return;
    }
    for (extra, reason) in [
        (&["-md", "sha256", "-noattr"][..], "it has no signed attributes"),
        (&["-md", "sha256", "-nodetach"], "it holds the manifest once more"),
        (&["-md", "sha256", "-nocerts"], "none of the certificates ("),
        (&["-md", "sha256", "-keyid"], "its signer's version is not 1"),
        (&["-md", "sha1"], "its digest is SHA-1, not SHA-256"),
        (&["-md", "sha384"], "its digest is SHA-384, not SHA-256"),
        (
            &["-md", "sha3-256"],
            "its digest is 2.16.840.1.101.3.4.2.8, not SHA-256",
        ),
        (
            &["-md", "sha256", "-keyopt", "rsa_padding_mode:pss"],
            "its algorithm is 1.2.840.113549.1.1.10, not RSA with PKCS#1 v1.5",
        ),
    ] {
        let package = signed_by_openssl(extra);
        let error = pkpass::verify(&package, apple().root_der(), now()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("signature: {reason}")), "{extra:?}: {text}");
        assert_eq!(error.faults.len(), 1, "what follows from it is not told: {text}");
    }
}
