//! Archives are the same for readers that go front to back and for those that go by the end record.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use pkpass::Template;

use crate::authority::apple;
use crate::samples::{self, files, front_to_back, now, pass_bytes, png, unzip};

/// One of each kind that is written: what it is, and its bytes.
fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let package = |template: &Template, images: &[(String, Vec<u8>)]| {
        template
            .package(&pass_bytes(), images, &apple().identity(), now())
            .unwrap()
    };
    let image = |name: &str| (name.to_owned(), png(20, 200));
    let bare: BTreeMap<String, Vec<u8>> = files()
        .into_iter()
        .filter(|(name, _)| ["pass.json", "icon.png"].contains(&name.as_str()))
        .collect();
    let bare = Template::from_files(bare).unwrap();
    let template = samples::template();
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::write(folder.path().join("löwe.txt"), "roar").unwrap();
    vec![
        ("a package", package(&template, &[])),
        (
            "a package with an image more",
            package(&template, &[image("strip.png")]),
        ),
        (
            "a package with an image replaced",
            package(&template, &[image("thumbnail.png")]),
        ),
        (
            "a package with scales and languages replaced",
            package(
                &template,
                &[image("icon.png"), image("logo.png"), image("fr.lproj/logo.png")],
            ),
        ),
        ("a package with one image", package(&bare, &[])),
        ("a bundle", template.to_bundle()),
        (
            "a bundle of a folder",
            Template::bundle_of_folder(folder.path(), |_| false).unwrap(),
        ),
    ]
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

fn by_the_end_record(archive: &[u8]) -> Vec<String> {
    unzip(archive).into_keys().collect()
}

/// What a program prints that is given `archive` through a pipe, where it cannot seek.
fn piped(archive: &[u8], program: &str, arguments: &[&str]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(archive).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    sorted(text.lines().map(str::to_owned).collect())
}

#[test]
fn a_stream_holds_the_files_of_the_directory() {
    for (kind, archive) in archives() {
        let names = sorted(front_to_back(&archive));
        assert_eq!(names, by_the_end_record(&archive), "{kind}");
        assert!(names.iter().any(|name| name == "pass.json"), "{kind}: {names:?}");
    }
}

#[test]
fn bsdtar_lists_from_a_pipe_what_the_directory_lists() {
    if !samples::available(&["bsdtar"]) {
        return;
    }
    for (kind, archive) in archives() {
        // In whatever locale this runs: it shows other letters than ASCII as `\303\266` in some.
        let names = lines(&piped(&archive, "bsdtar", &["-tf", "-"]));
        let expected = by_the_end_record(&archive);
        assert_eq!(names.len(), expected.len(), "{kind}: {names:?}");
        let ascii = |names: Vec<String>| -> Vec<String> {
            names.into_iter().filter(|name| !name.ends_with("we.txt")).collect()
        };
        assert_eq!(ascii(names), ascii(expected), "{kind}");
        // It compares the checksums on the way.
        let contents: Vec<u8> = samples::front_to_back(&archive)
            .iter()
            .flat_map(|name| unzip(&archive)[name].clone())
            .collect();
        assert!(piped(&archive, "bsdtar", &["-xOf", "-"]) == contents, "{kind}");
    }
}

#[test]
fn python_and_unzip_find_every_file_whole() {
    if samples::available(&["python3"]) {
        let script = "import io, sys, zipfile\n\
                      archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\n\
                      assert archive.testzip() is None\n\
                      sys.stdout.reconfigure(encoding='utf-8')\n\
                      print(*archive.namelist(), sep='\\n')";
        for (kind, archive) in archives() {
            let names = lines(&piped(&archive, "python3", &["-c", script]));
            assert_eq!(names, by_the_end_record(&archive), "{kind}");
        }
    }
    if samples::available(&["unzip"]) {
        let folder = tempfile::tempdir().unwrap();
        for (kind, archive) in archives() {
            std::fs::write(folder.path().join("archive.zip"), &archive).unwrap();
            let tested = Command::new("unzip")
                .args(["-t", "archive.zip"])
                .current_dir(folder.path())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&tested.stdout);
            // It warns of bytes that are none of a file, and goes on.
            assert!(tested.status.success() && !text.contains("warning"), "{kind}: {text}");
        }
    }
}

#[test]
fn both_headers_of_a_file_say_the_same() {
    for (kind, archive) in archives() {
        let entries = samples::directory_entries(&archive);
        assert_eq!(entries.len(), unzip(&archive).len(), "{kind}");
        let mut position = 0;
        for entry in entries {
            let local = samples::number(&archive, entry + 42);
            assert_eq!(local, position, "{kind}: a gap");
            // From the version needed to the lengths of name and extra field.
            assert_eq!(archive[local + 4..local + 30], archive[entry + 6..entry + 32], "{kind}");
            let name_length = usize::from(archive[entry + 28]);
            let name = &archive[entry + 46..entry + 46 + name_length];
            assert_eq!(&archive[local + 30..local + 30 + name_length], name, "{kind}");
            let is_utf8 = archive[entry + 9] & 0b1000 != 0;
            assert_eq!(is_utf8, !name.is_ascii(), "{kind}");
            position = local + 30 + name_length + samples::number(&archive, entry + 20);
        }
    }
}
