//! Keeps the HTTP client from reconnecting by itself: a new connection's first push goes alone,
//! and only whoever opens the connection knows which push that is.

use std::error::Error as StdError;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

/// Lets a client connect once and never again.
#[derive(Clone, Default)]
pub(crate) struct ConnectOnce {
    connected: Arc<AtomicBool>,
}

#[derive(Debug, thiserror::Error)]
#[error("APNs closed the connection")]
struct Closed;

#[derive(Clone)]
pub(crate) struct ConnectOnceService<S> {
    connected: Arc<AtomicBool>,
    connector: S,
}

impl<S> Layer<S> for ConnectOnce {
    type Service = ConnectOnceService<S>;

    fn layer(&self, connector: S) -> Self::Service {
        ConnectOnceService {
            connected: self.connected.clone(),
            connector,
        }
    }
}

impl<S, R> Service<R> for ConnectOnceService<S>
where
    S: Service<R, Error = Box<dyn StdError + Send + Sync>>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        if self.connected.swap(true, Ordering::Relaxed) {
            return Box::pin(ready(Err(Closed.into())));
        }
        Box::pin(self.connector.call(target))
    }
}
