//! Which file names a package may hold.

/// A sentence that says why a file of this name must not be in a package, or none.
///
/// Not judged: manifest.json and `signature`, which belong into a package but not into a template.
pub(crate) fn refusal(name: &str) -> Option<String> {
    let segments: Vec<&str> = name.split('/').collect();
    // First of all, because nothing else matters about a name that would leave the folder.
    let escapes =
        name.contains('\\') || name.contains(':') || segments.iter().any(|segment| ["", ".", ".."].contains(segment));
    if escapes {
        return Some("it is no plain relative path: zip the files from inside their folder".into());
    }
    if !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Some("its name is not plain ASCII: rename it".into());
    }
    if let Some(reason) = stray(&segments) {
        return Some(reason);
    }
    match segments.as_slice() {
        [_] => {}
        [folder, _] if folder.ends_with(".lproj") => {}
        [folder, ..] if folder.ends_with(".lproj") => {
            return Some(format!("{folder} holds a folder: move its files up into {folder}"));
        }
        [folder, ..] => {
            return Some(format!(
                "Wallet reads no folder but *.lproj: move the file out of {folder}"
            ));
        }
        [] => {}
    }
    picture_format(name).map(|format| format!("Wallet shows PNG only, and this is {format}: convert it"))
}

/// Whether `name` is a file that an operating system left behind.
pub(crate) fn is_stray(name: &str) -> bool {
    stray(&name.split('/').collect::<Vec<_>>()).is_some()
}

/// Whether the file `name` has to be a PNG.
pub(crate) fn is_image(name: &str) -> bool {
    extension(name).is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}

/// Whether the file `name` holds texts of one language.
pub(crate) fn is_strings(name: &str) -> bool {
    extension(name) == Some("strings")
}

fn stray(segments: &[&str]) -> Option<String> {
    if segments.contains(&"__MACOSX") {
        return Some(
            "the Finder of macOS left it in the archive: zip with `zip -X -r pass.zip . -x '.*' '*/.*'` instead".into(),
        );
    }
    let file = segments.last()?;
    if file.starts_with('.') || ["Thumbs.db", "desktop.ini"].contains(file) {
        return Some(format!(
            "{file} is no part of a pass, and Wallet would refuse it: delete it"
        ));
    }
    None
}

fn picture_format(name: &str) -> Option<&'static str> {
    match extension(name)?.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => Some("a JPEG"),
        "gif" => Some("a GIF"),
        "webp" => Some("a WebP"),
        "heic" | "heif" => Some("a HEIF"),
        "tif" | "tiff" => Some("a TIFF"),
        "bmp" => Some("a BMP"),
        "svg" => Some("an SVG"),
        "pdf" => Some("a PDF"),
        _ => None,
    }
}

fn extension(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next()?;
    file.rsplit_once('.').map(|(_, extension)| extension)
}
