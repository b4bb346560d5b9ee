//! publish: brings a pass's revision, its devices' tags and its pushes in line with its record
//! and template as they are now.
//!
//! It may be called by anyone, any number of times, late and out of order: the end is the same.
//! Three rules carry that: the lock is read before the source, the source is read once more
//! after the write, and devices are looked up only after the write.

mod want;

use std::sync::atomic::AtomicBool;

use crate::fan_out::{FanOut, FanOutReport, FurtherPages, Pushing};
use crate::ids::PassKey;
use crate::ports::{
    AdvanceDevices, Conditional, KeepGrace, KeepLeases, Locked, ReadAssets, ReadCertificates, ReadSources,
    ReadTemplates, ReadTokenKeys, SendPage, StoreError, StoreResult, WriteRevision,
};
use crate::problem::Problem;
use crate::push::SendPush;
use crate::record::{Attributes, PassRecord, UpdateUrgency};
use crate::revision::Revision;
use crate::settle::Refusals;
use crate::tag::RevisionNumber;
use crate::time::Clock;
use crate::work::Hint;
use want::{NotWanted, Seen};

/// Turns before a publish gives way: each turn means that another publisher got on.
const TURNS: u32 = 8;

/// What publish needs of the Registry.
pub trait PublishStore: WriteRevision + KeepGrace + AdvanceDevices + KeepLeases {}
impl<T: WriteRevision + KeepGrace + AdvanceDevices + KeepLeases> PublishStore for T {}

/// What publish needs of files and secrets.
pub trait PublishMaterial: ReadTemplates + ReadAssets + ReadCertificates + ReadTokenKeys {}
impl<T: ReadTemplates + ReadAssets + ReadCertificates + ReadTokenKeys> PublishMaterial for T {}

/// Publishes passes. Cheap to make; holds nothing of its own.
pub struct Publisher<'a, R, S, M, P, Q, C> {
    pub sources: &'a R,
    pub store: &'a S,
    pub material: &'a M,
    pub pushing: Pushing<'a, P>,
    pub further_pages: FurtherPages<'a, Q>,
    pub clock: &'a C,
    /// Baked into every pass.
    pub web_service_url: &'a str,
}

/// What one publish found and did.
#[derive(Debug)]
pub struct PublishReport {
    pub outcome: PublishOutcome,
    /// Something to tell the backend team that does not stop publishing.
    pub notice: Option<Problem>,
    pub fan_out: FanOutReport,
}

#[derive(Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Neither record nor revision: nothing to do.
    Nothing,
    /// The pass that a person sees has changed.
    Published(RevisionNumber),
    /// It has not; devices that had fallen behind were advanced all the same.
    Unchanged(RevisionNumber),
    /// The record cannot be published; the last good revision, if any, stays in service.
    Refused {
        problem: Problem,
        serving: Option<RevisionNumber>,
    },
}

impl<R, S, M, P, Q, C> Publisher<'_, R, S, M, P, Q, C>
where
    R: ReadSources,
    S: PublishStore,
    M: PublishMaterial,
    P: SendPush,
    Q: SendPage,
    C: Clock,
{
    /// Publishes one pass. An error means that the caller's queue or stream must bring the key
    /// again; nothing is lost by that.
    pub async fn publish(&self, key: &PassKey, hint: Hint) -> StoreResult<PublishReport> {
        for turn in 0..TURNS {
            if turn > 0 {
                self.clock.back_off(turn - 1).await;
            }
            let locked = self.store.lock(key).await?;
            let (seen, wanted) = self.want(key, locked.revision.as_ref()).await?;
            let wanted = match wanted {
                Ok(wanted) => wanted,
                Err(NotWanted::Nothing) => {
                    self.settle_problem(key, locked.problem.as_ref(), None).await?;
                    return Ok(PublishReport {
                        outcome: PublishOutcome::Nothing,
                        notice: None,
                        fan_out: FanOutReport::default(),
                    });
                }
                Err(NotWanted::Refused(problem)) => {
                    self.settle_problem(key, locked.problem.as_ref(), Some(&problem))
                        .await?;
                    // Somebody may have mended the record and found no note to clear yet.
                    if self.record_differs(self.sources.record(key).await?.as_ref(), &seen) {
                        continue;
                    }
                    return self.refuse(key, locked, problem, hint).await;
                }
            };
            let notice = wanted.notice.clone();
            if let Some(current) = &locked.revision
                && current.fingerprint == wanted.fingerprint
            {
                // A pass that its record had voided before looks the same without the record.
                if current.grace_ends != wanted.grace_ends {
                    match self.store.set_grace(key, current.number, wanted.grace_ends).await {
                        Ok(Conditional::Done) => {}
                        Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => continue,
                        Err(error) => return Err(error),
                    }
                    if self.changed_since(key, &seen, current).await? {
                        continue;
                    }
                }
                self.settle_problem(key, locked.problem.as_ref(), notice.as_ref())
                    .await?;
                return Ok(PublishReport {
                    outcome: PublishOutcome::Unchanged(current.number),
                    notice,
                    fan_out: self.catch_up(key, current, locked.chained, hint).await?,
                });
            }
            let replaced = locked.revision.map(|revision| revision.number);
            let revision = wanted.into_revision(RevisionNumber::following(replaced, self.clock.now()));
            match self.store.replace_revision(key, &revision, replaced).await {
                Ok(Conditional::Done) => {}
                // Another publisher was first, or perhaps we were and did not hear of it: the
                // next turn sees which.
                Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => continue,
                Err(error) => return Err(error),
            }
            self.settle_problem(key, locked.problem.as_ref(), notice.as_ref())
                .await?;
            if self.changed_since(key, &seen, &revision).await? {
                continue;
            }
            return Ok(PublishReport {
                outcome: PublishOutcome::Published(revision.number),
                notice,
                fan_out: self
                    .fan_out(revision.urgency)
                    .announce(key, revision.number, self.further_pages)
                    .await?,
            });
        }
        Err(StoreError::Contended {
            call: "publish",
            turns: TURNS,
        })
    }

    /// Further pages are handed on once for a revision, and again when somebody asks for it by
    /// hand: their message may have been lost, which no mark of the pass tells.
    async fn catch_up(
        &self,
        key: &PassKey,
        current: &Revision,
        chained: Option<RevisionNumber>,
        hint: Hint,
    ) -> StoreResult<FanOutReport> {
        let chained = chained == Some(current.number) && !hint.explicit;
        self.fan_out(current.urgency)
            .catch_up(key, current.number, self.further_pages, chained)
            .await
    }

    fn fan_out(&self, urgency: UpdateUrgency) -> FanOut<'_, S, P, C> {
        FanOut {
            store: self.store,
            pushing: self.pushing,
            clock: self.clock,
            urgency,
            stopped: AtomicBool::new(false),
            refusals: Refusals::default(),
        }
    }

    /// The last good revision stays in service, and whoever has not got it yet still gets it.
    async fn refuse(&self, key: &PassKey, locked: Locked, problem: Problem, hint: Hint) -> StoreResult<PublishReport> {
        let fan_out = match &locked.revision {
            Some(revision) => self.catch_up(key, revision, locked.chained, hint).await?,
            None => FanOutReport::default(),
        };
        let serving = locked.revision.map(|revision| revision.number);
        Ok(PublishReport {
            outcome: PublishOutcome::Refused { problem, serving },
            notice: None,
            fan_out,
        })
    }

    /// Writes, replaces or clears the note of what is wrong, where it differs.
    async fn settle_problem(&self, key: &PassKey, noted: Option<&Problem>, now: Option<&Problem>) -> StoreResult<()> {
        match now {
            Some(problem) if noted != Some(problem) => self.store.put_problem(key, problem, self.clock.now()).await,
            None if noted.is_some() => self.store.clear_problem(key).await,
            _ => Ok(()),
        }
    }

    /// Attributes that do not concern the pass may change as they like.
    fn record_differs(&self, record: Option<&Attributes>, seen: &Seen) -> bool {
        match (record, &seen.record) {
            (None, None) => false,
            (Some(now), Some(then)) => PassRecord::parse(now) != PassRecord::parse(then),
            _ => true,
        }
    }

    /// Whether record or template pointer differ from what the revision was made from. Without
    /// this second look, a publisher that saw "no change" beside us would have the last word.
    async fn changed_since(&self, key: &PassKey, seen: &Seen, revision: &Revision) -> StoreResult<bool> {
        let (record, pointer) = self.sources.record_and_pointer(key, &revision.template.id).await?;
        let record_differs = self.record_differs(record.as_ref(), seen);
        // A voided pass keeps its template's version, so the pointer does not concern it.
        Ok(record_differs || (record.is_some() && pointer != seen.pointer))
    }
}
