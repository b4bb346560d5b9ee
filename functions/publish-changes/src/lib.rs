//! The stream of the Passes table, and the queue of keys to publish -> publish -> APNs.

use std::time::Duration;

use aws::dynamodb::{Registry, Sources};
use aws::queues::Message;
use edge::apns::RotatingApns;
use edge::event::EventFunction;
use edge::http::chain;
use edge::occasion::{BatchAnswer, Occasion};
use edge::platform::{StoredMaterial, WorkQueue};
use edge::queue::{Delivery, deliveries, misplaced, unreadable};
use edge::stream::{Hint as Change, hints};
use edge::{Environment, LambdaEvent, Platform, WallClock, deadline, report};
use futures_util::{StreamExt as _, stream};
use passes::fan_out::{FurtherPages, Pushing};
use passes::ids::PassKey;
use passes::ports::{SendKeys as _, StoreResult};
use passes::publish::{PublishReport, Publisher};
use passes::time::Clock as _;
use passes::work::{Hint, KeyToPublish, PAUSE_AFTER_FAILURE};
use tokio::time::{Instant, timeout_at};

/// Passes published side by side; each may advance 16 devices at a time.
const CONCURRENCY: usize = 8;

/// What is not begun this long before the deadline is left to the next batch.
const RESERVE: Duration = Duration::from_secs(10);
/// What is still running then is given up, in time to hand it over: one call to the queue, which
/// takes some 20 ms.
const LAST_MOMENT: Duration = Duration::from_secs(5);
/// What has not been handed over by then is reported instead.
const TOO_LATE: Duration = Duration::from_secs(2);

pub struct PublishChanges {
    registry: Registry,
    sources: Sources,
    material: StoredMaterial,
    apns: Option<RotatingApns>,
    holds_pushes: bool,
    keys: WorkQueue,
    pages: WorkQueue,
    clock: WallClock,
    web_service_url: String,
}

/// Moments of one invocation.
#[derive(Clone, Copy)]
struct Limits {
    /// Begin nothing more.
    begin: Instant,
    publish: Instant,
    hand_over: Instant,
}

impl PublishChanges {
    pub async fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            sources: platform.sources(environment),
            material: platform.material(environment),
            apns: platform.apns(environment).await,
            holds_pushes: platform.holds_pushes(environment),
            keys: platform.publish_queue(environment),
            pages: platform.push_queue(environment),
            clock: platform.clock.clone(),
            web_service_url: platform.web_service_url(environment),
        }
    }

    async fn publish(&self, key: &PassKey, hint: Hint) -> StoreResult<PublishReport> {
        let pushing = match &self.apns {
            Some(apns) if !self.holds_pushes => Pushing::Now(apns),
            _ => Pushing::LeftToSchedule,
        };
        let publisher = Publisher {
            sources: &self.sources,
            store: &self.registry,
            material: &self.material,
            pushing,
            further_pages: FurtherPages::Sent(&self.pages),
            clock: &self.clock,
            web_service_url: &self.web_service_url,
        };
        publisher.publish(key, hint).await
    }

    /// Whether the key was published in time. Says why not.
    async fn published(&self, key: &PassKey, hint: Hint, until: Instant) -> bool {
        // Cut off by Lambda, neither the log nor the answer would say what is left.
        match timeout_at(until, self.publish(key, hint)).await {
            Ok(Ok(report)) => {
                report::published(key, &report);
                true
            }
            Ok(Err(error)) => {
                report::publish_failed(key, &error);
                false
            }
            Err(_) => {
                tracing::warn!(pass_type = %key.pass_type, serial = %key.serial, "time is up amid a publish, which is repeated");
                false
            }
        }
    }

    /// Whether a change is done with: published, or handed over to the queue so that it never
    /// holds up those behind it.
    async fn done_with(&self, change: &Change, limits: Limits) -> bool {
        let key = match &change.key {
            Ok(key) => key,
            Err((serial, error)) => {
                metrics::counter!("problems").increment(1);
                metrics::counter!("problems_by_kind", "kind" => "key").increment(1);
                tracing::warn!(serial = %serial.escape_debug(), reason = %error, "a record's key cannot become a pass");
                return true;
            }
        };
        if Instant::now() >= limits.begin {
            return false;
        }
        if self.published(key, Hint::default(), limits.publish).await {
            return true;
        }
        if Instant::now() < limits.begin {
            self.clock.back_off(0).await;
            if self.published(key, Hint::default(), limits.publish).await {
                return true;
            }
        }
        let again = [KeyToPublish {
            key: key.clone(),
            hint: Hint::default(),
        }];
        let sent = self.keys.send_keys(&again, PAUSE_AFTER_FAILURE);
        match timeout_at(limits.hand_over, sent).await {
            Ok(Ok(())) => report::handed_over(key),
            Ok(Err(error)) => {
                report::not_handed_over(key, &chain(&error));
                return false;
            }
            Err(_) => {
                report::not_handed_over(key, "no answer of the queue in time");
                return false;
            }
        }
        true
    }

    /// Whether a message is done with. One that is not comes again by itself.
    async fn delivered(&self, delivery: &Delivery, limits: Limits) -> bool {
        match &delivery.message {
            Ok(Message::Publish(work)) => {
                Instant::now() < limits.begin && self.published(&work.key, work.hint, limits.publish).await
            }
            Ok(Message::Page(_)) => {
                misplaced(&delivery.message_id);
                false
            }
            Err(error) => {
                unreadable(&delivery.message_id, error);
                false
            }
        }
    }
}

impl EventFunction for PublishChanges {
    type Event = Occasion;
    type Answer = BatchAnswer;

    async fn handle(&self, event: LambdaEvent<Occasion>) -> Result<BatchAnswer, edge::Error> {
        let limits = Limits {
            begin: deadline(&event.context, RESERVE),
            publish: deadline(&event.context, LAST_MOMENT),
            hand_over: deadline(&event.context, TOO_LATE),
        };
        match event.payload {
            Occasion::Stream(batch) => {
                let results = stream::iter(hints(batch))
                    .map(|change| async move {
                        let done = self.done_with(&change, limits).await;
                        (!done).then_some(change.sequence_number)
                    })
                    .buffered(CONCURRENCY);
                // In the order of the batch: the first that failed is the lowest.
                let failed: Vec<_> = results.filter_map(async |failed| failed).collect().await;
                Ok(failed.into_iter().take(1).collect())
            }
            Occasion::Queue(batch) => {
                let results = stream::iter(deliveries(batch))
                    .map(|delivery| async move {
                        let done = self.delivered(&delivery, limits).await;
                        (!done).then_some(delivery.message_id)
                    })
                    .buffered(CONCURRENCY);
                let failed: Vec<_> = results.filter_map(async |failed| failed).collect().await;
                Ok(failed.into_iter().collect())
            }
            Occasion::Schedule => Err("publish-changes takes batches of the stream and of its queue".into()),
        }
    }
}
