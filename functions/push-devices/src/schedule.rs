//! The schedule: devices whose lease has run out, and passes without record whose time has come.

use std::time::Duration;

use edge::apns::RotatingApns;
use edge::http::chain;
use edge::{Context, deadline, report};
use futures_util::{StreamExt as _, stream};
use passes::deletion::hand_on;
use passes::due::{DueOutcome, push_if_due};
use passes::ports::{CountDeletions as _, DUE_SHARDS, FindDue as _};
use passes::settle::Breaker;
use passes::time::Clock as _;
use serde::Serialize;

use crate::PushDevices;

/// Devices read from the index at a time.
const PAGE: u32 = 100;
/// Devices of one shard pushed side by side, and passes handed on: 64 in all.
const CONCURRENCY: usize = 4;
/// Nothing new is begun this long before the deadline; the next minute goes on.
const RESERVE: Duration = Duration::from_secs(10);

/// What one run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    pub pushed: u32,
    pub refused: u32,
    pub undelivered: u32,
    pub given_up: u32,
    /// Passes without record that were handed on to be published: their grace is over, or they are held.
    pub handed_on: u32,
    pub failed: u32,
}

impl Run {
    fn add(&mut self, other: &Self) {
        self.pushed += other.pushed;
        self.refused += other.refused;
        self.undelivered += other.undelivered;
        self.given_up += other.given_up;
        self.handed_on += other.handed_on;
        self.failed += other.failed;
    }
}

impl PushDevices {
    pub(crate) async fn push_due_devices(&self, context: &Context) -> Result<Run, edge::Error> {
        let apns = self.apns.as_ref().ok_or("the APNs client did not start")?;
        let mut run = Run::default();
        run.failed += u32::from(!self.tell_of_paused_deletions().await);
        let apns = if self.holds_pushes {
            tracing::info!("pushes are held; leases that are due stay so");
            None
        } else {
            Some(apns)
        };
        let limits = Limits {
            until: deadline(context, RESERVE),
            breaker: Breaker::default(),
        };
        // All side by side, so that none waits for another to be empty.
        let mut shards = stream::iter(0..DUE_SHARDS)
            .map(|shard| self.shard(apns, shard, &limits))
            .buffer_unordered(DUE_SHARDS.into());
        while let Some(shard) = shards.next().await {
            run.add(&shard);
        }
        report::concluded(&limits.breaker.conclude(&self.registry, self.clock.now()).await);
        if run != Run::default() {
            tracing::info!(
                pushes_accepted = run.pushed,
                pushes_refused = run.refused,
                pushes_undelivered = run.undelivered,
                devices_given_up = run.given_up,
                passes_handed_on = run.handed_on,
                failed = run.failed,
                "due devices"
            );
        }
        Ok(run)
    }

    /// Keeps the alarm up for as long as deletions are paused; publish-changes hears of none while
    /// nobody deletes. Whether that could be told.
    async fn tell_of_paused_deletions(&self) -> bool {
        let deletions = match self.registry.deletions().await {
            Ok(deletions) => deletions,
            Err(error) => {
                tracing::error!(error = chain(&error), "the count of deletions could not be read");
                return false;
            }
        };
        metrics::counter!("deletions_paused").increment(deletions.paused_at.is_some().into());
        if let Some(paused_at) = deletions.paused_at {
            tracing::warn!(paused_at, "deletions are paused until an operator releases them");
        }
        true
    }

    /// Goes through one shard, page by page, until its end or until time is up. Without `apns`, or once
    /// APNs has answered in a way that concerns all pushes, devices are passed over: their leases stay
    /// due, while passes are published all the same.
    async fn shard(&self, apns: Option<&RotatingApns>, shard: u8, limits: &Limits) -> Run {
        let mut run = Run::default();
        let mut after = None;
        while !limits.time_is_up() {
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
            let mut handed_on = stream::iter(page.passes)
                .map(|pass| async move {
                    let handed_on = hand_on(&self.registry, &self.keys, &self.clock, &pass).await;
                    (pass, handed_on)
                })
                .buffer_unordered(CONCURRENCY);
            while let Some((pass, handed_on)) = handed_on.next().await {
                match handed_on {
                    Ok(handed_on) => run.handed_on += u32::from(handed_on),
                    Err(error) => {
                        run.failed += 1;
                        tracing::error!(
                            pass_type = %pass.key.pass_type,
                            serial = %pass.key.serial,
                            error = chain(&error),
                            "a pass without record could not be handed on"
                        );
                    }
                }
            }
            let breaker = &limits.breaker;
            let mut outcomes = stream::iter(page.devices)
                .map(|key| async move {
                    let apns = apns.filter(|_| !breaker.is_open_for(&key.pass_type))?;
                    self.pace.turn(&self.clock).await;
                    if limits.time_is_up() || breaker.is_open_for(&key.pass_type) {
                        return None;
                    }
                    let outcome = push_if_due(&self.registry, apns, &self.clock, &key, breaker).await;
                    Some((key, outcome))
                })
                .buffer_unordered(CONCURRENCY);
            while let Some(outcome) = outcomes.next().await {
                match outcome {
                    None | Some((_, Ok(DueOutcome::NotDue | DueOutcome::Released))) => {}
                    Some((key, Ok(DueOutcome::Pushed(report)))) => {
                        report::pushes(&report, &key.pass_type);
                        run.pushed += report.pushed;
                        run.refused += report.refused;
                        run.undelivered += report.undelivered;
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

/// What ends a run, whichever shard its devices are in.
struct Limits {
    /// When to begin nothing more.
    until: tokio::time::Instant,
    breaker: Breaker,
}

impl Limits {
    fn time_is_up(&self) -> bool {
        tokio::time::Instant::now() >= self.until
    }
}
