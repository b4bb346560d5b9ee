//! EventBridge Scheduler: runs a function at a rate.
//!
//! Runs do not overlap, and a run that fails is not repeated: the template says so for its
//! schedules, and the next one comes.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    ACCOUNT, Clock, Function, FunctionError, REGION, calendar, function::invoke_attached, identifiers,
    template::ScheduleSettings,
};

/// How often the clock is looked at; a clock of a test may jump at any time.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A running schedule. Dropping it ends a run in its middle; [`Schedule::shutdown`] lets it end.
pub struct Schedule {
    runner: Arc<Runner>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// Runs the function of a schedule by hand, for as long as that lives.
#[derive(Clone)]
pub struct ScheduleHandle(Arc<Runner>);

struct Runner {
    settings: ScheduleSettings,
    function: Arc<dyn Function>,
    clock: Clock,
    /// Held by the run that is under way.
    running: tokio::sync::Mutex<()>,
}

impl Schedule {
    /// Starts the schedule; the first run comes after one period. Needs a Tokio runtime.
    pub fn start(settings: ScheduleSettings, function: Arc<dyn Function>, clock: Clock) -> Self {
        let runner = Arc::new(Runner {
            settings,
            function,
            clock,
            running: tokio::sync::Mutex::default(),
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&runner).run(stop.clone()));
        Self { runner, stop, task }
    }

    /// Runs the function now, beside its rhythm but after a run that is under way, and gives its
    /// answer: whatever was due before the call is done with after it.
    pub async fn tick_now(&self) -> Result<Value, FunctionError> {
        self.runner.tick().await
    }

    /// For somebody who does not own the schedule.
    pub fn handle(&self) -> ScheduleHandle {
        ScheduleHandle(self.runner.clone())
    }

    /// Lets a running invocation end and stops.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(failure) = (&mut self.task).await {
            tracing::error!(%failure, "the schedule ended unexpectedly");
        }
    }
}

impl ScheduleHandle {
    /// As [`Schedule::tick_now`].
    pub async fn tick_now(&self) -> Result<Value, FunctionError> {
        self.0.tick().await
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Runner {
    async fn run(self: Arc<Self>, stop: CancellationToken) {
        let period_ms = u64::try_from(self.settings.every.as_millis()).unwrap_or(u64::MAX);
        let mut next_ms = (self.clock)().saturating_add(period_ms);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            let now_ms = (self.clock)();
            // A clock that was set back does not stop the schedule until it has caught up.
            next_ms = next_ms.min(now_ms.saturating_add(period_ms));
            if now_ms < next_ms {
                continue;
            }
            if let Err(failure) = self.tick().await {
                tracing::error!(schedule = self.settings.name, %failure, "the run failed");
            }
            // Runs that were missed (a sleeping machine, a slow function) are not made up for.
            let missed = ((self.clock)().saturating_sub(next_ms)) / period_ms.max(1);
            next_ms = next_ms.saturating_add((missed + 1).saturating_mul(period_ms));
        }
    }

    async fn tick(&self) -> Result<Value, FunctionError> {
        let _running = self.running.lock().await;
        invoke_attached(&self.function, self.event()).await
    }

    /// The template's `Input`, or what the scheduler sends by itself. Its `detail` is a text.
    fn event(&self) -> Value {
        if let Some(input) = &self.settings.input {
            return input.clone();
        }
        let arn = format!(
            "arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{}",
            self.settings.name
        );
        json!({
            "version": "0",
            "id": identifiers::uuid(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": calendar::rfc3339((self.clock)() / 1_000),
            "region": REGION,
            "resources": [arn],
            "detail": "{}",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::sync::mpsc;

    struct Scene {
        schedule: Schedule,
        now_ms: Arc<AtomicU64>,
        runs: mpsc::UnboundedReceiver<Value>,
    }

    fn scene(input: Option<Value>) -> Scene {
        let (sender, runs) = mpsc::unbounded_channel();
        let function = move |event: Value| {
            sender.send(event).unwrap();
            async { Ok(json!("ran")) }
        };
        let now_ms = Arc::new(AtomicU64::new(1_000_000));
        let time = Arc::clone(&now_ms);
        let settings = ScheduleSettings {
            name: "EveryMinute".into(),
            every: Duration::from_secs(60),
            input,
        };
        let clock: Clock = Arc::new(move || time.load(Ordering::SeqCst));
        Scene {
            schedule: Schedule::start(settings, Arc::new(function), clock),
            now_ms,
            runs,
        }
    }

    #[tokio::test]
    async fn a_run_carries_the_schedulers_own_event() {
        let mut scene = scene(None);
        assert_eq!(scene.schedule.tick_now().await, Ok(json!("ran")));
        let mut event = scene.runs.recv().await.unwrap();
        assert_eq!(event["id"].take().as_str().map(str::len), Some(36));
        assert_eq!(
            event,
            json!({
                "version": "0",
                "id": null,
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": "000000000000",
                "time": "1970-01-01T00:16:40Z",
                "region": "dynoxide",
                "resources": ["arn:aws:scheduler:dynoxide:000000000000:schedule/default/EveryMinute"],
                "detail": "{}"
            })
        );
        scene.schedule.shutdown().await;
    }

    #[tokio::test]
    async fn runs_do_not_overlap() {
        let under_way = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&under_way);
        let function = move |_: Value| {
            let count = Arc::clone(&count);
            async move {
                let others = count.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                count.fetch_sub(1, Ordering::SeqCst);
                Ok(json!(others))
            }
        };
        let settings = ScheduleSettings {
            name: "EveryMinute".into(),
            every: Duration::from_secs(60),
            input: None,
        };
        let schedule = Schedule::start(settings, Arc::new(function), Arc::new(|| 0));
        let (one, two) = tokio::join!(schedule.tick_now(), schedule.tick_now());
        assert_eq!((one, two), (Ok(json!(0)), Ok(json!(0))));
    }

    #[tokio::test]
    async fn the_templates_input_is_sent_instead() {
        let mut scene = scene(Some(json!({ "shard": 3 })));
        scene.schedule.tick_now().await.unwrap();
        assert_eq!(scene.runs.recv().await, Some(json!({ "shard": 3 })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_costs_one_period_at_most() {
        let mut scene = scene(None);
        scene.now_ms.fetch_sub(600_000, Ordering::SeqCst);
        tokio::time::sleep(LOOK_INTERVAL * 3).await;
        scene.now_ms.fetch_add(60_000, Ordering::SeqCst);
        scene.runs.recv().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn it_runs_when_the_clock_says_so_and_makes_up_for_nothing() {
        let mut scene = scene(None);
        tokio::time::sleep(LOOK_INTERVAL * 3).await;
        assert!(scene.runs.try_recv().is_err(), "the first period is not over");

        scene.now_ms.fetch_add(60_000, Ordering::SeqCst);
        scene.runs.recv().await.unwrap();

        scene.now_ms.fetch_add(10 * 60_000, Ordering::SeqCst);
        scene.runs.recv().await.unwrap();
        tokio::time::sleep(LOOK_INTERVAL * 3).await;
        assert!(scene.runs.try_recv().is_err(), "nine runs were missed");

        scene.now_ms.fetch_add(60_000, Ordering::SeqCst);
        scene.runs.recv().await.unwrap();
    }
}
