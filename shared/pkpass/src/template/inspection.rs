//! Judging the files of a template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{MAX_UNPACKED_BYTES, PASS_JSON};
use crate::archive::too_large;
use crate::fault::Fault;
use crate::{layout, pass_json, png, strings};

/// The files without a folder around all of them, with its fault if there is one. Only the folder
/// is reported then, and not each file in it a second time.
pub(super) fn unwrap(files: BTreeMap<String, Vec<u8>>) -> (BTreeMap<String, Vec<u8>>, Vec<Fault>) {
    let Some(wrapper) = wrapper_of(&files) else {
        return (files, Vec::new());
    };
    let reason = format!(
        "all files lie inside this folder: zip them from inside it, `cd {wrapper} && zip -X -r \
         ../template.zip .`"
    );
    let fault = Fault::new(format!("{wrapper}/"), reason);
    let prefix = format!("{wrapper}/");
    let files = files
        .into_iter()
        .map(|(name, content)| match name.strip_prefix(&prefix) {
            Some(inner) => (inner.to_owned(), content),
            None => (name, content),
        })
        .collect();
    (files, vec![fault])
}

fn wrapper_of(files: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let folders: BTreeSet<Option<&str>> = files
        .keys()
        .filter(|name| !layout::is_stray(name))
        .map(|name| name.split_once('/').map(|(folder, _)| folder))
        .collect();
    match folders.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(folder)] if !folder.ends_with(".lproj") && !["", ".", ".."].contains(folder) => {
            Some((*folder).to_owned())
        }
        _ => None,
    }
}

/// Every fault of the files, pass.json's included.
pub(super) fn faults_of(files: &BTreeMap<String, Vec<u8>>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let size: u64 = files.values().map(|content| content.len() as u64).sum();
    if size > MAX_UNPACKED_BYTES {
        faults.push(too_large(MAX_UNPACKED_BYTES));
    }
    for (name, content) in files {
        faults.extend(
            refusal(name, content)
                .into_iter()
                .map(|reason| Fault::new(name, reason)),
        );
    }
    match files.get(PASS_JSON) {
        None => faults.push(Fault::new(
            PASS_JSON,
            "it is missing: add it at the root of the template",
        )),
        Some(bytes) => match skeleton(bytes) {
            Err(reason) => faults.push(Fault::new(PASS_JSON, reason)),
            Ok(skeleton) => faults.extend(within_pass_json(pass_json::check_skeleton(&skeleton))),
        },
    }
    if !files.contains_key("icon.png") {
        faults.push(Fault::new(
            "icon.png",
            "it is missing, and Wallet ignores a pass without it: add it at the root",
        ));
    }
    faults
}

/// The faults with the file's name before the field's.
pub(crate) fn within_pass_json(faults: Vec<Fault>) -> impl Iterator<Item = Fault> {
    faults
        .into_iter()
        .map(|fault| Fault::new(format!("{PASS_JSON} {}", fault.path), fault.reason))
}

fn refusal(name: &str, content: &[u8]) -> Option<String> {
    if let Some(reason) = layout::refusal(name) {
        return Some(reason);
    }
    if name == "manifest.json" || name == "signature" {
        return Some("it is made for each package: remove it from the template".into());
    }
    if layout::is_image(name) {
        return png::check(content).err();
    }
    if layout::is_strings(name) {
        return strings::parse(content).err();
    }
    None
}

/// pass.json as an object, or a sentence why it is none.
pub(crate) fn skeleton(bytes: &[u8]) -> Result<Value, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("it begins with a byte order mark: save it as UTF-8 without BOM".into());
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err("it is not UTF-8: save it as UTF-8 without BOM".into());
    }
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("it is not a JSON object: write {...}".into()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}
