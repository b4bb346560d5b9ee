//! A template's files in a folder on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use crate::archive::too_large;
use crate::fault::Fault;

/// One more than a template has: root, wrapper folder, *.lproj and what should not be in it. Below
/// that, files are not even listed.
const MAX_DEPTH: usize = 4;

/// Every file below `root` by its path with slashes, at most `limit` bytes in all. Of a file whose
/// own name is `left_out` nothing is read.
pub(super) fn read(
    root: &Path,
    limit: u64,
    left_out: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<u8>>, Vec<Fault>> {
    let mut reading = Reading {
        left_out,
        files: BTreeMap::new(),
        left: limit,
        limit,
        faults: Vec::new(),
    };
    reading.folder(root, "", 1);
    if reading.faults.is_empty() {
        Ok(reading.files)
    } else {
        Err(reading.faults)
    }
}

struct Reading<'a> {
    left_out: &'a dyn Fn(&str) -> bool,
    files: BTreeMap<String, Vec<u8>>,
    left: u64,
    limit: u64,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error),
        };
        for entry in entries {
            let path = entry.path();
            let own_name = entry.file_name().to_string_lossy().into_owned();
            let name = format!("{prefix}{own_name}");
            // Links are followed: templates that share images keep them in one place that way.
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.inner_folder(&path, name, depth),
                // Also a link that leads nowhere, which some editors leave beside a file.
                Ok(_) | Err(_) if (self.left_out)(&own_name) => {}
                Ok(metadata) if metadata.is_file() => self.file(&path, name),
                Ok(_) => {
                    let reason = "it is neither a file nor a folder: delete it";
                    self.faults.push(Fault::new(name, reason));
                }
                Err(error) => self.unreadable(&path, &error),
            }
        }
    }

    fn inner_folder(&mut self, folder: &Path, name: String, depth: usize) {
        // Reported as one: a .git of a thousand files would hide every other fault.
        if folder
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
        {
            let reason = "it is no part of a pass: move the template's files away from it, or delete it";
            self.faults.push(Fault::new(format!("{name}/"), reason));
        } else if depth < MAX_DEPTH {
            self.folder(folder, &format!("{name}/"), depth + 1);
        } else {
            let reason = "the folder lies too deep: Wallet reads no folder but *.lproj";
            self.faults.push(Fault::new(format!("{name}/"), reason));
        }
    }

    fn file(&mut self, path: &Path, name: String) {
        let mut content = Vec::new();
        let read = fs::File::open(path).and_then(|file| file.take(self.left + 1).read_to_end(&mut content));
        if let Err(error) = read {
            return self.unreadable(path, &error);
        }
        let size = content.len() as u64;
        if size > self.left {
            let fault = too_large(self.limit);
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
            return;
        }
        self.left -= size;
        self.files.insert(name, content);
    }

    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        let reason = format!("it cannot be read ({error}): check the path and its permissions");
        self.faults.push(Fault::new(path.display().to_string(), reason));
    }
}
