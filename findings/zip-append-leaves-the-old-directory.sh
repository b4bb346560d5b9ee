#!/usr/bin/env bash
# zip 9.4.1 (a Rust crate), ZipWriter::new_append: appending to a finished archive.
#
# Guess before: the first new entry is written over the old central directory, which is written anew at
# the end; appending and writing in one go give the same layout.
# Seen: the old directory stays where it was, the new entry comes behind it, and the end record leads to
# a second directory that lists everything. Whoever goes by the end record (unzip, Python, this crate)
# sees 3 files. Whoever reads front to back (bsdtar from a pipe, Java's ZipInputStream, this crate's own
# stream reader) takes the old directory for the end of the archive and sees 2, without an error. A pass
# that was made from a prepared archive of images opens on an iPhone and has no pass.json elsewhere.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
unset CARGO_TARGET_DIR

cargo init --quiet --vcs none --name appended . 2>/dev/null
cargo add --quiet zip@=9.4.1 --no-default-features --features deflate-flate2,deflate-flate2-zlib-rs 2>/dev/null
cat >src/main.rs <<'RUST'
use std::io::{Cursor, Write};
use zip::{read::read_zipfile_from_stream, write::SimpleFileOptions, ZipArchive, ZipWriter};

fn add(archive: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str) {
    archive.start_file(name, SimpleFileOptions::default()).unwrap();
    archive.write_all(name.as_bytes()).unwrap();
}

fn main() {
    let mut images = ZipWriter::new(Cursor::new(Vec::new()));
    add(&mut images, "icon.png");
    add(&mut images, "logo.png");
    let prepared = images.finish().unwrap();
    let mut pass = ZipWriter::new_append(prepared).unwrap();
    add(&mut pass, "pass.json");
    let bytes = pass.finish().unwrap().into_inner();

    let by_end_record = ZipArchive::new(Cursor::new(&bytes)).unwrap().len();
    let (mut rest, mut from_front) = (&bytes[..], 0);
    while let Ok(Some(_entry)) = read_zipfile_from_stream(&mut rest) {
        from_front += 1;
    }
    let listings = bytes.windows(4).filter(|window| window == b"PK\x01\x02").count();
    println!("by the end record {by_end_record}, front to back {from_front}, entries in directories {listings}");
}
RUST
seen=$(cargo run --quiet)
echo "$seen"
[[ "$seen" == "by the end record 3, front to back 2, entries in directories 5" ]]
