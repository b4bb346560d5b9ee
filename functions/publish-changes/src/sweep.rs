//! Pages of sweeps: the passes of a template that has changed.

use edge::apns::RotatingApns;
use edge::{WallClock, report};
use passes::fan_out::Pushing;
use passes::ids::{PassKey, PassTypeIdentifier};
use passes::pace::Pace;
use passes::publish::PublishOutcome;
use passes::push::{PushOutcome, SendPush};
use passes::sweep::{Sweep, SweepEnd, SweepPage, SweepPass, Swept};
use passes::tokens::PushToken;
use passes::work::Hint;
use tokio::time::{Instant, timeout_at};

use crate::{Batch, PublishChanges, said};

/// Publishes the passes of one page, and pushes at the pace: nobody waits for a new design, and all
/// its phones would call at once.
struct Passes<'a> {
    function: &'a PublishChanges,
    batch: &'a Batch,
}

impl SweepPass for Passes<'_> {
    async fn sweep_pass(&self, key: &PassKey) -> Swept {
        let function = self.function;
        let paced = function.apns().map(|apns| Paced {
            apns,
            pace: &function.pace,
            clock: &function.clock,
            until: self.batch.begin,
        });
        let pushing = paced.as_ref().map_or(Pushing::LeftToSchedule, |paced| {
            Pushing::Now(paced, &self.batch.breaker)
        });
        let publish = function.publish_with(pushing, key, Hint::default());
        match said(key, timeout_at(self.batch.publish, publish).await) {
            Some(PublishOutcome::Refused { look_again, .. }) => {
                if look_again {
                    function.looks_again(key, Hint::default(), self.batch).await;
                }
                Swept::Refused
            }
            Some(_) => Swept::Followed,
            None if function.handed_over(key, self.batch).await => Swept::HandedOver,
            None => Swept::NotDone,
        }
    }
}

/// Pushes that each wait for their turn, and are left to the schedule where it does not come in time.
struct Paced<'a> {
    apns: &'a RotatingApns,
    pace: &'a Pace,
    clock: &'a WallClock,
    until: Instant,
}

impl SendPush for Paced<'_> {
    async fn turn(&self) -> bool {
        timeout_at(self.until, self.pace.turn(self.clock)).await.is_ok()
    }

    async fn send_push(&self, to: &PushToken, topic: &PassTypeIdentifier) -> PushOutcome {
        self.apns.send_push(to, topic).await
    }
}

impl PublishChanges {
    /// Whether a page is done with. One that is not comes again by itself.
    pub(crate) async fn swept(&self, page: &SweepPage, batch: &Batch) -> bool {
        let sweep = Sweep {
            store: &self.registry,
            records: &self.sources,
            queue: &self.sweeps,
        };
        let passes = Passes { function: self, batch };
        match sweep.sweep_page(page, &passes, || Instant::now() >= batch.begin).await {
            Ok(report) => {
                report::sweep(page, &report);
                report.end != SweepEnd::Stuck
            }
            Err(error) => {
                report::sweep_failed(page, &error);
                false
            }
        }
    }
}
