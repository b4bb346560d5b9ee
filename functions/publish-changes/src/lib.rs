//! The stream of the Passes table, the queue of keys to publish, and that of sweeps -> publish -> APNs.

mod sweep;

use std::collections::HashSet;
use std::sync::Mutex;
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
use passes::ids::{PassKey, PassTypeIdentifier};
use passes::pace::Pace;
use passes::ports::{ReadCertificates as _, SendKeys as _, StoreResult};
use passes::publish::{PublishOutcome, PublishReport, Publisher};
use passes::push::SendPush;
use passes::settle::Breaker;
use passes::time::Clock as _;
use passes::unusable_key::{UnusableKey, settle_unusable_key};
use passes::work::{Hint, KeyToPublish, PAUSE_AFTER_FAILURE};
use tokio::time::error::Elapsed;
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
    /// Pass types whose team has been held against that of the APNs key.
    compared: Mutex<HashSet<PassTypeIdentifier>>,
    holds_pushes: bool,
    keys: WorkQueue,
    pages: WorkQueue,
    sweeps: WorkQueue,
    pace: Pace,
    clock: WallClock,
    web_service_url: String,
    deletions_per_hour: u64,
}

/// One invocation: its moments, and what APNs's answers say of us.
struct Batch {
    /// Begin nothing more.
    begin: Instant,
    publish: Instant,
    hand_over: Instant,
    breaker: Breaker,
}

impl PublishChanges {
    pub async fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            sources: platform.sources(environment),
            material: platform.material(environment),
            apns: platform.apns(environment).await,
            compared: Mutex::default(),
            holds_pushes: platform.holds_pushes(environment),
            keys: platform.publish_queue(environment),
            pages: platform.push_queue(environment),
            sweeps: platform.sweep_queue(environment),
            pace: platform.pace(environment),
            clock: platform.clock.clone(),
            web_service_url: platform.web_service_url(environment),
            deletions_per_hour: platform.deletions_per_hour(environment),
        }
    }

    /// Where pushes go, unless they are held.
    fn apns(&self) -> Option<&RotatingApns> {
        self.apns.as_ref().filter(|_| !self.holds_pushes)
    }

    async fn publish(&self, key: &PassKey, hint: Hint, breaker: &Breaker) -> StoreResult<PublishReport> {
        let pushing = self
            .apns()
            .map_or(Pushing::LeftToSchedule, |apns| Pushing::Now(apns, breaker));
        self.publish_with(pushing, key, hint).await
    }

    /// Says once in a process, before the first publish of a pass type, that APNs would refuse its pushes
    /// one by one. The pass is published all the same: certificate and key are replaced one after the other.
    async fn compare_teams(&self, pass_type: &PassTypeIdentifier) {
        let Some(apns) = &self.apns else {
            return;
        };
        if self.compared.lock().is_ok_and(|compared| compared.contains(pass_type)) {
            return;
        }
        // What is wrong with the certificate itself is a problem of each pass.
        let Ok(certificate) = self.material.certificate(pass_type, self.clock.now()).await else {
            return;
        };
        if let Err(error) = apns.check_team_of(&certificate).await {
            report::other_team(pass_type, &error);
        }
        if let Ok(mut compared) = self.compared.lock() {
            compared.insert(pass_type.clone());
        }
    }

    async fn publish_with<P: SendPush>(
        &self,
        pushing: Pushing<'_, P>,
        key: &PassKey,
        hint: Hint,
    ) -> StoreResult<PublishReport> {
        self.compare_teams(&key.pass_type).await;
        let publisher = Publisher {
            sources: &self.sources,
            store: &self.registry,
            material: &self.material,
            pushing,
            further_pages: FurtherPages::Sent(&self.pages),
            clock: &self.clock,
            web_service_url: &self.web_service_url,
            deletions_per_hour: self.deletions_per_hour,
        };
        publisher.publish(key, hint).await
    }

    /// Whether the key was published in time. Says why not. Where an image is not there yet, the queue
    /// brings the key again.
    async fn published(&self, key: &PassKey, hint: Hint, batch: &Batch) -> bool {
        let publish = self.publish(key, hint, &batch.breaker);
        match said(key, timeout_at(batch.publish, publish).await) {
            Some(PublishOutcome::Refused { look_again: true, .. }) => self.looks_again(key, hint, batch).await,
            outcome => outcome.is_some(),
        }
    }

    /// Whether the next look is the queue's matter, or there is none.
    async fn looks_again(&self, key: &PassKey, hint: Hint, batch: &Batch) -> bool {
        let Some((hint, pause)) = hint.next_look() else {
            return true;
        };
        let key = key.clone();
        let next = [KeyToPublish { key, hint }];
        matches!(
            timeout_at(batch.hand_over, self.keys.send_keys(&next, pause)).await,
            Ok(Ok(()))
        )
    }

    /// Whether a key that failed is the queue's matter from now on.
    async fn handed_over(&self, key: &PassKey, batch: &Batch) -> bool {
        let again = [KeyToPublish {
            key: key.clone(),
            hint: Hint::default(),
        }];
        let sent = self.keys.send_keys(&again, PAUSE_AFTER_FAILURE);
        match timeout_at(batch.hand_over, sent).await {
            Ok(Ok(())) => {
                report::handed_over(key);
                true
            }
            Ok(Err(error)) => {
                report::not_handed_over(key, &chain(&error));
                false
            }
            Err(_) => {
                report::not_handed_over(key, "no answer of the queue in time");
                false
            }
        }
    }

    /// Whether a change is done with: published, or handed over to the queue so that it never
    /// holds up those behind it.
    async fn done_with(&self, change: &Change, batch: &Batch) -> bool {
        let key = match &change.key {
            Ok(key) => key,
            Err(key) => return self.noted(key, batch).await,
        };
        if Instant::now() >= batch.begin {
            return false;
        }
        if self.published(key, Hint::default(), batch).await {
            return true;
        }
        if Instant::now() < batch.begin {
            self.clock.back_off(0).await;
            if self.published(key, Hint::default(), batch).await {
                return true;
            }
        }
        self.handed_over(key, batch).await
    }

    /// Whether a key that cannot become a pass is noted, or no longer, as its record is now.
    ///
    /// One that is not is brought again by the stream, and its shard waits: the queue's messages hold keys of
    /// passes. What fails here are the tables, without which nothing behind it could be published either.
    async fn noted(&self, key: &UnusableKey, batch: &Batch) -> bool {
        if Instant::now() >= batch.begin {
            return false;
        }
        let settled = settle_unusable_key(&self.sources, &self.registry, &self.clock, key);
        let reason = match timeout_at(batch.publish, settled).await {
            Ok(Ok(record)) => {
                report::unusable_key(key, record);
                return true;
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => "no answer of the tables in time".to_owned(),
        };
        report::unusable_key_not_noted(key, &reason);
        false
    }

    /// Whether a message is done with. One that is not comes again by itself.
    async fn delivered(&self, delivery: &Delivery, batch: &Batch) -> bool {
        match &delivery.message {
            Ok(Message::Publish(work)) => {
                Instant::now() < batch.begin && self.published(&work.key, work.hint, batch).await
            }
            Ok(Message::Sweep(page)) => self.swept(page, batch).await,
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

/// What a publish has led to, if it came to its end in time. Says why not.
fn said(key: &PassKey, published: Result<StoreResult<PublishReport>, Elapsed>) -> Option<PublishOutcome> {
    match published {
        Ok(Ok(report)) => {
            report::published(key, &report);
            Some(report.outcome)
        }
        Ok(Err(error)) => {
            report::publish_failed(key, &error);
            None
        }
        // Cut off by Lambda, neither the log nor the answer would say what is left.
        Err(_) => {
            tracing::warn!(pass_type = %key.pass_type, serial = %key.serial, "time is up amid a publish, which is repeated");
            None
        }
    }
}

impl EventFunction for PublishChanges {
    type Event = Occasion;
    type Answer = BatchAnswer;

    async fn handle(&self, event: LambdaEvent<Occasion>) -> Result<BatchAnswer, edge::Error> {
        let own = Batch {
            begin: deadline(&event.context, RESERVE),
            publish: deadline(&event.context, LAST_MOMENT),
            hand_over: deadline(&event.context, TOO_LATE),
            breaker: Breaker::default(),
        };
        let batch = &own;
        let failed: Vec<_> = match event.payload {
            Occasion::Stream(changes) => {
                let failed: Vec<_> = stream::iter(hints(changes).into_iter().enumerate())
                    .map(|(place, change)| async move {
                        let done = self.done_with(&change, batch).await;
                        (!done).then_some((place, change.sequence_number))
                    })
                    // As they end, so that a slow pass holds up none behind it.
                    .buffer_unordered(CONCURRENCY)
                    .filter_map(async |failed| failed)
                    .collect()
                    .await;
                // The lowest tells the stream where to go on.
                failed.into_iter().min().map(|(_, number)| number).into_iter().collect()
            }
            Occasion::Queue(messages) => {
                let results = stream::iter(deliveries(messages))
                    .map(|delivery| async move {
                        let done = self.delivered(&delivery, batch).await;
                        (!done).then_some(delivery.message_id)
                    })
                    .buffer_unordered(CONCURRENCY);
                results.filter_map(async |failed| failed).collect().await
            }
            Occasion::Schedule => return Err("publish-changes takes batches of the stream and of its queues".into()),
        };
        report::concluded(&batch.breaker.conclude(&self.registry, self.clock.now()).await);
        Ok(failed.into_iter().collect())
    }
}
