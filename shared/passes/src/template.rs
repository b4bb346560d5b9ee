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
        let current = store.pointer(id).await?;
        if let Some(pointer) = &current
            && pointer.version == template.version()
        {
            return Ok(TemplateOutcome::Unchanged(pointer.clone()));
        }
        files
            .store_template(id, template.version(), template.to_bundle())
            .await?;
        let replaced = current.map(|pointer| pointer.seq);
        let pointer = TemplatePointer {
            id: id.clone(),
            version: template.version().to_owned(),
            seq: replaced.map_or(1, |seq| seq + 1),
        };
        match store.move_pointer(&pointer, replaced, clock.now()).await {
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
