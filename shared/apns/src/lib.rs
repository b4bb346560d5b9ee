//! The APNs client: sends Wallet's pushes, and says which of three things became of each.
//!
//! [`Apns`] implements the port [`SendPush`](passes::push::SendPush) over HTTP/2 with a provider
//! token. Three rules shape it:
//!
//! - **One connection.** APNs takes many connections for an attack, so all pushes share one, and
//!   the first push of each connection goes alone until APNs has accepted one.
//! - **One provider token per connection.** APNs counts token changes per connection; a
//!   connection that never sees a second token cannot break that rule.
//! - **One more try.** A push is idempotent: what a lost connection or a faltering server left
//!   open is sent once more, and then left to the device's lease.
//!
//! Deliberately absent: queues, pacing and waiting for better times (the leases' matter), the
//! sandbox environment (Wallet has none), and any other kind of push.

mod answer;
mod connect_once;
mod connection;
mod error;
mod gate;
mod key;
mod refusals;
mod sender;
mod tls;
mod token;

use std::time::Duration;

pub use crate::error::ApnsError;
pub use crate::key::ProviderKey;
pub use crate::sender::Apns;

/// Wallet's pushes come from here, during development as well.
pub const PRODUCTION_URL: &str = "https://api.push.apple.com";

/// How APNs is reached.
#[derive(Debug, Clone)]
pub struct ApnsConfig {
    /// Scheme `https`, host and port, nothing after it.
    pub url: String,
    /// Roots to trust besides the system's, as PEM; one or several.
    pub root_certificate_pem: Option<Vec<u8>>,
    /// For one request, connecting included. A push makes at most three: the first, one more
    /// after a fault, and one more with a new provider token.
    pub timeout: Duration,
    /// Pushes in flight, 1 to [`MAX_WINDOW`](Self::MAX_WINDOW). More of them wait their turn.
    pub window: usize,
}

impl ApnsConfig {
    /// APNs answers a push within some 60 ms.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
    /// At 60 ms round trip some 1,500 pushes a second: more than one stream shard brings.
    pub const DEFAULT_WINDOW: usize = 100;
    /// At 60 ms round trip some 7,000 pushes a second, at 12 KB of memory per push in flight.
    pub const MAX_WINDOW: usize = 500;
}

impl Default for ApnsConfig {
    fn default() -> Self {
        Self {
            url: PRODUCTION_URL.to_owned(),
            root_certificate_pem: None,
            timeout: Self::DEFAULT_TIMEOUT,
            window: Self::DEFAULT_WINDOW,
        }
    }
}
