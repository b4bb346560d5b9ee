use crate::ApnsConfig;

/// Why there is no client: configuration and key are checked before the first push. What becomes
/// of a push is never an error, but a [`PushOutcome`](passes::push::PushOutcome).
#[derive(Debug, thiserror::Error)]
pub enum ApnsError {
    #[error("the URL of APNs must be https://<host>[:<port>] and nothing more, but is {url:?}")]
    Url { url: String },
    #[error(
        "the window must be 1 to {max} pushes, but is {window}",
        max = ApnsConfig::MAX_WINDOW
    )]
    Window { window: usize },
    #[error("the root certificate for APNs is not readable as PEM")]
    RootCertificate(#[source] rustls::pki_types::pem::Error),
    /// The roots are no certificates, or the system has none.
    #[error("TLS for APNs could not be set up")]
    Tls(#[source] rustls::Error),
    #[error("the HTTP client for APNs could not be set up")]
    Client(#[source] reqwest::Error),
    /// The text is left out: it is a secret.
    #[error(
        "the APNs key must be JSON with the strings \"key_id\", \"team_id\" and \"private_key\"; \
         it is not, at line {line}, column {column}"
    )]
    KeyJson { line: usize, column: usize },
    /// The .p8 file by itself, or in JSON of another form.
    #[error(
        "the APNs key stands alone: its key id and team id are missing; store all three with \
         `livepass secret put apns`, as JSON with the strings \"key_id\", \"team_id\" and \"private_key\""
    )]
    KeyAlone,
    #[error("the APNs key's {what} must be letters and digits, as Apple gave it")]
    KeyName { what: &'static str },
    #[error("the APNs private key must be the content of Apple's .p8 file (P-256, PKCS#8, PEM)")]
    PrivateKey(#[source] jsonwebtoken::errors::Error),
    /// What was pasted is no private key, or is damaged.
    #[error("the APNs private key must be the content of Apple's .p8 file (P-256, PKCS#8, PEM), but {reason}")]
    PrivateKeyText { reason: String },
    /// The key was good when it was parsed: the random generator or the library failed.
    #[error("the provider token could not be signed")]
    Signature(#[source] jsonwebtoken::errors::Error),
}
