//! Secrets: certificates, signing keys, the APNs key, link and token keys.
//!
//! | URL | kept in |
//! | --- | --- |
//! | `secretsmanager://prefix` | AWS Secrets Manager, as `{prefix}/{name}` |
//! | `file:///path` | a folder, as files of these names |
//!
//! | name | content |
//! | --- | --- |
//! | `pass-types/{type}/certificate.pem` | the pass type's certificate and the intermediate that issued it |
//! | `pass-types/{type}/key.pem` | its private key (PKCS#8 or PKCS#1) |
//! | `apns.json` | `{"key_id", "team_id", "private_key"}`, the key as PEM |
//! | `link-keys.json`, `token-keys.json` | `{"current": name, "keys": {name: base64url of 32 bytes}}` |

mod cache;
mod identities;
mod keys;
mod secrets_manager;
mod store;

use std::future::Future;
use std::sync::Arc;

use passes::ports::{StoreError, StoreResult};
use passes::time::Timestamp;
use passes::tokens::KeyRing;
use pkpass::{Identity, SigningCertificate};

use crate::files::Folder;
use cache::{Cache, Passing};
pub use keys::parse_key_ring;
pub use secrets_manager::SecretsManager;
pub use store::{SecretStore, SecretUrlError};

/// Port of this crate: reads one secret by name.
pub trait ReadSecret: Send + Sync {
    /// The newest value, text or binary; `None` if there is no such secret, and for a name that
    /// no secret could have.
    fn secret(&self, name: &str) -> impl Future<Output = StoreResult<Option<Vec<u8>>>> + Send;
}

impl ReadSecret for Folder {
    async fn secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        match self.plain_path(name) {
            Some(path) => crate::files::read_file(&path).await,
            None => Ok(None),
        }
    }
}

/// Secrets, parsed, checked and kept for at most 15 minutes, so that a rotated one is picked up
/// without a deploy.
///
/// Where the store is throttled or does not answer, and where certificate and key do not match
/// because only one of them has been replaced so far, what was read before serves for up to an
/// hour, with a warning at each further look. Anything else that is wrong is refused at once.
pub struct Secrets<R> {
    reader: R,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    certificates: Cache<SigningCertificate>,
    identities: Cache<Identity>,
    key_rings: Cache<KeyRing>,
}

impl<R> Secrets<R> {
    pub fn new(reader: R, clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            reader,
            clock,
            certificates: Cache::default(),
            identities: Cache::default(),
            key_rings: Cache::default(),
        }
    }
}

impl Passing for StoreError {
    fn will_pass(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::OutcomeUnknown { .. })
    }
}

impl<R: ReadSecret> Secrets<R> {
    /// The APNs key as stored; its meaning belongs to the APNs client.
    pub async fn apns_key(&self) -> StoreResult<Option<Vec<u8>>> {
        self.reader.secret("apns.json").await
    }
}
