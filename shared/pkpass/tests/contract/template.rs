use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use pkpass::{MAX_UNPACKED_BYTES, Sha1Digest, Template, TemplateError};
use proptest::prelude::*;
use serde_json::json;

use crate::samples::{self, files, png, zip_of};

/// The faults, one per line, of the right template after a change.
pub fn faults_after(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<String> {
    let mut files = files();
    change(&mut files);
    let of_files = lines(Template::from_files(files.clone()));
    // The way in makes no difference.
    assert_eq!(lines(Template::from_zip(&zip_of(&files))), of_files);
    of_files
}

pub fn lines(result: Result<Template, TemplateError>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert!(!error.faults.is_empty());
            error.to_string().lines().map(str::to_owned).collect()
        }
    }
}

#[track_caller]
fn refused_with(name: &str, content: &[u8], expected: &str) {
    let found = faults_after(|files| {
        files.insert(name.to_owned(), content.to_vec());
    });
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(expected), "{found:#?}");
}

#[test]
fn a_right_template_is_taken() {
    let template = samples::template();
    assert_eq!(template.style(), "storeCard");
    assert_eq!(template.skeleton(), &samples::skeleton());
    let names: Vec<&str> = template.file_names().collect();
    assert_eq!(
        names,
        [
            "de.lproj/logo.png",
            "de.lproj/pass.strings",
            "icon.png",
            "icon@2x.png",
            "logo.png",
            "pass.json",
            "thumbnail.png",
        ]
    );
    let listed: Vec<&str> = template.manifest().iter().map(|(name, _)| name).collect();
    assert_eq!(
        listed,
        names.into_iter().filter(|n| *n != "pass.json").collect::<Vec<_>>()
    );
    assert_eq!(template.manifest().get("icon.png"), Some(&Sha1Digest::of(&png(29, 1))));
}

#[test]
fn folder_zip_and_bundle_are_the_same_template() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let zipped = tempfile::tempdir().unwrap();
    let zip_path = zipped.path().join("template.zip");
    fs::write(&zip_path, zip_of(&files())).unwrap();

    let template = samples::template();
    let bundle = template.to_bundle();
    for other in [
        Template::open(folder.path()).unwrap(),
        Template::open(&zip_path).unwrap(),
        Template::from_zip(&bundle).unwrap(),
    ] {
        assert_eq!(other.version(), template.version());
        assert_eq!(other.to_bundle(), bundle);
        assert_eq!(other.manifest(), template.manifest());
    }

    if !samples::available(&["sh", "find", "sha256sum", "xargs"]) {
        return;
    }
    let script = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.split(' ').next(), Some(template.version()));
}

#[test]
fn a_version_changes_with_content_and_name() {
    let version = |change: fn(&mut BTreeMap<String, Vec<u8>>)| {
        let mut files = files();
        change(&mut files);
        Template::from_files(files).unwrap().version().to_owned()
    };
    let same = version(|_| {});
    let content = version(|files| {
        files.insert("logo.png".to_owned(), png(50, 9));
    });
    let name = version(|files| {
        let logo = files.remove("logo.png").unwrap();
        files.insert("logo@2x.png".to_owned(), logo);
    });
    let skeleton = version(|files| files.get_mut("pass.json").unwrap().push(b' '));
    assert_eq!(same, samples::template().version());
    for other in [content, name, skeleton] {
        assert_ne!(other, same);
    }
}

#[test]
fn a_path_that_cannot_be_read_is_named() {
    let found = lines(Template::open("/does/not/exist.zip".as_ref()));
    assert!(
        found[0].starts_with("/does/not/exist.zip: it cannot be read ("),
        "{found:?}"
    );
}

#[test]
fn hidden_and_deep_folders_on_disk_are_each_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".git/objects/ab", "a/b/c/d/e"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("x"), b"x").unwrap();
    }
    let mut found = lines(Template::open(folder.path()));
    found.sort();
    assert_eq!(
        found,
        [
            ".git/: it is no part of a pass: move the template's files away from it, or delete it",
            "a/b/c/d/: the folder lies too deep: Wallet reads no folder but *.lproj",
        ]
    );
}

#[test]
fn pass_json_and_icon_are_required() {
    let found = faults_after(|files| {
        files.remove("pass.json");
        files.retain(|name, _| !name.starts_with("icon"));
    });
    assert_eq!(
        found,
        [
            "pass.json: it is missing: add it at the root of the template",
            "icon.png: it is missing, and Wallet ignores a pass without it: add it at the root",
        ]
    );
}

#[test]
fn pass_json_is_a_json_object_in_plain_utf8() {
    let marked = [b"\xef\xbb\xbf", samples::skeleton().to_string().as_bytes()].concat();
    refused_with("pass.json", &marked, "pass.json: it begins with a byte order mark");
    refused_with("pass.json", b"{\"a\": \"\xe9\"}", "pass.json: it is not UTF-8");
    refused_with("pass.json", b"{", "pass.json: it is not JSON: EOF");
    refused_with("pass.json", b"[]", "pass.json: it is not a JSON object");
}

#[test]
fn the_skeleton_is_judged_and_its_faults_name_file_and_field() {
    let mut skeleton = samples::skeleton();
    skeleton["coupon"] = json!({});
    skeleton["relevantDate"] = json!("2026-11-21T09:30:00");
    skeleton["storeCard"]["primaryFields"] = json!([{"key": "points", "value": 1}]);
    let found = faults_after(|files| {
        files.insert("pass.json".to_owned(), skeleton.to_string().into_bytes());
    });
    let starts = [
        "pass.json relevantDate: it has no time zone",
        "pass.json coupon: the pass has 2 styles (coupon, storeCard)",
        "pass.json storeCard.primaryFields[0].key: storeCard.headerFields[0].key has the same key",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    skeleton
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "coupon" && key != "storeCard");
    skeleton.as_object_mut().unwrap().remove("relevantDate");
    let bytes = skeleton.to_string().into_bytes();
    refused_with("pass.json", &bytes, "pass.json style: the pass has none");
}

#[test]
fn identifiers_in_a_skeleton_are_allowed() {
    let mut skeleton = samples::skeleton();
    skeleton["passTypeIdentifier"] = json!("pass.com.example.placeholder");
    skeleton["teamIdentifier"] = json!("");
    skeleton["serialNumber"] = json!("SERIAL");
    let found = faults_after(|files| {
        files.insert("pass.json".to_owned(), skeleton.to_string().into_bytes());
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn stray_files_are_named() {
    for name in [
        "__MACOSX/._icon.png",
        "._icon.png",
        ".DS_Store",
        ".gitignore",
        "Thumbs.db",
        "desktop.ini",
        "de.lproj/.DS_Store",
    ] {
        refused_with(name, b"x", &format!("{name}: "));
    }
    for name in ["manifest.json", "signature"] {
        refused_with(name, b"x", &format!("{name}: it is made for each package"));
    }
}

#[test]
fn a_folder_around_all_files_is_named_once_with_the_fix() {
    let found = faults_after(|files| {
        *files = std::mem::take(files)
            .into_iter()
            .map(|(name, content)| (format!("Coffee/{name}"), content))
            .collect();
    });
    assert_eq!(
        found,
        [
            "Coffee/: all files lie inside this folder: zip them from inside it, `cd Coffee && zip \
          -X -r ../template.zip .`"
        ]
    );
    let with_strays = faults_after(|files| {
        *files = std::mem::take(files)
            .into_iter()
            .map(|(name, content)| (format!("Coffee/{name}"), content))
            .collect();
        files.insert("__MACOSX/Coffee/._icon.png".to_owned(), Vec::new());
        files.retain(|name, _| !name.starts_with("Coffee/icon"));
    });
    let paths: Vec<&str> = with_strays
        .iter()
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(paths, ["Coffee/", "__MACOSX/Coffee/._icon.png", "icon.png"]);
}

#[test]
fn folders_other_than_languages_are_refused() {
    refused_with(
        "images/logo.png",
        &png(1, 1),
        "images/logo.png: Wallet reads no folder but *.lproj: move the file out of images",
    );
    refused_with(
        "de.lproj/images/logo.png",
        &png(1, 1),
        "de.lproj/images/logo.png: de.lproj holds a folder",
    );
}

#[test]
fn names_are_plain_ascii_paths() {
    refused_with("löwe.png", &png(1, 1), "löwe.png: its name is not plain ASCII");
    refused_with("a\tb.png", &png(1, 1), "a\tb.png: its name is not plain ASCII");
    for name in [
        "../evil.png",
        "/etc/evil.png",
        "de.lproj/../../evil.png",
        "a\\b.png",
        "C:/x.png",
    ] {
        refused_with(name, &png(1, 1), &format!("{name}: it is no plain relative path"));
    }
}

#[test]
fn images_are_png() {
    for name in [
        "strip.jpg",
        "strip.JPEG",
        "strip.gif",
        "strip.webp",
        "strip.svg",
        "strip.heic",
    ] {
        refused_with(name, b"x", &format!("{name}: Wallet shows PNG only"));
    }
    let right = png(4, 1);
    let with = |offset: usize, bytes: &[u8]| {
        let mut changed = right.clone();
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        changed
    };
    for (content, reason) in [
        (b"\xff\xd8\xff\xe0 JFIF".to_vec(), "it is named .png but is no PNG"),
        (right[..8].to_vec(), "it does not begin with an IHDR chunk"),
        (with(12, b"IDAT"), "it does not begin with an IHDR chunk"),
        (right[..right.len() - 12].to_vec(), "it is cut off"),
        (right[..40].to_vec(), "it is cut off"),
        (with(16, &[0, 0, 0, 0]), "it is 0 x 4 pixels"),
        (with(20, &[0, 1, 0, 0]), "it is 4 x 65536 pixels"),
        (with(24, &[3]), "its IHDR chunk names a format"),
        (with(25, &[5]), "its IHDR chunk names a format"),
        (with(26, &[1]), "its IHDR chunk names a format"),
        (with(28, &[2]), "its IHDR chunk names a format"),
        (with(11, &[12]), "its IHDR chunk has the wrong length"),
    ] {
        refused_with("strip.png", &content, &format!("strip.png: {reason}"));
    }
}

#[test]
fn texts_are_read_as_wallet_does() {
    refused_with(
        "de.lproj/pass.strings",
        b"\"POINTS\" = \"PUNKTE\"\n",
        "de.lproj/pass.strings: line 2: `;` is missing before the end of the file",
    );
    let wide: Vec<u8> = "\u{feff}\"a\" = \"b\";"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let found = faults_after(|files| {
        files.insert("de.lproj/pass.strings".to_owned(), wide);
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_template_is_bounded_when_unpacked() {
    let bomb = vec![0; usize::try_from(MAX_UNPACKED_BYTES).unwrap()];
    let mut files = files();
    files.insert("zeros.bin".to_owned(), bomb);
    let expected = format!("archive: its files are larger than {MAX_UNPACKED_BYTES} bytes");

    let archive = zip_of(&files);
    assert!(archive.len() < 100_000, "a bomb is small");
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files.iter().filter(|(name, _)| !name.contains('/')) {
        fs::write(folder.path().join(name), content).unwrap();
    }
    for found in [
        lines(Template::from_zip(&archive)),
        lines(Template::from_files(files)),
        lines(Template::open(folder.path())),
    ] {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&expected), "{found:?}");
    }
}

#[test]
fn every_fault_is_listed_one_per_line() {
    let found = faults_after(|files| {
        files.retain(|name, _| !name.starts_with("icon"));
        files.insert("Thumbs.db".to_owned(), Vec::new());
        files.insert("strip.jpg".to_owned(), Vec::new());
        files.insert("logo.png".to_owned(), b"GIF89a".to_vec());
        files.insert("fr.lproj/pass.strings".to_owned(), b"points = Points".to_vec());
        files.insert("pass.json".to_owned(), b"{}".to_vec());
    });
    let paths: Vec<&str> = found.iter().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(
        paths,
        [
            "Thumbs.db",
            "fr.lproj/pass.strings",
            "logo.png",
            "strip.jpg",
            "pass.json formatVersion",
            "pass.json description",
            "pass.json organizationName",
            "pass.json style",
            "icon.png",
        ]
    );
}

#[test]
fn a_pass_json_that_no_pass_may_have_is_refused_before_it_is_parsed() {
    let deep = [b"[".repeat(300_000), b"]".repeat(300_000)].concat();
    refused_with(
        "pass.json",
        &deep,
        "pass.json: it has 600000 bytes, and no pass may have more than 262144",
    );
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(
        bytes: Vec<u8>,
        text in "[\"=;/*\\\\a\n ]{0,40}",
        position: prop::sample::Index,
        byte: u8,
    ) {
        prop_assert!(Template::from_zip(&bytes).is_err());
        let mut files = files();
        files.insert("strip.png".to_owned(), [b"\x89PNG\r\n\x1a\n", bytes.as_slice()].concat());
        files.insert("a.strings".to_owned(), bytes.clone());
        files.insert("b.strings".to_owned(), text.into_bytes());
        files.insert("pass.json".to_owned(), bytes);
        prop_assert!(Template::from_files(files).is_err());

        let mut archive = zip_of(&samples::files());
        let position = position.index(archive.len());
        archive[position] = byte;
        let _ = Template::from_zip(&archive);
    }
}
