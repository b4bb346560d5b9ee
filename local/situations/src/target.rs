//! The stack that a situation is played on.

use std::path::{Path, PathBuf};

use passes::tokens::KeyRing;
use stack::Endpoints;

use crate::Error;

/// A local stack, found by its folder. That it runs is seen when it is first asked for something.
pub struct Target {
    pub(crate) dir: PathBuf,
    pub(crate) endpoints: Endpoints,
    pub(crate) link_keys: KeyRing,
    /// What phones trust, in DER.
    pub(crate) root_certificate: Vec<u8>,
}

impl Target {
    /// # Errors
    /// [`Error::NoStack`] unless a stack has been started on this folder; [`Error::File`] names a
    /// file of it that cannot be read.
    pub fn of_folder(dir: &Path) -> Result<Self, Error> {
        let endpoints = Endpoints::of_folder(dir).ok_or_else(|| Error::NoStack(dir.to_owned()))?;
        let keys = dir.join("secrets").join("link-keys.json");
        let link_keys = aws::secrets::parse_key_ring(&read(&keys)?).map_err(|reason| unusable(&keys, reason))?;
        let root = &endpoints.root_certificate;
        let root_certificate =
            pkpass::root_from_pem(&read(root)?).ok_or_else(|| unusable(root, "holds no PEM certificate"))?;
        Ok(Self {
            dir: dir.to_owned(),
            endpoints,
            link_keys,
            root_certificate,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| unusable(path, error.to_string()))
}

fn unusable(path: &Path, reason: impl Into<String>) -> Error {
    Error::File {
        path: path.to_owned(),
        reason: reason.into(),
    }
}
