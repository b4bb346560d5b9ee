//! A public key infrastructure shaped like Apple's: a root, an intermediate in the place of
//! WWDR, and one leaf per pass type.

use std::fmt;
use std::time::{Duration, SystemTime};

use passes::ids::{PassTypeIdentifier, TeamIdentifier};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

use crate::error::SeedError;

const ORGANIZATION: &str = "livepass";

/// Apple's extension that marks a certificate as one for Pass Type IDs; its value repeats the id.
const PASS_TYPE_MARKER: [u64; 8] = [1, 2, 840, 113635, 100, 6, 1, 16];
/// Apple's extension of certificates whose passes may use NFC.
const NFC_MARKER: [u64; 8] = [1, 2, 840, 113635, 100, 6, 1, 26];
/// Apple's extended key usage "Passbook signing".
const PASS_SIGNING_USAGE: [u64; 7] = [1, 2, 840, 113635, 100, 4, 14];
/// `userId`, RFC 4519: where Apple puts the pass type.
const USER_ID: [u64; 7] = [0, 9, 2342, 19200300, 100, 1, 1];

/// From when until when a certificate is valid, both in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: SystemTime,
    pub until: SystemTime,
}

impl Validity {
    /// 2020-01-01 to 2049-12-31: a development folder does not age, and simulated clocks fit in.
    /// From 2050 on X.509 writes dates in another form.
    pub fn long() -> Self {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Self {
            from: at(1_577_836_800),
            until: at(2_524_521_600),
        }
    }

    /// From `from` for `days` days.
    pub fn days(from: SystemTime, days: u32) -> Self {
        Self {
            from,
            until: from + Duration::from_secs(u64::from(days) * 24 * 60 * 60),
        }
    }

    fn apply(self, params: &mut CertificateParams) {
        let epoch = date_time_ymd(1970, 1, 1);
        let since_epoch = |time: SystemTime| {
            Duration::from_secs(
                time.duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_secs(),
            )
        };
        params.not_before = epoch + since_epoch(self.from);
        params.not_after = epoch + since_epoch(self.until);
    }
}

/// A certificate with its chain, and its key.
#[derive(Clone)]
pub struct IdentityPem {
    /// The leaf first, then the intermediate.
    pub certificate_chain_pem: String,
    /// PKCS#8, unencrypted.
    pub private_key_pem: String,
}

impl fmt::Debug for IdentityPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityPem")
            .field("certificate_chain_pem", &self.certificate_chain_pem)
            .field("private_key_pem", &"redacted")
            .finish()
    }
}

/// The whole of a [`TestAuthority`], for storing it. Keys are PKCS#8.
#[derive(Clone)]
pub struct AuthorityPem {
    pub root_certificate: String,
    pub root_key: String,
    pub intermediate_certificate: String,
    pub intermediate_key: String,
}

/// "livepass Test Root" and the intermediate that issues the leaves. All RSA-2048 with SHA-256.
///
/// Nothing outside a test or a development folder may trust it: its keys lie beside it.
pub struct TestAuthority {
    root_pem: String,
    root_der: Vec<u8>,
    root_key: KeyPair,
    intermediate_pem: String,
    intermediate: Issuer<'static, KeyPair>,
}

impl TestAuthority {
    /// Makes a new root and intermediate. Takes some tenths of a second for the RSA keys.
    pub fn create() -> Result<Self, SeedError> {
        let root_key = rsa_key()?;
        let root = root_params()
            .self_signed(&root_key)
            .map_err(SeedError::certificate("root certificate"))?;
        let intermediate_key = rsa_key()?;
        let intermediate = intermediate_params()
            .signed_by(&intermediate_key, &Issuer::new(root_params(), &root_key))
            .map_err(SeedError::certificate("intermediate certificate"))?;
        Ok(Self {
            root_pem: root.pem(),
            root_der: root.der().to_vec(),
            root_key,
            intermediate_pem: intermediate.pem(),
            intermediate: Issuer::new(intermediate_params(), intermediate_key),
        })
    }

    /// Takes up again what [`to_pem`](Self::to_pem) gave.
    ///
    /// The names are constants, so keys and certificates are all that an authority consists of.
    pub fn load(pem: &AuthorityPem) -> Result<Self, SeedError> {
        let root_der = certificate_der(&pem.root_certificate)
            .ok_or(rcgen::Error::CouldNotParseCertificate)
            .map_err(SeedError::certificate("root certificate"))?;
        Ok(Self {
            root_pem: pem.root_certificate.clone(),
            root_der,
            root_key: load_rsa_key("root key", &pem.root_key)?,
            intermediate_pem: pem.intermediate_certificate.clone(),
            intermediate: Issuer::new(
                intermediate_params(),
                load_rsa_key("intermediate key", &pem.intermediate_key)?,
            ),
        })
    }

    /// Everything needed to [`load`](Self::load) it again; holds both private keys.
    pub fn to_pem(&self) -> AuthorityPem {
        AuthorityPem {
            root_certificate: self.root_pem.clone(),
            root_key: self.root_key.serialize_pem(),
            intermediate_certificate: self.intermediate_pem.clone(),
            intermediate_key: self.intermediate.key().serialize_pem(),
        }
    }

    /// The root, which a verifier trusts.
    pub fn root_certificate_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root in DER, as `pkpass::verify` takes it.
    pub fn root_certificate_der(&self) -> &[u8] {
        &self.root_der
    }

    /// The intermediate, which stands in every chain.
    pub fn intermediate_certificate_pem(&self) -> &str {
        &self.intermediate_pem
    }

    /// A new RSA-2048 key with a certificate of the shape of Apple's for one pass type: subject
    /// UID, CN, OU (team), O and C, the marker extension and the usage "Passbook signing".
    pub fn issue_pass_certificate(
        &self,
        pass_type: &PassTypeIdentifier,
        team: &TeamIdentifier,
        validity: Validity,
    ) -> Result<IdentityPem, SeedError> {
        let params = pass_certificate_params(pass_type, team, validity);
        self.issue("pass certificate", params, rsa_key()?)
    }

    /// The same with Apple's extension that allows NFC.
    pub fn issue_nfc_certificate(
        &self,
        pass_type: &PassTypeIdentifier,
        team: &TeamIdentifier,
        validity: Validity,
    ) -> Result<IdentityPem, SeedError> {
        const NULL: [u8; 2] = [0x05, 0x00];
        let mut params = pass_certificate_params(pass_type, team, validity);
        let marker = CustomExtension::from_oid_content(&NFC_MARKER, NULL.to_vec());
        params.custom_extensions.push(marker);
        self.issue("NFC certificate", params, rsa_key()?)
    }

    /// A P-256 key with a server certificate for these names: host names and IP addresses.
    pub fn issue_tls_certificate(&self, names: &[&str]) -> Result<IdentityPem, SeedError> {
        let what = "TLS certificate";
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(SeedError::certificate(what))?;
        Validity::long().apply(&mut params);
        params.distinguished_name = named("livepass Test Server");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(SeedError::certificate("TLS key"))?;
        self.issue(what, params, key)
    }

    fn issue(&self, what: &'static str, mut params: CertificateParams, key: KeyPair) -> Result<IdentityPem, SeedError> {
        params.use_authority_key_identifier_extension = true;
        let leaf = params
            .signed_by(&key, &self.intermediate)
            .map_err(SeedError::certificate(what))?;
        Ok(IdentityPem {
            certificate_chain_pem: leaf.pem() + &self.intermediate_pem,
            private_key_pem: key.serialize_pem(),
        })
    }
}

fn pass_certificate_params(
    pass_type: &PassTypeIdentifier,
    team: &TeamIdentifier,
    validity: Validity,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    validity.apply(&mut params);
    let mut subject = DistinguishedName::new();
    subject.push(DnType::from_oid(&USER_ID), pass_type.as_str());
    subject.push(DnType::CommonName, format!("Pass Type ID: {pass_type}"));
    subject.push(DnType::OrganizationalUnitName, team.as_str());
    subject.push(DnType::OrganizationName, ORGANIZATION);
    push_country(&mut subject);
    params.distinguished_name = subject;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::Other(PASS_SIGNING_USAGE.to_vec()),
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.custom_extensions = vec![CustomExtension::from_oid_content(
        &PASS_TYPE_MARKER,
        der_utf8_string(pass_type.as_str()),
    )];
    params
}

fn root_params() -> CertificateParams {
    authority_params("livepass Test Root", BasicConstraints::Unconstrained)
}

fn intermediate_params() -> CertificateParams {
    let mut params = authority_params("livepass Test Developer Relations", BasicConstraints::Constrained(0));
    params.use_authority_key_identifier_extension = true;
    params
}

fn authority_params(name: &str, constraints: BasicConstraints) -> CertificateParams {
    let mut params = CertificateParams::default();
    Validity::long().apply(&mut params);
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name.push(DnType::OrganizationName, ORGANIZATION);
    push_country(&mut name);
    name
}

fn push_country(name: &mut DistinguishedName) {
    // X.520 allows a country in this string type only.
    if let Ok(country) = "US".try_into() {
        name.push(DnType::CountryName, DnValue::PrintableString(country));
    }
}

fn rsa_key() -> Result<KeyPair, SeedError> {
    // Without a size the library makes RSA-2048, the size of Apple's own.
    KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(SeedError::certificate("RSA key"))
}

fn load_rsa_key(what: &'static str, pem: &str) -> Result<KeyPair, SeedError> {
    KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256).map_err(SeedError::certificate(what))
}

/// The DER of a PEM that holds one certificate.
fn certificate_der(pem: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(body).ok()
}

/// DER of a UTF8String of at most 255 bytes, which every pass type is.
fn der_utf8_string(text: &str) -> Vec<u8> {
    const TAG: u8 = 0x0c;
    const LONG_FORM_ONE_BYTE: u8 = 0x81;
    let length = u8::try_from(text.len()).expect("an identifier has at most 128 bytes");
    let mut der = vec![TAG];
    if length >= 0x80 {
        der.push(LONG_FORM_ONE_BYTE);
    }
    der.push(length);
    der.extend_from_slice(text.as_bytes());
    der
}
