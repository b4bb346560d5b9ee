//! A function as AWS invokes it: one JSON value in, one JSON value or a failure out.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

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

tokio::task_local! {
    static LIFE: CancellationToken;
}

/// A function whose invocations can be killed from within, by [`kill_invocation`], as Lambda's
/// environment dies of a crash or of too little memory: in the middle of whatever it was doing.
pub struct Mortal(Arc<dyn Function>);

impl Mortal {
    pub fn new(function: Arc<dyn Function>) -> Self {
        Self(function)
    }
}

impl Function for Mortal {
    fn invoke(&self, event: Value) -> Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send>> {
        let life = CancellationToken::new();
        let run = LIFE.scope(life.clone(), self.0.invoke(event));
        Box::pin(async move {
            tokio::select! {
                biased;
                // Lambda's own wording.
                () = life.cancelled() => Err(FunctionError("Runtime exited with error: signal: killed".into())),
                answer = run => answer,
            }
        })
    }
}

/// Kills the invocation that the caller is part of. It ends at its next pause, so whoever calls
/// this waits for ever then. Without effect outside of a [`Mortal`] function.
pub fn kill_invocation() {
    // No life: nobody to kill.
    let _ = LIFE.try_with(CancellationToken::cancel);
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
    async fn an_invocation_that_is_killed_goes_no_further_and_takes_no_other_along() {
        let (alive, mut living) = tokio::sync::mpsc::unbounded_channel();
        let function = Mortal::new(Arc::new(move |event: Value| {
            let alive = alive.clone();
            async move {
                if event == json!("die") {
                    kill_invocation();
                }
                tokio::task::yield_now().await;
                alive.send(event.clone()).unwrap();
                Ok(event)
            }
        }));
        let (killed, other) = tokio::join!(function.invoke(json!("die")), function.invoke(json!("live")));
        assert_eq!(
            killed,
            Err(FunctionError("Runtime exited with error: signal: killed".into()))
        );
        assert_eq!(other, Ok(json!("live")));
        assert_eq!(living.try_recv().unwrap(), json!("live"));
        assert!(living.try_recv().is_err());
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
