//! The ZIP archive: read within bounds, and prepared once so that only its tail is written per
//! package.

mod gapless;
mod prepared;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

use crate::fault::Fault;

pub(crate) use prepared::PreparedArchive;

/// What each record of an archive begins with. Source: APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16.
const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
const DIRECTORY_ENTRY: &[u8; 4] = b"PK\x01\x02";
const END_RECORD: &[u8; 4] = b"PK\x05\x06";

/// The records' bytes without names, extra fields and comments.
const LOCAL_HEADER_BYTES: usize = 30;
const DIRECTORY_ENTRY_BYTES: usize = 46;
const END_RECORD_BYTES: usize = 22;

/// More entries than a template has uses for (some 30 images in each of 60 languages are 1,800);
/// it bounds the work for an archive of very many empty files.
const MAX_FILES: usize = 2_000;

/// Reads every file of an archive whose content is at most `limit` bytes in all.
///
/// Names are taken as they stand; judging them is the caller's part. Nothing is written to disk.
///
/// # Errors
/// All faults of the archive as such.
pub(crate) fn read(bytes: &[u8], limit: u64) -> Result<BTreeMap<String, Vec<u8>>, Vec<Fault>> {
    let one = |path: &str, reason: String| vec![Fault::new(path, reason)];
    if gapless::has_bytes_in_front(bytes) {
        let reason = "its directory does not lie where its end says, as in a file that was cut or two archives in one: zip the files again into a new file";
        return Err(one("archive", reason.to_owned()));
    }
    // From offset 0: bytes before the first entry have no use here, and a phone may refuse them.
    let mut archive = ZipArchive::with_config(from_start(), Cursor::new(bytes)).map_err(|error| {
        one(
            "archive",
            format!("it is not a ZIP archive ({error}): zip the files again"),
        )
    })?;
    if archive.has_duplicate_names() {
        let reason = "it holds a file name twice: zip the files again, each once";
        return Err(one("archive", reason.to_owned()));
    }
    // Some readers go by the headers before the files and not by the directory behind them: both
    // must tell the same, or they would see other files than were judged here.
    if let Err(error) = archive.validate_header_consistency() {
        let reason = format!("its headers contradict each other ({error}): zip the files again");
        return Err(one("archive", reason));
    }
    if archive.len() > MAX_FILES {
        let reason = format!("it holds more than {MAX_FILES} files: remove what no pass shows");
        return Err(one("archive", reason));
    }
    let mut faults = Vec::new();
    let mut files = BTreeMap::new();
    let mut left = limit;
    for index in 0..archive.len() {
        // By its raw bytes, because only ASCII names are taken in the end.
        let name = archive
            .by_index_data(index)
            .map(|entry| String::from_utf8_lossy(entry.name_raw()).into_owned())
            .unwrap_or_else(|_| format!("entry {index}"));
        let mut entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                let reason =
                    format!("it cannot be read ({error}): zip the files again, stored or deflated, without a password");
                faults.push(Fault::new(name, reason));
                continue;
            }
        };
        if entry.is_dir() {
            continue;
        }
        if entry.is_symlink() {
            let reason = "it is a symbolic link: put the file itself into the archive";
            faults.push(Fault::new(name, reason));
            continue;
        }
        // The size in the header may lie, so the reading itself is bounded; one byte more than
        // allowed shows that there is more.
        let mut content = Vec::new();
        match entry.by_ref().take(left + 1).read_to_end(&mut content) {
            Ok(_) => {}
            Err(error) => {
                let reason = format!("it cannot be unpacked ({error}): zip the files again");
                faults.push(Fault::new(name, reason));
                continue;
            }
        }
        let size = content.len() as u64;
        if size > left {
            faults.push(too_large(limit));
            return Err(faults);
        }
        left -= size;
        files.insert(name, content);
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// The fault of content that is larger than `limit` bytes.
pub(crate) fn too_large(limit: u64) -> Fault {
    Fault::new(
        "archive",
        format!(
            "its files are larger than {limit} bytes in all: make the images smaller, or remove \
             those that no pass shows"
        ),
    )
}

/// The fault of an archive that is not one run of files, directory and end record, if it is not.
///
/// Only for packages: bundles of templates may have gaps, since nobody but [`read`] opens them.
pub(crate) fn gap(bytes: &[u8]) -> Option<Fault> {
    gapless::check(bytes).err().map(|reason| Fault::new("archive", reason))
}

fn from_start() -> Config {
    Config {
        archive_offset: ArchiveOffset::Known(0),
    }
}
