//! Publishing a template: its version is stored for good, then the pointer moves.

use pkpass::Template;

use crate::ids::TemplateId;
use crate::ports::{Conditional, MovePointer, SendSweep, StoreError, StoreResult, StoreTemplate};
use crate::revision::{PublishedTemplate, TemplatePointer};
use crate::sweep;
use crate::time::{Clock, Timestamp};

const TURNS: u32 = 6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateOutcome {
    Published(TemplatePointer),
    /// These very files are published already: nothing moves, and no pass changes.
    Unchanged(TemplatePointer),
    /// They are published already, and of some segments nothing is known: whoever published them may not
    /// have come so far, so those begin once more.
    ToldAgain(TemplatePointer),
}

/// Why a pointer was not moved as it should be, by how far that came.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// A rollback has moved nothing. A put may be given again whatever it has done.
    #[error("nothing has moved")]
    NotMoved(#[from] StoreError),
    /// Nobody heard whether a rollback has moved the pointer to this: one that is repeated might undo itself.
    #[error("the pointer may have moved")]
    MayHaveMoved {
        pointer: TemplatePointer,
        source: StoreError,
    },
    /// The pointer has moved. The sweep may have begun in part; an explicit publish of the template
    /// serves instead, or the same files put once more. A rollback that is repeated would undo itself.
    #[error("the pointer has moved, and no sweep follows it")]
    NotSwept {
        pointer: TemplatePointer,
        source: StoreError,
    },
}

impl MoveError {
    fn not_swept(pointer: &TemplatePointer) -> impl FnOnce(StoreError) -> Self {
        |source| Self::NotSwept {
            pointer: pointer.clone(),
            source,
        }
    }
}

/// Publishes a template under an id, and sets its passes off to follow.
///
/// The version is stored before the pointer names it, so that nobody follows the pointer to a
/// file that is not there; and a version, once stored, is never changed.
pub async fn publish_template<S, F, Q, C>(
    store: &S,
    files: &F,
    queue: &Q,
    clock: &C,
    id: &TemplateId,
    template: &Template,
) -> Result<TemplateOutcome, MoveError>
where
    S: MovePointer,
    F: StoreTemplate,
    Q: SendSweep,
    C: Clock,
{
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        let current = store.pointer(id).await?;
        let Some(moved) = move_to(store, files, clock.now(), id, template, current.as_ref(), None).await? else {
            continue;
        };
        return match moved {
            Moved::Now(pointer) => {
                let begun = sweep::begin(queue, &pointer).await;
                begun.map_err(MoveError::not_swept(&pointer))?;
                Ok(TemplateOutcome::Published(pointer))
            }
            Moved::Before(published) => {
                let begun = sweep::begin_what_is_not_begun(queue, published).await;
                let begun = begun.map_err(MoveError::not_swept(&published.pointer))?;
                let pointer = published.pointer.clone();
                Ok(match begun {
                    // Since the first turn, so by us, and the answer was lost; or by somebody with the same files.
                    _ if turn > 0 => TemplateOutcome::Published(pointer),
                    0 => TemplateOutcome::Unchanged(pointer),
                    _ => TemplateOutcome::ToldAgain(pointer),
                })
            }
        };
    }
    Err(MoveError::NotMoved(StoreError::Contended {
        call: "publish-template",
        turns: TURNS,
    }))
}

/// Where a pointer names the wanted version.
pub(crate) enum Moved<'a> {
    Now(TemplatePointer),
    /// It was there already.
    Before(&'a PublishedTemplate),
}

/// One turn: stores the version and moves the pointer from where it was read. `None` means that
/// somebody else has moved it meanwhile, or we have and did not hear of it.
pub(crate) async fn move_to<'a, S, F>(
    store: &S,
    files: &F,
    now: Timestamp,
    id: &TemplateId,
    template: &Template,
    current: Option<&'a PublishedTemplate>,
    upload: Option<&str>,
) -> StoreResult<Option<Moved<'a>>>
where
    S: MovePointer,
    F: StoreTemplate,
{
    if let Some(published) = current
        && published.pointer.version == template.version()
    {
        return Ok(Some(Moved::Before(published)));
    }
    let current = current.map(|published| &published.pointer);
    files
        .store_template(id, template.version(), template.to_bundle())
        .await?;
    let pointer = TemplatePointer {
        id: id.clone(),
        version: template.version().to_owned(),
        seq: current.map_or(1, |current| current.seq + 1),
    };
    match store.move_pointer(&pointer, current, upload, now).await {
        Ok(Conditional::Done) => Ok(Some(Moved::Now(pointer))),
        Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollBackOutcome {
    /// The pointer names the earlier version again, under a new `seq`.
    RolledBack(TemplatePointer),
    /// It has never named another version.
    NoEarlierVersion,
    /// There is no such template.
    Unknown,
    /// Somebody has published another version meanwhile, which is left alone.
    Overtaken(TemplatePointer),
}

/// Publishes the version that the pointer named before. Rolling back twice is where one was.
///
/// A new `seq`, because passes that have followed the later version must follow again.
pub async fn roll_back<S, Q, C>(store: &S, queue: &Q, clock: &C, id: &TemplateId) -> Result<RollBackOutcome, MoveError>
where
    S: MovePointer,
    Q: SendSweep,
    C: Clock,
{
    let outcome = move_back(store, clock, id).await?;
    if let RollBackOutcome::RolledBack(pointer) = &outcome {
        let begun = sweep::begin(queue, pointer).await;
        begun.map_err(MoveError::not_swept(pointer))?;
    }
    Ok(outcome)
}

async fn move_back<S, C>(store: &S, clock: &C, id: &TemplateId) -> Result<RollBackOutcome, MoveError>
where
    S: MovePointer,
    C: Clock,
{
    let Some(found) = store.pointer(id).await? else {
        return Ok(RollBackOutcome::Unknown);
    };
    let Some(version) = found.previous else {
        return Ok(RollBackOutcome::NoEarlierVersion);
    };
    let pointer = TemplatePointer {
        id: id.clone(),
        version,
        seq: found.pointer.seq + 1,
    };
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        let moved = store
            .move_pointer(&pointer, Some(&found.pointer), None, clock.now())
            .await;
        match moved {
            Ok(Conditional::Done) => return Ok(RollBackOutcome::RolledBack(pointer)),
            // Somebody else was first, or we were and did not hear of it: the SDK sends a request again by itself,
            // which then finds that the pointer has moved, is throttled or in conflict. What was to be rolled back
            // is not rolled back a second time.
            Ok(Conditional::Overtaken) => {}
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error.into()),
        }
        let looked_again = store.pointer(id).await.map_err(|source| MoveError::MayHaveMoved {
            pointer: pointer.clone(),
            source,
        })?;
        match looked_again.map(|published| published.pointer) {
            Some(current) if current == pointer => return Ok(RollBackOutcome::RolledBack(current)),
            Some(current) if current.seq != found.pointer.seq => return Ok(RollBackOutcome::Overtaken(current)),
            Some(_) => {}
            None => return Ok(RollBackOutcome::Unknown),
        }
    }
    Err(MoveError::NotMoved(StoreError::Contended {
        call: "roll-back",
        turns: TURNS,
    }))
}
