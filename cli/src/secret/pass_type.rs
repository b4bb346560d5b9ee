//! The certificate and signing key of a pass type.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use passes::ids::PassTypeIdentifier;
use pkpass::{Identity, SigningCertificate, pem};

use crate::failure::Failure;
use crate::output::say;
use crate::place::Place;
use crate::secret::team;

pub const EXAMPLES: &str = "Examples:
  livepass secret check pass-type --type pass.com.example.loyalty --p12 loyalty.p12 --password-file pw --intermediate AppleWWDRCAG4.cer
  livepass secret put pass-type --type pass.com.example.loyalty --certificate pass.pem --key pass-key.pem --stack livepass-prod";

/// The certificate that passes of one type are signed with, and its key
#[derive(clap::Args)]
pub struct Arguments {
    /// Pass type identifier
    #[arg(long = "type", value_name = "TYPE")]
    pass_type: PassTypeIdentifier,
    /// Team identifier that the certificate must be of
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// What Keychain Access exports: certificate and key in one file; or else --certificate and --key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "key"])]
    p12: Option<PathBuf>,
    /// File whose first line is the password of the .p12 file [default: an empty password]
    #[arg(long, value_name = "FILE", requires = "p12")]
    password_file: Option<PathBuf>,
    /// The certificate, PEM or DER (.cer)
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Apple's intermediate that issued it (e.g. AppleWWDRCAG4.cer), unless the other file holds it
    #[arg(long, value_name = "FILE")]
    intermediate: Option<PathBuf>,
}

/// The name of a pass type's `certificate` or `key`.
pub fn secret(pass_type: &PassTypeIdentifier, part: &str) -> String {
    format!("pass-types/{pass_type}/{part}.pem")
}

/// A certificate and key that fit each other and their pass type.
pub struct PassTypeIdentity {
    pass_type: PassTypeIdentifier,
    certificate: Arc<SigningCertificate>,
    key_pem: Vec<u8>,
}

impl Arguments {
    /// Reads the files and checks everything that can be checked without Apple.
    pub fn read(&self) -> Result<PassTypeIdentity, Failure> {
        let (mut certificates, key_pem) = match (&self.p12, &self.certificate, &self.key) {
            (Some(path), _, _) => read_p12(path, self.password_file.as_deref())?,
            (None, Some(certificate), Some(key)) => (certificates_pem(&read(certificate)?), read(key)?),
            _ => return Err(Failure::new("name the files: --p12, or --certificate and --key")),
        };
        if let Some(path) = &self.intermediate {
            certificates.extend(certificates_pem(&read(path)?));
        }
        let certificate = SigningCertificate::from_pem(&certificates)?;
        certificate.check_for(self.pass_type.as_str(), self.team.as_deref(), SystemTime::now())?;
        let certificate = Arc::new(certificate);
        Identity::from_pem(certificate.clone(), &key_pem)?;
        Ok(PassTypeIdentity {
            pass_type: self.pass_type.clone(),
            certificate,
            // As the file was, whatever became of it on its way here.
            key_pem: pem::private_keys(&key_pem).as_bytes().to_vec(),
        })
    }
}

impl PassTypeIdentity {
    pub fn describe(&self) {
        let left = self
            .certificate
            .not_after()
            .duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO);
        say!(
            "the certificate is for {} of team {}, fits its key, and holds for {} days (until {})",
            self.pass_type,
            self.certificate.team_identifier(),
            left.as_secs() / 86_400,
            humantime::format_rfc3339_seconds(self.certificate.not_after()),
        );
        match self.certificate.allows_nfc() {
            true => say!("it allows NFC"),
            false => say!("it does not allow NFC: Wallet refuses passes with `nfc` that are signed with it"),
        }
    }

    /// Whether the APNs key in this place is of the same team.
    pub async fn check_in(&self, place: &Place) -> Result<(), Failure> {
        team::of_different_teams(&team::against_apns_key(place, &self.certificate).await?)
    }

    /// Stores it; of another team than the APNs key there only if `other_team`.
    pub async fn put(&self, place: &Place, other_team: bool) -> Result<(), Failure> {
        self.describe();
        let faults = team::against_apns_key(place, &self.certificate).await?;
        team::before_storing(place, &faults, other_team)?;
        let name = |part: &str| secret(&self.pass_type, part);
        let chain = [self.certificate.leaf_der(), self.certificate.intermediate_der()]
            .map(certificate_pem)
            .concat();
        // Beside the new key the old one stays until the certificate has been replaced: at every
        // moment there is a key that fits, also for a function that starts amid this.
        let mut keys = self.key_pem.clone();
        if let Some(old) = place.secret(&name("key")).await? {
            keys.extend(pem::private_keys(&old).as_bytes());
            place.put_secret(&name("key"), &keys).await?;
        }
        place.put_secret(&name("certificate"), chain.as_bytes()).await?;
        place.put_secret(&name("key"), &self.key_pem).await?;
        say!("stored in {}; it is used within 15 minutes", place.name());
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::of_file(path, &error))
}

/// PEM as it is; a DER certificate, as Apple hands them out, wrapped.
fn certificates_pem(content: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    match content.first() {
        Some(&SEQUENCE) => certificate_pem(content).into_bytes(),
        // In one encoding, since another file may follow.
        _ => pem::text(content).map_or_else(|| content.to_vec(), |text| text.as_bytes().to_vec()),
    }
}

fn certificate_pem(der: &[u8]) -> String {
    block("CERTIFICATE", der)
}

fn block(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Certificates and key of a PKCS#12 file, both as PEM.
fn read_p12(path: &Path, password_file: Option<&Path>) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let password = match password_file {
        Some(path) => {
            let text = String::from_utf8_lossy(&read(path)?).into_owned();
            text.lines().next().unwrap_or_default().to_owned()
        }
        None => String::new(),
    };
    let store = KeyStore::from_pkcs12(&read(path)?, &password, Pkcs12ImportPolicy::Relaxed).map_err(|error| {
        Failure::new(format!(
            "{}: cannot be opened ({error}); is the password right? Give it with --password-file",
            path.display()
        ))
    })?;
    let Some((_, chain)) = store.private_key_chain() else {
        return Err(Failure::new(format!(
            "{}: holds no private key, so nothing can be signed with it; in Keychain Access, export the certificate \
             from \"My Certificates\", where its key hangs below it",
            path.display()
        )));
    };
    let mut certificates: Vec<&[u8]> = chain.certs().iter().map(|certificate| certificate.as_der()).collect();
    for (_, entry) in store.entries() {
        if let p12_keystore::KeyStoreEntry::Certificate(certificate) = entry {
            certificates.push(certificate.as_der());
        }
    }
    let certificates = certificates.into_iter().map(certificate_pem).collect::<String>();
    Ok((
        certificates.into_bytes(),
        block("PRIVATE KEY", chain.key().as_der()).into_bytes(),
    ))
}
