use std::io;
use std::path::PathBuf;

/// Why nothing could be made, or what was made before could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The cryptographic library refused, or a stored key is unreadable.
    #[error("{what}: {source}")]
    Certificate { what: &'static str, source: rcgen::Error },
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// A drawn template is not what a template has to be.
    #[error("template {id}: {source}")]
    Template {
        id: &'static str,
        source: pkpass::TemplateError,
    },
    /// One APNs key reaches the pass types of one team only.
    #[error("the pass types of one folder must share one team; {found} were given")]
    Teams { found: usize },
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A file that was made before holds something else now.
    #[error("{}: {reason}; remove it and start again to have a new one made", path.display())]
    Unreadable { path: PathBuf, reason: String },
}

impl SeedError {
    pub(crate) fn certificate(what: &'static str) -> impl FnOnce(rcgen::Error) -> Self {
        move |source| Self::Certificate { what, source }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
