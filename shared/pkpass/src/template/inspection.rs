//! Judging the files of a template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::twice::key_that_stands_twice;
use super::{MAX_UNPACKED_BYTES, PASS_JSON, PERSONALIZATION};
use crate::archive::too_large;
use crate::fault::Fault;
use crate::pass_json::{Context, Finding, MAX_PASS_JSON_BYTES, Texts, Verdict};
use crate::{image, layout, pass_json, png, strings};

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

/// What was found in the files, pass.json included.
#[derive(Default)]
pub(super) struct Inspected {
    /// What a phone would refuse.
    pub faults: Vec<Fault>,
    /// What phones show otherwise than was meant, of files other than pass.json.
    pub warnings: Vec<Fault>,
    /// The same of pass.json, whatever the time.
    pub of_pass_json: Vec<Fault>,
    /// pass.json, if it can be read.
    pub skeleton: Option<Value>,
    pub texts: Texts,
}

/// Judges the files as a row without any fields would use them.
pub(super) fn inspect(files: &BTreeMap<String, Vec<u8>>) -> Inspected {
    let mut inspected = Inspected {
        texts: Texts::of_files(files),
        ..Inspected::default()
    };
    let size: u64 = files.values().map(|content| content.len() as u64).sum();
    if size > MAX_UNPACKED_BYTES {
        inspected.faults.push(too_large(MAX_UNPACKED_BYTES));
    }
    for (name, content) in files {
        inspected.faults.extend(
            refusal(name, content)
                .into_iter()
                .map(|reason| Fault::new(name, reason)),
        );
        inspected
            .warnings
            .extend(image_warning(name).map(|reason| Fault::new(name, reason)));
    }
    match files.get(PASS_JSON) {
        None => inspected.faults.push(Fault::new(
            PASS_JSON,
            "it is missing: add it at the root of the template",
        )),
        Some(bytes) => match skeleton(bytes) {
            Err(reason) => inspected.faults.push(Fault::new(PASS_JSON, reason)),
            Ok(skeleton) => {
                let context = Context {
                    texts: Some(&inspected.texts),
                    ..Context::default()
                };
                let found = pass_json::check_skeleton(&skeleton, &context);
                let (refused, warned): (Vec<_>, Vec<_>) =
                    found.iter().partition(|finding| finding.verdict() == Verdict::Refuse);
                inspected.faults.extend(within_pass_json(refused));
                inspected.of_pass_json = within_pass_json(warned);
                if let Some(key) = key_that_stands_twice(bytes) {
                    let reason = format!("the key {key} stands twice in one object, and readers take either: keep one");
                    inspected.warnings.push(Fault::new(PASS_JSON, reason));
                }
                inspected.skeleton = Some(skeleton);
            }
        },
    }
    if files.contains_key(PERSONALIZATION) {
        let reason = "phones refuse it unless the certificate of the pass type is one for NFC: look with \
                      `livepass secret check`";
        inspected.warnings.push(Fault::new(PERSONALIZATION, reason));
    }
    icon(files, &mut inspected);
    languages(files, &mut inspected);
    inspected
}

fn image_warning(name: &str) -> Option<String> {
    (layout::is_image(name) && layout::refusal(name).is_none())
        .then(|| image::name_refusal(name))
        .flatten()
}

fn icon(files: &BTreeMap<String, Vec<u8>>, inspected: &mut Inspected) {
    if files.contains_key("icon.png") {
        return;
    }
    if image::has_icon(files.keys()) {
        let reason = "it is missing at the root in this scale, and some phones may ignore a pass without it: add it";
        inspected.warnings.push(Fault::new("icon.png", reason));
    } else {
        let reason = "it is missing, and Wallet ignores a pass without it: add it at the root";
        inspected.faults.push(Fault::new("icon.png", reason));
    }
}

fn languages(files: &BTreeMap<String, Vec<u8>>, inspected: &mut Inspected) {
    let languages: BTreeSet<&str> = files
        .keys()
        .filter_map(|name| Some(name.split_once(".lproj/")?.0))
        .collect();
    let has_english = languages
        .iter()
        .any(|language| *language == "en" || language.starts_with("en-"));
    if languages.len() > 1 && !has_english {
        let reason = "it is missing: phones of a language that the template lacks show any of the others";
        inspected.warnings.push(Fault::new("en.lproj/", reason));
    }
}

/// Findings with the file's name before the place in it.
pub(crate) fn within_pass_json<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Fault> {
    let within = |finding: &Finding| Fault::new(format!("{PASS_JSON} {}", finding.place()), finding.reason.clone());
    findings.into_iter().map(within).collect()
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
    // Before it is parsed: parsed JSON takes many times the memory of its bytes.
    if bytes.len() > MAX_PASS_JSON_BYTES {
        return Err(format!(
            "it has {} bytes, and no pass may have more than {MAX_PASS_JSON_BYTES}: shorten its texts",
            bytes.len()
        ));
    }
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
