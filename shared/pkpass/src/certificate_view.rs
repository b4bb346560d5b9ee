//! One X.509 certificate with its original bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ID_CE_BASIC_CONSTRAINTS, RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION,
    SHA_512_WITH_RSA_ENCRYPTION,
};
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use spki::AlgorithmIdentifierRef;
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;

/// The outer shell of a certificate, whose `tbs` gives back the bytes that were signed: encoding a
/// decoded certificate again may give others.
#[derive(Sequence)]
struct Shell<'a> {
    tbs: AnyRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

/// A certificate, decoded, with the bytes that it came in.
#[derive(Clone)]
pub(crate) struct CertificateView {
    pub(crate) der: Vec<u8>,
    pub(crate) decoded: Certificate,
}

impl CertificateView {
    pub(crate) fn from_der(der: &[u8]) -> der::Result<Self> {
        Ok(Self {
            der: der.to_vec(),
            decoded: Certificate::from_der(der)?,
        })
    }

    /// The first value of a subject attribute, if it is text.
    pub(crate) fn subject_text(&self, attribute: ObjectIdentifier) -> Option<&str> {
        let value = self
            .decoded
            .tbs_certificate
            .subject
            .0
            .iter()
            .flat_map(|relative| relative.0.iter())
            .find(|entry| entry.oid == attribute)
            .map(|entry| &entry.value)?;
        let is_text = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
        is_text
            .then(|| std::str::from_utf8(value.value()).ok())
            .flatten()
            .filter(|text| !text.is_empty())
    }

    /// The subject as people read it: `CN=...,OU=...`.
    pub(crate) fn subject(&self) -> String {
        self.decoded.tbs_certificate.subject.to_string()
    }

    /// The issuer as people read it.
    pub(crate) fn issuer(&self) -> String {
        self.decoded.tbs_certificate.issuer.to_string()
    }

    pub(crate) fn has_extension(&self, oid: ObjectIdentifier) -> bool {
        self.decoded
            .tbs_certificate
            .extensions
            .iter()
            .flatten()
            .any(|extension| extension.extn_id == oid)
    }

    /// Whether the certificate may issue others.
    pub(crate) fn is_authority(&self) -> bool {
        self.decoded
            .tbs_certificate
            .extensions
            .iter()
            .flatten()
            .find(|extension| extension.extn_id == ID_CE_BASIC_CONSTRAINTS)
            .and_then(|extension| BasicConstraints::from_der(extension.extn_value.as_bytes()).ok())
            .is_some_and(|constraints| constraints.ca)
    }

    pub(crate) fn not_before(&self) -> SystemTime {
        system_time(self.decoded.tbs_certificate.validity.not_before.to_unix_duration())
    }

    pub(crate) fn not_after(&self) -> SystemTime {
        system_time(self.decoded.tbs_certificate.validity.not_after.to_unix_duration())
    }

    /// The RSAPublicKey (PKCS#1) in the certificate; none when the key is not RSA.
    pub(crate) fn rsa_key(&self) -> Option<&[u8]> {
        let info = &self.decoded.tbs_certificate.subject_public_key_info;
        (info.algorithm.oid == RSA_ENCRYPTION)
            .then(|| info.subject_public_key.as_bytes())
            .flatten()
    }

    /// Whether `authority` issued this certificate: the names agree byte for byte, and its key
    /// made the signature.
    pub(crate) fn is_issued_by(&self, authority: &Self) -> bool {
        self.names_as_issuer(authority) && self.is_signed_by(authority).unwrap_or(false)
    }

    /// Whether this certificate's issuer is `authority`'s subject.
    pub(crate) fn names_as_issuer(&self, authority: &Self) -> bool {
        self.decoded.tbs_certificate.issuer == authority.decoded.tbs_certificate.subject
    }

    fn is_signed_by(&self, authority: &Self) -> der::Result<bool> {
        let shell = Shell::from_der(&self.der)?;
        let algorithm = shell.algorithm.oid;
        let (Some(parameters), Some(key), Some(signature)) = (
            rsa_parameters(algorithm),
            authority.rsa_key(),
            shell.signature.as_bytes(),
        ) else {
            return Ok(false);
        };
        // RFC 5280 4.1.1.2: outside and inside name the same algorithm.
        let same = self.decoded.tbs_certificate.signature.oid == algorithm;
        let signed = shell.tbs.to_der()?;
        Ok(same
            && UnparsedPublicKey::new(parameters, key)
                .verify(&signed, signature)
                .is_ok())
    }
}

/// What Apple signs certificates with today. SHA-1 is not among them.
fn rsa_parameters(algorithm: ObjectIdentifier) -> Option<&'static RsaParameters> {
    match algorithm {
        SHA_256_WITH_RSA_ENCRYPTION => Some(&RSA_PKCS1_2048_8192_SHA256),
        SHA_384_WITH_RSA_ENCRYPTION => Some(&RSA_PKCS1_2048_8192_SHA384),
        SHA_512_WITH_RSA_ENCRYPTION => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn system_time(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH + since_epoch
}
