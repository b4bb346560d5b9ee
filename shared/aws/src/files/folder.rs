//! A folder on disk.

use std::io::{ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passes::ports::{StoreError, StoreResult};

use super::{File, MAX_FILE_BYTES, ReadFiles, VERSIONS, is_plain, too_large};

/// Files below one folder. A version is the hash of its bytes; what was read once as the newest
/// is kept in `.versions/{version}` where the folder can be written to, so that a pinned image
/// survives being overwritten.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Reads `file:///absolute/path`.
    pub(crate) fn from_url(url: &str) -> Option<Self> {
        let path = url.strip_prefix("file://")?;
        path.starts_with('/').then(|| Self::new(path))
    }

    /// Keys come from records: none may lead out of the folder.
    pub(crate) fn plain_path(&self, key: &str) -> Option<PathBuf> {
        is_plain(key).then(|| self.root.join(key))
    }
}

pub(crate) async fn read_file(path: &Path) -> StoreResult<Option<Vec<u8>>> {
    const CALL: &str = "read-file";
    let file = path.to_owned();
    let read = move || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // One byte more shows that there are more.
        std::fs::File::open(file)?
            .take(MAX_FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(bytes)) if bytes.len() > MAX_FILE_BYTES => Err(too_large(CALL, &path.display().to_string())),
        Ok(Ok(bytes)) => Ok(Some(bytes)),
        Ok(Err(error)) if names_no_file(error.kind()) => Ok(None),
        Ok(Err(error)) => Err(StoreError::Refused {
            call: CALL,
            source: error.into(),
        }),
        Err(error) => Err(StoreError::OutcomeUnknown {
            call: CALL,
            source: error.into(),
        }),
    }
}

/// Keys come from records: one that can name no file is a file that is not there.
fn names_no_file(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
    )
}

fn version_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

impl ReadFiles for Folder {
    async fn newest(&self, key: &str) -> StoreResult<Option<File>> {
        let Some(path) = self.plain_path(key) else {
            return Ok(None);
        };
        let Some(bytes) = read_file(&path).await? else {
            return Ok(None);
        };
        let version = version_of(&bytes);
        let kept = self.root.join(VERSIONS).join(&version);
        let copy = bytes.clone();
        // A read-only folder, such as a layer, cannot be overwritten either: nothing to keep.
        let _ = tokio::task::spawn_blocking(move || keep(&kept, &copy)).await;
        Ok(Some(File { version, bytes }))
    }

    async fn version(&self, key: &str, version: &str) -> StoreResult<Option<Vec<u8>>> {
        let Some(path) = self.plain_path(key) else {
            return Ok(None);
        };
        let kept = match Path::new(version).components().collect::<Vec<_>>()[..] {
            [Component::Normal(name)] => read_file(&self.root.join(VERSIONS).join(name)).await?,
            _ => None,
        };
        if kept.is_some() {
            return Ok(kept);
        }
        Ok(read_file(&path).await?.filter(|bytes| version_of(bytes) == version))
    }
}

fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&unfinished, bytes)?;
    std::fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_version_survives_being_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        std::fs::write(dir.path().join("a.png"), b"one").unwrap();
        let first = folder.newest("a.png").await.unwrap().unwrap();
        std::fs::write(dir.path().join("a.png"), b"two").unwrap();
        let second = folder.newest("a.png").await.unwrap().unwrap();
        assert_ne!(first.version, second.version);
        assert_eq!(folder.version("a.png", &first.version).await.unwrap().unwrap(), b"one");
        assert_eq!(folder.version("a.png", &second.version).await.unwrap().unwrap(), b"two");
        assert_eq!(folder.version("a.png", "other").await.unwrap(), None);
    }

    #[tokio::test]
    async fn no_key_leads_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), b"x").unwrap();
        std::fs::create_dir(dir.path().join("inside")).unwrap();
        let folder = Folder::new(dir.path().join("inside"));
        let absolute = dir.path().join("secret");
        for key in [
            "../secret",
            "./../secret",
            "",
            absolute.to_str().unwrap(),
            ".versions/x",
        ] {
            assert_eq!(folder.newest(key).await.unwrap(), None, "{key:?}");
        }
    }

    #[tokio::test]
    async fn a_key_that_can_name_no_file_is_a_file_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("members")).unwrap();
        let folder = Folder::new(dir.path());
        for key in ["members", "a\0b", &"x".repeat(300), "members/none.png"] {
            assert_eq!(folder.newest(key).await.unwrap(), None, "{key:?}");
            assert_eq!(folder.version(key, "v").await.unwrap(), None, "{key:?}");
        }
    }
}
