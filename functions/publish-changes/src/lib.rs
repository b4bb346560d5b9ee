//! The stream of the Passes table -> publish -> APNs.

use std::time::Duration;

use aws::dynamodb::{Registry, Sources};
use edge::apns::RotatingApns;
use edge::event::EventFunction;
use edge::platform::StoredMaterial;
use edge::stream::aws_lambda_events::event::dynamodb::Event;
use edge::stream::aws_lambda_events::event::streams::DynamoDbEventResponse;
use edge::stream::{answer, hints};
use edge::{Environment, LambdaEvent, Platform, WallClock, deadline, report};
use futures_util::{StreamExt as _, stream};
use passes::fan_out::{FurtherPages, NoQueue, Pushing};
use passes::ids::PassKey;
use passes::ports::StoreResult;
use passes::publish::{PublishReport, Publisher};

/// Passes published side by side; each may advance 16 devices at a time.
const CONCURRENCY: usize = 8;

/// What is not begun this long before the deadline is left to the next batch.
const RESERVE: Duration = Duration::from_secs(10);
/// What is still running then is given up, in time to say so.
const LAST_MOMENT: Duration = Duration::from_secs(2);

pub struct PublishChanges {
    registry: Registry,
    sources: Sources,
    material: StoredMaterial,
    apns: Option<RotatingApns>,
    clock: WallClock,
    web_service_url: String,
}

impl PublishChanges {
    pub async fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            sources: platform.sources(environment),
            material: platform.material(environment),
            apns: platform.apns(environment).await,
            clock: platform.clock.clone(),
            web_service_url: platform.web_service_url(environment),
        }
    }

    async fn publish(&self, key: &PassKey) -> StoreResult<PublishReport> {
        let publisher = Publisher {
            sources: &self.sources,
            store: &self.registry,
            material: &self.material,
            pushing: self.apns.as_ref().map_or(Pushing::LeftToSchedule, Pushing::Now),
            further_pages: FurtherPages::<NoQueue>::InPlace,
            clock: &self.clock,
            web_service_url: &self.web_service_url,
        };
        publisher.publish(key, passes::work::Hint::default()).await
    }
}

impl EventFunction for PublishChanges {
    type Event = Event;
    type Answer = DynamoDbEventResponse;

    async fn handle(&self, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, edge::Error> {
        let stop_at = deadline(&event.context, RESERVE);
        let cut_at = deadline(&event.context, LAST_MOMENT);
        let mut results = stream::iter(hints(event.payload))
            .map(|hint| async move {
                let key = match &hint.key {
                    Ok(key) => key,
                    Err((serial, error)) => {
                        metrics::counter!("problems").increment(1);
                        metrics::counter!("problems_by_kind", "kind" => "key").increment(1);
                        tracing::warn!(serial = %serial.escape_debug(), reason = %error, "a record's key cannot become a pass");
                        return None;
                    }
                };
                if tokio::time::Instant::now() >= stop_at {
                    return Some(hint.sequence_number);
                }
                // Cut off by Lambda, neither the log nor the answer would say what is left.
                match tokio::time::timeout_at(cut_at, self.publish(key)).await {
                    Ok(Ok(report)) => {
                        report::published(key, &report);
                        None
                    }
                    Ok(Err(error)) => {
                        report::publish_failed(key, &error);
                        Some(hint.sequence_number)
                    }
                    Err(_) => {
                        tracing::warn!(pass_type = %key.pass_type, serial = %key.serial, "time is up amid a publish, which is repeated");
                        Some(hint.sequence_number)
                    }
                }
            })
            .buffered(CONCURRENCY);
        // In the order of the batch: the first that failed is the lowest.
        let mut first_failed = None;
        while let Some(failed) = results.next().await {
            first_failed = first_failed.or(failed);
        }
        Ok(answer(first_failed))
    }
}
