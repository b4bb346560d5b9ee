use std::collections::BTreeMap;

use serde_json::Value;

use crate::canonical::write_text;
use crate::digest::{Sha1Digest, sha256_hex};
use crate::fault::Fault;

/// The content of manifest.json: file name -> SHA-1 digest, for every file of a package but
/// manifest.json itself and `signature`.
///
/// Two packages with equal manifests look the same on the phone, whatever the time or the
/// certificate that they were signed with.
///
/// ```
/// let mut manifest = pkpass::Manifest::default();
/// manifest.insert("pass.json", b"{}");
/// assert_eq!(
///     manifest.to_json(),
///     br#"{"pass.json":"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f"}"#,
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    digests: BTreeMap<String, Sha1Digest>,
}

impl Manifest {
    /// Lists a file by its bytes; a file of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, bytes: &[u8]) {
        self.insert_digest(name, Sha1Digest::of(bytes));
    }

    /// Lists a file whose digest is known; a file of the same name is replaced.
    pub fn insert_digest(&mut self, name: impl Into<String>, digest: Sha1Digest) {
        self.digests.insert(name.into(), digest);
    }

    /// Lists only the files whose names `stays` takes.
    pub(crate) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.digests.retain(|name, _| stays(name));
    }

    /// The digest of the file `name`.
    pub fn get(&self, name: &str) -> Option<&Sha1Digest> {
        self.digests.get(name)
    }

    /// Name and digest of every file, sorted by the name's bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Sha1Digest)> {
        self.digests.iter().map(|(name, digest)| (name.as_str(), digest))
    }

    /// How many files are listed.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether no file is listed.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// The bytes of manifest.json: one compact object, sorted by the names' bytes, so that equal
    /// manifests give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        // A name, 40 hex digits and six characters around them.
        let mut bytes = Vec::with_capacity(self.digests.keys().map(|name| name.len() + 46).sum());
        bytes.push(b'{');
        for (position, (name, digest)) in self.iter().enumerate() {
            if position > 0 {
                bytes.push(b',');
            }
            write_text(name, &mut bytes);
            bytes.push(b':');
            write_text(&digest.to_string(), &mut bytes);
        }
        bytes.push(b'}');
        bytes
    }

    /// Reads manifest.json.
    ///
    /// # Errors
    /// Every entry that is no SHA-1 digest; one fault when the file is no JSON object.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let entries = match serde_json::from_slice(bytes) {
            Ok(Value::Object(entries)) => entries,
            Ok(_) => {
                let reason = "it is not a JSON object: write {\"file name\": \"SHA-1 in hex\"}";
                return Err(vec![Fault::new("manifest.json", reason)]);
            }
            Err(error) => {
                let reason = format!("it is not JSON ({error}): build the package again");
                return Err(vec![Fault::new("manifest.json", reason)]);
            }
        };
        let mut manifest = Self::default();
        let mut faults = Vec::new();
        for (name, value) in entries {
            match value.as_str().map(str::parse) {
                Some(Ok(digest)) => manifest.insert_digest(name, digest),
                _ => faults.push(Fault::new(
                    format!("manifest.json {name}"),
                    "its value is no SHA-1 digest: write 40 hex digits",
                )),
            }
        }
        if faults.is_empty() { Ok(manifest) } else { Err(faults) }
    }

    /// The manifest's own name: SHA-256 over [`Manifest::to_json`], 64 lower-case hex digits.
    /// Equal exactly when the manifests are.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.to_json())
    }
}
