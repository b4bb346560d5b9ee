//! Send an updated pass: the stored revision, freshly signed.

use pkpass::SigningCertificate;
use serde::Deserialize;

use crate::ids::PassKey;
use crate::ports::{IdentityFault, ReadAssets, ReadIdentities, ReadRevision, ReadTemplates, StoreError, StoreResult};
use crate::revision::Revision;
use crate::tag::RevisionNumber;
use crate::time::Timestamp;
use crate::tokens::AuthenticationToken;

#[derive(Debug)]
pub enum SendOutcome {
    /// Wrong token or unknown pass: one answer, so that nobody can probe for serials.
    Unauthorized,
    NotModified(Revision),
    Modified(Revision),
}

/// Decides what to answer. Served is only what has been published: content and date together.
///
/// `held` is the revision that the device says it has. Only this very one is not modified: a later
/// date by whatever clock says nothing.
pub async fn send<S: ReadRevision>(
    store: &S,
    key: &PassKey,
    token: &AuthenticationToken,
    held: Option<RevisionNumber>,
) -> StoreResult<SendOutcome> {
    let Some(revision) = authorized(store, key, token).await? else {
        return Ok(SendOutcome::Unauthorized);
    };
    if held == Some(revision.number) {
        return Ok(SendOutcome::NotModified(revision));
    }
    Ok(SendOutcome::Modified(revision))
}

/// The pass's revision, if the caller has shown its token. Unknown passes and wrong tokens are
/// one answer after one read.
pub async fn authorized<S: ReadRevision>(
    store: &S,
    key: &PassKey,
    token: &AuthenticationToken,
) -> StoreResult<Option<Revision>> {
    let revision = store.revision(key).await?;
    Ok(revision.filter(|revision| revision.token.matches(token)))
}

/// Why a revision could not be made into a package.
#[derive(Debug, thiserror::Error)]
pub enum PackagingError {
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the package could not be signed or archived")]
    Package(#[from] pkpass::PackageError),
}

impl PackagingError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Identity(IdentityFault::Store(error)) | Self::Store(error) => error.is_retryable(),
            Self::Identity(IdentityFault::Unusable(_)) => false,
            Self::Package(pkpass::PackageError::Sign(error)) => error.is_retryable(),
            Self::Package(_) => false,
        }
    }
}

/// The team stands in the revision as it was published; Wallet refuses a signature of another one.
fn check_team(revision: &Revision, certificate: &SigningCertificate) -> Result<(), IdentityFault> {
    #[derive(Deserialize)]
    struct Team {
        #[serde(rename = "teamIdentifier")]
        team: String,
    }
    let published: Team = serde_json::from_slice(&revision.pass_json).map_err(|error| StoreError::Unreadable {
        call: "revision",
        reason: format!("its pass.json: {error}"),
    })?;
    if published.team == certificate.team_identifier() {
        return Ok(());
    }
    Err(IdentityFault::Unusable(format!(
        "the certificate is of team {}, and the pass was published for team {}; store the certificate of that team, or \
         write the record again to publish it for this one",
        certificate.team_identifier(),
        published.team
    )))
}

/// Makes the signed package of a revision.
pub async fn package<M>(
    material: &M,
    key: &PassKey,
    revision: &Revision,
    now: Timestamp,
) -> Result<Vec<u8>, PackagingError>
where
    M: ReadTemplates + ReadAssets + ReadIdentities,
{
    let template = material
        .template(&revision.template.id, &revision.template.version)
        .await?;
    let identity = material.identity(&key.pass_type, now).await?;
    check_team(revision, identity.certificate())?;
    let mut images = Vec::with_capacity(revision.images.len());
    for image in &revision.images {
        let bytes = material.pinned_asset(&image.key, &image.version).await?;
        images.push((image.name.clone(), bytes));
    }
    Ok(template.package(&revision.pass_json, &images, &identity, now.system_time())?)
}
