//! publish: brings a pass's revision, its devices' tags and its pushes in line with its record
//! and template as they are now.
//!
//! It may be called by anyone, any number of times, late and out of order: the end is the same.
//! Three rules carry that: the lock is read before the source, the source is read once more
//! after the write, and devices are looked up only after the write.

mod want;

use crate::burst::{Deletion, count_deletion};
use crate::deletion::REMINDER_SECONDS;
use crate::fan_out::{FanOut, FanOutReport, FurtherPages, Pushing};
use crate::ids::PassKey;
use crate::ports::{
    AdvanceDevices, Conditional, CountDeletions, KeepGrace, KeepLeases, Locked, ReadAssets, ReadCertificates,
    ReadSources, ReadTemplates, ReadTokenKeys, SendPage, StoreError, StoreResult, WriteRevision,
};
use crate::problem::Problem;
use crate::push::SendPush;
use crate::record::{Attributes, PassRecord, UpdateUrgency};
use crate::revision::Revision;
use crate::tag::RevisionNumber;
use crate::time::Clock;
use crate::work::Hint;
use want::{NotWanted, Seen, Wanted};

/// Turns before a publish gives way: each turn means that another publisher got on.
const TURNS: u32 = 8;

/// What publish needs of the Registry.
pub trait PublishStore: WriteRevision + KeepGrace + CountDeletions + AdvanceDevices + KeepLeases {}
impl<T: WriteRevision + KeepGrace + CountDeletions + AdvanceDevices + KeepLeases> PublishStore for T {}

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
    /// Passes that may lose their record within an hour before further ones are held.
    pub deletions_per_hour: u64,
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
    /// Its record is gone, and so are many others': this revision stays in service until its record
    /// is back or an operator releases the deletions.
    Held(RevisionNumber),
    /// The record cannot be published; the last good revision, if any, stays in service.
    Refused {
        problem: Problem,
        serving: Option<RevisionNumber>,
        /// Something that the record names is not there yet, such as an image: look again in a while.
        look_again: bool,
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
        let mut counted = false;
        for turn in 0..TURNS {
            if turn > 0 {
                self.clock.back_off(turn - 1).await;
            }
            if let Some(report) = self.turn(key, hint, &mut counted).await? {
                return Ok(report);
            }
        }
        Err(StoreError::Contended {
            call: "publish",
            turns: TURNS,
        })
    }

    /// One look and what follows from it. `None` asks for another turn: something has moved meanwhile.
    /// `counted` is whether this publish has been counted as a deletion.
    async fn turn(&self, key: &PassKey, hint: Hint, counted: &mut bool) -> StoreResult<Option<PublishReport>> {
        let locked = self.store.lock(key).await?;
        let (seen, wanted) = self.want(key, &locked).await?;
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(NotWanted::Nothing) => {
                if self.settle_problem(key, locked.problem.as_ref(), None).await?
                    && self.changed_since(key, &seen).await?
                {
                    return Ok(None);
                }
                return Ok(Some(PublishReport {
                    outcome: PublishOutcome::Nothing,
                    notice: None,
                    fan_out: FanOutReport::default(),
                }));
            }
            Err(NotWanted::Refused { problem, look_again }) => {
                return self.refuse(key, &locked, &seen, problem, look_again, hint).await;
            }
        };
        if let Some(current) = &locked.revision {
            if current.fingerprint == wanted.fingerprint && !hint.renews(current.number) {
                return self.leave(key, &locked, current, &seen, wanted, hint).await;
            }
            if wanted.begins_grace && !*counted {
                match count_deletion(self.store, self.clock, self.deletions_per_hour, locked.held_by).await? {
                    Deletion::GoesAhead => *counted = true,
                    Deletion::Held { by } => return self.hold(key, &locked, current, &seen, by, hint).await,
                }
            }
        }
        self.replace(key, &locked, &seen, wanted, hint).await
    }

    /// The pass that a person sees has changed.
    async fn replace(
        &self,
        key: &PassKey,
        locked: &Locked,
        seen: &Seen,
        wanted: Wanted,
        hint: Hint,
    ) -> StoreResult<Option<PublishReport>> {
        let notice = wanted.notice.clone();
        let replaced = locked.revision.as_ref();
        let before = replaced.map(|revision| revision.number);
        let revision = wanted.into_revision(hint.number_after(before, self.clock.now()));
        // Another publisher was first, or perhaps we were and did not hear of it: the next turn
        // sees which.
        if !written(self.store.replace_revision(key, &revision, replaced).await)? {
            return Ok(None);
        }
        self.settle_problem(key, locked.problem.as_ref(), notice.as_ref())
            .await?;
        if self.changed_since(key, seen).await? {
            return Ok(None);
        }
        let fan_out = self.fan_out(revision.urgency);
        Ok(Some(PublishReport {
            outcome: PublishOutcome::Published(revision.number),
            notice,
            fan_out: fan_out.announce(key, revision.number, self.further_pages).await?,
        }))
    }

    /// The pass that a person sees has not changed.
    async fn leave(
        &self,
        key: &PassKey,
        locked: &Locked,
        current: &Revision,
        seen: &Seen,
        wanted: Wanted,
        hint: Hint,
    ) -> StoreResult<Option<PublishReport>> {
        // A pass that its record had voided before looks the same without the record.
        let graced = current.grace_ends != wanted.grace_ends || locked.held_by.is_some();
        if graced && !self.note_grace(key, current, wanted.grace_ends).await? {
            return Ok(None);
        }
        let settled = self
            .settle_problem(key, locked.problem.as_ref(), wanted.notice.as_ref())
            .await?;
        if (graced || settled) && self.changed_since(key, seen).await? {
            return Ok(None);
        }
        Ok(Some(PublishReport {
            outcome: PublishOutcome::Unchanged(current.number),
            notice: wanted.notice,
            fan_out: self.catch_up(key, current, locked.chained, hint).await?,
        }))
    }

    /// The record is gone amid a burst of deletions: the revision stays in service as it is.
    async fn hold(
        &self,
        key: &PassKey,
        locked: &Locked,
        current: &Revision,
        seen: &Seen,
        by: u64,
        hint: Hint,
    ) -> StoreResult<Option<PublishReport>> {
        if hint.renews(current.number) {
            return self.renew(key, current, hint).await;
        }
        // A held pass comes up again by itself.
        let next = self.clock.now().seconds() + REMINDER_SECONDS;
        let held = locked.held_by != Some(by);
        if held && !written(self.store.hold_pass(key, current.number, by, next).await)? {
            return Ok(None);
        }
        let settled = self.settle_problem(key, locked.problem.as_ref(), None).await?;
        if (held || settled) && self.changed_since(key, seen).await? {
            return Ok(None);
        }
        Ok(Some(PublishReport {
            outcome: PublishOutcome::Held(current.number),
            notice: None,
            fan_out: self.catch_up(key, current, locked.chained, hint).await?,
        }))
    }

    /// The last good revision stays in service, and whoever has not got it yet still gets it.
    async fn refuse(
        &self,
        key: &PassKey,
        locked: &Locked,
        seen: &Seen,
        problem: Problem,
        look_again: bool,
        hint: Hint,
    ) -> StoreResult<Option<PublishReport>> {
        self.settle_problem(key, locked.problem.as_ref(), Some(&problem))
            .await?;
        // The record is back, if not as it should be: nothing is deleted, and if it is once more, the grace
        // is a whole one.
        if let Some(current) = &locked.revision
            && (locked.held_by.is_some() || current.grace_ends.is_some())
            && !self.note_grace(key, current, None).await?
        {
            return Ok(None);
        }
        // Somebody may have mended record or template, and found no note to clear yet.
        if self.changed_since(key, seen).await? {
            return Ok(None);
        }
        let fan_out = match &locked.revision {
            Some(current) if hint.renews(current.number) => return self.renew(key, current, hint).await,
            Some(current) => self.catch_up(key, current, locked.chained, hint).await?,
            None => FanOutReport::default(),
        };
        let serving = locked.revision.as_ref().map(|revision| revision.number);
        Ok(Some(PublishReport {
            outcome: PublishOutcome::Refused {
                problem,
                serving,
                look_again,
            },
            notice: None,
            fan_out,
        }))
    }

    /// Gives the revision that stays in service a later number: after a restore a phone may hold one
    /// that came after the backup, whatever becomes of the record. The next turn sees how it went.
    async fn renew(&self, key: &PassKey, current: &Revision, hint: Hint) -> StoreResult<Option<PublishReport>> {
        let renewed = Revision {
            number: hint.number_after(Some(current.number), self.clock.now()),
            ..current.clone()
        };
        written(self.store.replace_revision(key, &renewed, Some(current)).await)?;
        Ok(None)
    }

    /// Notes the end of a pass's grace, or that it has none; a hold ends with that. `false` asks for
    /// another turn.
    async fn note_grace(&self, key: &PassKey, current: &Revision, grace_ends: Option<u64>) -> StoreResult<bool> {
        written(self.store.set_grace(key, current.number, grace_ends).await)
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
        }
    }

    /// Writes, replaces or clears the note of what is wrong. Whether it differed.
    async fn settle_problem(&self, key: &PassKey, noted: Option<&Problem>, now: Option<&Problem>) -> StoreResult<bool> {
        match now {
            Some(problem) if noted != Some(problem) => self.store.put_problem(key, problem, self.clock.now()).await?,
            None if noted.is_some() => self.store.clear_problem(key).await?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Attributes that do not concern the pass may change as they like.
    fn record_differs(&self, record: Option<&Attributes>, seen: &Seen) -> bool {
        match (record, &seen.record) {
            (None, None) => false,
            (Some(now), Some(then)) => PassRecord::read(now) != PassRecord::read(then),
            _ => true,
        }
    }

    /// Whether record or template pointer differ from what was decided by. Without this second look
    /// after a write, a publisher that saw "no change" beside us would have the last word.
    async fn changed_since(&self, key: &PassKey, seen: &Seen) -> StoreResult<bool> {
        let (record, pointer) = self.sources.record_and_pointer(key, seen.template.as_ref()).await?;
        Ok(self.record_differs(record.as_ref(), seen) || pointer != seen.pointer)
    }
}

/// Whether a write has met the revision that was seen; `false` also where nobody can say.
fn written(outcome: StoreResult<Conditional>) -> StoreResult<bool> {
    match outcome {
        Ok(Conditional::Done) => Ok(true),
        Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
