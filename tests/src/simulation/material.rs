//! Templates, certificate and keys, prepared once per process.

use std::sync::{Arc, OnceLock};

use passes::ids::{PassTypeIdentifier, TemplateId};
use passes::ports::{
    Asset, IdentityFault, ReadAssets, ReadCertificates, ReadTemplates, ReadTokenKeys, StoreError, StoreResult,
};
use passes::time::Timestamp;
use passes::tokens::{KeyRing, NamedKey};
use pkpass::{SigningCertificate, Template};

use crate::LOYALTY;

/// Versions of the template that the pointer moves between where nobody uploads any.
pub(super) const VERSIONS: usize = 2;
/// Versions that are uploaded and put.
pub(super) const UPLOADED: usize = 3;

struct Prepared {
    templates: Vec<Arc<Template>>,
    bundles: Vec<Vec<u8>>,
    certificate: Arc<SigningCertificate>,
    keys: Arc<KeyRing>,
}

fn prepared() -> &'static Prepared {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let templates: Vec<_> = (0..UPLOADED).map(|version| Arc::new(made(version))).collect();
        let authority = seed::TestAuthority::create().expect("a test authority");
        let team = "A1B2C3D4E5".parse().expect("a team");
        let pass_type: PassTypeIdentifier = LOYALTY.parse().expect("a pass type");
        let identity = authority
            .issue_pass_certificate(&pass_type, &team, seed::Validity::long())
            .expect("a certificate");
        let pem = identity.certificate_chain_pem;
        Prepared {
            bundles: templates.iter().map(|template| template.to_bundle()).collect(),
            templates,
            certificate: Arc::new(SigningCertificate::from_pem(pem.as_bytes()).expect("a signing certificate")),
            keys: Arc::new(KeyRing::new(NamedKey::new("simulated", &[7; 32]), Vec::new())),
        }
    })
}

/// A version shows itself in `description`, so that the pass looks different.
fn made(version: usize) -> Template {
    let mut files = seed::templates::loyalty();
    let pass = files.get("pass.json").expect("a pass.json");
    let mut pass: serde_json::Value = serde_json::from_slice(pass).expect("JSON");
    pass["description"] = description(version).into();
    files.insert("pass.json".into(), pass.to_string().into_bytes());
    // Images are hashed but never looked at: the smallest set will do.
    files.retain(|name, _| name == "pass.json" || name.starts_with("icon"));
    Template::from_files(files).expect("a template")
}

fn description(version: usize) -> String {
    format!("design {}", version + 1)
}

/// The content address of a version.
pub(super) fn version(version: usize) -> &'static str {
    prepared().templates[version].version()
}

pub(super) fn template(version: usize) -> &'static Template {
    &prepared().templates[version]
}

/// A version as it is uploaded.
pub(super) fn bundle(version: usize) -> &'static [u8] {
    &prepared().bundles[version]
}

/// The version with this content address.
pub(super) fn version_of(address: &str) -> Option<usize> {
    prepared()
        .templates
        .iter()
        .position(|template| template.version() == address)
}

/// What a person sees of a pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    pub design: String,
    pub balance: String,
    pub voided: bool,
    /// No longer bound to the web service: its phones have stopped asking.
    pub let_go: bool,
}

impl Content {
    pub fn of(pass_json: &[u8]) -> Self {
        let pass: serde_json::Value = serde_json::from_slice(pass_json).expect("pass.json");
        Self {
            design: pass["description"].as_str().unwrap_or_default().to_owned(),
            balance: pass["storeCard"]["primaryFields"][0]["value"].to_string(),
            voided: pass["voided"] == true,
            let_go: pass.get("webServiceURL").is_none(),
        }
    }

    pub fn expected(version: usize, balance: u8) -> Self {
        Self {
            design: description(version),
            balance: balance.to_string(),
            voided: false,
            let_go: false,
        }
    }
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.let_go {
            return f.write_str("let go");
        }
        let voided = if self.voided { "voided, " } else { "" };
        write!(f, "{voided}balance {}, {}", self.balance, self.design)
    }
}

/// Hands out what was prepared.
pub(super) struct Material;

impl ReadTemplates for Material {
    async fn template(&self, _: &TemplateId, version: &str) -> StoreResult<Arc<Template>> {
        prepared()
            .templates
            .iter()
            .find(|template| template.version() == version)
            .cloned()
            .ok_or_else(|| StoreError::Unreadable {
                call: "read-template",
                reason: format!("there is no version {version}"),
            })
    }
}

impl ReadAssets for Material {
    async fn newest_asset(&self, _: &str) -> StoreResult<Option<Asset>> {
        Ok(None)
    }

    async fn pinned_asset(&self, key: &str, _: &str) -> StoreResult<Vec<u8>> {
        Err(StoreError::Unreadable {
            call: "read-asset",
            reason: format!("there is no {key}"),
        })
    }
}

impl ReadCertificates for Material {
    async fn certificate(
        &self,
        _: &PassTypeIdentifier,
        _: Timestamp,
    ) -> Result<Arc<SigningCertificate>, IdentityFault> {
        Ok(prepared().certificate.clone())
    }
}

impl ReadTokenKeys for Material {
    async fn token_keys(&self) -> StoreResult<Arc<KeyRing>> {
        Ok(prepared().keys.clone())
    }
}
