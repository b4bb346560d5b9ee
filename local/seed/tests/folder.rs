//! The folder: made once, finished when it was left half done, never overwritten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seed::{Folder, KeyFile, SeedError, SeedTemplate, SeedType};

/// Pass types whose template is not drawn, so that the tests are quick.
fn seeds() -> Vec<SeedType> {
    let mut seeds = seed::demo();
    for seed in &mut seeds {
        seed.template.files = plain;
    }
    seeds
}

fn plain() -> BTreeMap<String, Vec<u8>> {
    let pass = br#"{"formatVersion": 1, "description": "d", "organizationName": "o", "generic": {}}"#;
    let icon = (SeedTemplate::LOYALTY.files)()["icon.png"].clone();
    BTreeMap::from([("pass.json".to_owned(), pass.to_vec()), ("icon.png".to_owned(), icon)])
}

fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_folder_holds_everything_that_a_local_stack_needs() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(dir.path(), &seeds()).unwrap();
    let version = &folder.template_versions()["loyalty"];
    let names: Vec<String> = contents(dir.path())
        .keys()
        .map(|path| path.strip_prefix(dir.path()).unwrap().display().to_string())
        .collect();
    assert_eq!(
        names,
        [
            ".lock".to_owned(),
            "apns/certificate.pem".to_owned(),
            "apns/key.pem".to_owned(),
            "apns/public.pem".to_owned(),
            "ca/intermediate-key.pem".to_owned(),
            "ca/intermediate.pem".to_owned(),
            "ca/root-key.pem".to_owned(),
            "ca/root.pem".to_owned(),
            "drafts/loyalty/icon.png".to_owned(),
            "drafts/loyalty/pass.json".to_owned(),
            "drafts/ticket/icon.png".to_owned(),
            "drafts/ticket/pass.json".to_owned(),
            "secrets/apns.json".to_owned(),
            "secrets/link-keys.json".to_owned(),
            "secrets/pass-types/pass.com.example.loyalty/certificate.pem".to_owned(),
            "secrets/pass-types/pass.com.example.loyalty/key.pem".to_owned(),
            "secrets/pass-types/pass.com.example.ticket/certificate.pem".to_owned(),
            "secrets/pass-types/pass.com.example.ticket/key.pem".to_owned(),
            "secrets/token-keys.json".to_owned(),
            format!("templates/loyalty/{version}.zip"),
            format!("templates/ticket/{version}.zip"),
        ]
    );
}

#[test]
fn opening_it_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let first = Folder::open_or_create(dir.path(), &seeds()).unwrap();
    let before = contents(dir.path());
    let again = Folder::open_or_create(dir.path(), &seeds()).unwrap();
    assert!(contents(dir.path()) == before);
    assert_eq!(again.template_versions(), first.template_versions());
}

#[test]
fn what_a_killed_start_left_half_done_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(dir.path(), &seeds()).unwrap();
    let before = contents(dir.path());
    let loyalty = folder.pass_types_dir().join("pass.com.example.loyalty");
    fs::rename(&loyalty, loyalty.with_file_name(".pass.com.example.loyalty.partial")).unwrap();
    fs::remove_dir_all(dir.path().join("apns")).unwrap();
    fs::remove_file(folder.token_keys()).unwrap();
    fs::write(folder.secrets_dir().join(".token-keys.json.partial"), "{\"cur").unwrap();

    Folder::open_or_create(dir.path(), &seeds()).unwrap();

    let after = contents(dir.path());
    assert!(after.keys().eq(before.keys()), "{:?}", after.keys());
    assert_eq!(after[&folder.root_certificate()], before[&folder.root_certificate()]);
    // The provider key was there, so its public half is the same again.
    assert_eq!(after[&folder.apns_public_key()], before[&folder.apns_public_key()]);
    serde_json::from_slice::<KeyFile>(&after[&folder.token_keys()]).unwrap();
}

#[test]
fn a_pass_type_may_come_later() {
    let dir = tempfile::tempdir().unwrap();
    let seeds = seeds();
    let folder = Folder::open_or_create(dir.path(), &seeds[..1]).unwrap();
    assert!(!folder.pass_key(&seeds[1].pass_type).exists());
    let folder = Folder::open_or_create(dir.path(), &seeds).unwrap();
    assert!(folder.pass_key(&seeds[1].pass_type).exists());
}

#[test]
fn two_starts_at_once_agree() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let starts: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| Folder::open_or_create(dir.path(), &seeds()).map(drop)))
            .collect();
        for start in starts {
            start.join().unwrap().unwrap();
        }
    });
}

#[test]
fn pass_types_of_two_teams_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut seeds = seeds();
    seeds[1].team_id = "OTHERTEAM1".parse().unwrap();
    let refused = Folder::open_or_create(dir.path(), &seeds);
    assert!(matches!(refused, Err(SeedError::Teams { found: 2 })));
}

#[test]
fn the_apns_secret_and_its_public_key_are_one_pair() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(dir.path(), &seeds()).unwrap();
    let key = folder.apns_provider_key().unwrap();
    assert_eq!(key.team_id, "A1B2C3D4E5");
    assert_eq!(key.key_id.len(), 10);
    assert_eq!(
        fs::read_to_string(folder.apns_public_key()).unwrap(),
        key.public_key_pem().unwrap()
    );
}

#[test]
fn hmac_keys_are_32_bytes_and_differ() {
    use base64::Engine as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(dir.path(), &seeds()).unwrap();
    let key = |path: PathBuf| {
        let file: KeyFile = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(&file.keys[&file.current])
            .unwrap()
    };
    let (link, token) = (key(folder.link_keys()), key(folder.token_keys()));
    assert_eq!((link.len(), token.len()), (32, 32));
    assert_ne!(link, token);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("livepass");
    Folder::open_or_create(&dir, &seeds()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in contents(&dir).keys() {
        assert_eq!(mode(path), 0o600, "{}", path.display());
        for folder in path.ancestors().skip(1).take_while(|path| path.starts_with(&dir)) {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }
}
