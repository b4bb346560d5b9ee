//! Functions whose events are not HTTP requests.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A function that answers one kind of event.
pub trait EventFunction: Send + Sync + 'static {
    type Event: DeserializeOwned + Send;
    type Answer: Serialize + Send;

    /// An error means that the invocation as a whole has failed and is repeated by AWS.
    fn handle(&self, event: LambdaEvent<Self::Event>) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Runs until the environment is shut down.
pub async fn serve<F: EventFunction>(function: F) -> Result<(), Error> {
    let function = Arc::new(function);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<F::Event>| {
        let function = function.clone();
        async move {
            let answer = function.handle(event).await;
            crate::telemetry::flush_metrics();
            answer
        }
    }))
    .await
}

/// The moment to stop beginning anything new: `reserve` before Lambda ends the invocation.
///
/// Lambda's deadline is by the real clock, whatever clock the domain was given.
pub fn deadline(context: &Context, reserve: Duration) -> tokio::time::Instant {
    let ends_at = UNIX_EPOCH + Duration::from_millis(context.deadline);
    let left = ends_at.duration_since(SystemTime::now()).unwrap_or_default();
    tokio::time::Instant::now() + left.saturating_sub(reserve)
}
