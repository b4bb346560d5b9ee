//! A certificate authority shaped like Apple's, as far as an identity goes.

use std::sync::LazyLock;

use passes::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa, KeyPair,
    PKCS_RSA_SHA256, date_time_ymd,
};

pub const PASS_TYPE: &str = "pass.com.example.coffee";
pub const TEAM: &str = "A1B2C3D4E5";

/// 2026-11-21T09:30:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_253_400);

/// Made once: RSA keys take a while.
pub static APPLE: LazyLock<Authority> = LazyLock::new(Authority::new);
/// Another authority whose certificates bear the same names.
pub static STRANGER: LazyLock<Authority> = LazyLock::new(Authority::new);

pub struct Authority {
    intermediate: CertifiedIssuer<'static, KeyPair>,
    root_pem: String,
    keys: [KeyPair; 2],
}

impl Authority {
    fn new() -> Self {
        let key = || KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let params = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2035, 1, 1);
            params
        };
        let root = CertifiedIssuer::self_signed(params("Example Root CA"), key()).unwrap();
        Self {
            intermediate: CertifiedIssuer::signed_by(params("Example Intermediate"), key(), &root).unwrap(),
            root_pem: root.pem(),
            keys: [key(), key()],
        }
    }

    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// One of two private keys.
    pub fn key_pem(&self, number: usize) -> String {
        self.keys[number].serialize_pem()
    }

    /// The leaf alone, for one of the keys, valid from the first day of one year to that of another.
    pub fn leaf_pem(&self, number: usize, pass_type: &str, team: &str, years: (i32, i32)) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let name = &mut params.distinguished_name;
        name.push(DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]), pass_type);
        name.push(DnType::CommonName, format!("Pass Type ID: {pass_type}"));
        name.push(DnType::OrganizationalUnitName, team);
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        let mut marker = vec![0x0c, u8::try_from(pass_type.len()).unwrap()];
        marker.extend_from_slice(pass_type.as_bytes());
        let oid = [1, 2, 840, 113_635, 100, 6, 1, 16];
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(&oid, marker));
        params.signed_by(&self.keys[number], &self.intermediate).unwrap().pem()
    }

    /// Leaf and intermediate in one file, with everything right.
    pub fn certificate_pem(&self, number: usize) -> String {
        self.leaf_pem(number, PASS_TYPE, TEAM, (2026, 2028)) + &self.intermediate_pem()
    }
}
