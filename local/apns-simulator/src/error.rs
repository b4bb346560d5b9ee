use std::io;
use std::net::SocketAddr;

/// Why the simulator does not start. What is wrong with a push is never an error here: it is
/// the answer, and a record.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// It holds no secret worth stealing, but believes whom it is told to: not for a network.
    #[error("{0} is not a loopback address; the simulator serves this machine only")]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    /// The certificate chain or its key is no PEM, or holds none.
    #[error("{what} is not readable as PEM: {source}")]
    Pem {
        what: &'static str,
        source: tokio_rustls::rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that TLS cannot use.
    #[error("the TLS certificate or its key cannot be used: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    #[error("the public key of provider key {key_id} is not a P-256 key in PEM: {source}")]
    ProviderKey {
        key_id: String,
        source: jsonwebtoken::errors::Error,
    },
}
