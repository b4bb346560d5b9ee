//! Pages of large fan-outs.

use std::time::Duration;

use aws::queues::Message;
use edge::occasion::{BatchAnswer, QueueBatch};
use edge::queue::{Delivery, deliveries, misplaced, unreadable};
use edge::{Context, deadline, report};
use passes::fan_out::Pushing;
use passes::pages::Pages;
use passes::settle::Breaker;
use passes::time::Clock as _;
use tokio::time::Instant;

use crate::PushDevices;

/// What is not begun this long before the deadline is handed on: the devices under way take a
/// second or two, the message to the queue some 20 ms.
const RESERVE: Duration = Duration::from_secs(10);

impl PushDevices {
    pub(crate) async fn take_pages_up(&self, batch: QueueBatch, context: &Context) -> BatchAnswer {
        let until = deadline(context, RESERVE);
        let breaker = Breaker::default();
        let mut failed = Vec::new();
        // One after the other, since they share one pace.
        for delivery in deliveries(batch) {
            if !self.delivered(&delivery, until, &breaker).await {
                failed.push(delivery.message_id);
            }
        }
        report::concluded(&breaker.conclude(&self.registry, self.clock.now()).await);
        failed.into_iter().collect()
    }

    /// Whether a message is done with. One that is not comes again by itself.
    async fn delivered(&self, delivery: &Delivery, until: Instant, breaker: &Breaker) -> bool {
        let page = match &delivery.message {
            Ok(Message::Page(page)) => page,
            Ok(Message::Publish(_) | Message::Sweep(_)) => {
                misplaced(&delivery.message_id);
                return false;
            }
            Err(error) => {
                unreadable(&delivery.message_id, error);
                return false;
            }
        };
        let pages = Pages {
            store: &self.registry,
            pushing: match &self.apns {
                Some(apns) if !self.holds_pushes => Pushing::Now(apns, breaker),
                _ => Pushing::LeftToSchedule,
            },
            queue: &self.pages,
            pace: &self.pace,
            clock: &self.clock,
        };
        match pages.take_up(page, || Instant::now() >= until).await {
            Ok(report) => {
                report::page(page, &report);
                true
            }
            Err(error) => {
                report::page_failed(page, &error);
                false
            }
        }
    }
}
