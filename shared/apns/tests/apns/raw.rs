//! A client without manners: bare HTTP/2, to send what the real client never would.

use std::sync::Arc;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::world::{KEY_ID, TEAM, TOPIC, World};

/// One connection.
pub struct Raw {
    requests: SendRequest<Bytes>,
}

/// What came back: status, headers, and the body's text.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Raw {
    pub async fn connect(world: &World) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(world.root_pem.as_bytes()).unwrap();
        roots.add(root).unwrap();
        let mut tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let socket = TcpStream::connect(world.apple.local_addr()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, socket).await.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { requests }
    }

    /// Sends without waiting for the answer.
    pub async fn start(&self, request: Request<String>) -> ResponseFuture {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, ());
        let (response, mut stream) = requests.send_request(request, false).unwrap();
        stream.send_data(body.into(), true).unwrap();
        response
    }

    pub async fn send(&self, request: Request<String>) -> Reply {
        let response = self.start(request).await.await.unwrap();
        let (parts, mut stream) = response.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = stream.data().await {
            body.extend_from_slice(&chunk.unwrap());
        }
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body).unwrap(),
        }
    }
}

/// What a provider token says.
#[derive(Serialize)]
pub struct Claims {
    pub iss: String,
    pub iat: u64,
}

/// `bearer <JWT>`, in any combination of right and wrong.
pub fn bearer(key_pem: &str, key_id: Option<&str>, iss: &str, iat: u64) -> String {
    let header = Header {
        kid: key_id.map(str::to_owned),
        ..Header::new(Algorithm::ES256)
    };
    let iss = iss.to_owned();
    let key = EncodingKey::from_ec_pem(key_pem.as_bytes()).unwrap();
    let token = jsonwebtoken::encode(&header, &Claims { iss, iat }, &key).unwrap();
    format!("bearer {token}")
}

/// A valid `authorization`, as of Apple's now.
pub fn valid_bearer(world: &World) -> String {
    let now = world.apples_clock.now_ms() / 1_000;
    bearer(&world.key.private_key_pem, Some(KEY_ID), TEAM, now)
}

/// A push to which there is nothing to object.
pub fn valid(world: &World, token: &str) -> Request<String> {
    let address = world.apple.local_addr();
    Request::post(format!("https://{address}/3/device/{token}"))
        .header("authorization", valid_bearer(world))
        .header("apns-topic", TOPIC)
        .header("apns-push-type", "background")
        .header("apns-priority", "5")
        .body(r#"{"aps":{}}"#.to_owned())
        .unwrap()
}
