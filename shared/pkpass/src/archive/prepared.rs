//! An archive whose files are compressed once.
//!
//! Written here and not by the `zip` crate, whose writer appends behind an old central directory
//! and not over it: readers that go front to back stop at the old one.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::{DIRECTORY_ENTRY, DIRECTORY_ENTRY_BYTES, END_RECORD, END_RECORD_BYTES, LOCAL_HEADER, LOCAL_HEADER_BYTES};

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// ZIP 2.0, the first with deflate. Any reader knows it.
const VERSION: u16 = 20;
/// In the upper byte: attributes are those of Unix.
const MADE_BY_UNIX: u16 = 3 << 8;
/// A regular file that its owner may write and everybody may read.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// 1980-01-01, the first that there is: the same for every file and time, so that equal files give
/// equal archives.
const DATE: u16 = 1 << 5 | 1;
const TIME: u16 = 0;
/// General purpose bit 11: the name is UTF-8.
const NAME_IS_UTF8: u16 = 1 << 11;
/// Where the offset of the local header stands in an entry of the directory.
const OFFSET_AT: usize = 42;

/// An archive whose files are compressed already, to which more can be added without touching
/// them again.
pub(crate) struct PreparedArchive {
    /// Local header and data of each file, one directly behind the other, from byte 0.
    files: Vec<u8>,
    /// The directory's entry of each.
    directory: Vec<u8>,
    entries: Vec<Prepared>,
}

struct Prepared {
    name: String,
    file: Range<usize>,
    directory: Range<usize>,
}

impl PreparedArchive {
    /// Compresses `files` once, in the order of their names.
    pub(crate) fn new(files: &BTreeMap<String, Vec<u8>>) -> io::Result<Self> {
        let mut archive = Self {
            files: Vec::new(),
            directory: Vec::new(),
            entries: Vec::with_capacity(files.len()),
        };
        for (name, content) in files {
            archive.push(name, content)?;
        }
        // One file more than now has to fit, for the pass.json of a bundle.
        if archive.entries.len() >= usize::from(u16::MAX) || archive.files.len() > u32::MAX as usize / 2 {
            return Err(too_much());
        }
        Ok(archive)
    }

    fn push(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let deflated = deflate(content)?;
        let (method, data) = if deflated.len() < content.len() {
            (DEFLATED, deflated.as_slice())
        } else {
            // PNG files rarely become smaller, and stored ones cost a phone less.
            (STORED, content)
        };
        let header = Header::new(name, content, method, data.len())?;
        let (file, entry) = (self.files.len(), self.directory.len());
        header.write_directory_entry(number(file)?, &mut self.directory);
        header.write_local(&mut self.files);
        self.files.extend_from_slice(data);
        self.entries.push(Prepared {
            name: name.to_owned(),
            file: file..self.files.len(),
            directory: entry..self.directory.len(),
        });
        Ok(())
    }

    /// Its size without the files that `replaced` names and without anything added, in bytes.
    pub(crate) fn size_without(&self, replaced: impl Fn(&str) -> bool) -> u64 {
        let kept = self.entries.iter().filter(|entry| !replaced(&entry.name));
        let bytes: usize = kept.map(|entry| entry.file.len() + entry.directory.len()).sum();
        (bytes + END_RECORD_BYTES) as u64
    }

    /// The archive without the files that `replaced` names, and with `added` behind the others,
    /// each name once. A prepared file whose name is among `added` is left out in any case, so
    /// that no name occurs twice.
    ///
    /// Local headers run from byte 0 to the one directory without a gap, so that it can be read
    /// front to back.
    pub(crate) fn with(&self, added: &[(&str, &[u8])], replaced: impl Fn(&str) -> bool) -> io::Result<Vec<u8>> {
        let stays = |name: &str| !replaced(name) && !added.iter().any(|(added, _)| *added == name);
        let kept: Vec<&Prepared> = self.entries.iter().filter(|entry| stays(&entry.name)).collect();
        // Stored: deflating pass.json and the manifest would take 10 to 30 us, for some kilobytes
        // next to the images; a signature and a PNG do not become smaller at all.
        let headers = added
            .iter()
            .map(|(name, content)| Header::new(name, content, STORED, content.len()))
            .collect::<io::Result<Vec<_>>>()?;

        // Exactly as much room as it takes: growing would copy the prepared files again.
        let of_kept: usize = kept.iter().map(|entry| entry.file.len() + entry.directory.len()).sum();
        let of_added: usize = added
            .iter()
            .map(|(name, content)| LOCAL_HEADER_BYTES + DIRECTORY_ENTRY_BYTES + 2 * name.len() + content.len())
            .sum();
        let mut archive = Vec::with_capacity(of_kept + of_added + END_RECORD_BYTES);

        for entry in &kept {
            archive.extend_from_slice(&self.files[entry.file.clone()]);
        }
        for (header, (_, content)) in headers.iter().zip(added) {
            header.write_local(&mut archive);
            archive.extend_from_slice(content);
        }
        let directory = archive.len();
        let mut offset = 0;
        for entry in &kept {
            let moved = archive.len() + OFFSET_AT;
            archive.extend_from_slice(&self.directory[entry.directory.clone()]);
            archive[moved..moved + 4].copy_from_slice(&number(offset)?.to_le_bytes());
            offset += entry.file.len();
        }
        for (header, (name, content)) in headers.iter().zip(added) {
            header.write_directory_entry(number(offset)?, &mut archive);
            offset += LOCAL_HEADER_BYTES + name.len() + content.len();
        }
        write_end(kept.len() + added.len(), directory, &mut archive)?;
        Ok(archive)
    }
}

/// What local header and directory say of a file, the same in both.
struct Header<'a> {
    name: &'a str,
    name_length: u16,
    method: u16,
    crc: u32,
    /// In bytes, as it lies in the archive.
    packed: u32,
    /// In bytes, unpacked.
    size: u32,
}

impl<'a> Header<'a> {
    fn new(name: &'a str, content: &[u8], method: u16, packed: usize) -> io::Result<Self> {
        Ok(Self {
            name,
            name_length: u16::try_from(name.len()).map_err(|_| too_much())?,
            method,
            crc: crc32fast::hash(content),
            packed: number(packed)?,
            size: number(content.len())?,
        })
    }

    fn write_local(&self, archive: &mut Vec<u8>) {
        archive.extend_from_slice(LOCAL_HEADER);
        self.write_common(archive);
        archive.extend_from_slice(self.name.as_bytes());
    }

    fn write_directory_entry(&self, offset: u32, directory: &mut Vec<u8>) {
        directory.extend_from_slice(DIRECTORY_ENTRY);
        directory.extend_from_slice(&(MADE_BY_UNIX | VERSION).to_le_bytes());
        self.write_common(directory);
        // No comment, on the first disk, and not declared to be text.
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&ATTRIBUTES.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(self.name.as_bytes());
    }

    /// The version needed up to the length of the extra field.
    fn write_common(&self, bytes: &mut Vec<u8>) {
        let flags = if self.name.is_ascii() { 0 } else { NAME_IS_UTF8 };
        for value in [VERSION, flags, self.method, TIME, DATE] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        for value in [self.crc, self.packed, self.size] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        for value in [self.name_length, 0] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// The end record of a directory of `entries` that begins at `directory` and ends here.
fn write_end(entries: usize, directory: usize, archive: &mut Vec<u8>) -> io::Result<()> {
    let entries = u16::try_from(entries).map_err(|_| too_much())?;
    let size = number(archive.len() - directory)?;
    let directory = number(directory)?;
    archive.extend_from_slice(END_RECORD);
    // On the first disk, as the directory is.
    archive.extend_from_slice(&[0; 4]);
    for value in [entries, entries] {
        archive.extend_from_slice(&value.to_le_bytes());
    }
    for value in [size, directory] {
        archive.extend_from_slice(&value.to_le_bytes());
    }
    // No comment.
    archive.extend_from_slice(&[0; 2]);
    Ok(())
}

fn deflate(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(content.len()), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn number(value: usize) -> io::Result<u32> {
    u32::try_from(value).map_err(|_| too_much())
}

/// Beyond that an archive would have to be ZIP64, which some readers of packages do not know.
fn too_much() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "more or longer files than a ZIP archive holds",
    )
}
