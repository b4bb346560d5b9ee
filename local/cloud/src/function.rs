//! A function as AWS invokes it: one JSON value in, one JSON value or a failure out.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

/// One function as AWS invokes it.
pub trait Function: Send + Sync + 'static {
    /// Runs the function once. The event is the service's own form (API Gateway v2, DynamoDB
    /// stream, EventBridge Scheduler), and so must be the answer.
    fn invoke(&self, event: Value) -> Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send>>;
}

/// The invocation failed as a whole: the function answered with an error, panicked or ran out of
/// time. Lambda tells the caller nothing more than the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FunctionError(pub String);

/// The functions by the name of their binary, which is `Metadata.BuildProperties.Binary`.
pub type Functions = BTreeMap<String, Arc<dyn Function>>;

/// Anything that takes an event and gives a future is a function; tests use closures.
impl<F, Fut> Function for F
where
    F: Fn(Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
{
    fn invoke(&self, event: Value) -> Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send>> {
        Box::pin(self(event))
    }
}

/// A function that is ended when its `Timeout` is over, as Lambda ends it: in the middle of
/// whatever it was doing.
pub struct TimeLimited {
    function: Arc<dyn Function>,
    limit: Duration,
}

impl TimeLimited {
    pub fn new(function: Arc<dyn Function>, limit: Duration) -> Self {
        Self { function, limit }
    }
}

impl Function for TimeLimited {
    fn invoke(&self, event: Value) -> Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send>> {
        let limit = self.limit;
        let run = self.function.invoke(event);
        Box::pin(async move {
            tokio::time::timeout(limit, run).await.unwrap_or_else(|_| {
                // Lambda's own wording.
                Err(FunctionError(format!(
                    "Task timed out after {:.2} seconds",
                    limit.as_secs_f64()
                )))
            })
        })
    }
}

/// Invokes in a task of its own: whoever waits may go away without ending the function (a phone
/// that hangs up does not end a Lambda), and a panic ends one invocation, not the service.
pub(crate) async fn invoke_detached(function: &Arc<dyn Function>, event: Value) -> Result<Value, FunctionError> {
    let function = Arc::clone(function);
    tokio::spawn(async move { function.invoke(event).await })
        .await
        .unwrap_or_else(|failure| Err(FunctionError(failure.to_string())))
}

/// As [`invoke_detached`], but whoever goes away takes the invocation along.
pub(crate) async fn invoke_attached(function: &Arc<dyn Function>, event: Value) -> Result<Value, FunctionError> {
    let function = Arc::clone(function);
    AbortOnDropHandle::new(tokio::spawn(async move { function.invoke(event).await }))
        .await
        .unwrap_or_else(|failure| Err(FunctionError(failure.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_function_that_runs_out_of_time_fails_in_lambdas_words() {
        let endless: Arc<dyn Function> = Arc::new(|_| std::future::pending());
        let limited = TimeLimited::new(endless, Duration::from_secs(10));

        assert_eq!(
            limited.invoke(json!({})).await,
            Err(FunctionError("Task timed out after 10.00 seconds".into()))
        );
    }

    #[tokio::test]
    async fn a_panic_is_a_failed_invocation() {
        async fn broken(_: Value) -> Result<Value, FunctionError> {
            panic!("unexpected")
        }
        let function: Arc<dyn Function> = Arc::new(broken);
        let failure = invoke_detached(&function, json!({})).await.unwrap_err();
        assert!(failure.0.contains("panicked"), "{failure}");
    }
}
