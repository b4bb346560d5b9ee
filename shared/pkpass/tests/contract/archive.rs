//! A template as a ZIP archive, and what is none.

use std::io::{Cursor, Write};

use pkpass::Template;

use crate::samples::{self, files, png, zip, zip_of};
use crate::template::lines;

#[test]
fn an_archive_of_very_many_files_is_refused() {
    let names: Vec<String> = (0..2_001).map(|number| format!("{number}.bin")).collect();
    let archive = zip(names.iter().map(|name| (name.as_str(), &b""[..])));
    let found = lines(Template::from_zip(&archive));
    assert_eq!(
        found,
        ["archive: it holds more than 2000 files: remove what no pass shows"]
    );
}

#[test]
fn a_name_twice_in_an_archive_is_refused() {
    // The writer refuses it, so the second name is given its bytes afterwards.
    let mut files = files();
    files.insert("logo2png".to_owned(), png(50, 7));
    let mut archive = zip_of(&files);
    let twin = b"logo2png";
    while let Some(position) = archive.windows(twin.len()).position(|bytes| bytes == twin) {
        archive[position..position + twin.len()].copy_from_slice(b"logo.png");
    }
    let found = lines(Template::from_zip(&archive));
    assert_eq!(
        found,
        ["archive: it holds a file name twice: zip the files again, each once"]
    );
}

#[test]
fn an_archive_that_is_none_is_refused() {
    for bytes in [&b""[..], b"PK", &samples::zip_of(&files())[1..]] {
        let found = lines(Template::from_zip(bytes));
        let cut = bytes.len() > 2;
        let start = if cut {
            "archive: its directory does not lie"
        } else {
            "archive: it is not a ZIP archive ("
        };
        assert!(found[0].starts_with(start), "{found:?}");
    }
    let mut broken = zip_of(&files());
    let content = broken.windows(4).position(|bytes| bytes == b"IDAT").unwrap_or(100);
    broken[content] ^= 0xff;
    let found = lines(Template::from_zip(&broken));
    assert!(!found.is_empty());
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    let mut archive = zip_of(&files());
    let name = b"thumbnail.png";
    let local = archive.windows(name.len()).position(|bytes| bytes == name).unwrap();
    archive[local] = b'T';
    let found = lines(Template::from_zip(&archive));
    assert!(
        found[0].starts_with("archive: its headers contradict each other ("),
        "{found:?}"
    );
}

/// Sizes stand behind each file then, as in archives of macOS's Finder.
#[test]
fn an_archive_that_was_written_as_a_stream_is_taken() {
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    for (name, content) in files() {
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(&content).unwrap();
    }
    writer
        .add_directory("fr.lproj", zip::write::SimpleFileOptions::default())
        .unwrap();
    let archive = writer.finish().unwrap().into_inner();
    let template = Template::from_zip(&archive).unwrap();
    assert_eq!(template.version(), samples::template().version());
}

#[test]
fn files_behind_a_password_are_named() {
    let mut archive = zip([("icon.png", &png(1, 1)[..])]);
    // Bit 0 of the flags, in the header before the file and in the directory.
    for (mark, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let header = archive.windows(4).position(|bytes| bytes == mark).unwrap();
        archive[header + flags] |= 1;
    }
    let found = lines(Template::from_zip(&archive));
    assert!(
        found[0].starts_with("icon.png: it cannot be read (") && found[0].ends_with("without a password"),
        "{found:?}"
    );
}

#[test]
fn a_link_in_an_archive_is_refused() {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in files() {
        writer.start_file(name, options).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.add_symlink("strip.png", "/etc/passwd", options).unwrap();
    let archive = writer.finish().unwrap().into_inner();
    let found = lines(Template::from_zip(&archive));
    assert_eq!(
        found,
        ["strip.png: it is a symbolic link: put the file itself into the archive"]
    );
}

/// Bundles that were stored by writers which append behind the old directory.
#[test]
fn a_bundle_with_a_stale_directory_in_its_middle_is_taken() {
    let mut files = files();
    let pass_json = files.remove("pass.json").unwrap();
    let mut writer = zip::ZipWriter::new_append(Cursor::new(zip_of(&files))).unwrap();
    writer
        .start_file("pass.json", zip::write::SimpleFileOptions::default())
        .unwrap();
    writer.write_all(&pass_json).unwrap();
    let stored = writer.finish().unwrap().into_inner();
    let behind_the_old = samples::front_to_back(&stored);
    assert!(!behind_the_old.contains(&"pass.json".to_owned()), "{behind_the_old:?}");

    let template = Template::from_zip(&stored).unwrap();
    assert_eq!(template.version(), samples::template().version());
    assert_eq!(template.to_bundle(), samples::template().to_bundle());
}

proptest::proptest! {
    #[test]
    fn a_bundle_holds_its_files_whatever_they_are(
        more in proptest::collection::btree_map("[ -~&&[^/:.\\\\]]{1,12}", proptest::collection::vec(0..4u8, 0..200), 0..6),
    ) {
        let mut expected = files();
        expected.extend(more);
        let bundle = Template::from_files(expected.clone()).unwrap().to_bundle();
        let found = samples::unzip(&bundle);
        let mut names = samples::front_to_back(&bundle);
        names.sort();
        proptest::prop_assert!(names.iter().eq(expected.keys()));
        proptest::prop_assert_eq!(found, expected);
    }
}

/// The directory of the second one names its files; a reader that stops at the first would take others.
#[test]
fn an_archive_behind_other_bytes_is_refused_and_never_read_as_another_one() {
    let (old, new) = (zip_of(&files()), zip_of(&files()));
    for bytes in [
        [old.as_slice(), &new].concat(),
        [b"0123456789", new.as_slice()].concat(),
    ] {
        let found = Template::from_zip(&bytes).unwrap_err().to_string();
        assert!(
            found.starts_with("archive: its directory does not lie where its end says"),
            "{found}"
        );
    }
    assert!(Template::from_zip(&new).is_ok());
}
