//! Files and secrets as one: what rendering and signing need.

use std::sync::Arc;

use passes::ids::{PassTypeIdentifier, TemplateId};
use passes::ports::{
    Asset, IdentityFault, ReadAssets, ReadCertificates, ReadIdentities, ReadLinkKeys, ReadTemplates, ReadTokenKeys,
    StoreResult,
};
use passes::time::Timestamp;
use passes::tokens::KeyRing;
use pkpass::{Identity, SigningCertificate, Template};

use crate::files::{Assets, ReadFiles, Templates};
use crate::secrets::{ReadSecret, Secrets};

/// Implements each port by its part. What a function may really read is decided by its role.
pub struct Material<F, R> {
    pub templates: Templates<F>,
    pub assets: Assets<F>,
    pub secrets: Secrets<R>,
}

impl<F: ReadFiles, R: ReadSecret> ReadTemplates for Material<F, R> {
    async fn template(&self, id: &TemplateId, version: &str) -> StoreResult<Arc<Template>> {
        self.templates.template(id, version).await
    }
}

impl<F: ReadFiles, R: ReadSecret> ReadAssets for Material<F, R> {
    async fn newest_asset(&self, key: &str) -> StoreResult<Option<Asset>> {
        self.assets.newest_asset(key).await
    }

    async fn pinned_asset(&self, key: &str, version: &str) -> StoreResult<Vec<u8>> {
        self.assets.pinned_asset(key, version).await
    }
}

impl<F: ReadFiles, R: ReadSecret> ReadCertificates for Material<F, R> {
    async fn certificate(
        &self,
        pass_type: &PassTypeIdentifier,
        now: Timestamp,
    ) -> Result<Arc<SigningCertificate>, IdentityFault> {
        self.secrets.certificate(pass_type, now).await
    }
}

impl<F: ReadFiles, R: ReadSecret> ReadIdentities for Material<F, R> {
    async fn identity(&self, pass_type: &PassTypeIdentifier, now: Timestamp) -> Result<Arc<Identity>, IdentityFault> {
        self.secrets.identity(pass_type, now).await
    }
}

impl<F: ReadFiles, R: ReadSecret> ReadTokenKeys for Material<F, R> {
    async fn token_keys(&self) -> StoreResult<Arc<KeyRing>> {
        self.secrets.token_keys().await
    }
}

impl<F: ReadFiles, R: ReadSecret> ReadLinkKeys for Material<F, R> {
    async fn link_keys(&self) -> StoreResult<Arc<KeyRing>> {
        self.secrets.link_keys().await
    }
}
