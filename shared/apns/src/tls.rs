//! TLS: whom the client trusts. Set up once, since reading the system's roots takes milliseconds
//! and every connection needs them; sessions are resumed across connections for the same reason.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls_platform_verifier::Verifier;

use crate::ApnsError;

/// The system's roots and those of `root_certificate_pem`; HTTP/2 only.
pub(crate) fn configuration(root_certificate_pem: Option<&[u8]>) -> Result<ClientConfig, ApnsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(root_certificate_pem, provider.clone())?;
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ApnsError::Tls)?
        .dangerous() // What rustls calls every verifier but its own.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(tls)
}

fn verifier(pem: Option<&[u8]>, provider: Arc<CryptoProvider>) -> Result<Verifier, ApnsError> {
    let verifier = match pem {
        None => Verifier::new(provider),
        Some(pem) => Verifier::new_with_extra_roots(roots(pem)?, provider),
    };
    verifier.map_err(ApnsError::Tls)
}

fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ApnsError> {
    let roots = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(ApnsError::RootCertificate)?;
    // Whoever names a root means one: an empty file is a mistake.
    if roots.is_empty() {
        return Err(ApnsError::RootCertificate(pem::Error::NoItemsFound));
    }
    Ok(roots)
}
