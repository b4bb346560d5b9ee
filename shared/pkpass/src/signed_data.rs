//! The detached CMS signature over a manifest, put together by hand.
//!
//! The `cms` crate has a builder too, but its feature brings in the `rsa` crate, which is slower
//! and carries an open timing advisory; and it encodes certificates again instead of keeping
//! their bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    DigestAlgorithmIdentifiers, EncapsulatedContentInfo, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{ID_SHA_256, RSA_ENCRYPTION};
use der::asn1::{Any, GeneralizedTime, OctetString, SetOfVec, UtcTime};
use der::{DateTime, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

use crate::certificate::SigningCertificate;
use crate::signer::{Identity, SignError};

/// SignedData of RFC 5652 5.1 as packages have it: certificates and no revocation lists.
///
/// Not [`cms::signed_data::SignedData`], because that one decodes certificates and encodes them
/// again, while [`Any`] keeps their original bytes.
#[derive(Sequence)]
struct SignedData {
    version: CmsVersion,
    digest_algorithms: DigestAlgorithmIdentifiers,
    encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    certificates: SetOfVec<Any>,
    signer_infos: SignerInfos,
}

/// What is the same in every signature of one certificate.
pub(crate) struct SigningParts {
    certificates: SetOfVec<Any>,
    signer: SignerIdentifier,
    digest_algorithm: AlgorithmIdentifierOwned,
    signature_algorithm: AlgorithmIdentifierOwned,
    content_type: Attribute,
}

impl SigningParts {
    pub(crate) fn new(certificate: &SigningCertificate) -> der::Result<Self> {
        let leaf = &certificate.leaf.decoded.tbs_certificate;
        Ok(Self {
            certificates: SetOfVec::try_from(vec![
                Any::from_der(certificate.leaf_der())?,
                Any::from_der(certificate.intermediate_der())?,
            ])?,
            signer: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: leaf.issuer.clone(),
                serial_number: leaf.serial_number.clone(),
            }),
            // With NULL parameters, as wallets built on older libraries expect them.
            digest_algorithm: AlgorithmIdentifierOwned {
                oid: ID_SHA_256,
                parameters: Some(Any::null()),
            },
            signature_algorithm: AlgorithmIdentifierOwned {
                oid: RSA_ENCRYPTION,
                parameters: Some(Any::null()),
            },
            content_type: Attribute {
                oid: ID_CONTENT_TYPE,
                values: SetOfVec::try_from(vec![Any::encode_from(&ID_DATA)?])?,
            },
        })
    }
}

/// The file `signature`: DER of a ContentInfo with a detached SignedData over `manifest`'s bytes.
pub(crate) fn sign(manifest: &[u8], identity: &Identity, signing_time: SystemTime) -> Result<Vec<u8>, SignError> {
    let parts = identity.parts();
    let time = encode_time(signing_time).ok_or(SignError::Time)?;
    let attributes = signed_attributes(parts, manifest, time).map_err(SignError::Encoding)?;
    let to_sign = attributes.to_der().map_err(SignError::Encoding)?;
    let to_sign = <[u8; 32]>::try_from(digest(&SHA256, &to_sign).as_ref()).map_err(|_| SignError::Key)?;
    let signature = identity.signer().sign(&to_sign)?;
    assemble(parts, attributes, signature).map_err(SignError::Encoding)
}

/// The signed attributes. A [`SetOfVec`] sorts them as DER does; wallets built on Bouncy Castle
/// refuse any other order.
fn signed_attributes(parts: &SigningParts, manifest: &[u8], time: Time) -> der::Result<SetOfVec<Attribute>> {
    let one = |oid, value: Any| -> der::Result<Attribute> {
        Ok(Attribute {
            oid,
            values: SetOfVec::try_from(vec![value])?,
        })
    };
    let message_digest = OctetString::new(digest(&SHA256, manifest).as_ref())?;
    SetOfVec::try_from(vec![
        parts.content_type.clone(),
        one(ID_SIGNING_TIME, Any::encode_from(&time)?)?,
        one(ID_MESSAGE_DIGEST, Any::encode_from(&message_digest)?)?,
    ])
}

fn assemble(parts: &SigningParts, attributes: SetOfVec<Attribute>, signature: Vec<u8>) -> der::Result<Vec<u8>> {
    let signed_data = SignedData {
        // 1, because the content is plain data and the signer is named by issuer and serial.
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![parts.digest_algorithm.clone()])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: ID_DATA,
            econtent: None,
        },
        certificates: parts.certificates.clone(),
        signer_infos: SignerInfos(SetOfVec::try_from(vec![SignerInfo {
            version: CmsVersion::V1,
            sid: parts.signer.clone(),
            digest_alg: parts.digest_algorithm.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: parts.signature_algorithm.clone(),
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        }])?),
    };
    ContentInfo {
        content_type: ID_SIGNED_DATA,
        content: Any::encode_from(&signed_data)?,
    }
    .to_der()
}

/// RFC 5652 11.3: UTCTime through 2049, GeneralizedTime from then on.
fn encode_time(time: SystemTime) -> Option<Time> {
    let since_epoch = time.duration_since(UNIX_EPOCH).ok()?;
    let date = DateTime::from_unix_duration(since_epoch).ok()?;
    if date.year() <= UtcTime::MAX_YEAR {
        UtcTime::from_date_time(date).ok().map(Time::UtcTime)
    } else {
        Some(Time::GeneralTime(GeneralizedTime::from_date_time(date)))
    }
}
