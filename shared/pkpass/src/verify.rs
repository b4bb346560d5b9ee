//! What Wallet does with a downloaded package.

mod signature;

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde_json::Value;

use crate::certificate::SigningCertificate;
use crate::certificate_view::CertificateView;
use crate::digest::Sha1Digest;
use crate::fault::{Fault, write_lines};
use crate::manifest::Manifest;
use crate::pass_json::{Context, Verdict};
use crate::{archive, image, layout, pass_json, png, template};

/// The most that a package may hold, unpacked, in bytes: enough for any package of other senders
/// too, and little enough to be read into memory at once.
const MAX_UNPACKED_BYTES: u64 = 16 * 1024 * 1024;

/// A package that has been verified.
#[derive(Debug, Clone)]
pub struct OpenedPass {
    /// pass.json, an object without faults.
    pub pass: Value,
    /// Every file, manifest.json and `signature` included: path -> content.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What manifest.json says, which is what the files are.
    pub manifest: Manifest,
    /// When the package was signed, in whole seconds.
    pub signing_time: SystemTime,
    /// The certificate that signed it, with its intermediate.
    pub certificate: SigningCertificate,
}

/// The first certificate of a PEM file in DER, as [`verify`] wants its root.
pub fn root_from_pem(pem: &[u8]) -> Option<Vec<u8>> {
    let blocks = crate::pem::blocks(pem).ok()?;
    let certificate = blocks.iter().find(|block| block.label() == "CERTIFICATE")?;
    certificate.der().ok().map(<[u8]>::to_vec)
}

/// Opens a package as Wallet does, and refuses what Wallet would refuse.
///
/// Verified are the archive's layout, which has to be one run of bytes that can be read front to
/// back; every file against the manifest and every manifest entry
/// against the files; the images; the detached signature over the manifest's bytes, with content
/// type, message digest and signing time among its sorted signed attributes; the chain from the
/// leaf over the intermediate inside the signature to `root_der`; all three certificates' dates at
/// `now`; pass type and team of leaf and pass.json; and the rules of [`pass_json::check`].
///
/// Not verified is whether a certificate has been revoked.
///
/// `root_der` is the root certificate in DER: Apple's, or that of a test.
///
/// # Errors
/// Every fault, but none that follows from another: of a file that was altered after signing only
/// that is told, of a manifest that was altered only that its signature does not fit. When the
/// archive or the signature's structure cannot be read, the faults that depend on it are absent.
pub fn verify(package: &[u8], root_der: &[u8], now: SystemTime) -> Result<OpenedPass, VerifyError> {
    let files = archive::read(package, MAX_UNPACKED_BYTES)?;
    let mut faults: Vec<Fault> = archive::gap(package).into_iter().collect();
    layout_faults(&files, &mut faults);

    let signature = signature_of(&files);
    let other_manifest = matches!(&signature, Some(Err(refusal)) if refusal.other_manifest);
    // Not the manifest that was signed: what it says of the files is worth nothing then.
    let manifest = if other_manifest {
        None
    } else {
        manifest_of(&files, &mut faults)
    };
    image_faults(&files, &mut faults);
    let certificate = signature.as_ref().and_then(|signature| signature.as_ref().ok());
    let certificate = certificate.map(|signed| &signed.certificate);
    let pass = pass_of(&files, certificate, &mut faults);
    let signed = match signature {
        Some(Ok(signed)) => Some(signed),
        Some(Err(refusal)) => {
            let found = refusal.reasons.into_iter();
            faults.extend(found.map(|reason| Fault::new("signature", reason)));
            None
        }
        None => None,
    };
    if let Some(signed) = &signed {
        if files.contains_key("personalization.json") && !signed.certificate.allows_nfc() {
            let reason = "it needs a certificate for NFC, and phones refuse it with this one: remove it";
            faults.push(Fault::new("personalization.json", reason));
        }
        chain(&signed.certificate, root_der, now, &mut faults);
        if let Some(pass) = &pass {
            owner(&signed.certificate, pass, &mut faults);
        }
    }
    match (manifest, pass, signed) {
        (Some(manifest), Some(pass), Some(signed)) if faults.is_empty() => Ok(OpenedPass {
            pass,
            files,
            manifest,
            signing_time: signed.signing_time,
            certificate: signed.certificate,
        }),
        _ => Err(VerifyError { faults }),
    }
}

/// Names that a package must not hold, and files that it lacks.
fn layout_faults(files: &BTreeMap<String, Vec<u8>>, faults: &mut Vec<Fault>) {
    for name in files.keys() {
        faults.extend(layout::refusal(name).map(|reason| Fault::new(name, reason)));
    }
    if !image::has_icon(files.keys()) {
        let reason = "it is missing, and Wallet ignores a pass without it: add it at the root";
        faults.push(Fault::new("icon.png", reason));
    }
    for name in ["pass.json", "manifest.json", "signature"] {
        if !files.contains_key(name) {
            faults.push(Fault::new(name, "it is missing: a package needs it at its root"));
        }
    }
}

fn image_faults(files: &BTreeMap<String, Vec<u8>>, faults: &mut Vec<Fault>) {
    for (name, content) in files.iter().filter(|(name, _)| layout::is_image(name)) {
        if let Err(reason) = png::check(content) {
            add_if_first(faults, Fault::new(name, reason));
        }
    }
}

/// Only the first fault of a file is told: a file that was altered after signing, say, is often
/// broken too, and one that is missing cannot fit the manifest.
fn add_if_first(faults: &mut Vec<Fault>, fault: Fault) {
    if faults.iter().all(|told| told.path != fault.path) {
        faults.push(fault);
    }
}

/// The manifest, compared with the files in both directions.
fn manifest_of(files: &BTreeMap<String, Vec<u8>>, faults: &mut Vec<Fault>) -> Option<Manifest> {
    let manifest = match Manifest::from_json(files.get("manifest.json")?) {
        Ok(manifest) => manifest,
        Err(found) => {
            faults.extend(found);
            return None;
        }
    };
    for (name, content) in files {
        if name == "manifest.json" || name == "signature" {
            continue;
        }
        let reason = match manifest.get(name) {
            Some(digest) if *digest == Sha1Digest::of(content) => continue,
            Some(_) => "it is not the file that the manifest lists: it was altered after signing",
            None => "it is not in the manifest: list every file when the package is built",
        };
        add_if_first(faults, Fault::new(name, reason));
    }
    for (name, _) in manifest.iter().filter(|(name, _)| !files.contains_key(*name)) {
        let reason = "the manifest lists it, but it is not in the archive: it was lost after signing";
        add_if_first(faults, Fault::new(name, reason));
    }
    Some(manifest)
}

fn pass_of(
    files: &BTreeMap<String, Vec<u8>>,
    certificate: Option<&SigningCertificate>,
    faults: &mut Vec<Fault>,
) -> Option<Value> {
    let bytes = files.get("pass.json")?;
    match template::parse_pass_json(bytes) {
        // What was altered after signing is not what its sender has to mend.
        _ if faults.iter().any(|told| told.path == "pass.json") => None,
        Ok(pass) => {
            let context = Context {
                nfc_certificate: certificate.map(SigningCertificate::allows_nfc),
                ..Context::default()
            };
            let found = pass_json::check(&pass, &context);
            let refused = found.iter().filter(|finding| finding.verdict() == Verdict::Refuse);
            faults.extend(template::within_pass_json(refused));
            Some(pass)
        }
        Err(reason) => {
            faults.push(Fault::new("pass.json", reason));
            None
        }
    }
}

/// None without a signature or a manifest, whose absence is the fault that counts.
fn signature_of(files: &BTreeMap<String, Vec<u8>>) -> Option<Result<signature::Signed, signature::Refusal>> {
    Some(signature::check(files.get("signature")?, files.get("manifest.json")?))
}

fn chain(certificate: &SigningCertificate, root_der: &[u8], now: SystemTime, faults: &mut Vec<Fault>) {
    let mut fault = |reason: String| faults.push(Fault::new("signature", reason));
    if let Err(error) = certificate.valid_at(now) {
        fault(error.to_string());
    }
    let intermediate = &certificate.intermediate;
    if !intermediate.is_authority() {
        fault(format!(
            "{} may not issue certificates: use Apple's intermediate",
            intermediate.subject()
        ));
    }
    match CertificateView::from_der(root_der) {
        Err(error) => fault(format!(
            "the root to verify against cannot be read ({error}): give it in DER"
        )),
        Ok(root) if now < root.not_before() || now > root.not_after() => {
            fault(format!("the root {} is not valid now", root.subject()));
        }
        Ok(root) if !intermediate.is_issued_by(&root) => fault(format!(
            "{} was not issued by {}: sign with a certificate that the root stands behind",
            intermediate.subject(),
            root.subject()
        )),
        Ok(_) => {}
    }
}

/// A pass is only taken from the team and for the type that its certificate names.
fn owner(certificate: &SigningCertificate, pass: &Value, faults: &mut Vec<Fault>) {
    for (key, signed) in [
        ("passTypeIdentifier", certificate.pass_type_identifier()),
        ("teamIdentifier", certificate.team_identifier()),
    ] {
        // A key that is missing or no text is a fault of pass.json already.
        if let Some(written) = pass.get(key).and_then(Value::as_str)
            && written != signed
        {
            let reason = format!(
                "it is {written}, but the certificate is for {signed}: sign with the certificate \
                 for {written}"
            );
            faults.push(Fault::new(format!("pass.json {key}"), reason));
        }
    }
}

/// A package that Wallet would refuse, with every reason. Shown one fault per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyError {
    /// At least one fault.
    pub faults: Vec<Fault>,
}

impl From<Vec<Fault>> for VerifyError {
    fn from(faults: Vec<Fault>) -> Self {
        Self { faults }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(&self.faults, f)
    }
}

impl std::error::Error for VerifyError {}
