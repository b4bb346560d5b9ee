//! What reads certificates, templates and packages: files of operators, designers and servers.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::sync::Arc;
use std::time::SystemTime;

use pkpass::{Identity, LocalKey, SigningCertificate, Template};
use seed::{TestAuthority, Validity};
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Target;
use crate::LOYALTY;

pub fn all() -> Vec<Box<dyn Target>> {
    let material = Arc::new(Material::create());
    vec![
        Box::new(Certificates(material.clone())),
        Box::new(Templates(material.clone())),
        Box::new(Packages(material.clone())),
        Box::new(Images(material)),
    ]
}

struct Material {
    certificate_pem: String,
    key_pem: String,
    root_der: Vec<u8>,
    template: Template,
    package: Vec<u8>,
    /// What the package holds.
    files: BTreeMap<String, Vec<u8>>,
}

impl Material {
    fn create() -> Self {
        let authority = TestAuthority::create().expect("an authority");
        let (pass_type, team) = (LOYALTY.parse().expect("a type"), "A1B2C3D4E5".parse().expect("a team"));
        let pem = authority
            .issue_pass_certificate(&pass_type, &team, Validity::long())
            .expect("a certificate");
        let certificate = SigningCertificate::from_pem(pem.certificate_chain_pem.as_bytes()).expect("a certificate");
        let key = LocalKey::from_pem(pem.private_key_pem.as_bytes()).expect("a key");
        let identity = Identity::new(Arc::new(certificate), key).expect("an identity");
        let template = Template::from_files(seed::templates::loyalty()).expect("the demo's template");
        let mut pass = template.skeleton().clone();
        for (name, value) in [
            ("passTypeIdentifier", LOYALTY),
            ("serialNumber", "DEMO-1"),
            ("teamIdentifier", "A1B2C3D4E5"),
            ("webServiceURL", "https://passes.example.com"),
            ("authenticationToken", "0123456789abcdef"),
        ] {
            pass[name] = json!(value);
        }
        let package = template
            .package(pass.to_string().as_bytes(), &[], &identity, SystemTime::now())
            .expect("a package");
        let root_der = authority.root_certificate_der().to_vec();
        let opened = pkpass::verify(&package, &root_der, SystemTime::now()).expect("a package that Wallet takes");
        Self {
            certificate_pem: pem.certificate_chain_pem,
            key_pem: pem.private_key_pem,
            root_der,
            template,
            package,
            files: opened.files,
        }
    }
}

impl Material {
    /// The package with one file replaced.
    fn with(&self, name: &str, content: &[u8]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (path, original) in &self.files {
            archive.start_file(path, options).expect("in memory");
            let content = if path == name { content } else { original };
            archive.write_all(content).expect("in memory");
        }
        archive.finish().expect("in memory").into_inner()
    }
}

/// An identity whose key fits is the one that was issued, or none.
struct Certificates(Arc<Material>);

impl Target for Certificates {
    fn name(&self) -> &'static str {
        "certificate and key"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        vec![
            self.0.certificate_pem.clone().into_bytes(),
            self.0.key_pem.clone().into_bytes(),
            format!("{}{}", self.0.certificate_pem, self.0.key_pem).into_bytes(),
        ]
    }

    fn take(&mut self, input: &[u8]) -> bool {
        let _ = LocalKey::from_pem(input);
        SigningCertificate::from_pem(input).is_ok_and(|certificate| {
            let _ = certificate.check_for(LOYALTY, None, SystemTime::now());
            Identity::from_pem(Arc::new(certificate), self.0.key_pem.as_bytes()).is_ok()
        })
    }
}

/// A template that is taken is one that a pass can be made from.
struct Templates(Arc<Material>);

impl Target for Templates {
    fn name(&self) -> &'static str {
        "template"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        vec![
            self.0.template.to_bundle(),
            seed::templates::loyalty().remove("pass.json").expect("pass.json"),
        ]
    }

    fn take(&mut self, input: &[u8]) -> bool {
        // As a bundle; and as the pass.json of a designer's folder.
        let template = Template::from_zip(input).or_else(|_| {
            let mut files = seed::templates::loyalty();
            files.insert("pass.json".into(), input.to_vec());
            Template::from_files(files)
        });
        template.is_ok_and(|template| {
            assert!(template.skeleton().is_object());
            let again = Template::from_zip(&template.to_bundle()).expect("its own bundle");
            assert_eq!(again.version(), template.version());
            true
        })
    }
}

/// A package whose signature holds has the files that were signed.
struct Packages(Arc<Material>);

impl Target for Packages {
    fn name(&self) -> &'static str {
        "package"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let part = |name: &str| self.0.files[name].clone();
        vec![
            self.0.package.clone(),
            part("signature"),
            part("manifest.json"),
            part("pass.json"),
        ]
    }

    fn take(&mut self, input: &[u8]) -> bool {
        let now = SystemTime::now();
        // As an archive, whose checksums stop nearly everything; and as one file of a good archive.
        let name = match input.first() {
            Some(0x30) => "signature",
            Some(_) if input.len().is_multiple_of(2) => "manifest.json",
            _ => "pass.json",
        };
        let packages = [input.to_vec(), self.0.with(name, input)];
        packages.iter().any(|package| {
            let Ok(opened) = pkpass::verify(package, &self.0.root_der, now) else {
                return false;
            };
            // The signature's own bytes hold parts that nothing signs.
            let signed = opened.files.iter().filter(|(name, _)| *name != "signature");
            let ours = self.0.files.iter().filter(|(name, _)| *name != "signature");
            assert!(signed.eq(ours), "something was taken that nobody signed");
            true
        })
    }
}

struct Images(Arc<Material>);

impl Target for Images {
    fn name(&self) -> &'static str {
        "image and manifest"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let files = &self.0.files;
        vec![files["icon.png"].clone(), files["manifest.json"].clone()]
    }

    fn take(&mut self, input: &[u8]) -> bool {
        let image = pkpass::check_image("thumbnail.png", input).is_ok();
        let manifest = pkpass::Manifest::from_json(input).is_ok_and(|manifest| {
            let again = pkpass::Manifest::from_json(&manifest.to_json()).expect("its own JSON");
            assert_eq!(again.fingerprint(), manifest.fingerprint());
            true
        });
        image || manifest
    }
}
