//! Certificates and signing identities of pass types.

use std::sync::Arc;

use passes::ids::PassTypeIdentifier;
use passes::ports::{IdentityFault, ReadCertificates, ReadIdentities};
use passes::time::Timestamp;
use pkpass::{Identity, IdentityError, SigningCertificate};

use super::cache::Passing;
use super::{ReadSecret, Secrets};

impl Passing for IdentityFault {
    fn will_pass(&self) -> bool {
        matches!(self, Self::Store(error) if error.will_pass())
    }
}

/// Why certificate and key could not be read as a pair.
#[derive(Debug, thiserror::Error)]
enum PairFault {
    /// Both are good, but one has been replaced and the other not yet.
    #[error("{0}")]
    HalfRotated(String),
    #[error(transparent)]
    Other(#[from] IdentityFault),
}

impl Passing for PairFault {
    fn will_pass(&self) -> bool {
        match self {
            Self::HalfRotated(_) => true,
            Self::Other(fault) => fault.will_pass(),
        }
    }
}

impl From<PairFault> for IdentityFault {
    fn from(fault: PairFault) -> Self {
        match fault {
            PairFault::HalfRotated(sentence) => Self::Unusable(sentence),
            PairFault::Other(fault) => fault,
        }
    }
}

impl<R: ReadSecret> Secrets<R> {
    async fn read_certificate(&self, pass_type: &PassTypeIdentifier) -> Result<SigningCertificate, IdentityFault> {
        let name = format!("pass-types/{pass_type}/certificate.pem");
        let pem = self.reader.secret(&name).await?.ok_or_else(|| {
            IdentityFault::Unusable(format!(
                "there is no certificate for {pass_type}; store it with its intermediate as secret `{name}`"
            ))
        })?;
        SigningCertificate::from_pem(&pem).map_err(|error| unusable(&name, error))
    }

    async fn read_identity(&self, pass_type: &PassTypeIdentifier, now: Timestamp) -> Result<Identity, PairFault> {
        match self.read_pair(pass_type, now).await {
            // Both may have been replaced between the two reads.
            Err(PairFault::HalfRotated(_)) => self.read_pair(pass_type, now).await,
            other => other,
        }
    }

    async fn read_pair(&self, pass_type: &PassTypeIdentifier, now: Timestamp) -> Result<Identity, PairFault> {
        let certificate = self.read_certificate(pass_type).await?;
        check(&certificate, pass_type, now)?;
        let name = format!("pass-types/{pass_type}/key.pem");
        let pem = self.reader.secret(&name).await.map_err(IdentityFault::from)?;
        let pem = pem.ok_or_else(|| {
            IdentityFault::Unusable(format!(
                "there is no signing key for {pass_type}; store it as secret `{name}`"
            ))
        })?;
        Identity::from_pem(Arc::new(certificate), &pem).map_err(|error| match error {
            IdentityError::OtherKey { .. } => PairFault::HalfRotated(format!("secret `{name}`: {error}")),
            error => unusable(&name, error).into(),
        })
    }
}

fn unusable(name: &str, error: impl std::fmt::Display) -> IdentityFault {
    IdentityFault::Unusable(format!("secret `{name}`: {error}"))
}

fn check(
    certificate: &SigningCertificate,
    pass_type: &PassTypeIdentifier,
    now: Timestamp,
) -> Result<(), IdentityFault> {
    certificate
        .check_for(pass_type.as_str(), None, now.system_time())
        .map_err(|error| IdentityFault::Unusable(error.to_string()))
}

impl<R: ReadSecret> ReadCertificates for Secrets<R> {
    async fn certificate(
        &self,
        pass_type: &PassTypeIdentifier,
        now: Timestamp,
    ) -> Result<Arc<SigningCertificate>, IdentityFault> {
        let read = async {
            let certificate = self.read_certificate(pass_type).await?;
            check(&certificate, pass_type, now)?;
            Ok::<_, IdentityFault>(certificate)
        };
        let certificate = self
            .certificates
            .get_or_read(pass_type.as_str(), (self.clock)(), read)
            .await?;
        // It may have lapsed since it was read.
        check(&certificate, pass_type, now)?;
        Ok(certificate)
    }
}

impl<R: ReadSecret> ReadIdentities for Secrets<R> {
    async fn identity(&self, pass_type: &PassTypeIdentifier, now: Timestamp) -> Result<Arc<Identity>, IdentityFault> {
        let identity = self
            .identities
            .get_or_read(pass_type.as_str(), (self.clock)(), self.read_identity(pass_type, now))
            .await?;
        check(identity.certificate(), pass_type, now)?;
        Ok(identity)
    }
}
