//! Template bundles and assets: named bytes under a URL.
//!
//! | URL | kept in |
//! | --- | --- |
//! | `s3://bucket`, `s3://bucket/prefix` | an S3 bucket |
//! | `file:///path` | a folder, e.g. of a Lambda layer |

mod assets;
mod folder;
mod s3;
mod store;
mod templates;
mod uploads;

use passes::ports::{StoreError, StoreResult};
use std::future::Future;

pub use assets::Assets;
pub(crate) use folder::read_file;
pub use folder::{Folder, write_whole};
pub use s3::Bucket;
pub use store::{FileStore, FileUrlError};
pub use templates::Templates;
pub use uploads::Uploads;

/// The largest file that is read. A template's files are at most 4 MiB
/// ([`pkpass::MAX_UNPACKED_BYTES`]); its bundle adds two headers of up to 256 bytes with
/// the name for each of at most 2,000 files, under 1 MiB; and one more to spare. An image is far
/// smaller.
pub const MAX_FILE_BYTES: usize = 6 * 1024 * 1024;

/// Port of this crate: reads whole files by key, e.g. `templates/{id}/{version}.zip`.
///
/// Keys come from records. One that could lead elsewhere or names nothing (`..`, an empty part,
/// a control character) is a file that is not there. A file above [`MAX_FILE_BYTES`] is an error.
pub trait ReadFiles: Send + Sync {
    /// The newest bytes and their version; `None` if there is no such file.
    fn newest(&self, key: &str) -> impl Future<Output = StoreResult<Option<File>>> + Send;

    /// The bytes of that version; `None` if it is no longer there.
    fn version(&self, key: &str, version: &str) -> impl Future<Output = StoreResult<Option<Vec<u8>>>> + Send;

    /// The newest bytes alone, for whoever will not come back for them.
    fn bytes(&self, key: &str) -> impl Future<Output = StoreResult<Option<Vec<u8>>>> + Send;

    /// A name that changes each time the file is stored, also with the same bytes.
    fn stamp(&self, key: &str) -> impl Future<Output = StoreResult<Option<String>>> + Send;
}

/// Port of this crate: stores whole files.
pub trait WriteFiles: Send + Sync {
    /// Stores a file in the place of what was there; nobody reads half of it.
    fn write(&self, key: &str, bytes: Vec<u8>) -> impl Future<Output = StoreResult<()>> + Send;
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Names exactly these bytes.
    pub version: String,
    pub bytes: Vec<u8>,
}

/// Superseded bytes of a folder stand here, and are reached by their version alone.
const VERSIONS: &str = ".versions";

/// S3's limit for a whole key, in bytes.
const MAX_KEY_BYTES: usize = 1024;

/// Whether a key names one file below its root, whichever kind of store that is.
pub(crate) fn is_plain(key: &str) -> bool {
    key.len() <= MAX_KEY_BYTES
        && !key.chars().any(char::is_control)
        && key
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && part != VERSIONS)
}

fn too_large(call: &'static str, what: &str) -> StoreError {
    StoreError::Unreadable {
        call,
        reason: format!("{what} is larger than {MAX_FILE_BYTES} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_key_names_one_file_below_its_root() {
        for key in ["a", "a/b.zip", "Größe/ä é.png", "a..b/...", "-"] {
            assert!(is_plain(key), "{key:?}");
        }
        let long = "x".repeat(MAX_KEY_BYTES + 1);
        for key in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            "a\0",
            "a\nb",
            ".versions/x",
            &long,
        ] {
            assert!(!is_plain(key), "{key:?}");
        }
    }
}
