//! The certificates as OpenSSL sees them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use seed::{IdentityPem, TestAuthority, Validity};
use tempfile::TempDir;

fn pass_identity(authority: &TestAuthority, pass_type: &str, validity: Validity) -> IdentityPem {
    authority
        .issue_pass_certificate(&pass_type.parse().unwrap(), &"A1B2C3D4E5".parse().unwrap(), validity)
        .unwrap()
}

/// A folder with `root.pem`, `intermediate.pem`, `chain.pem` and `key.pem`.
fn written(authority: &TestAuthority, identity: &IdentityPem) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("root.pem", authority.root_certificate_pem()),
        ("intermediate.pem", authority.intermediate_certificate_pem()),
        ("chain.pem", &identity.certificate_chain_pem),
        ("key.pem", &identity.private_key_pem),
    ] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

/// Runs `openssl` within `dir` and gives what it prints. Of `chain.pem` it reads the first
/// certificate, the leaf, wherever it expects one.
fn openssl(dir: &TempDir, arguments: &str) -> String {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(dir)
        .output()
        .expect("openssl is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether there is an `openssl` to ask. A test without it says that it skips; CI installs it.
fn openssl_is_there() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("skipped: no openssl");
    }
    found
}

fn read(dir: &TempDir, name: impl AsRef<Path>) -> Vec<u8> {
    fs::read(dir.path().join(name)).unwrap()
}

#[test]
fn openssl_verifies_the_chain_of_a_pass_certificate() {
    if !openssl_is_there() {
        return;
    }
    let authority = TestAuthority::create().unwrap();
    let identity = pass_identity(&authority, "pass.com.example.loyalty", Validity::long());
    let dir = written(&authority, &identity);
    openssl(
        &dir,
        "verify -x509_strict -purpose any -CAfile root.pem -untrusted intermediate.pem chain.pem",
    );
}

#[test]
fn a_pass_certificate_has_the_shape_of_apples() {
    if !openssl_is_there() {
        return;
    }
    let authority = TestAuthority::create().unwrap();
    let identity = pass_identity(&authority, "pass.com.example.loyalty", Validity::long());
    let dir = written(&authority, &identity);
    let text = openssl(&dir, "x509 -noout -text -nameopt RFC2253 -in chain.pem");
    for expected in [
        "Subject: C=US,O=livepass,OU=A1B2C3D4E5,CN=Pass Type ID: pass.com.example.loyalty,\
         UID=pass.com.example.loyalty",
        "Signature Algorithm: sha256WithRSAEncryption",
        "Public-Key: (2048 bit)",
        "CA:FALSE",
        "Digital Signature",
        "1.2.840.113635.100.4.14, TLS Web Client Authentication",
        "1.2.840.113635.100.6.1.16: \n                ..pass.com.example.loyalty",
        "X509v3 Authority Key Identifier",
        "Not Before: Jan  1 00:00:00 2020 GMT",
        "Not After : Dec 31 00:00:00 2049 GMT",
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

#[test]
fn the_marker_holds_the_pass_type_as_utf8_string_however_long_it_is() {
    if !openssl_is_there() {
        return;
    }
    let authority = TestAuthority::create().unwrap();
    for (pass_type, header) in [
        ("pass.short".to_owned(), vec![0x0c, 10]),
        (format!("pass.{}", "x".repeat(122)), vec![0x0c, 127]),
        (format!("pass.{}", "x".repeat(123)), vec![0x0c, 0x81, 128]),
    ] {
        let identity = pass_identity(&authority, &pass_type, Validity::long());
        let dir = written(&authority, &identity);
        openssl(&dir, "x509 -outform DER -in chain.pem -out leaf.der");
        // An extension's value stands in an OCTET STRING, after the marker's object identifier.
        let oid = b"\x06\x0a\x2a\x86\x48\x86\xf7\x63\x64\x06\x01\x10";
        let der = read(&dir, "leaf.der");
        let at = der.windows(oid.len()).position(|window| window == oid);
        let after = &der[at.unwrap() + oid.len()..];
        let marker = [header, pass_type.into_bytes()].concat();
        let value = after.windows(marker.len()).take(5);
        assert!(value.into_iter().any(|window| window == marker));
    }
}

#[test]
fn the_validity_is_the_one_asked_for() {
    if !openssl_is_there() {
        return;
    }
    let authority = TestAuthority::create().unwrap();
    let from = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_255_200);
    let validity = Validity::days(from, 30);
    let identity = pass_identity(&authority, "pass.com.example.loyalty", validity);
    let dir = written(&authority, &identity);
    assert_eq!(
        openssl(&dir, "x509 -noout -dates -in chain.pem"),
        "notBefore=Nov 21 10:00:00 2026 GMT\nnotAfter=Dec 21 10:00:00 2026 GMT\n"
    );
}

#[test]
fn a_loaded_authority_issues_into_the_same_chain() {
    if !openssl_is_there() {
        return;
    }
    let created = TestAuthority::create().unwrap();
    let loaded = TestAuthority::load(&created.to_pem()).unwrap();
    assert_eq!(loaded.root_certificate_der(), created.root_certificate_der());
    let identity = pass_identity(&loaded, "pass.com.example.loyalty", Validity::long());
    let dir = written(&created, &identity);
    openssl(
        &dir,
        "verify -purpose any -CAfile root.pem -untrusted chain.pem chain.pem",
    );
}

#[test]
fn openssl_verifies_a_detached_signature() {
    if !openssl_is_there() {
        return;
    }
    let authority = TestAuthority::create().unwrap();
    let identity = pass_identity(&authority, "pass.com.example.loyalty", Validity::long());
    let dir = written(&authority, &identity);
    fs::write(dir.path().join("manifest.json"), "{}").unwrap();
    openssl(
        &dir,
        "cms -sign -binary -outform DER -signer chain.pem -certfile intermediate.pem \
         -inkey key.pem -in manifest.json -out signature",
    );
    openssl(
        &dir,
        "cms -verify -binary -inform DER -in signature -content manifest.json -CAfile root.pem \
         -purpose any",
    );
}

#[test]
fn a_tls_certificate_serves_its_host_names_and_addresses() {
    if !openssl_is_there() {
        return;
    }
    let authority = TestAuthority::create().unwrap();
    let identity = authority.issue_tls_certificate(&["localhost", "127.0.0.1"]).unwrap();
    let dir = written(&authority, &identity);
    for name in ["-verify_hostname localhost", "-verify_ip 127.0.0.1"] {
        openssl(
            &dir,
            &format!(
                "verify -x509_strict -purpose sslserver {name} -CAfile root.pem \
                 -untrusted chain.pem chain.pem"
            ),
        );
    }
}
