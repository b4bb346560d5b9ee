//! Files and secrets.

use std::future::Future;
use std::sync::Arc;

use pkpass::{Identity, SigningCertificate};

use super::{StoreError, StoreResult};
use crate::ids::PassTypeIdentifier;
use crate::time::Timestamp;
use crate::tokens::KeyRing;

/// The bytes of an image with the version that pins them.
#[derive(Debug)]
pub struct Asset {
    pub version: String,
    pub bytes: Vec<u8>,
}

pub trait ReadAssets: Send + Sync {
    /// The newest bytes under this key.
    fn newest_asset(&self, key: &str) -> impl Future<Output = StoreResult<Option<Asset>>> + Send;

    /// The bytes that were pinned.
    fn pinned_asset(&self, key: &str, version: &str) -> impl Future<Output = StoreResult<Vec<u8>>> + Send;
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// Missing or wrong; the sentence names the fix.
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub trait ReadCertificates: Send + Sync {
    /// The pass type's certificate, checked against type and date.
    fn certificate(
        &self,
        pass_type: &PassTypeIdentifier,
        now: Timestamp,
    ) -> impl Future<Output = Result<Arc<SigningCertificate>, IdentityFault>> + Send;
}

pub trait ReadIdentities: Send + Sync {
    /// Certificate and signing key together, checked against each other.
    fn identity(
        &self,
        pass_type: &PassTypeIdentifier,
        now: Timestamp,
    ) -> impl Future<Output = Result<Arc<Identity>, IdentityFault>> + Send;
}

pub trait ReadTokenKeys: Send + Sync {
    /// The keys that authentication tokens are derived with.
    fn token_keys(&self) -> impl Future<Output = StoreResult<Arc<KeyRing>>> + Send;
}

pub trait ReadLinkKeys: Send + Sync {
    /// The keys that download links are signed with.
    fn link_keys(&self) -> impl Future<Output = StoreResult<Arc<KeyRing>>> + Send;
}
