//! The pass template: everything of a pass that many passes share.

mod folder;
mod inspection;
mod twice;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::archive::{self, PreparedArchive};
use crate::digest::{Sha1Digest, sha256_hex};
use crate::fault::{Fault, write_lines};
use crate::image;
use crate::manifest::Manifest;
use crate::pass_json::{Context, Verdict};
use crate::signer::{Identity, SignError};
use crate::{pass_json, signed_data};

pub(crate) use inspection::{skeleton as parse_pass_json, within_pass_json};

const PASS_JSON: &str = "pass.json";
const PERSONALIZATION: &str = "personalization.json";

/// The largest package that is built, in bytes.
///
/// A Lambda function answers with at most 6 MiB, in which the body stands as base64: 6 x 1,048,576
/// x 3/4 = 4,718,592 bytes. 16 KiB of that are kept for the answer's headers and JSON.
/// Source: AWS Lambda quotas, "invocation payload (request and response)".
pub const MAX_PACKAGE_BYTES: usize = 6 * 1024 * 1024 / 4 * 3 - 16 * 1024;

/// Local header (30), directory entry (46) and twice a file name, rounded up.
const ENTRY_BOUND: u64 = 512;
/// A name, 40 hexadecimal digits and six marks of JSON, rounded up.
const MANIFEST_LINE_BOUND: u64 = 256;
/// Two certificates of at most 2 KiB each, an RSA-4096 signature and the attributes, rounded up.
const SIGNATURE_BOUND: u64 = 8 * 1024;

/// The most that a template's files may hold in all, unpacked, in bytes.
///
/// 4 MiB leave 4,702,208 - 4,194,304 = 507,904 bytes of [`MAX_PACKAGE_BYTES`] for pass.json, the
/// images of a record, the manifest and the signature, even when nothing can be compressed.
pub const MAX_UNPACKED_BYTES: u64 = 4 * 1024 * 1024;

/// A pass template that has been judged, hashed and archived, ready for any number of packages.
///
/// Holding one costs about the size of its archive. It is `Send` and `Sync`, and nothing in it
/// changes after it has been made, so one value serves all requests of a process.
///
/// ```no_run
/// # fn example(identity: &pkpass::Identity) -> Result<(), Box<dyn std::error::Error>> {
/// let template = pkpass::Template::open("templates/coffee".as_ref())?;
/// let pass_json = pkpass::canonical_json(template.skeleton());
/// let package = template.package(&pass_json, &[], identity, std::time::SystemTime::now())?;
/// # Ok(())
/// # }
/// ```
pub struct Template {
    version: String,
    skeleton: Value,
    skeleton_bytes: Vec<u8>,
    style: &'static str,
    names: Vec<String>,
    manifest: Manifest,
    archive: PreparedArchive,
    warnings: Vec<Fault>,
    texts: pass_json::Texts,
}

impl Template {
    /// Reads a template from a folder or from a ZIP file.
    ///
    /// # Errors
    /// Every fault of the template; one when `path` cannot be read.
    pub fn open(path: &Path) -> Result<Self, TemplateError> {
        if path.is_dir() {
            return Self::from_files(folder::read(path, MAX_UNPACKED_BYTES, &|_| false)?);
        }
        let bytes = std::fs::read(path).map_err(|error| {
            let reason = format!("it cannot be read ({error}): name a folder or a ZIP file");
            vec![Fault::new(path.display().to_string(), reason)]
        })?;
        Self::from_zip(&bytes)
    }

    /// A folder's files as a ZIP archive, without those whose own name is `left_out`, unjudged: whoever reads it with [`Template::from_zip`] finds
    /// the same faults. That of a good template is its [`Template::to_bundle`].
    ///
    /// # Errors
    /// What cannot be read or is too large.
    pub fn bundle_of_folder(path: &Path, left_out: impl Fn(&str) -> bool) -> Result<Vec<u8>, TemplateError> {
        let mut files = folder::read(path, MAX_UNPACKED_BYTES, &left_out)?;
        let pass_json = files.remove(PASS_JSON);
        let tail: Vec<_> = pass_json.iter().map(|bytes| (PASS_JSON, bytes.as_slice())).collect();
        let archive = PreparedArchive::new(&files).and_then(|archive| archive.with(&tail, |_| false));
        archive.map_err(|error| {
            let reason = format!("it cannot be built ({error}): remove the files that no pass has");
            vec![Fault::new("archive", reason)].into()
        })
    }

    /// Reads a template from the bytes of a ZIP archive. Unpacks into memory only, and at most
    /// [`MAX_UNPACKED_BYTES`].
    ///
    /// # Errors
    /// Every fault of the template. Faults of the archive itself come alone, because its files
    /// are not known then.
    pub fn from_zip(bytes: &[u8]) -> Result<Self, TemplateError> {
        Self::from_files(archive::read(bytes, MAX_UNPACKED_BYTES)?)
    }

    /// Makes a template from its files: path with slashes (`en.lproj/pass.strings`) -> content.
    ///
    /// # Errors
    /// Every fault of the template.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, TemplateError> {
        let (mut files, mut faults) = inspection::unwrap(files);
        let inspected = inspection::inspect(&files);
        faults.extend(inspected.faults);
        let Some(skeleton) = inspected.skeleton.filter(|_| faults.is_empty()) else {
            let warnings = [inspected.of_pass_json, inspected.warnings].concat();
            return Err(TemplateError { faults, warnings });
        };
        let version = version_of(&files);
        let names = files.keys().cloned().collect();
        let skeleton_bytes = files.remove(PASS_JSON).unwrap_or_default();
        let style = skeleton
            .as_object()
            .and_then(|pass| pass_json::styles_of(pass).first().copied())
            .unwrap_or_default();
        let mut manifest = Manifest::default();
        for (name, content) in &files {
            manifest.insert(name, content);
        }
        let archive = PreparedArchive::new(&files).map_err(|error| {
            let reason = format!("it cannot be built ({error}): report this with the template");
            vec![Fault::new("archive", reason)]
        })?;
        Ok(Self {
            version,
            skeleton,
            skeleton_bytes,
            style,
            names,
            manifest,
            archive,
            warnings: inspected.warnings,
            texts: inspected.texts,
        })
    }

    /// What phones show otherwise than was meant at `now`, and what each row has to bring, by file and place.
    pub fn warnings(&self, now: SystemTime) -> Vec<Fault> {
        let seconds = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let context = Context {
            texts: Some(&self.texts),
            now: i64::try_from(seconds).ok(),
            is_new: true,
            ..Context::default()
        };
        let found = pass_json::check_skeleton(&self.skeleton, &context);
        let warned = found.iter().filter(|finding| finding.verdict() == Verdict::Warn);
        let mut warnings = within_pass_json(warned);
        warnings.extend(self.warnings.iter().cloned());
        warnings
    }

    /// The texts of each of its languages.
    pub fn texts(&self) -> &pass_json::Texts {
        &self.texts
    }

    /// Whether it asks for the holder's name and address when the pass is added, which like NFC takes a
    /// certificate of its own.
    pub fn has_personalization(&self) -> bool {
        self.names.iter().any(|name| name == PERSONALIZATION)
    }

    /// The version: a name for exactly these files, 64 lower-case hex digits.
    ///
    /// SHA-256 over one line per file, pass.json included, sorted by the path's bytes; a line is
    /// the file's SHA-256 in lower-case hex, two spaces, the path, and a line feed. That is what
    /// `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` prints inside the folder.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The template's pass.json, always a JSON object.
    pub fn skeleton(&self) -> &Value {
        &self.skeleton
    }

    /// The key of the template's style: the classic one of [`pass_json::CLASSIC_STYLES`], or the poster
    /// if it has no other.
    pub fn style(&self) -> &str {
        self.style
    }

    /// Name and digest of every file but pass.json.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The name of every file, pass.json included, sorted by bytes.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The template as a ZIP archive, pass.json included. Equal files give equal bytes, and
    /// [`Template::from_zip`] gives a template of the same version.
    pub fn to_bundle(&self) -> Vec<u8> {
        self.archive
            .with(&[(PASS_JSON, &self.skeleton_bytes)], |_| false)
            .expect("an archive that was written once in memory is written again")
    }

    /// The manifest of the package that [`Template::package`] would build with this pass.json and
    /// these images (name and digest), without building it.
    pub fn manifest_with(&self, pass_json: &[u8], images: &[(String, Sha1Digest)]) -> Manifest {
        let replaced = self.replaced_by(images);
        let mut manifest = self.manifest.clone();
        manifest.retain(|name| !replaced.contains(name));
        for (name, digest) in images {
            manifest.insert_digest(name, *digest);
        }
        manifest.insert(PASS_JSON, pass_json);
        manifest
    }

    /// Whether [`Template::package`] would stay within [`MAX_PACKAGE_BYTES`], told before there is
    /// a signature: an upper bound, at most some KB above the truth. `images` are name and size in
    /// bytes.
    ///
    /// # Errors
    /// [`PackageError::TooLarge`] with the bound.
    pub fn check_size(&self, pass_json: &[u8], images: &[(String, u64)]) -> Result<(), PackageError> {
        let replaced = self.replaced_by(images);
        let archive = self.archive.size_without(|name| replaced.contains(name));
        let of_images: u64 = images.iter().map(|(_, bytes)| bytes + ENTRY_BOUND).sum();
        let files = self.names.len() + images.len() + 1;
        let manifest = files as u64 * MANIFEST_LINE_BOUND;
        let tail = pass_json.len() as u64 + manifest + SIGNATURE_BOUND + 3 * ENTRY_BOUND;
        let bytes = usize::try_from(archive + of_images + tail).unwrap_or(usize::MAX);
        if bytes > MAX_PACKAGE_BYTES {
            return Err(PackageError::TooLarge { bytes });
        }
        Ok(())
    }

    /// The signed package (.pkpass) of one pass.
    ///
    /// `pass_json` is the final file and is taken as it is: judge it with
    /// [`pass_json::check`] when it is rendered, not each time that it is sent. `images` are the
    /// record's own (name and PNG bytes). `signing_time` goes into the signature in whole seconds.
    ///
    /// An image takes the place of all that a phone might show instead: one at the root
    /// (`strip.png`, `strip@2x.png`) of all scales and languages of that image in the template, one
    /// in the folder of a language (`de.lproj/strip.png`) of all scales in that folder.
    ///
    /// Whether `identity` is the right one for this pass and valid now is for
    /// [`crate::SigningCertificate::check_for`] to say.
    ///
    /// Costs one RSA signature, a copy of the prepared archive, and little else; the template's
    /// files are neither hashed nor compressed again.
    ///
    /// # Errors
    /// An image that Wallet would refuse, a signature that could not be made, or a package above
    /// [`MAX_PACKAGE_BYTES`].
    pub fn package(
        &self,
        pass_json: &[u8],
        images: &[(String, Vec<u8>)],
        identity: &Identity,
        signing_time: SystemTime,
    ) -> Result<Vec<u8>, PackageError> {
        check_images(images)?;
        let digests: Vec<(String, Sha1Digest)> = images
            .iter()
            .map(|(name, content)| (name.clone(), Sha1Digest::of(content)))
            .collect();
        let manifest = self.manifest_with(pass_json, &digests).to_json();
        let signature = signed_data::sign(&manifest, identity, signing_time)?;

        let mut added: Vec<(&str, &[u8])> = Vec::with_capacity(images.len() + 3);
        for (name, content) in images {
            added.push((name, content));
        }
        added.push((PASS_JSON, pass_json));
        added.push(("manifest.json", &manifest));
        added.push(("signature", &signature));
        let replaced = self.replaced_by(images);
        let package = self
            .archive
            .with(&added, |name| replaced.contains(name))
            .map_err(PackageError::Archive)?;
        if package.len() > MAX_PACKAGE_BYTES {
            return Err(PackageError::TooLarge { bytes: package.len() });
        }
        Ok(package)
    }

    /// The template's files that are left out beside these images of a record.
    fn replaced_by<T>(&self, images: &[(String, T)]) -> BTreeSet<&str> {
        let replaced = |name: &&str| images.iter().any(|(image, _)| image::replaces(image, name));
        self.file_names().filter(replaced).collect()
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("version", &self.version)
            .field("style", &self.style)
            .field("files", &self.names)
            .finish_non_exhaustive()
    }
}

fn version_of(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut list = String::new();
    for (name, content) in files {
        list.push_str(&sha256_hex(content));
        list.push_str("  ");
        list.push_str(name);
        list.push('\n');
    }
    sha256_hex(list.as_bytes())
}

fn check_images(images: &[(String, Vec<u8>)]) -> Result<(), PackageError> {
    let refused = |name: &str, reason: String| PackageError::Image(Fault::new(name, reason));
    let mut seen = BTreeSet::new();
    for (name, content) in images {
        image::check_file(name, content).map_err(|reason| refused(name, reason))?;
        if !seen.insert(name) {
            return Err(refused(name, "it is given twice: keep one".into()));
        }
    }
    Ok(())
}

/// A template that is not usable, with everything that has to be mended. Shown one fault per
/// line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// At least one fault.
    pub faults: Vec<Fault>,
    /// What it would be warned of as well, as far as its files could be read.
    pub warnings: Vec<Fault>,
}

impl From<Vec<Fault>> for TemplateError {
    fn from(faults: Vec<Fault>) -> Self {
        let warnings = Vec::new();
        Self { faults, warnings }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(&self.faults, f)
    }
}

impl std::error::Error for TemplateError {}

/// A package that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// An image of the record is one that Wallet would refuse. The record has to change.
    #[error("{0}")]
    Image(Fault),
    /// The package would not fit into an answer. Template or images have to become smaller.
    #[error(
        "the package is {bytes} bytes, and at most {MAX_PACKAGE_BYTES} can be sent: make the \
         images smaller"
    )]
    TooLarge {
        /// The package's size.
        bytes: usize,
    },
    /// The signature could not be made; [`SignError::is_retryable`] says whether to try again.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The archive could not be written to memory.
    #[error("the archive could not be written")]
    Archive(#[source] io::Error),
}
