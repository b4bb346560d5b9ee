//! A folder on disk.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passes::ports::{StoreError, StoreResult};

use super::{File, MAX_FILE_BYTES, ReadFiles, VERSIONS, WriteFiles, is_plain, too_large};

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

    async fn bytes(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        match self.plain_path(key) {
            Some(path) => read_file(&path).await,
            None => Ok(None),
        }
    }

    async fn stamp(&self, key: &str) -> StoreResult<Option<String>> {
        let Some(path) = self.plain_path(key) else {
            return Ok(None);
        };
        let stamp = |metadata: std::fs::Metadata| {
            let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(format!("{}-{}", since.as_nanos(), metadata.len()))
        };
        match std::fs::metadata(path).and_then(stamp) {
            Ok(stamp) => Ok(Some(stamp)),
            Err(error) if names_no_file(error.kind()) => Ok(None),
            Err(error) => Err(StoreError::Refused {
                call: "stamp-file",
                source: error.into(),
            }),
        }
    }
}

impl WriteFiles for Folder {
    async fn write(&self, key: &str, bytes: Vec<u8>) -> StoreResult<()> {
        let refused = |reason: String| StoreError::Refused {
            call: "write-file",
            source: reason.into(),
        };
        let path = self
            .plain_path(key)
            .ok_or_else(|| refused(format!("{key:?} names no file")))?;
        let shown = path.display().to_string();
        match tokio::task::spawn_blocking(move || write_whole(&path, &bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(refused(format!("{shown}: {error}"))),
            Err(error) => Err(StoreError::OutcomeUnknown {
                call: "write-file",
                source: error.into(),
            }),
        }
    }
}

fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match path.exists() {
        true => Ok(()),
        false => write_whole(path, bytes),
    }
}

/// Puts a file in the place of what was there, readable by its owner alone. Whoever reads meanwhile,
/// or after a crash, finds the old bytes or the new ones; of several writers the last one wins.
///
/// It is written beside its place under a name of its own (`.{random}.part`): two functions may store the
/// same version of a template at once.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut unfinished = tempfile::Builder::new()
        .prefix(".")
        .suffix(".part")
        .tempfile_in(folder)?;
    unfinished.write_all(bytes)?;
    // Without it a power cut may keep the rename and lose the content.
    unfinished.as_file().sync_all()?;
    unfinished.persist(path)?;
    Ok(())
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

    /// As when the notice of an upload comes twice at once.
    #[tokio::test]
    async fn of_many_writers_of_one_file_each_succeeds_and_none_leaves_anything_behind() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let contents: Vec<_> = (0..32_u8).map(|writer| vec![writer; 256 * 1024]).collect();
        let writers = contents.iter().map(|content| {
            let (folder, content) = (folder.clone(), content.clone());
            tokio::spawn(async move { folder.write("card/v.zip", content).await })
        });
        for written in writers.collect::<Vec<_>>() {
            written.await.unwrap().unwrap();
        }
        let read = folder.bytes("card/v.zip").await.unwrap().unwrap();
        assert!(contents.contains(&read), "one writer's bytes, whole");
        assert_eq!(std::fs::read_dir(dir.path().join("card")).unwrap().count(), 1);
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
