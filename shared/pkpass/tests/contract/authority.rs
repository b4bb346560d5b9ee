//! A certificate authority shaped like Apple's: root, intermediate, and leaves for pass types.

use std::sync::{Arc, LazyLock};

use pkpass::{Identity, LocalKey, SigningCertificate};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};

pub const PASS_TYPE: &str = "pass.com.example.coffee";
pub const TEAM: &str = "A1B2C3D4E5";

/// Made once: RSA keys take a while.
static APPLE: LazyLock<Authority> = LazyLock::new(|| Authority::new("Example"));
static STRANGER: LazyLock<Authority> = LazyLock::new(|| Authority::new("Example"));

pub fn apple() -> &'static Authority {
    &APPLE
}

/// Another authority whose certificates bear the same names.
pub fn stranger() -> &'static Authority {
    &STRANGER
}

pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    leaf_key: KeyPair,
}

/// What a leaf says; the default is right.
pub struct Leaf {
    pub uid: Option<&'static str>,
    pub team: Option<&'static str>,
    pub marker: bool,
    /// Whether Apple has allowed NFC.
    pub nfc: bool,
    /// First and last year of validity.
    pub years: (i32, i32),
    /// Whether the key is RSA, and not elliptic.
    pub rsa: bool,
}

impl Default for Leaf {
    fn default() -> Self {
        Self {
            uid: Some(PASS_TYPE),
            team: Some(TEAM),
            marker: true,
            nfc: false,
            years: (2026, 2027),
            rsa: true,
        }
    }
}

impl Authority {
    fn new(organization: &str) -> Self {
        let mut root = authority_params(organization, "Example Root CA", None);
        root.not_before = date_time_ymd(2006, 4, 25);
        root.not_after = date_time_ymd(2035, 2, 9);
        let root = CertifiedIssuer::self_signed(root, rsa_key()).unwrap();

        let mut intermediate = authority_params(
            organization,
            "Example Worldwide Developer Relations Certification Authority",
            Some("G4"),
        );
        intermediate.not_before = date_time_ymd(2020, 12, 16);
        intermediate.not_after = date_time_ymd(2030, 12, 10);
        let intermediate = CertifiedIssuer::signed_by(intermediate, rsa_key(), &root).unwrap();
        Self {
            root,
            intermediate,
            leaf_key: rsa_key(),
        }
    }

    pub fn root_der(&self) -> &[u8] {
        self.root.der()
    }

    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    pub fn intermediate_der(&self) -> &[u8] {
        self.intermediate.der()
    }

    pub fn key_pem(&self) -> String {
        self.leaf_key.serialize_pem()
    }

    pub fn leaf(&self, leaf: &Leaf) -> rcgen::Certificate {
        let mut params = CertificateParams::default();
        let name = &mut params.distinguished_name;
        *name = rcgen::DistinguishedName::new();
        if let Some(uid) = leaf.uid {
            let uid_type = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]);
            name.push(uid_type, uid);
            name.push(DnType::CommonName, format!("Pass Type ID: {uid}"));
        }
        if let Some(team) = leaf.team {
            name.push(DnType::OrganizationalUnitName, team);
        }
        name.push(DnType::OrganizationName, "Example Coffee");
        name.push(DnType::CountryName, "US");
        params.not_before = date_time_ymd(leaf.years.0, 1, 1);
        params.not_after = date_time_ymd(leaf.years.1, 1, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::Other(vec![1, 2, 840, 113_635, 100, 4, 14]),
        ];
        if leaf.marker {
            // A UTF8String, as Apple's has it.
            let mut content = vec![0x0c, u8::try_from(PASS_TYPE.len()).unwrap()];
            content.extend_from_slice(PASS_TYPE.as_bytes());
            params.custom_extensions.push(CustomExtension::from_oid_content(
                &[1, 2, 840, 113_635, 100, 6, 1, 16],
                content,
            ));
        }
        if leaf.nfc {
            const NULL: [u8; 2] = [0x05, 0x00];
            params.custom_extensions.push(CustomExtension::from_oid_content(
                &[1, 2, 840, 113_635, 100, 6, 1, 26],
                NULL.to_vec(),
            ));
        }
        if leaf.rsa {
            params.signed_by(&self.leaf_key, &self.intermediate).unwrap()
        } else {
            let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
            params.signed_by(&elliptic, &self.intermediate).unwrap()
        }
    }

    /// Leaf and intermediate in one file.
    pub fn certificates_pem(&self, leaf: &Leaf) -> String {
        self.leaf(leaf).pem() + &self.intermediate_pem()
    }

    pub fn certificate(&self, leaf: &Leaf) -> SigningCertificate {
        SigningCertificate::from_pem(self.certificates_pem(leaf).as_bytes()).unwrap()
    }

    pub fn key(&self) -> LocalKey {
        LocalKey::from_pem(self.key_pem().as_bytes()).unwrap()
    }

    pub fn identity(&self) -> Identity {
        self.identity_of(&Leaf::default())
    }

    pub fn identity_of(&self, leaf: &Leaf) -> Identity {
        Identity::new(Arc::new(self.certificate(leaf)), self.key()).unwrap()
    }
}

fn authority_params(organization: &str, name: &str, unit: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(unit) = unit {
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CountryName, "US");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn rsa_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()
}
