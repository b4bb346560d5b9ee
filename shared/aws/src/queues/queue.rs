//! A queue as the domain sees it.

use std::time::Duration;

use passes::ports::{SendKeys, SendPage, SendSweep, StoreResult};
use passes::sweep::SweepPage;
use passes::work::{KeyToPublish, NextPage};

use super::{Message, SendMessages};

/// Sends the domain's work as messages.
#[derive(Debug, Clone)]
pub struct Queue<S> {
    store: S,
}

impl<S: SendMessages> Queue<S> {
    pub fn new(store: S) -> Self {
        Self { store }
    }
}

impl<S: SendMessages> SendPage for Queue<S> {
    async fn send_page(&self, page: &NextPage) -> StoreResult<()> {
        let body = Message::Page(page.clone()).body();
        self.store.send_messages(&[body], Duration::ZERO).await
    }
}

impl<S: SendMessages> SendKeys for Queue<S> {
    async fn send_keys(&self, keys: &[KeyToPublish], delay: Duration) -> StoreResult<()> {
        let bodies: Vec<_> = keys.iter().map(|key| Message::Publish(key.clone()).body()).collect();
        self.store.send_messages(&bodies, delay).await
    }
}

impl<S: SendMessages> SendSweep for Queue<S> {
    async fn send_sweep(&self, pages: &[SweepPage]) -> StoreResult<()> {
        let bodies: Vec<_> = pages.iter().map(|page| Message::Sweep(page.clone()).body()).collect();
        self.store.send_messages(&bodies, Duration::ZERO).await
    }
}
