use passes::ids::PassKey;

use crate::complaint::Complaint;

/// Why the phone could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The link gave no package.
    #[error("the link gave no pass: {reason}")]
    Link { reason: String },
    /// Wallet would not show the sheet with "Add": the package is invalid. One fault per line.
    #[error("the package is not one that Wallet takes: {reason}")]
    Package { reason: String },
    /// No such pass is installed.
    #[error("the pass {} of {} is not installed", .0.serial, .0.pass_type)]
    NotInstalled(PassKey),
    /// The pass has no `webServiceURL`, so there is nobody to ask.
    #[error("the pass {} of {} has no web service", .0.serial, .0.pass_type)]
    NoWebService(PassKey),
    /// Every attempt failed; this is the last complaint of several.
    #[error("gave up after {attempts} attempts: {}", complaint.summary())]
    GaveUp { attempts: usize, complaint: Box<Complaint> },
    /// The HTTP client could not be made.
    #[error("no HTTP client: {0}")]
    Client(#[source] reqwest::Error),
}

impl PhoneError {
    pub(crate) fn link(reason: impl Into<String>) -> Self {
        Self::Link { reason: reason.into() }
    }

    pub(crate) fn package(reason: impl Into<String>) -> Self {
        Self::Package { reason: reason.into() }
    }
}
