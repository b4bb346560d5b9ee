//! The folder in which a local stack keeps everything that is made once.
//!
//! ```text
//! ca/root.pem  root-key.pem  intermediate.pem  intermediate-key.pem
//! secrets/pass-types/{type}/certificate.pem  key.pem
//! secrets/apns.json  link-keys.json  token-keys.json
//! templates/{id}/{version}.zip
//! drafts/{id}/pass.json ...
//! apns/certificate.pem  key.pem  public.pem
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use passes::ids::{PassTypeIdentifier, TeamIdentifier};
use serde::Serialize;

use crate::error::SeedError;
use crate::files;
use crate::identity::{AuthorityPem, IdentityPem, TestAuthority, Validity};
use crate::keys::{ApnsTestKey, KeyFile};
use crate::templates::SeedTemplate;

/// One pass type to make an identity for, and the template that its passes use.
#[derive(Debug, Clone)]
pub struct SeedType {
    pub pass_type: PassTypeIdentifier,
    pub team_id: TeamIdentifier,
    pub template: SeedTemplate,
}

/// The two pass types of the demo: `pass.com.example.loyalty` with template `loyalty` and
/// `pass.com.example.ticket` with template `ticket`, both of team `A1B2C3D4E5`.
pub fn demo() -> Vec<SeedType> {
    [
        ("pass.com.example.loyalty", SeedTemplate::LOYALTY),
        ("pass.com.example.ticket", SeedTemplate::TICKET),
    ]
    .into_iter()
    .map(|(pass_type, template)| SeedType {
        pass_type: pass_type.parse().expect("a valid pass type"),
        team_id: "A1B2C3D4E5".parse().expect("a valid team"),
        template,
    })
    .collect()
}

/// A folder in which everything is in place. All paths begin with its own.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    template_versions: BTreeMap<String, String>,
}

impl Folder {
    /// Makes what `dir` lacks and leaves alone what it has.
    ///
    /// Safe to call at every start: nothing is overwritten, what a killed start left half done is
    /// finished, and of two at once the second waits. A folder may gain pass types later.
    ///
    /// # Errors
    /// [`SeedError::Teams`] unless all of `seeds` share one team: the folder holds one APNs key.
    pub fn open_or_create(dir: &Path, seeds: &[SeedType]) -> Result<Self, SeedError> {
        let team = only_team(seeds)?;
        let mut folder = Self {
            dir: dir.to_owned(),
            template_versions: BTreeMap::new(),
        };
        files::create_folder(dir)?;
        let _lock = files::lock(dir)?;
        folder.create_authority()?;
        folder.create_pass_types(seeds)?;
        folder.create_keys(team)?;
        folder.create_apns()?;
        folder.create_templates(seeds)?;
        Ok(folder)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `ca/`
    pub fn authority_dir(&self) -> PathBuf {
        self.dir.join("ca")
    }

    /// `ca/root.pem`: what a simulated phone trusts.
    pub fn root_certificate(&self) -> PathBuf {
        self.authority_dir().join("root.pem")
    }

    /// `secrets/`
    pub fn secrets_dir(&self) -> PathBuf {
        self.dir.join("secrets")
    }

    /// `secrets/pass-types/`: one folder per pass type.
    pub fn pass_types_dir(&self) -> PathBuf {
        self.secrets_dir().join("pass-types")
    }

    /// `secrets/pass-types/{type}/certificate.pem`: leaf and intermediate.
    pub fn pass_certificate(&self, pass_type: &PassTypeIdentifier) -> PathBuf {
        self.pass_type_dir(pass_type).join("certificate.pem")
    }

    /// `secrets/pass-types/{type}/key.pem`: PKCS#8.
    pub fn pass_key(&self, pass_type: &PassTypeIdentifier) -> PathBuf {
        self.pass_type_dir(pass_type).join("key.pem")
    }

    /// `secrets/apns.json`: an [`ApnsTestKey`].
    pub fn apns_secret(&self) -> PathBuf {
        self.secrets_dir().join("apns.json")
    }

    /// `secrets/link-keys.json`: a [`KeyFile`].
    pub fn link_keys(&self) -> PathBuf {
        self.secrets_dir().join("link-keys.json")
    }

    /// `secrets/token-keys.json`: a [`KeyFile`].
    pub fn token_keys(&self) -> PathBuf {
        self.secrets_dir().join("token-keys.json")
    }

    /// `templates/`
    pub fn templates_dir(&self) -> PathBuf {
        self.dir.join("templates")
    }

    /// `templates/{id}/{version}.zip`
    pub fn template_bundle(&self, id: &str, version: &str) -> PathBuf {
        self.templates_dir().join(id).join(format!("{version}.zip"))
    }

    /// `drafts/`: a folder for each template, to be edited.
    pub fn drafts_dir(&self) -> PathBuf {
        self.dir.join("drafts")
    }

    /// `incoming/`: bundles to be published, `{id}.zip`.
    pub fn incoming_dir(&self) -> PathBuf {
        self.dir.join("incoming")
    }

    /// `apns/certificate.pem`: the APNs simulator's server certificate, for `localhost` and
    /// `127.0.0.1`, with the intermediate.
    pub fn apns_certificate(&self) -> PathBuf {
        self.apns_dir().join("certificate.pem")
    }

    /// `apns/key.pem`: the key of that certificate.
    pub fn apns_key(&self) -> PathBuf {
        self.apns_dir().join("key.pem")
    }

    /// `apns/public.pem`: checks the provider tokens made with [`apns_secret`](Self::apns_secret).
    pub fn apns_public_key(&self) -> PathBuf {
        self.apns_dir().join("public.pem")
    }

    /// Template id to the version of the bundle that the seeds gave.
    pub fn template_versions(&self) -> &BTreeMap<String, String> {
        &self.template_versions
    }

    /// Issues further certificates, e.g. to rotate one.
    pub fn authority(&self) -> Result<TestAuthority, SeedError> {
        let dir = self.authority_dir();
        TestAuthority::load(&AuthorityPem {
            root_certificate: files::read_text(&self.root_certificate())?,
            root_key: files::read_text(&dir.join("root-key.pem"))?,
            intermediate_certificate: files::read_text(&dir.join("intermediate.pem"))?,
            intermediate_key: files::read_text(&dir.join("intermediate-key.pem"))?,
        })
    }

    /// The provider key that stands in [`apns_secret`](Self::apns_secret).
    pub fn apns_provider_key(&self) -> Result<ApnsTestKey, SeedError> {
        let path = self.apns_secret();
        let text = files::read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| SeedError::Unreadable {
            path,
            reason: error.to_string(),
        })
    }

    fn pass_type_dir(&self, pass_type: &PassTypeIdentifier) -> PathBuf {
        self.pass_types_dir().join(pass_type.as_str())
    }

    fn apns_dir(&self) -> PathBuf {
        self.dir.join("apns")
    }

    fn create_authority(&self) -> Result<(), SeedError> {
        files::create_folder_once(&self.authority_dir(), || {
            let pem = TestAuthority::create()?.to_pem();
            Ok([
                ("root.pem", pem.root_certificate),
                ("root-key.pem", pem.root_key),
                ("intermediate.pem", pem.intermediate_certificate),
                ("intermediate-key.pem", pem.intermediate_key),
            ])
        })
    }

    fn create_pass_types(&self, seeds: &[SeedType]) -> Result<(), SeedError> {
        files::create_folder(&self.pass_types_dir())?;
        for seed in seeds {
            files::create_folder_once(&self.pass_type_dir(&seed.pass_type), || {
                let identity =
                    self.authority()?
                        .issue_pass_certificate(&seed.pass_type, &seed.team_id, Validity::long())?;
                Ok(certificate_and_key(identity))
            })?;
        }
        Ok(())
    }

    fn create_keys(&self, team: &TeamIdentifier) -> Result<(), SeedError> {
        for path in [self.link_keys(), self.token_keys()] {
            files::create_file_once(&path, || Ok(json(&KeyFile::generate()?)))?;
        }
        files::create_file_once(&self.apns_secret(), || Ok(json(&ApnsTestKey::generate(team)?)))
    }

    /// After the keys: `public.pem` belongs to the provider key that is there.
    fn create_apns(&self) -> Result<(), SeedError> {
        files::create_folder_once(&self.apns_dir(), || {
            let identity = self.authority()?.issue_tls_certificate(&["localhost", "127.0.0.1"])?;
            let [certificate, key] = certificate_and_key(identity);
            let public = self.apns_provider_key()?.public_key_pem()?;
            Ok([certificate, key, ("public.pem", public)])
        })
    }

    /// A bundle's name is its content's hash, so a newer drawing of the same template lies beside
    /// the older one.
    fn create_templates(&mut self, seeds: &[SeedType]) -> Result<(), SeedError> {
        for SeedTemplate { id, files } in seeds.iter().map(|seed| seed.template) {
            let template =
                pkpass::Template::from_files(files()).map_err(|source| SeedError::Template { id, source })?;
            let path = self.template_bundle(id, template.version());
            files::create_folder(&self.templates_dir().join(id))?;
            files::create_file_once(&path, || Ok(template.to_bundle()))?;
            files::create_tree_once(&self.drafts_dir().join(id), files)?;
            self.template_versions
                .insert(id.to_owned(), template.version().to_owned());
        }
        Ok(())
    }
}

fn only_team(seeds: &[SeedType]) -> Result<&TeamIdentifier, SeedError> {
    let teams: BTreeSet<_> = seeds.iter().map(|seed| &seed.team_id).collect();
    match teams.first() {
        Some(team) if teams.len() == 1 => Ok(team),
        _ => Err(SeedError::Teams { found: teams.len() }),
    }
}

fn certificate_and_key(identity: IdentityPem) -> [(&'static str, String); 2] {
    [
        ("certificate.pem", identity.certificate_chain_pem),
        ("key.pem", identity.private_key_pem),
    ]
}

fn json(content: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(content).expect("strings and maps always serialise");
    text.push(b'\n');
    text
}
