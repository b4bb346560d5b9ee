//! Packages with something between their files, and those of other senders that only look so.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

use pkpass::verify;
use zip::write::SimpleFileOptions;

use crate::authority::apple;
use crate::samples::{self, directory_entries, front_to_back, now, number, pass_bytes, unzip};

const APPEND_TO_NONE: &str = "readers that go front to back stop there, so write the archive anew and append to none";

fn package() -> Vec<u8> {
    samples::template()
        .package(&pass_bytes(), &[], &apple().identity(), now())
        .unwrap()
}

fn faults_of(package: &[u8]) -> Vec<String> {
    match verify(package, apple().root_der(), now()) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults.iter().map(ToString::to_string).collect(),
    }
}

fn add(archive: &mut [u8], at: usize, more: usize) {
    let sum = u32::try_from(number(archive, at) + more).unwrap();
    archive[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

/// The package with `more` before the local header or directory at `at`, and all offsets right.
fn with_gap(at: usize, more: &[u8]) -> Vec<u8> {
    let mut archive = package();
    for entry in directory_entries(&archive) {
        if number(&archive, entry + 42) >= at {
            add(&mut archive, entry + 42, more.len());
        }
    }
    let directory_at = archive.len() - 6;
    add(&mut archive, directory_at, more.len());
    archive.splice(at..at, more.iter().copied());
    archive
}

#[test]
fn bytes_before_a_file_are_refused_wherever_they_lie() {
    let right = package();
    for entry in directory_entries(&right) {
        let at = number(&right, entry + 42);
        let name_length = usize::from(right[entry + 28]);
        let name = String::from_utf8_lossy(&right[entry + 46..entry + 46 + name_length]).into_owned();
        assert_eq!(
            faults_of(&with_gap(at, b"seven b")),
            [format!(
                "archive: bytes before {name} belong to no file: {APPEND_TO_NONE}"
            )]
        );
    }
}

#[test]
fn bytes_around_the_directory_are_refused() {
    let right = package();
    let directory = number(&right, right.len() - 6);
    assert_eq!(
        faults_of(&with_gap(directory, b"x")),
        [format!(
            "archive: bytes before its central directory belong to no file: {APPEND_TO_NONE}"
        )]
    );

    let mut behind = right.clone();
    behind.splice(right.len() - 22..right.len() - 22, *b"four");
    assert!(!faults_of(&behind).is_empty());

    let after = [right.as_slice(), b"\0\0\0"].concat();
    let found = faults_of(&after);
    assert!(found.iter().all(|fault| fault.starts_with("archive: ")), "{found:?}");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_directory_that_was_appended_to_is_refused() {
    let mut files = unzip(&package());
    let pass_json = files.remove("pass.json").unwrap();
    let mut writer = zip::ZipWriter::new_append(Cursor::new(samples::zip_of(&files))).unwrap();
    writer.start_file("pass.json", SimpleFileOptions::default()).unwrap();
    writer.write_all(&pass_json).unwrap();
    let appended = writer.finish().unwrap().into_inner();

    assert!(!front_to_back(&appended).contains(&"pass.json".to_owned()));
    let found = faults_of(&appended);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("bytes before pass.json belong to no file"),
        "{found:?}"
    );
}

#[test]
fn files_that_share_bytes_are_refused() {
    let mut archive = package();
    let entries = directory_entries(&archive);
    let first = number(&archive, entries[0] + 42);
    archive[entries[1] + 42..entries[1] + 46].copy_from_slice(&u32::try_from(first).unwrap().to_le_bytes());
    let found = faults_of(&archive);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("archive: "), "{found:?}");
}

/// How a writer tells checksum and size behind the data.
type Descriptor = fn(crc: u32, size: u32) -> Vec<u8>;

const DESCRIPTORS: [Descriptor; 4] = [
    |crc, size| [b"PK\x07\x08".to_vec(), narrow(crc, size)].concat(),
    narrow,
    |crc, size| [b"PK\x07\x08".to_vec(), wide(crc, size)].concat(),
    wide,
];

fn narrow(crc: u32, size: u32) -> Vec<u8> {
    [crc, size, size].iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn wide(crc: u32, size: u32) -> Vec<u8> {
    let size = u64::from(size).to_le_bytes();
    [crc.to_le_bytes().as_slice(), &size, &size].concat()
}

/// The files stored, each with a descriptor in place of what its local header should say; and a
/// ZIP64 end record, if wanted.
fn streamed(files: &BTreeMap<String, Vec<u8>>, descriptor: Descriptor, zip64: bool) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let (crc, size) = (crc32fast::hash(content), u32::try_from(content.len()).unwrap());
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let offset = u32::try_from(archive.len()).unwrap();
        // Version 2.0, bit 3, stored, 1980-01-01.
        let common = [20, 0, 8, 0, 0, 0, 0, 0, 0x21, 0];
        archive.extend([b"PK\x03\x04".as_slice(), &common, &[0; 12], &name_length, &[0; 2]].concat());
        archive.extend(name.bytes());
        archive.extend(content);
        archive.extend(descriptor(crc, size));
        directory.extend([b"PK\x01\x02".as_slice(), &[20, 0], &common, &narrow(crc, size)].concat());
        directory.extend([name_length.as_slice(), &[0; 12], &offset.to_le_bytes()].concat());
        directory.extend(name.bytes());
    }
    let start = archive.len();
    archive.extend(&directory);
    let count = files.len();
    if zip64 {
        let record = archive.len() as u64;
        let numbers = [count as u64, count as u64, directory.len() as u64, start as u64];
        archive.extend(
            [
                b"PK\x06\x06".as_slice(),
                &44_u64.to_le_bytes(),
                &[45, 0, 45, 0],
                &[0; 8],
            ]
            .concat(),
        );
        archive.extend(numbers.iter().flat_map(|value| value.to_le_bytes()));
        archive.extend([b"PK\x06\x07".as_slice(), &[0; 4], &record.to_le_bytes(), &[1, 0, 0, 0]].concat());
    }
    let count = u16::try_from(count).unwrap().to_le_bytes();
    archive.extend([b"PK\x05\x06".as_slice(), &[0; 4], &count, &count].concat());
    for value in [directory.len(), start] {
        archive.extend(u32::try_from(value).unwrap().to_le_bytes());
    }
    archive.extend([0; 2]);
    archive
}

#[test]
fn data_descriptors_of_other_senders_are_taken() {
    let files = unzip(&package());
    for descriptor in DESCRIPTORS {
        for zip64 in [false, true] {
            assert_eq!(faults_of(&streamed(&files, descriptor, zip64)), [""; 0]);
        }
    }
}

#[test]
fn a_data_descriptor_has_to_be_that_of_its_file() {
    let files = unzip(&package());
    let wrong: [Descriptor; 4] = [
        |crc, size| narrow(!crc, size),
        |crc, size| narrow(crc, size + 1),
        |_, _| Vec::new(),
        |crc, size| [narrow(crc, size), vec![0]].concat(),
    ];
    for descriptor in wrong {
        assert_eq!(
            faults_of(&streamed(&files, descriptor, false)),
            [format!(
                "archive: something else than its data descriptor lies behind de.lproj/logo.png: {APPEND_TO_NONE}"
            )]
        );
    }
}

#[test]
fn folders_comments_and_wide_numbers_of_other_senders_are_taken() {
    let files = unzip(&package());
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_directory("de.lproj", SimpleFileOptions::default()).unwrap();
    for (name, content) in &files {
        let options = SimpleFileOptions::default().large_file(true);
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.set_comment("of another sender").unwrap();
    let package = writer.finish().unwrap().into_inner();
    assert_eq!(faults_of(&package), [""; 0]);

    let mut stream = zip::ZipWriter::new_stream(Vec::new());
    for (name, content) in &files {
        stream.start_file(name, SimpleFileOptions::default()).unwrap();
        stream.write_all(content).unwrap();
    }
    assert_eq!(faults_of(&stream.finish().unwrap().into_inner()), [""; 0]);
}

#[test]
fn packages_that_other_programs_wrote_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let files = unzip(&package());
    for (name, content) in &files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let python = "import os, sys, zipfile\n\
                  class Pipe:\n\
                  \x20   write = sys.stdout.buffer.write\n\
                  \x20   flush = sys.stdout.buffer.flush\n\
                  with zipfile.ZipFile(Pipe(), 'w', zipfile.ZIP_DEFLATED) as archive:\n\
                  \x20   for name in sys.argv[1:]:\n\
                  \x20       archive.write(name)";
    for (program, options) in [
        ("bsdtar", ["--format", "zip", "-cf", "written.zip"].as_slice()),
        ("python3", &["-c", python]),
        ("zip", &["-q", "-X", "-"]),
    ] {
        if !samples::available(&[program]) {
            continue;
        }
        let written = Command::new(program)
            .args(options)
            .args(files.keys())
            .current_dir(folder.path())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(written.status.success(), "{program}");
        // bsdtar fills up its last block when it writes to a pipe, as tape drives need it.
        let package = match program {
            "bsdtar" => std::fs::read(folder.path().join("written.zip")).unwrap(),
            _ => written.stdout,
        };
        assert_eq!(faults_of(&package), [""; 0], "{program}");
    }
}
