//! Files that are made once, appear whole or not at all, and are readable by their owner alone.
//!
//! Everything is written under a name that begins with a dot and ends in `.partial`, then
//! renamed. What a killed process left under such a name is made anew; the caller holds the
//! folder's lock, so no other process can be at work on it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::SeedError;

/// Makes `path` and its parents, each with mode 0700 where it is new.
pub(crate) fn create_folder(path: &Path) -> Result<(), SeedError> {
    private_folder()
        .recursive(true)
        .create(path)
        .map_err(SeedError::io(path))
}

/// Takes the folder's lock and waits while another process makes its content. Dropping the file
/// gives it back.
pub(crate) fn lock(folder: &Path) -> Result<File, SeedError> {
    let path = folder.join(".lock");
    let lock = || {
        let file = private_file().create(true).truncate(false).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(SeedError::io(&path))
}

/// Writes `path` unless it is there.
pub(crate) fn create_file_once(
    path: &Path,
    content: impl FnOnce() -> Result<Vec<u8>, SeedError>,
) -> Result<(), SeedError> {
    if path.exists() {
        return Ok(());
    }
    let partial = partial(path);
    write(&partial, &content()?).map_err(SeedError::io(&partial))?;
    fs::rename(&partial, path).map_err(SeedError::io(path))
}

/// Writes a folder with these files unless it is there: files that belong together, such as a
/// certificate and its key, come into being together.
pub(crate) fn create_folder_once<const N: usize>(
    path: &Path,
    content: impl FnOnce() -> Result<[(&'static str, String); N], SeedError>,
) -> Result<(), SeedError> {
    if path.exists() {
        return Ok(());
    }
    let files = content()?;
    let partial = partial(path);
    let make = || {
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        private_folder().create(&partial)?;
        for (name, text) in &files {
            write(&partial.join(name), text.as_bytes())?;
        }
        fs::rename(&partial, path)
    };
    make().map_err(SeedError::io(path))
}

/// Writes a folder with these files, by their paths with slashes, unless it is there. They are
/// copies of what is kept elsewhere, so nothing waits for the disk.
pub(crate) fn create_tree_once(
    path: &Path,
    files: impl FnOnce() -> BTreeMap<String, Vec<u8>>,
) -> Result<(), SeedError> {
    if path.exists() {
        return Ok(());
    }
    let partial = partial(path);
    let make = || {
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        for (name, content) in files() {
            let file = partial.join(name);
            if let Some(folder) = file.parent() {
                private_folder().recursive(true).create(folder)?;
            }
            private_file()
                .create(true)
                .truncate(true)
                .open(file)?
                .write_all(&content)?;
        }
        fs::rename(&partial, path)
    };
    make().map_err(SeedError::io(path))
}

pub(crate) fn read_text(path: &Path) -> Result<String, SeedError> {
    fs::read_to_string(path).map_err(SeedError::io(path))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private_file().create(true).truncate(true).open(path)?;
    file.write_all(content)?;
    // Otherwise a power cut could leave the new name with none of the content.
    file.sync_all()
}

fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}

#[cfg(unix)]
fn private_folder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}
