use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};

use crate::certificate::SigningCertificate;
use crate::identity_error::IdentityError;
use crate::pem;
use crate::signed_data::SigningParts;

/// Signing stands behind this one port, so that a key service can be an adapter one day.
pub trait Signer: Send + Sync {
    /// Signs with RSA, PKCS#1 v1.5.
    ///
    /// `digest` is the SHA-256 of the signed attributes in DER; the signature is as long as the
    /// key's modulus, big-endian.
    ///
    /// # Errors
    /// [`SignError`], which says whether trying again can help.
    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError>;
}

/// A signature that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key in this process cannot sign.
    #[error("the private key does not sign: check the key with `openssl pkey -check`")]
    Key,
    /// The time cannot be written into a signature.
    #[error("the signing time is not between the years 1970 and 9999: check the clock")]
    Time,
    /// The signature's structure cannot be encoded.
    #[error("the signature cannot be encoded")]
    Encoding(#[source] der::Error),
    /// A key service failed.
    #[error("the key service did not sign")]
    Service {
        /// Whether trying again can help.
        retryable: bool,
        /// What the service says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SignError {
    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Service { retryable, .. } => *retryable,
            Self::Key | Self::Time | Self::Encoding(_) => false,
        }
    }
}

/// An RSA private key in this process. Neither shown by `Debug` nor readable again.
pub struct LocalKey {
    pair: rsa::KeyPair,
}

impl LocalKey {
    /// Reads an RSA private key of 2048 to 8192 bits from PEM, as PKCS#8 (`PRIVATE KEY`) or PKCS#1
    /// (`RSA PRIVATE KEY`): the first of the file. Other blocks, such as certificates, are skipped, and
    /// the file may be in whatever form it was pasted: see [`pem`].
    ///
    /// # Errors
    /// What is wrong with the key, with the way to mend it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, IdentityError> {
        Self::read(&key_blocks(pem)?[0])
    }

    fn read(block: &pem::Block) -> Result<Self, IdentityError> {
        if block.is_encrypted() {
            return Err(IdentityError::EncryptedKey);
        }
        let malformed = |reason: &str| IdentityError::MalformedKey {
            reason: reason.to_owned(),
        };
        if !["RSA PRIVATE KEY", "PRIVATE KEY"].contains(&block.label()) {
            return Err(IdentityError::KeyNotRsa);
        }
        let der = block.der().map_err(malformed)?;
        let pair = match block.label() {
            "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der),
            _ => {
                if !is_rsa(der).map_err(|error| malformed(&error.to_string()))? {
                    return Err(IdentityError::KeyNotRsa);
                }
                rsa::KeyPair::from_pkcs8(der)
            }
        };
        pair.map(|pair| Self { pair })
            .map_err(|error| malformed(&error.to_string()))
    }

    fn fits(&self, certificate: &SigningCertificate) -> bool {
        certificate.leaf.rsa_key() == Some(self.pair.public_key().as_ref())
    }
}

/// The private keys of a PEM file, at least one.
fn key_blocks(pem: &[u8]) -> Result<Vec<pem::Block>, IdentityError> {
    let mut blocks = pem::blocks(pem)?;
    blocks.retain(pem::Block::is_private_key);
    match blocks.is_empty() {
        true => Err(IdentityError::NoKey),
        false => Ok(blocks),
    }
}

impl Signer for LocalKey {
    fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>, SignError> {
        // "Less safe" because a digest can hide what is signed; here it is made one call above.
        let digest = Digest::import_less_safe(digest, &SHA256).map_err(|_| SignError::Key)?;
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature)
            .map_err(|_| SignError::Key)?;
        Ok(signature)
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey(redacted)")
    }
}

/// Who signs: a certificate and the key that belongs to it.
///
/// What is the same in every signature is encoded once, here. Make one per certificate and keep
/// it; it is `Send` and `Sync`.
pub struct Identity {
    certificate: Arc<SigningCertificate>,
    signer: Box<dyn Signer>,
    parts: SigningParts,
}

impl Identity {
    /// Puts a certificate and its key together.
    ///
    /// # Errors
    /// [`IdentityError::OtherKey`] when they do not belong together.
    pub fn new(certificate: Arc<SigningCertificate>, key: LocalKey) -> Result<Self, IdentityError> {
        match key.fits(&certificate) {
            true => Self::assemble(certificate, Box::new(key)),
            false => Err(IdentityError::OtherKey {
                pass_type: certificate.pass_type_identifier().to_owned(),
            }),
        }
    }

    /// Puts a certificate together with that key of a PEM file which belongs to it. While an
    /// identity is replaced, the file holds the new key and the old one.
    ///
    /// # Errors
    /// [`IdentityError::OtherKey`] when none belongs to it, and what is wrong with a key.
    pub fn from_pem(certificate: Arc<SigningCertificate>, keys: &[u8]) -> Result<Self, IdentityError> {
        let blocks = key_blocks(keys)?;
        let mut keys = blocks.iter().map(LocalKey::read).collect::<Result<Vec<_>, _>>()?;
        let fitting = keys.iter().position(|key| key.fits(&certificate)).unwrap_or(0);
        Self::new(certificate, keys.swap_remove(fitting))
    }

    /// Puts a certificate and any other signer together, after one signature to see that they
    /// belong together.
    ///
    /// # Errors
    /// [`IdentityError::OtherKey`] when they do not, [`IdentityError::NoSignature`] when nothing
    /// was signed.
    pub fn with_signer(certificate: Arc<SigningCertificate>, signer: Box<dyn Signer>) -> Result<Self, IdentityError> {
        let digest = aws_lc_rs::digest::digest(&SHA256, b"does this key belong to the certificate");
        let signature = <[u8; 32]>::try_from(digest.as_ref())
            .map_err(|_| SignError::Key)
            .and_then(|digest| signer.sign(&digest))
            .map_err(|error| IdentityError::NoSignature {
                pass_type: certificate.pass_type_identifier().to_owned(),
                reason: error.to_string(),
            })?;
        let belongs = certificate.leaf.rsa_key().is_some_and(|key| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                .verify_digest(&digest, &signature)
                .is_ok()
        });
        if !belongs {
            return Err(IdentityError::OtherKey {
                pass_type: certificate.pass_type_identifier().to_owned(),
            });
        }
        Self::assemble(certificate, signer)
    }

    fn assemble(certificate: Arc<SigningCertificate>, signer: Box<dyn Signer>) -> Result<Self, IdentityError> {
        let parts = SigningParts::new(&certificate).map_err(|error| IdentityError::MalformedCertificate {
            position: 1,
            reason: error.to_string(),
        })?;
        Ok(Self {
            certificate,
            signer,
            parts,
        })
    }

    /// The certificate.
    pub fn certificate(&self) -> &SigningCertificate {
        &self.certificate
    }

    pub(crate) fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    pub(crate) fn parts(&self) -> &SigningParts {
        &self.parts
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// Whether a PKCS#8 key says that it is RSA.
fn is_rsa(pkcs8: &[u8]) -> der::Result<bool> {
    use der::{Decode as _, Reader as _};
    der::SliceReader::new(pkcs8)?.sequence(|fields| {
        let _version = u8::decode(fields)?;
        let algorithm = spki::AlgorithmIdentifierRef::decode(fields)?;
        // The key itself is read by aws-lc-rs; here its bytes are only passed over.
        fields.read_slice(fields.remaining_len())?;
        Ok(algorithm.oid == const_oid::db::rfc5912::RSA_ENCRYPTION)
    })
}
