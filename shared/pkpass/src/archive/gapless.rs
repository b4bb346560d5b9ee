//! Whether an archive is one run of bytes: files, directory, end record.
//!
//! Most readers go by the end record and skip whatever lies elsewhere. Those that go front to back
//! (wallets on Android, gateways that unpack on the fly) stop at the first byte that is none of a
//! file, and find no pass.json behind it.

use super::{DIRECTORY_ENTRY, DIRECTORY_ENTRY_BYTES, END_RECORD, END_RECORD_BYTES, LOCAL_HEADER, LOCAL_HEADER_BYTES};

/// Source: APPNOTE.TXT 4.3.9, 4.3.14 and 4.3.15.
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
const WIDE_END_RECORD: &[u8; 4] = b"PK\x06\x06";
const WIDE_END_LOCATOR: &[u8; 4] = b"PK\x06\x07";
const WIDE_END_RECORD_BYTES: usize = 56;
const WIDE_END_LOCATOR_BYTES: usize = 20;

/// General purpose bit 3: a data descriptor with checksum and sizes follows the data.
const HAS_DESCRIPTOR: u64 = 1 << 3;
/// Header id of the ZIP64 extra field, and what stands in place of a number that lies there.
const WIDE_NUMBERS: u64 = 1;
const NUMBER_IS_WIDE: u64 = u32::MAX as u64;

/// Reads `bytes` as an archive without a gap.
///
/// # Errors
/// A sentence that says where something else lies.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let directory = Directory::find(bytes)
        .ok_or("it does not end with its end record: remove what follows it, or build the package again")?;
    let mut files = directory
        .files(bytes)
        .ok_or("its central directory does not run up to its end record: build the package again")?;
    files.sort_by_key(|file| file.start);

    let mut position = 0;
    for (number, file) in files.iter().enumerate() {
        file.begins_at(position)?;
        let next = files.get(number + 1).map_or(directory.start, |next| next.start);
        position = file.end(bytes, next)?;
    }
    match directory.start.checked_sub(position) {
        Some(0) => Ok(()),
        Some(_) => Err(format!(
            "bytes before its central directory belong to no file: {REMEDY}"
        )),
        None => Err(format!("its central directory begins inside a file: {REMEDY}")),
    }
}

const REMEDY: &str = "readers that go front to back stop there, so write the archive anew and append to none";

/// Whether the end record does not lead to the directory before it: bytes stand in front, such as those
/// of another archive, whose files some readers would take for the ones that are meant.
pub(super) fn has_bytes_in_front(bytes: &[u8]) -> bool {
    end_record(bytes).is_some() && Directory::find(bytes).is_none()
}

/// Where the end record begins with which the bytes end.
fn end_record(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_RECORD_BYTES)?;
    // A comment may follow, of at most 65,535 bytes.
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|at| {
        let record = &bytes[*at..];
        record.starts_with(END_RECORD) && u16_at(record, 20) == Some((last - at) as u64)
    })
}

/// The central directory, up to the end record.
struct Directory {
    start: usize,
    end: usize,
    entries: u64,
}

impl Directory {
    fn find(bytes: &[u8]) -> Option<Self> {
        let at = end_record(bytes)?;
        let record = &bytes[at..];
        Self::wide(bytes, at).or_else(|| {
            Some(Self {
                start: usize::try_from(u32_at(record, 16)?).ok()?,
                end: at,
                entries: u16_at(record, 10)?,
            })
            .filter(|found| size_fits(found, u32_at(record, 12)))
        })
    }

    /// That of an archive whose end record at `end` has a ZIP64 record before it.
    fn wide(bytes: &[u8], end: usize) -> Option<Self> {
        let locator_at = end.checked_sub(WIDE_END_LOCATOR_BYTES)?;
        let locator = &bytes[locator_at..end];
        if !locator.starts_with(WIDE_END_LOCATOR) {
            return None;
        }
        let at = usize::try_from(u64_at(locator, 8)?).ok()?;
        let record = bytes.get(at..locator_at)?;
        if !record.starts_with(WIDE_END_RECORD) || record.len() != WIDE_END_RECORD_BYTES {
            return None;
        }
        Some(Self {
            start: usize::try_from(u64_at(record, 48)?).ok()?,
            end: at,
            entries: u64_at(record, 32)?,
        })
        .filter(|found| size_fits(found, u64_at(record, 40)))
    }

    /// Each file that it lists, or none when it is anything but entries from its start to its end.
    fn files<'a>(&self, bytes: &'a [u8]) -> Option<Vec<File<'a>>> {
        let mut files = Vec::new();
        let mut rest = bytes.get(self.start..self.end)?;
        while !rest.is_empty() {
            let (file, length) = File::listed(rest)?;
            files.push(file);
            rest = rest.get(length..)?;
        }
        (files.len() as u64 == self.entries).then_some(files)
    }
}

fn size_fits(directory: &Directory, size: Option<u64>) -> bool {
    directory.end.checked_sub(directory.start).map(|size| size as u64) == size
}

/// A file as the directory lists it.
struct File<'a> {
    name: &'a [u8],
    start: usize,
    crc: u64,
    packed: u64,
    size: u64,
}

impl<'a> File<'a> {
    /// The first of `entries`, and the length of its entry.
    fn listed(entries: &'a [u8]) -> Option<(Self, usize)> {
        if !entries.starts_with(DIRECTORY_ENTRY) {
            return None;
        }
        let name_end = DIRECTORY_ENTRY_BYTES + length_at(entries, 28)?;
        let extra_end = name_end + length_at(entries, 30)?;
        let mut wide = wide_numbers(entries.get(name_end..extra_end)?);
        // In this order; only those that are too wide for their place stand in the extra field.
        let mut number = |at| match u32_at(entries, at)? {
            NUMBER_IS_WIDE => {
                let (value, rest) = wide.split_first_chunk()?;
                wide = rest;
                Some(u64::from_le_bytes(*value))
            }
            value => Some(value),
        };
        let (size, packed, start) = (number(24)?, number(20)?, number(42)?);
        let file = Self {
            name: entries.get(DIRECTORY_ENTRY_BYTES..name_end)?,
            start: usize::try_from(start).ok()?,
            crc: u32_at(entries, 16)?,
            packed,
            size,
        };
        Some((file, extra_end + length_at(entries, 32)?))
    }

    fn begins_at(&self, position: usize) -> Result<(), String> {
        match self.start.checked_sub(position) {
            Some(0) => Ok(()),
            Some(_) => Err(format!("bytes before {} belong to no file: {REMEDY}", self.shown())),
            None => Err(format!("{} begins inside another file: {REMEDY}", self.shown())),
        }
    }

    /// Where the file ends, its data descriptor included; `next` is where what follows it begins.
    fn end(&self, bytes: &[u8], next: usize) -> Result<usize, String> {
        let unreadable = || format!("{} lies outside of it: {REMEDY}", self.shown());
        let header = bytes
            .get(self.start..)
            .filter(|header| header.starts_with(LOCAL_HEADER))
            .ok_or_else(unreadable)?;
        let end = || {
            let names = length_at(header, 26)? + length_at(header, 28)?;
            let data = self.start.checked_add(LOCAL_HEADER_BYTES + names)?;
            let end = data.checked_add(usize::try_from(self.packed).ok()?)?;
            (end <= bytes.len()).then_some(end)
        };
        let end = end().ok_or_else(unreadable)?;
        if u16_at(header, 6).is_some_and(|flags| flags & HAS_DESCRIPTOR == 0) {
            return Ok(end);
        }
        match bytes.get(end..next) {
            Some(descriptor) if self.is_described_by(descriptor) => Ok(next),
            Some(_) => Err(format!(
                "something else than its data descriptor lies behind {}: {REMEDY}",
                self.shown()
            )),
            // Too long for its place, which shows at the file that follows.
            None => Ok(end),
        }
    }

    /// With and without its mark, with sizes of 4 and of 8 bytes: writers do all four.
    fn is_described_by(&self, descriptor: &[u8]) -> bool {
        let numbers = match descriptor.len() {
            16 | 24 => descriptor.strip_prefix(DESCRIPTOR),
            _ => Some(descriptor),
        };
        let told = numbers.and_then(|numbers| {
            let sizes = match numbers.len() {
                12 => (u32_at(numbers, 4)?, u32_at(numbers, 8)?),
                20 => (u64_at(numbers, 4)?, u64_at(numbers, 12)?),
                _ => return None,
            };
            Some((u32_at(numbers, 0)?, sizes))
        });
        told == Some((self.crc, (self.packed, self.size)))
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

/// The content of the ZIP64 field among the extra fields of an entry, empty when there is none.
fn wide_numbers(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), length_at(extra, 2)) {
        let Some(content) = extra.get(4..4 + length) else {
            break;
        };
        if id == WIDE_NUMBERS {
            return content;
        }
        extra = &extra[4 + length..];
    }
    &[]
}

fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
