//! One connection: TLS, HTTP/2, and the rule of one stream until the first success.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use h2::Reason;
use h2::server::Connection;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::provider::ConnectionToken;
use crate::stream::{answer, refuse};
use crate::{SimulatorError, State};

/// What Apple's SETTINGS say on a proven connection.
///
/// Apple says 1 before that. h2 cannot change its SETTINGS later, so that the 1 is kept by
/// refusing streams instead: stricter, since a client that waits for SETTINGS alone is caught.
const MAX_CONCURRENT_STREAMS: u32 = 1_000;

/// How long a closing connection may take to get its GOAWAY out.
const CLOSING: Duration = Duration::from_secs(1);

/// What the simulator's owner wants of every open connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Drain,
    Close,
    BlackHole,
}

/// TLS 1.2 and 1.3, HTTP/2 only.
pub(crate) fn tls_config(chain_pem: &str, key_pem: &str) -> Result<ServerConfig, SimulatorError> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| SimulatorError::Pem {
            what: "the TLS certificate chain",
            source,
        })?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|source| SimulatorError::Pem {
        what: "the TLS private key",
        source,
    })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// What the streams of one connection share.
pub(crate) struct Shared {
    pub(crate) state: Arc<State>,
    open_streams: AtomicUsize,
    standing: Mutex<Standing>,
}

/// What a connection has shown of its client.
#[derive(Default)]
pub(crate) struct Standing {
    /// Whether a push was accepted here: from then on streams may run side by side.
    pub(crate) proven: bool,
    pub(crate) token: ConnectionToken,
}

/// Serves one client until it leaves or is told to. All faults are the client's to notice.
pub(crate) async fn serve(
    socket: TcpStream,
    tls: TlsAcceptor,
    state: Arc<State>,
    mut orders: broadcast::Receiver<Order>,
) {
    // Answers are small and many: waiting to fill a segment would only delay them.
    let _ = socket.set_nodelay(true);
    let Ok(stream) = tls.accept(socket).await else {
        return;
    };
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return;
    }
    state.connections.fetch_add(1, Ordering::SeqCst);
    // Declared before the streams: whoever waits for the end finds their records.
    let alive = Alive::new(state.clone());
    let handshake = h2::server::Builder::new()
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .handshake(stream)
        .await;
    let Ok(mut connection) = handshake else {
        return;
    };

    let shared = Arc::new(Shared {
        state,
        open_streams: AtomicUsize::new(0),
        standing: Mutex::default(),
    });
    // Streams run inside this task: when the connection ends, so do they.
    let mut streams = FuturesUnordered::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Ok(Order::Drain) => connection.graceful_shutdown(),
                Ok(Order::Close) => return close(connection).await,
                Ok(Order::BlackHole) => break,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    // A stream that the client has reset by now is over, though its future may
                    // not have been told yet.
                    while let Some(Some(())) = streams.next().now_or_never() {}
                    if shared.may_open_stream() {
                        let open = OpenStream::new(shared.clone());
                        streams.push(answer(open, request, respond));
                    } else {
                        refuse(&shared.state, request, respond);
                    }
                }
                Some(Err(_)) | None => return,
            },
            Some(()) = streams.next() => {}
        }
    }
    // A black hole: the socket is kept, and never looked at again.
    drop(streams);
    drop(alive);
    std::future::pending::<()>().await;
}

/// Counts a connection as alive for as long as it lives.
struct Alive(Arc<State>);

impl Alive {
    fn new(state: Arc<State>) -> Self {
        state.alive.send_modify(|alive| *alive += 1);
        Self(state)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.send_modify(|alive| *alive -= 1);
    }
}

async fn close(mut connection: Connection<TlsStream<TcpStream>, Bytes>) {
    connection.abrupt_shutdown(Reason::NO_ERROR);
    // Whether the GOAWAY could be written or not, the socket closes here.
    let _ = tokio::time::timeout(CLOSING, poll_fn(|cx| connection.poll_closed(cx))).await;
}

impl Shared {
    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().expect("no panic while the lock was held")
    }

    fn may_open_stream(&self) -> bool {
        self.standing().proven || self.open_streams.load(Ordering::SeqCst) == 0
    }
}

/// Counts a stream as open for as long as it lives.
pub(crate) struct OpenStream(pub(crate) Arc<Shared>);

impl OpenStream {
    fn new(shared: Arc<Shared>) -> Self {
        shared.open_streams.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.open_streams.fetch_sub(1, Ordering::SeqCst);
    }
}
