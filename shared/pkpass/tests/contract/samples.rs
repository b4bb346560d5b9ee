//! A coffee card: its template, its pass.json, and the time of the tests.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::authority::{PASS_TYPE, TEAM};

/// 2026-11-21T09:30:00Z.
pub const NOW_SECONDS: u64 = 1_795_253_400;

pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW_SECONDS)
}

pub fn png(side: u32, shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels = vec![shade; usize::try_from(side * side).unwrap()];
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

pub fn skeleton() -> Value {
    json!({
        "formatVersion": 1,
        "description": "Coffee card",
        "organizationName": "Example Coffee",
        "backgroundColor": "rgb(62, 39, 35)",
        "storeCard": {
            "headerFields": [{"key": "points", "label": "POINTS", "changeMessage": "You have %@"}],
            "backFields": [{"key": "terms", "label": "Terms", "value": "Enjoy."}],
        },
    })
}

/// A pass.json in which everything is right.
pub fn pass() -> Value {
    json!({
        "formatVersion": 1,
        "description": "Coffee card",
        "organizationName": "Example Coffee",
        "passTypeIdentifier": PASS_TYPE,
        "teamIdentifier": TEAM,
        "serialNumber": "4711",
        "webServiceURL": "https://passes.example.com",
        "authenticationToken": "0123456789abcdef",
        "expirationDate": "2027-12-31T23:59:59+01:00",
        "relevantDates": [
            {"date": "2026-12-24T10:00Z"},
            {"startDate": "2026-12-24T10:00:00Z", "endDate": "2026-12-24T12:00:00Z"},
        ],
        "backgroundColor": "rgb(62, 39, 35)",
        "foregroundColor": "rgb(255,255,255)",
        "barcodes": [{
            "format": "PKBarcodeFormatQR",
            "message": "café 4711",
            "messageEncoding": "iso-8859-1",
        }],
        "appLaunchURL": "coffee://card/4711",
        "associatedStoreIdentifiers": [1_234_567_890],
        "userInfo": {"anything": [1, null, true]},
        "aKeyOfNextYear": {"webServiceURL": 5},
        "storeCard": {
            "headerFields": [
                {"key": "points", "label": "POINTS", "value": 42, "changeMessage": "You have %@"},
            ],
            "primaryFields": [{"key": "balance", "value": 12.50, "currencyCode": "EUR"}],
            "secondaryFields": [
                {"key": "rank", "value": 3, "numberStyle": "PKNumberStyleSpellOut"},
                {"key": "since", "value": "2024-02-29T08:00:00Z", "dateStyle": "PKDateStyleShort"},
            ],
            "backFields": [{"key": "terms", "label": "Terms", "value": "Enjoy."}],
        },
    })
}

/// Sets what stands at `path` (a JSON pointer; `-` appends to an array), or removes it.
pub fn set(pass: &mut Value, path: &str, value: Option<Value>) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = pass.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Array(items), Some(value)) => items.push(value),
        (Value::Object(map), Some(value)) => {
            map.insert(key.to_owned(), value);
        }
        (Value::Object(map), None) => {
            map.remove(key).unwrap();
        }
        _ => panic!("{path}"),
    }
}

pub fn pass_bytes() -> Vec<u8> {
    pkpass::canonical_json(&pass())
}

/// A template in which everything is right.
pub fn files() -> BTreeMap<String, Vec<u8>> {
    [
        ("pass.json", skeleton().to_string().into_bytes()),
        ("icon.png", png(29, 1)),
        ("icon@2x.png", png(58, 1)),
        ("logo.png", png(50, 2)),
        ("thumbnail.png", png(90, 3)),
        ("de.lproj/logo.png", png(50, 4)),
        ("de.lproj/pass.strings", b"\"POINTS\" = \"PUNKTE\";\n".to_vec()),
    ]
    .into_iter()
    .map(|(name, content)| (name.to_owned(), content))
    .collect()
}

pub fn template() -> pkpass::Template {
    pkpass::Template::from_files(files()).unwrap()
}

pub fn zip<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn zip_of(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    zip(files.iter().map(|(name, content)| (name.as_str(), content.as_slice())))
}

pub fn unzip(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        })
        .collect()
}

/// The names that a reader finds who goes front to back and never seeks. It unpacks each file.
pub fn front_to_back(mut archive: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(mut entry) = zip::read::read_zipfile_from_stream(&mut archive).unwrap() {
        names.push(entry.name().unwrap().into_owned());
        std::io::copy(&mut entry, &mut std::io::sink()).unwrap();
    }
    names
}

/// Where each entry of the central directory begins, in an archive without a comment.
pub fn directory_entries(archive: &[u8]) -> Vec<usize> {
    let end = archive.len() - 22;
    let mut entry = number(archive, end + 16);
    let mut entries = Vec::new();
    while entry < end {
        entries.push(entry);
        entry += 46 + usize::from(archive[entry + 28]);
    }
    entries
}

/// The 4 bytes at `at`, as archives write numbers.
pub fn number(archive: &[u8], at: usize) -> usize {
    let bytes = *archive[at..].first_chunk().unwrap();
    usize::try_from(u32::from_le_bytes(bytes)).unwrap()
}

/// Whether all of these programs are there. A test without them says that it skips; CI installs
/// them.
pub fn available(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
        if !found {
            eprintln!("skipped: no {program}");
        }
        found
    })
}
