//! Publishing a template: its version is stored for good, then the pointer moves.

use pkpass::Template;

use crate::ids::TemplateId;
use crate::ports::{Conditional, MovePointer, StoreError, StoreResult, StoreTemplate};
use crate::revision::TemplatePointer;
use crate::time::Clock;

const TURNS: u32 = 6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateOutcome {
    Published(TemplatePointer),
    /// These very files are published already: nothing moves, and no pass changes.
    Unchanged(TemplatePointer),
}

/// Publishes a template under an id. Its passes follow as their records are published.
///
/// The version is stored before the pointer names it, so that nobody follows the pointer to a
/// file that is not there; and a version, once stored, is never changed.
pub async fn publish_template<S, F, C>(
    store: &S,
    files: &F,
    clock: &C,
    id: &TemplateId,
    template: &Template,
) -> StoreResult<TemplateOutcome>
where
    S: MovePointer,
    F: StoreTemplate,
    C: Clock,
{
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        let current = store.pointer(id).await?.map(|published| published.pointer);
        if let Some(pointer) = &current
            && pointer.version == template.version()
        {
            return Ok(TemplateOutcome::Unchanged(pointer.clone()));
        }
        files
            .store_template(id, template.version(), template.to_bundle())
            .await?;
        let pointer = TemplatePointer {
            id: id.clone(),
            version: template.version().to_owned(),
            seq: current.as_ref().map_or(1, |current| current.seq + 1),
        };
        match store.move_pointer(&pointer, current.as_ref(), clock.now()).await {
            Ok(Conditional::Done) => return Ok(TemplateOutcome::Published(pointer)),
            // Somebody else has published meanwhile, or we have and did not hear of it.
            Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Contended {
        call: "publish-template",
        turns: TURNS,
    })
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
pub async fn roll_back<S, C>(store: &S, clock: &C, id: &TemplateId) -> StoreResult<RollBackOutcome>
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
        match store.move_pointer(&pointer, Some(&found.pointer), clock.now()).await {
            Ok(Conditional::Done) => return Ok(RollBackOutcome::RolledBack(pointer)),
            // Somebody else was first, or we were and did not hear of it. What was to be rolled
            // back is not rolled back a second time.
            Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error),
        }
        match store.pointer(id).await?.map(|published| published.pointer) {
            Some(current) if current == pointer => return Ok(RollBackOutcome::RolledBack(current)),
            Some(current) if current.seq != found.pointer.seq => return Ok(RollBackOutcome::Overtaken(current)),
            Some(_) => {}
            None => return Ok(RollBackOutcome::Unknown),
        }
    }
    Err(StoreError::Contended {
        call: "roll-back",
        turns: TURNS,
    })
}
