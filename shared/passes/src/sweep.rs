//! The sweep: every pass of a template follows its pointer.
//!
//! The table is read in segments, page by page, and each pass is published. The cursor lives in the
//! message alone, as with the pages of a fan-out: a page is done with when its passes are and the
//! message of the next one has been taken. Publishing a pass twice, or one that is right already,
//! changes nothing, so a sweep may be begun, repeated and gone through side by side at will.

use std::collections::BTreeMap;
use std::future::Future;
use std::iter::Sum;
use std::ops::Add;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::ids::{PassKey, TemplateId};
use crate::ports::{Conditional, FindRecords, KeepSweep, MovePointer, RecordCursor, Selection, SendSweep, StoreResult};
use crate::revision::{PublishedTemplate, TemplatePointer};
use crate::work::KEYS_AT_A_TIME;

/// Parts that the table is divided into, swept side by side.
pub const SEGMENTS: u8 = 16;

/// Records looked at for one message. At eight passes side by side, some 20 ms each, they are two
/// seconds of a function's sixty, and what is repeated after a crash is no more than that.
const RECORDS: u32 = 500;

/// Passes published side by side.
const CONCURRENCY: usize = 8;

/// A page of one segment, as it is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepPage {
    pub template: TemplateId,
    /// The pointer's `seq` that the sweep belongs to: it ends once the pointer has moved on.
    pub seq: u64,
    /// Below [`SEGMENTS`].
    pub segment: u8,
    /// The last record that is done with; `None` begins with the first.
    pub after: Option<RecordCursor>,
    /// Passes of this segment that are done with.
    pub done: Tally,
}

/// Passes that are done with, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them: those that have followed, and the two below.
    pub passes: u64,
    /// Their records cannot be published with this template; the last good pass stays in service.
    pub refused: u64,
    /// Publishing failed, and is the keys' queue's matter from now on.
    pub handed_over: u64,
}

impl Tally {
    /// Passes that show the template's version, as far as they show anything of it.
    pub fn followed(&self) -> u64 {
        self.passes.saturating_sub(self.refused + self.handed_over)
    }

    fn count(&mut self, swept: Swept) {
        self.passes += u64::from(swept != Swept::NotDone);
        self.refused += u64::from(swept == Swept::Refused);
        self.handed_over += u64::from(swept == Swept::HandedOver);
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passes: self.passes + other.passes,
            refused: self.refused + other.refused,
            handed_over: self.handed_over + other.handed_over,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

/// How far a sweep has come: segment -> progress, those that have begun alone.
pub type SweepProgress = BTreeMap<u8, SegmentProgress>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentProgress {
    pub done: Tally,
    /// Its last record has been reached.
    pub finished: bool,
}

/// Hands on the first page of every segment.
pub async fn begin(queue: &impl SendSweep, pointer: &TemplatePointer) -> StoreResult<()> {
    begin_segments(queue, pointer, |_| true).await.map(drop)
}

/// Begins the segments of which nothing was ever noted: whoever moved the pointer may have died before it
/// had sent all messages. Returns how many.
pub async fn begin_what_is_not_begun(queue: &impl SendSweep, published: &PublishedTemplate) -> StoreResult<usize> {
    match &published.sweep {
        Some(sweep) => {
            let not_begun = |segment: &u8| !sweep.contains_key(segment);
            begin_segments(queue, &published.pointer, not_begun).await
        }
        None => Ok(0),
    }
}

async fn begin_segments(
    queue: &impl SendSweep,
    pointer: &TemplatePointer,
    wanted: impl Fn(&u8) -> bool,
) -> StoreResult<usize> {
    let pages: Vec<_> = (0..SEGMENTS)
        .filter(wanted)
        .map(|segment| SweepPage {
            template: pointer.id.clone(),
            seq: pointer.seq,
            segment,
            after: None,
            done: Tally::default(),
        })
        .collect();
    for some in pages.chunks(KEYS_AT_A_TIME) {
        queue.send_sweep(some).await?;
    }
    Ok(pages.len())
}

/// What has become of one pass of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// It is as its record and the template say.
    Followed,
    /// Its record cannot be published.
    Refused,
    /// Publishing failed, and it will be published later.
    HandedOver,
    /// Neither could be done in time: the pass is not done with.
    NotDone,
}

/// Publishes one pass of a sweep; what fails must not hold up those behind it.
pub trait SweepPass: Send + Sync {
    fn sweep_pass(&self, key: &PassKey) -> impl Future<Output = Swept> + Send;
}

/// Takes pages of sweeps up. Cheap to make; holds nothing of its own.
pub struct Sweep<'a, S, R, Q> {
    pub store: &'a S,
    pub records: &'a R,
    pub queue: &'a Q,
}

/// What one page led to.
#[derive(Debug, PartialEq, Eq)]
pub struct SweepReport {
    /// Passes of this page that are done with.
    pub done: Tally,
    /// Records whose key cannot be a pass, passed over.
    pub unusable: u32,
    pub end: SweepEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepEnd {
    /// The pointer has moved on, and another sweep with it: this one is over.
    Overtaken,
    /// The last page of its segment.
    SegmentFinished,
    /// A message takes it on from here.
    HandedOn,
    /// Not one pass could be done: the page must come again. Handed on, it would be tried for ever;
    /// repeated, it ends in the dead letters.
    Stuck,
}

impl<S, R, Q> Sweep<'_, S, R, Q>
where
    S: MovePointer + KeepSweep,
    R: FindRecords,
    Q: SendSweep,
{
    /// Publishes the passes of one page and hands the next one on. Once `time_is_up`, nothing more
    /// is begun and the rest of the page is handed on.
    ///
    /// An error means that the page must come again.
    pub async fn sweep_page(
        &self,
        page: &SweepPage,
        passes: &impl SweepPass,
        time_is_up: impl Fn() -> bool + Sync,
    ) -> StoreResult<SweepReport> {
        let mut report = SweepReport {
            done: Tally::default(),
            unusable: 0,
            end: SweepEnd::Overtaken,
        };
        let published = self.store.pointer(&page.template).await?;
        if published.is_none_or(|published| published.pointer.seq != page.seq) {
            return Ok(report);
        }
        let selection = Selection {
            template: Some(page.template.clone()),
            pass_type: None,
            segment: Some(page.segment),
        };
        let found = self
            .records
            .find_records(&selection, page.after.as_ref(), RECORDS)
            .await?;
        report.unusable = found.unusable;
        let time_is_up = &time_is_up;
        let mut swept = stream::iter(found.keys.clone())
            .map(|key| async move {
                match time_is_up() {
                    true => Swept::NotDone,
                    false => passes.sweep_pass(&key).await,
                }
            })
            // In order, so that what is left is everything behind one pass.
            .buffered(CONCURRENCY);
        let (mut done, mut cut) = (0, false);
        while let Some(one) = swept.next().await {
            cut |= one == Swept::NotDone;
            if !cut {
                done += 1;
                report.done.count(one);
            }
        }
        if cut && done == 0 {
            report.end = SweepEnd::Stuck;
            return Ok(report);
        }
        let after = match cut {
            true => found.keys[..done].last().map(|key| RecordCursor {
                pass_type: key.pass_type.to_string(),
                serial: key.serial.to_string(),
            }),
            false => found.after,
        };
        let progress = SegmentProgress {
            done: page.done + report.done,
            finished: after.is_none(),
        };
        // Before the next page is handed on: what fails here brings this page again, and must not leave two
        // chains of pages behind. Overtaken by a repetition that came further, or by another version.
        let noted = self
            .store
            .note_segment(&page.template, page.seq, page.segment, progress)
            .await?;
        match noted {
            Conditional::Done | Conditional::Overtaken => {}
        }
        report.end = SweepEnd::SegmentFinished;
        if after.is_some() {
            let next = SweepPage {
                after,
                done: progress.done,
                ..page.clone()
            };
            self.queue.send_sweep(&[next]).await?;
            report.end = SweepEnd::HandedOn;
        }
        Ok(report)
    }
}
