//! Images of single passes.

use passes::ports::{Asset, ReadAssets, StoreError, StoreResult};

use super::ReadFiles;

#[derive(Debug)]
pub struct Assets<F> {
    files: F,
}

impl<F> Assets<F> {
    pub fn new(files: F) -> Self {
        Self { files }
    }
}

impl<F: ReadFiles> ReadAssets for Assets<F> {
    async fn newest_asset(&self, key: &str) -> StoreResult<Option<Asset>> {
        Ok(self.files.newest(key).await?.map(|file| Asset {
            version: file.version,
            bytes: file.bytes,
        }))
    }

    async fn pinned_asset(&self, key: &str, version: &str) -> StoreResult<Vec<u8>> {
        self.files
            .version(key, version)
            .await?
            .ok_or_else(|| StoreError::Unreadable {
                call: "read-asset",
                reason: format!("{key} is published in a version that is no longer there"),
            })
    }
}
