//! The store that a URL names.

use passes::ports::StoreResult;

use super::{Bucket, File, Folder, ReadFiles, WriteFiles, is_plain};
use crate::connections::Connections;

/// A bucket or a folder, as `TEMPLATES_URL`, `INCOMING_URL` and `ASSETS_URL` say.
#[derive(Debug, Clone)]
pub enum FileStore {
    Folder(Folder),
    Bucket(Bucket),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} names no place for files; write s3://bucket, s3://bucket/prefix or file:///absolute/path")]
pub struct FileUrlError {
    pub url: String,
}

impl FileStore {
    /// Reads `s3://bucket`, `s3://bucket/prefix` or `file:///absolute/path`; a slash at the end is
    /// overlooked. Makes no call.
    pub fn from_url(url: &str, connections: &Connections) -> Result<Self, FileUrlError> {
        let unclear = || FileUrlError { url: url.to_owned() };
        if let Some(folder) = Folder::from_url(url) {
            return Ok(Self::Folder(folder));
        }
        let place = url.strip_prefix("s3://").ok_or_else(unclear)?;
        let place = place.strip_suffix('/').unwrap_or(place);
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        // S3's rules for names, as far as a slip of the pen goes.
        let is_name = (3..=63).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
        if !is_name || !(place == bucket || is_plain(prefix)) {
            return Err(unclear());
        }
        Ok(Self::Bucket(Bucket::new(connections.clone(), bucket, prefix)))
    }
}

impl ReadFiles for FileStore {
    async fn newest(&self, key: &str) -> StoreResult<Option<File>> {
        match self {
            Self::Folder(folder) => folder.newest(key).await,
            Self::Bucket(bucket) => bucket.newest(key).await,
        }
    }

    async fn version(&self, key: &str, version: &str) -> StoreResult<Option<Vec<u8>>> {
        match self {
            Self::Folder(folder) => folder.version(key, version).await,
            Self::Bucket(bucket) => bucket.version(key, version).await,
        }
    }

    async fn bytes(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        match self {
            Self::Folder(folder) => folder.bytes(key).await,
            Self::Bucket(bucket) => bucket.bytes(key).await,
        }
    }

    async fn stamp(&self, key: &str) -> StoreResult<Option<String>> {
        match self {
            Self::Folder(folder) => folder.stamp(key).await,
            Self::Bucket(bucket) => bucket.stamp(key).await,
        }
    }
}

impl WriteFiles for FileStore {
    async fn write(&self, key: &str, bytes: Vec<u8>) -> StoreResult<()> {
        match self {
            Self::Folder(folder) => folder.write(key, bytes).await,
            Self::Bucket(bucket) => bucket.write(key, bytes).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_chooses_the_kind_of_store() {
        let connections = Connections::default();
        for url in ["file:///opt/livepass", "file:///"] {
            let store = FileStore::from_url(url, &connections);
            assert!(matches!(store, Ok(FileStore::Folder(_))), "{url}");
        }
        for url in ["s3://bucket", "s3://bucket/", "s3://my.bucket-1/a/b", "s3://bucket/a/"] {
            let store = FileStore::from_url(url, &connections);
            assert!(matches!(store, Ok(FileStore::Bucket(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_names_the_forms_that_are_allowed() {
        for url in [
            "/opt",
            "file://opt",
            "s3:/bucket",
            "s3://",
            "s3:///a",
            "s3://Bucket",
            "s3://bucket//a",
            "s3://bucket/../a",
            "https://bucket.s3.amazonaws.com",
        ] {
            let error = FileStore::from_url(url, &Connections::default()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "{url:?} names no place for files; write s3://bucket, s3://bucket/prefix or file:///absolute/path"
                )
            );
        }
    }
}
