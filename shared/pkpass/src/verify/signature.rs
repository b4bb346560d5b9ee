//! The CMS signature, read without trusting anything in it.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{DigestAlgorithmIdentifiers, EncapsulatedContentInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{
    ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION, SHA_1_WITH_RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use der::asn1::{AnyRef, OctetString, OctetStringRef, SetOfVec};
use der::{Decode, DecodeOwned, Encode, Sequence, Tag, Tagged};
use spki::AlgorithmIdentifierRef;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

use crate::certificate::SigningCertificate;

/// SignedData of RFC 5652 5.1. Certificates and signer keep their bytes, because decoding a set
/// sorts it, and the order of the signed attributes is one of the things to verify.
#[derive(Sequence)]
struct SignedData<'a> {
    version: CmsVersion,
    digest_algorithms: DigestAlgorithmIdentifiers,
    encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    certificates: Option<SetOfVec<AnyRef<'a>>>,
    signer_infos: SetOfVec<AnyRef<'a>>,
}

pub(super) struct Signed {
    pub(super) certificate: SigningCertificate,
    pub(super) signing_time: SystemTime,
}

/// Why a signature is refused.
pub(super) struct Refusal {
    /// At least one sentence, and none that follows from another.
    pub(super) reasons: Vec<String>,
    /// Whether one of them is that another manifest was signed.
    pub(super) other_manifest: bool,
}

impl From<Vec<String>> for Refusal {
    fn from(reasons: Vec<String>) -> Self {
        Self {
            reasons,
            other_manifest: false,
        }
    }
}

/// SignerInfo of RFC 5652 5.3 without unsigned attributes, which nothing here reads.
struct SignerView<'a> {
    version: CmsVersion,
    signer: AnyRef<'a>,
    digest_algorithm: AlgorithmIdentifierRef<'a>,
    signed_attributes: Option<AnyRef<'a>>,
    signature_algorithm: AlgorithmIdentifierRef<'a>,
    signature: OctetStringRef<'a>,
}

impl<'a> SignerView<'a> {
    fn names_itself_by_number(&self) -> bool {
        self.version == CmsVersion::V1
    }

    fn digest_is_sha256(&self) -> bool {
        self.digest_algorithm.oid == ID_SHA_256
    }

    fn decode(signer_info: AnyRef<'a>) -> der::Result<Self> {
        use der::Reader as _;
        signer_info.sequence(|fields| {
            let version = CmsVersion::decode(fields)?;
            let signer = AnyRef::decode(fields)?;
            let digest_algorithm = AlgorithmIdentifierRef::decode(fields)?;
            let next = AnyRef::decode(fields)?;
            let (signed_attributes, signature_algorithm) = if next.tag().is_context_specific() {
                (Some(next), AlgorithmIdentifierRef::decode(fields)?)
            } else {
                (None, next.decode_as()?)
            };
            let signature = OctetStringRef::decode(fields)?;
            fields.read_slice(fields.remaining_len())?;
            Ok(Self {
                version,
                signer,
                digest_algorithm,
                signed_attributes,
                signature_algorithm,
                signature,
            })
        })
    }
}

/// Verifies everything about the signature but its chain to a root and dates.
///
/// # Errors
/// Every reason to refuse it.
pub(super) fn check(bytes: &[u8], manifest: &[u8]) -> Result<Signed, Refusal> {
    let unreadable = |error: der::Error| {
        vec![format!(
            "it is no CMS SignedData in DER ({error}): sign the manifest again"
        )]
    };
    let content = ContentInfo::from_der(bytes).map_err(unreadable)?;
    if content.content_type != ID_SIGNED_DATA {
        return Err(vec![format!(
            "it is CMS content of type {}, not SignedData: sign the manifest again",
            content.content_type
        )]
        .into());
    }
    let signed_data: SignedData = content.content.decode_as().map_err(unreadable)?;
    let signer = match signed_data.signer_infos.as_slice() {
        [one] => SignerView::decode(*one).map_err(unreadable)?,
        several => {
            return Err(vec![format!(
                "it has {} signers: sign the manifest exactly once",
                several.len()
            )]
            .into());
        }
    };
    let mut reasons = Vec::new();
    outer(&signed_data, &signer, &mut reasons);

    let certificates = signed_data.certificates.as_ref();
    let ders: Vec<Vec<u8>> = certificates
        .into_iter()
        .flat_map(|certificates| certificates.iter())
        .filter_map(|certificate| certificate.to_der().ok())
        .collect();
    let certificate = SigningCertificate::from_ders(ders.iter().map(Vec::as_slice))
        .map_err(|error| reasons.push(error.to_string()))
        .ok();

    algorithms(&signer, &mut reasons);
    let attributes = Attributes::of(&signer, &mut reasons);
    let other_manifest = attributes
        .as_ref()
        .is_some_and(|attributes| !attributes.fit(&signer, manifest, &mut reasons));
    if let Some(certificate) = &certificate {
        named(&signer, certificate, &mut reasons);
        // Whoever mends one of the above signs again; a key that does not fit may follow from it.
        if reasons.is_empty() {
            signed_by(&signer, certificate, &mut reasons);
        }
    }
    let signing_time = attributes.and_then(|attributes| attributes.signing_time);
    match (certificate, signing_time) {
        (Some(certificate), Some(signing_time)) if reasons.is_empty() => Ok(Signed {
            certificate,
            signing_time,
        }),
        _ => Err(Refusal {
            reasons,
            other_manifest,
        }),
    }
}

fn outer(signed_data: &SignedData, signer: &SignerView, reasons: &mut Vec<String>) {
    let content = &signed_data.encap_content_info;
    if content.econtent_type != ID_DATA {
        reasons.push("its content type is not plain data: sign the manifest's bytes".into());
    } else if signed_data.version != CmsVersion::V1 && signer.names_itself_by_number() {
        // Otherwise the version follows from the content or from the signer.
        reasons.push("its version is not 1: sign with issuer and serial number".into());
    }
    if content.econtent.is_some() {
        reasons.push("it holds the manifest once more: make the signature detached".into());
    }
    let lists_sha256 = signed_data
        .digest_algorithms
        .iter()
        .any(|algorithm| algorithm.oid == ID_SHA_256);
    if !lists_sha256 && signer.digest_is_sha256() {
        reasons.push("SHA-256 is not among its digest algorithms: sign with SHA-256".into());
    }
}

fn algorithms(signer: &SignerView, reasons: &mut Vec<String>) {
    if !signer.names_itself_by_number() {
        reasons.push("its signer's version is not 1: name it by issuer and serial number".into());
    }
    let with_its_digest = match signer.digest_algorithm.oid {
        ID_SHA_256 => SHA_256_WITH_RSA_ENCRYPTION,
        other => {
            let (name, with_rsa) = match other {
                ID_SHA_1 => ("SHA-1".to_owned(), SHA_1_WITH_RSA_ENCRYPTION),
                ID_SHA_384 => ("SHA-384".to_owned(), SHA_384_WITH_RSA_ENCRYPTION),
                ID_SHA_512 => ("SHA-512".to_owned(), SHA_512_WITH_RSA_ENCRYPTION),
                _ => (other.to_string(), RSA_ENCRYPTION),
            };
            reasons.push(format!("its digest is {name}, not SHA-256: sign with SHA-256"));
            with_rsa
        }
    };
    let algorithm = signer.signature_algorithm.oid;
    if algorithm != RSA_ENCRYPTION && algorithm != with_its_digest {
        reasons.push(format!(
            "its algorithm is {algorithm}, not RSA with PKCS#1 v1.5: sign with rsaEncryption"
        ));
    }
}

/// The signed attributes that Wallet reads.
struct Attributes {
    message_digest: Option<OctetString>,
    signing_time: Option<SystemTime>,
}

impl Attributes {
    /// Reads them, and judges all that does not depend on the manifest.
    fn of(signer: &SignerView, reasons: &mut Vec<String>) -> Option<Self> {
        let Some(raw) = signer.signed_attributes else {
            reasons.push("it has no signed attributes: add content type, digest and time".into());
            return None;
        };
        let attributes = as_set(raw).and_then(|set| {
            let attributes = SetOfVec::<Attribute>::from_der(&set)?;
            let sorted = attributes.to_der()? == set;
            Ok((attributes, sorted))
        });
        let (attributes, sorted) = match attributes {
            Ok(decoded) => decoded,
            Err(error) => {
                reasons.push(format!("its signed attributes cannot be read ({error})"));
                return None;
            }
        };
        if !sorted {
            reasons.push("its signed attributes are not sorted as DER: encode them as a SET".into());
        }
        let content_type = single::<ObjectIdentifier>(&attributes, ID_CONTENT_TYPE);
        if content_type != Some(ID_DATA) {
            reasons.push("its signed content type is missing or not plain data".into());
        }
        let message_digest = single::<OctetString>(&attributes, ID_MESSAGE_DIGEST);
        if message_digest.is_none() {
            reasons.push("it has no digest of the manifest among its signed attributes: add one".into());
        }
        let signing_time = single::<Time>(&attributes, ID_SIGNING_TIME);
        if signing_time.is_none() {
            reasons.push("it has no signing time, without which iOS refuses it: add one".into());
        }
        Some(Self {
            message_digest,
            signing_time: signing_time.map(|time| UNIX_EPOCH + time.to_unix_duration()),
        })
    }

    /// Whether they were made over this manifest, as far as that can be told.
    fn fit(&self, signer: &SignerView, manifest: &[u8], reasons: &mut Vec<String>) -> bool {
        let Some(message_digest) = &self.message_digest else {
            return true;
        };
        // A digest of another kind differs from that of the right manifest too.
        let fits = !signer.digest_is_sha256() || message_digest.as_bytes() == digest(&SHA256, manifest).as_ref();
        if !fits {
            reasons.push("it was made over another manifest: the manifest was altered".into());
        }
        fits
    }
}

/// The one value of the one attribute of this type. Duplicates count as none: readers differ in
/// which one they take.
fn single<T: DecodeOwned>(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier) -> Option<T> {
    let mut matching = attributes.iter().filter(|attribute| attribute.oid == oid);
    let attribute = matching.next()?;
    if matching.next().is_some() || attribute.values.len() != 1 {
        return None;
    }
    let value = attribute.values.get(0)?.to_der().ok()?;
    T::from_der(&value).ok()
}

fn named(signer: &SignerView, certificate: &SigningCertificate, reasons: &mut Vec<String>) {
    let leaf = &certificate.leaf.decoded.tbs_certificate;
    let named = signer.signer.tag() == Tag::Sequence
        && signer
            .signer
            .decode_as::<IssuerAndSerialNumber>()
            .is_ok_and(|named| named.issuer == leaf.issuer && named.serial_number == leaf.serial_number);
    if !named && signer.names_itself_by_number() {
        reasons.push("it names another signer than the pass's certificate inside it".into());
    }
}

fn signed_by(signer: &SignerView, certificate: &SigningCertificate, reasons: &mut Vec<String>) {
    let set = signer.signed_attributes.and_then(|raw| as_set(raw).ok());
    let made_by_leaf = match (set, certificate.leaf.rsa_key()) {
        (Some(set), Some(key)) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
            .verify(&set, signer.signature.as_bytes())
            .is_ok(),
        _ => false,
    };
    if !made_by_leaf {
        reasons.push("the certificate's key did not make it: the signature was altered".into());
    }
}

/// RFC 5652 5.4: what is signed is the attributes with the tag of a SET in place of `[0]`.
fn as_set(raw: AnyRef) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::Set, raw.value())?.to_der()
}
