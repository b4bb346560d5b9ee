//! The ZIP archive: read within bounds, and prepared once so that only its tail is written per
//! package.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read, Write};

use zip::read::{ArchiveOffset, Config};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::fault::Fault;

/// More entries than a template has uses for (some 30 images in each of 60 languages are 1,800);
/// it bounds the work for an archive of very many empty files.
const MAX_FILES: usize = 2_000;

/// What a file of the tail costs besides its bytes: local header (30), directory entry (46), both
/// with the name, rounded up.
const ENTRY_OVERHEAD: usize = 256;

/// Reads every file of an archive whose content is at most `limit` bytes in all.
///
/// Names are taken as they stand; judging them is the caller's part. Nothing is written to disk.
///
/// # Errors
/// All faults of the archive as such.
pub(crate) fn read(bytes: &[u8], limit: u64) -> Result<BTreeMap<String, Vec<u8>>, Vec<Fault>> {
    let one = |path: &str, reason: String| vec![Fault::new(path, reason)];
    // From offset 0: bytes before the first entry have no use here, and a phone may refuse them.
    let mut archive = ZipArchive::with_config(from_start(), Cursor::new(bytes)).map_err(|error| {
        one(
            "archive",
            format!("it is not a ZIP archive ({error}): zip the files again"),
        )
    })?;
    let mut faults = Vec::new();
    if archive.has_duplicate_names() {
        faults.push(Fault::new(
            "archive",
            "it holds a file name twice: zip the files again, each once",
        ));
        return Err(faults);
    }
    // Some readers go by the headers before the files and not by the directory behind them: both
    // must tell the same, or they would see other files than were judged here.
    if let Err(error) = archive.validate_header_consistency() {
        let reason = format!("its headers contradict each other ({error}): zip the files again");
        faults.push(Fault::new("archive", reason));
    }
    if archive.len() > MAX_FILES {
        let reason = format!("it holds more than {MAX_FILES} files: remove what no pass shows");
        return Err(one("archive", reason));
    }
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

/// An archive whose files are compressed already, to which more can be added without touching
/// them again.
pub(crate) struct PreparedArchive {
    bytes: Vec<u8>,
    names: BTreeSet<String>,
}

impl PreparedArchive {
    /// Compresses `files` once, in the order of their names.
    pub(crate) fn new(files: &BTreeMap<String, Vec<u8>>) -> io::Result<Self> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            write_smaller(&mut writer, name, content)?;
        }
        let bytes = writer.finish()?.into_inner();
        Ok(Self {
            bytes,
            names: files.keys().cloned().collect(),
        })
    }

    /// Its size without anything added, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The archive with `added` behind the prepared files. A prepared file whose name is among
    /// `added` is left out, so that no name occurs twice.
    pub(crate) fn with(&self, added: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
        let tail: usize = added
            .iter()
            .map(|(name, content)| name.len() * 2 + content.len() + ENTRY_OVERHEAD)
            .sum();
        // Room for everything at once: growing would copy the prepared files again.
        let mut buffer = Vec::with_capacity(self.bytes.len() + tail);
        let replaces = added.iter().any(|(name, _)| self.names.contains(*name));
        let mut writer = if replaces {
            let mut writer = ZipWriter::new(Cursor::new(buffer));
            self.copy_without(added, &mut writer)?;
            writer
        } else {
            buffer.extend_from_slice(&self.bytes);
            ZipWriter::new_append_with_config(from_start(), Cursor::new(buffer))?
        };
        for (name, content) in added {
            // Stored: deflating pass.json and the manifest would take 10 to 30 us, for some
            // kilobytes next to the images; a signature and a PNG do not become smaller at all.
            writer.start_file(*name, options(CompressionMethod::Stored))?;
            writer.write_all(content)?;
        }
        Ok(writer.finish()?.into_inner())
    }

    fn copy_without(&self, added: &[(&str, &[u8])], writer: &mut ZipWriter<Cursor<Vec<u8>>>) -> io::Result<()> {
        let mut archive = ZipArchive::with_config(from_start(), Cursor::new(&self.bytes))?;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index)?;
            let replaced = added.iter().any(|(name, _)| name.as_bytes() == entry.name_raw());
            if !replaced {
                writer.raw_copy_file(entry)?;
            }
        }
        Ok(())
    }
}

/// Deflates what becomes smaller by it; PNG files rarely do, and stored ones cost a phone less.
fn write_smaller(writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, content: &[u8]) -> io::Result<()> {
    let deflated = zip::write::PreparedZipFile::from_data(
        name,
        options(CompressionMethod::Deflated).compression_level(Some(9)),
        content,
    )?;
    if deflated.compressed_size() < content.len() as u64 {
        writer.add_prepared_file(deflated)?;
    } else {
        writer.start_file(name, options(CompressionMethod::Stored))?;
        writer.write_all(content)?;
    }
    Ok(())
}

/// The same for every file and time, so that equal files give equal archives.
fn options(method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

fn from_start() -> Config {
    Config {
        archive_offset: ArchiveOffset::Known(0),
    }
}
