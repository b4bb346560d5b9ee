//! A team's first mistakes get sentences, and what is right gets stored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use seed::{ApnsTestKey, IdentityPem, TestAuthority, Validity};
use tempfile::TempDir;

use crate::process::{Dev, Ports, available, livepass, shell};

const TYPE: &str = "pass.com.example.loyalty";
const TEAM: &str = "A1B2C3D4E5";

struct Files {
    dir: TempDir,
    authority: TestAuthority,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            dir: tempfile::tempdir().unwrap(),
            authority: TestAuthority::create().unwrap(),
        };
        let identity = files.identity(TYPE, Validity::long());
        files.write("certificate.pem", &identity.certificate_chain_pem);
        files.write("key.pem", &identity.private_key_pem);
        files
    }

    fn identity(&self, pass_type: &str, validity: Validity) -> IdentityPem {
        let (pass_type, team) = (pass_type.parse().unwrap(), TEAM.parse().unwrap());
        self.authority
            .issue_pass_certificate(&pass_type, &team, validity)
            .unwrap()
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn run(&self, line: &str) -> Output {
        livepass()
            .args(line.split_whitespace())
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    /// The sentence with which a check fails.
    fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn accepted(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn a_right_identity_is_described() {
    let files = Files::new();
    let said = files.accepted(&format!(
        "secret check pass-type --type {TYPE} --team {TEAM} --certificate certificate.pem --key key.pem"
    ));
    assert!(said.starts_with(&format!(
        "the certificate is for {TYPE} of team {TEAM}, fits its key, and holds for "
    )));
}

#[test]
fn whether_the_certificate_allows_nfc_is_said() {
    let files = Files::new();
    let nfc = files
        .authority
        .issue_nfc_certificate(&TYPE.parse().unwrap(), &TEAM.parse().unwrap(), Validity::long())
        .unwrap();
    files.write("nfc.pem", &nfc.certificate_chain_pem);
    files.write("nfc-key.pem", &nfc.private_key_pem);
    let check = format!("secret check pass-type --type {TYPE}");
    let said = files.accepted(&format!("{check} --certificate nfc.pem --key nfc-key.pem"));
    assert!(said.contains("\nit allows NFC\n"), "{said}");
    let said = files.accepted(&format!("{check} --certificate certificate.pem --key key.pem"));
    assert!(
        said.contains("\nit does not allow NFC: Wallet refuses passes with `nfc`"),
        "{said}"
    );
}

/// What is pasted is read, and stored as a plain file.
#[test]
fn pasted_files_are_stored_as_they_should_have_been() {
    let files = Files::new();
    let read = |path: &str| fs::read_to_string(files.dir.path().join(path)).unwrap();
    let (certificate, key) = (read("certificate.pem"), read("key.pem"));
    files.write("one-line.pem", &certificate.replace('\n', " "));
    let utf16 = format!("\u{feff}{key}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect::<Vec<_>>();
    fs::write(files.dir.path().join("utf16.pem"), utf16).unwrap();
    fs::create_dir_all(files.dir.path().join("stack/secrets")).unwrap();
    // Twice: the second time the first key is the old one, and was stored by other means.
    for stored_before in [None, Some(serde_json::json!({ "key": key }).to_string())] {
        if let Some(stored) = stored_before {
            files.write(&format!("stack/secrets/pass-types/{TYPE}/key.pem"), &stored);
        }
        files.accepted(&format!(
            "secret put pass-type --type {TYPE} --certificate one-line.pem --key utf16.pem --dir stack"
        ));
        assert_eq!(
            read(&format!("stack/secrets/pass-types/{TYPE}/certificate.pem")),
            certificate
        );
        assert_eq!(read(&format!("stack/secrets/pass-types/{TYPE}/key.pem")), key);
    }

    let apns = ApnsTestKey::generate(&TEAM.parse().unwrap()).unwrap();
    files.write("AuthKey_ABC123DEFG.p8", &apns.private_key_pem.replace('\n', "\\n"));
    files.accepted(&format!(
        "secret put apns --key AuthKey_ABC123DEFG.p8 --team {TEAM} --dir stack"
    ));
    let stored: serde_json::Value = serde_json::from_str(&read("stack/secrets/apns.json")).unwrap();
    assert_eq!(stored["private_key"], apns.private_key_pem);
}

#[test]
fn a_certificate_and_an_apns_key_of_different_teams_are_named() {
    let files = Files::new();
    let apns = ApnsTestKey::generate(&TEAM.parse().unwrap()).unwrap();
    files.write("AuthKey_ABC123DEFG.p8", &apns.private_key_pem);
    fs::create_dir_all(files.dir.path().join("stack/secrets")).unwrap();
    let certificate = format!("pass-type --type {TYPE} --certificate certificate.pem --key key.pem --dir stack");
    let key = |team: &str| format!("apns --key AuthKey_ABC123DEFG.p8 --team {team} --dir stack");
    let different = format!("the certificate for {TYPE} is of team {TEAM}, and the APNs key of team ZZZZZZZZZZ: ");

    // Nothing is there to compare with.
    files.accepted(&format!("secret check {certificate}"));
    files.accepted(&format!("secret check {}", key("ZZZZZZZZZZ")));
    let said = files.accepted(&format!("secret put {certificate}"));
    assert!(!said.contains("team ZZZZZZZZZZ"), "{said}");
    let said = files.accepted(&format!("secret check {}", key(TEAM)));
    assert!(!said.contains("APNs would refuse"), "{said}");
    let said = files.refused(&format!("secret check {}", key("ZZZZZZZZZZ")));
    assert!(said.contains(&different), "{said}");
    // A local stack's APNs takes it all the same.
    let said = files.accepted(&format!("secret put {}", key("ZZZZZZZZZZ")));
    assert!(said.contains(&different) && said.contains("local stack"), "{said}");
    let said = files.refused(&format!("secret check {certificate}"));
    assert!(said.contains(&different), "{said}");
    let said = files.accepted(&format!("secret put {certificate}"));
    assert!(said.contains(&different), "{said}");
}

#[test]
fn a_wrong_identity_is_refused_with_what_is_wrong() {
    let files = Files::new();
    let other = files.identity("pass.com.example.other", Validity::long());
    files.write("other.pem", &other.certificate_chain_pem);
    files.write("other-key.pem", &other.private_key_pem);
    let leaf = fs::read_to_string(files.dir.path().join("certificate.pem")).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    files.write("leaf-only.pem", &leaf[..leaf.find(end).unwrap() + end.len()]);
    for (arguments, words) in [
        (
            format!("--type {TYPE} --certificate other.pem --key other-key.pem"),
            "pass.com.example.other",
        ),
        (
            format!("--type {TYPE} --team ZZZZZZZZZZ --certificate certificate.pem --key key.pem"),
            TEAM,
        ),
        (
            format!("--type {TYPE} --certificate certificate.pem --key other-key.pem"),
            "key",
        ),
        (
            format!("--type {TYPE} --certificate leaf-only.pem --key key.pem"),
            "intermediate",
        ),
        (
            format!("--type {TYPE} --certificate key.pem --key key.pem"),
            "certificate",
        ),
        (
            format!("--type {TYPE} --certificate none.pem --key key.pem"),
            "none.pem: No such file",
        ),
        (format!("--type {TYPE} --certificate certificate.pem"), "--key"),
        (
            "--type com.example --certificate certificate.pem --key key.pem".to_owned(),
            "must begin with \"pass.\"",
        ),
    ] {
        let sentence = files.refused(&format!("secret check pass-type {arguments}"));
        assert!(sentence.contains(words), "{arguments}: {sentence}");
    }
}

#[test]
fn what_keychain_access_exports_is_read_with_old_ciphers_too() {
    if !available("openssl") {
        return;
    }
    let files = Files::new();
    files.write("password", "secret\n");
    let at = files.dir.path().display();
    for cipher in ["", "-legacy"] {
        let made = shell(&format!(
            "cd {at} && openssl pkcs12 -export {cipher} -in certificate.pem -inkey key.pem -passout pass:secret -out id.p12"
        ));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let check = format!("secret check pass-type --type {TYPE} --p12 id.p12");
        files.accepted(&format!("{check} --password-file password"));
        assert!(files.refused(&check).contains("is the password right?"));
    }
    let made = shell(&format!(
        "cd {at} && openssl pkcs12 -export -nokeys -in certificate.pem -passout pass:secret -out certificate.p12"
    ));
    assert!(made.status.success());
    let sentence = files.refused(&format!(
        "secret check pass-type --type {TYPE} --p12 certificate.p12 --password-file password"
    ));
    assert!(
        sentence.contains("holds no private key") && sentence.contains("My Certificates"),
        "{sentence}"
    );
}

#[test]
fn an_apns_key_is_checked() {
    let files = Files::new();
    let key = ApnsTestKey::generate(&TEAM.parse().unwrap()).unwrap();
    files.write("AuthKey_ABC123DEFG.p8", &key.private_key_pem);
    files.write("renamed.p8", &key.private_key_pem);
    let said = files.accepted(&format!("secret check apns --key AuthKey_ABC123DEFG.p8 --team {TEAM}"));
    assert!(
        said.contains("the key ABC123DEFG of team") && said.contains("BadEnvironmentKeyIdInToken"),
        "{said}"
    );
    files.accepted(&format!(
        "secret check apns --key renamed.p8 --key-id ABC123DEFG --team {TEAM}"
    ));
    assert!(
        files
            .refused(&format!("secret check apns --key renamed.p8 --team {TEAM}"))
            .contains("--key-id")
    );
    let rsa = files.refused(&format!(
        "secret check apns --key key.pem --key-id ABC123DEFG --team {TEAM}"
    ));
    assert!(rsa.contains("key"), "{rsa}");
}

#[test]
fn a_folder_that_is_no_stacks_is_named_with_the_command_that_makes_one() {
    let files = Files::new();
    let sentence = files.refused(&format!(
        "secret put pass-type --type {TYPE} --certificate certificate.pem --key key.pem --dir nowhere"
    ));
    assert!(
        sentence.contains("run `livepass dev --dir nowhere` first"),
        "{sentence}"
    );
}

#[test]
fn a_rotated_identity_key_and_template_are_used_by_the_running_stack() {
    let files = Files::new();
    let stack = tempfile::tempdir().unwrap();
    let (dev, _) = Dev::ready(stack.path(), &Ports::free());
    let dir = stack.path().display();

    let said = files.accepted(&format!("secret put keys --dir {dir}"));
    assert!(
        said.contains("link-keys.json: current key k1, 1 in all; kept"),
        "{said}"
    );
    files.accepted(&format!("secret put keys --rotate link --dir {dir}"));
    let link = files.accepted(&format!("link --dir {dir}"));
    assert!(!link.contains("k=k1&"), "made with the new key: {link}");
    files.accepted(&format!("link --expires 366days --dir {dir}"));
    for wrong in ["367days", "2y", "0s"] {
        let refused = files.refused(&format!("link --expires {wrong} --dir {dir}"));
        assert_eq!(
            refused,
            "error: --expires: a link holds for at least one second and, on a local stack, at most 366 days\n"
        );
    }

    files.accepted(&format!(
        "secret put pass-type --type {TYPE} --certificate certificate.pem --key key.pem --dir {dir}"
    ));
    // The old key stays only while it may be needed.
    let stored = fs::read(stack.path().join(format!("secrets/pass-types/{TYPE}/key.pem"))).unwrap();
    assert_eq!(stored, fs::read(files.dir.path().join("key.pem")).unwrap());

    template(files.dir.path(), "card", |pass| {
        pass["description"] = "A new card".into()
    });
    let said = files.accepted(&format!("template put card --id loyalty --dir {dir}"));
    assert!(
        said.contains("is published in") && said.contains("(change 2)"),
        "{said}"
    );
    let said = files.accepted(&format!("template put card --id loyalty --dir {dir}"));
    assert!(said.contains("with these very files already"), "{said}");
    let status = || {
        let said = files.accepted(&format!("template status --id loyalty --format json --dir {dir}"));
        serde_json::from_str::<serde_json::Value>(&said).unwrap()
    };
    let later = status();
    let said = files.accepted(&format!("template rollback --id loyalty --dir {dir}"));
    assert!(
        said.contains("(change 3)") && said.contains("livepass template status --id loyalty"),
        "{said}"
    );
    let earlier = status();
    assert_eq!((&later["change"], &earlier["change"]), (&2.into(), &3.into()));
    assert_eq!(earlier["version"], later["previous_version"]);
    assert_eq!(earlier["previous_version"], later["version"]);
    let single = files.refused(&format!("template rollback --id ticket --dir {dir}"));
    assert!(single.contains("has one version only"), "{single}");
    let unknown = files.refused(&format!("template status --id nothing --dir {dir}"));
    assert!(
        unknown.contains("has no template nothing; publish it with"),
        "{unknown}"
    );
    assert!(dev.stop().0);
    let gone = files.refused(&format!("template put card --id other --dir {dir}"));
    assert!(gone.contains("is `livepass dev` running?"), "{gone}");
}

/// Writes the demo's loyalty template into a folder, changed.
fn template(dir: &Path, name: &str, change: impl Fn(&mut serde_json::Value)) {
    for (path, mut content) in seed::templates::loyalty() {
        if path == "pass.json" {
            let mut pass = serde_json::from_slice(&content).unwrap();
            change(&mut pass);
            content = pass.to_string().into_bytes();
        }
        let path = dir.join(name).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn every_fault_of_a_template_is_named() {
    let files = Files::new();
    template(files.dir.path(), "good", |_| {});
    let said = files.accepted("template check good");
    assert!(
        said.starts_with("good is a good storeCard template, version "),
        "{said}"
    );
    template(files.dir.path(), "bad", |pass| {
        pass["expirationDate"] = "tomorrow".into()
    });
    for icon in ["icon.png", "icon@2x.png", "icon@3x.png"] {
        fs::remove_file(files.dir.path().join("bad").join(icon)).unwrap();
    }
    fs::write(files.dir.path().join("bad/.DS_Store"), "").unwrap();
    let sentence = files.refused("template check bad");
    assert!(sentence.starts_with("error: bad has 3 faults:\n"), "{sentence}");
    for word in ["icon.png", ".DS_Store", "expirationDate"] {
        assert!(sentence.contains(word), "{sentence}");
    }
    assert!(files.refused("template check nowhere").contains("nowhere"));
}
