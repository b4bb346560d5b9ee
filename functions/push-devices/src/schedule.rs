//! The schedule: devices whose lease has run out, and passes whose grace is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use edge::apns::RotatingApns;
use edge::http::chain;
use edge::{Context, deadline, report};
use futures_util::{StreamExt as _, stream};
use passes::deletion::end_grace;
use passes::due::{DueOutcome, push_if_due};
use passes::ports::{DUE_SHARDS, FindDue as _};
use passes::settle::Refusals;
use passes::time::Clock as _;
use serde::Serialize;

use crate::PushDevices;

/// Devices read from the index at a time.
const PAGE: u32 = 100;
/// Devices of one shard pushed side by side.
const CONCURRENCY: usize = 16;
/// Shards gone through side by side.
const SHARDS_AT_ONCE: usize = 4;
/// Nothing new is begun this long before the deadline; the next minute goes on.
const RESERVE: Duration = Duration::from_secs(10);

/// What one run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    pub pushed: u32,
    pub refused: u32,
    pub undelivered: u32,
    pub given_up: u32,
    /// Passes without record that were handed on to get their last revision.
    pub let_go: u32,
    pub failed: u32,
}

impl Run {
    fn add(&mut self, other: &Self) {
        self.pushed += other.pushed;
        self.refused += other.refused;
        self.undelivered += other.undelivered;
        self.given_up += other.given_up;
        self.let_go += other.let_go;
        self.failed += other.failed;
    }
}

impl PushDevices {
    pub(crate) async fn push_due_devices(&self, context: &Context) -> Result<Run, edge::Error> {
        let apns = self.apns.as_ref().ok_or("the APNs client did not start")?;
        let mut run = Run::default();
        if self.holds_pushes {
            tracing::info!("pushes are held; leases that are due stay so");
            return Ok(run);
        }
        let stop = Stop {
            at: deadline(context, RESERVE),
            set: AtomicBool::new(false),
            refusals: Refusals::default(),
        };
        // Side by side, so that no shard waits for another to be empty.
        let mut shards = stream::iter(0..DUE_SHARDS)
            .map(|shard| self.shard(apns, shard, &stop))
            .buffer_unordered(SHARDS_AT_ONCE);
        while let Some(shard) = shards.next().await {
            run.add(&shard);
        }
        match stop.refusals.conclude(&self.registry, self.clock.now()).await {
            Ok(doubted) => report::doubted(doubted),
            Err(error) => {
                run.failed += 1;
                tracing::error!(error = chain(&error), "refused devices keep their lease");
            }
        }
        if run != Run::default() {
            tracing::info!(
                pushes_accepted = run.pushed,
                pushes_refused = run.refused,
                pushes_undelivered = run.undelivered,
                devices_given_up = run.given_up,
                passes_let_go = run.let_go,
                failed = run.failed,
                "due devices"
            );
        }
        Ok(run)
    }

    /// Goes through one shard, page by page, until its end, or until time is up or APNs answers in
    /// a way that concerns all pushes.
    async fn shard(&self, apns: &RotatingApns, shard: u8, stop: &Stop) -> Run {
        let mut run = Run::default();
        let mut after = None;
        while !stop.now() {
            let page = match self.registry.due(shard, self.clock.now(), after.as_ref(), PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    run.failed += 1;
                    tracing::error!(shard, error = chain(&error), "the due index could not be read");
                    return run;
                }
            };
            if page.foreign > 0 {
                tracing::warn!(
                    shard,
                    entries = page.foreign,
                    "the due index holds entries that are neither devices nor passes"
                );
            }
            for pass in &page.passes {
                match end_grace(&self.registry, &self.keys, &self.clock, pass).await {
                    Ok(handed_on) => run.let_go += u32::from(handed_on),
                    Err(error) => {
                        run.failed += 1;
                        tracing::error!(
                            pass_type = %pass.key.pass_type,
                            serial = %pass.key.serial,
                            error = chain(&error),
                            "a pass whose grace is over could not be handed on"
                        );
                    }
                }
            }
            let mut outcomes = stream::iter(page.devices)
                .map(|key| async move {
                    self.pace.turn(&self.clock).await;
                    if stop.now() {
                        return None;
                    }
                    let outcome = push_if_due(&self.registry, apns, &self.clock, &key, &stop.refusals).await;
                    Some((key, outcome))
                })
                .buffer_unordered(CONCURRENCY);
            while let Some(outcome) = outcomes.next().await {
                match outcome {
                    None | Some((_, Ok(DueOutcome::NotDue | DueOutcome::Released))) => {}
                    Some((key, Ok(DueOutcome::Pushed { report, stop: all }))) => {
                        report::pushes(&report, &key.pass_type);
                        run.pushed += report.pushed;
                        run.refused += report.refused;
                        run.undelivered += report.undelivered;
                        if all {
                            stop.set();
                        }
                    }
                    Some((_, Ok(DueOutcome::GivenUp))) => {
                        run.given_up += 1;
                        metrics::counter!("devices_given_up").increment(1);
                    }
                    Some((key, Err(error))) => {
                        run.failed += 1;
                        tracing::error!(
                            pass_type = %key.pass_type,
                            device = key.device.redacted(),
                            error = chain(&error),
                            "a due device could not be pushed"
                        );
                    }
                }
            }
            match page.after {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        run
    }
}

/// When to begin nothing more.
struct Stop {
    at: tokio::time::Instant,
    set: AtomicBool,
    /// Of the whole run, whichever shard they are in.
    refusals: Refusals,
}

impl Stop {
    fn now(&self) -> bool {
        self.set.load(Ordering::Relaxed) || tokio::time::Instant::now() >= self.at
    }

    fn set(&self) {
        self.set.store(true, Ordering::Relaxed);
    }
}
