//! What is handed on.

use std::future::Future;
use std::time::Duration;

use super::StoreResult;
use crate::work::{KeyToPublish, NextPage};

pub trait SendPage: Send + Sync {
    /// Hands a page of a fan-out on to whoever advances devices at a pace.
    fn send_page(&self, page: &NextPage) -> impl Future<Output = StoreResult<()>> + Send;
}

pub trait SendKeys: Send + Sync {
    /// Hands keys on to be published, after `delay` at the earliest; at most
    /// [`KEYS_AT_A_TIME`](crate::work::KEYS_AT_A_TIME). An error means that some may not have been
    /// taken; to send all of them again does no harm.
    fn send_keys(&self, keys: &[KeyToPublish], delay: Duration) -> impl Future<Output = StoreResult<()>> + Send;
}
