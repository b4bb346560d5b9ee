//! An uploaded template: judged, published, or refused with the reason noted.
//!
//! Whoever is told of an upload may be told late, twice and out of order, so what counts is what
//! lies there now: the pointer is read first, the upload after it, and the upload is looked at once
//! more in the end. Its stamp is noted with the move, so that an old message cannot undo what has
//! been published or rolled back since.

use pkpass::{Fault, Template};

use crate::ids::TemplateId;
use crate::ports::{
    MovePointer, NoteUpload, ReadUploads, SendSweep, StoreError, StoreResult, StoreTemplate, UploadNote,
};
use crate::revision::{PublishedTemplate, TemplatePointer};
use crate::sweep;
use crate::template::{Moved, move_to};
use crate::time::Clock;

const TURNS: u32 = 6;

/// The note is one item, and whoever mends a template reads the first faults first.
const MAX_REASON_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadOutcome {
    /// The pointer has moved, and its passes follow. The warnings are for the designer.
    Published {
        pointer: TemplatePointer,
        warnings: Vec<Fault>,
    },
    /// These very files are published already.
    Unchanged(TemplatePointer),
    /// This upload was taken in before; what has been published since stays.
    Known,
    /// It cannot be published; one fault a line. Everything stays as it was.
    Refused(String),
    /// Nothing lies there any more.
    Gone,
}

/// Publishes what was uploaded for a template.
///
/// An error means that the upload has to be brought again; nothing is lost by that.
pub async fn take_in<S, F, Q, C>(
    store: &S,
    files: &F,
    queue: &Q,
    clock: &C,
    id: &TemplateId,
) -> StoreResult<UploadOutcome>
where
    S: MovePointer + NoteUpload,
    F: ReadUploads + StoreTemplate,
    Q: SendSweep,
    C: Clock,
{
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        let current = store.pointer(id).await?;
        // Of the version that stands, whatever becomes of this upload: a turn before this one may have moved
        // the pointer, and so may somebody who died then.
        if let Some(published) = &current {
            sweep::begin_what_is_not_begun(queue, published).await?;
        }
        let Some(stamp) = files.upload_stamp(id).await? else {
            return Ok(UploadOutcome::Gone);
        };
        if let Some(outcome) = known(store, id, current.as_ref(), &stamp).await? {
            return Ok(outcome);
        }
        let note = |refused| UploadNote {
            stamp: stamp.clone(),
            noted_at: clock.now(),
            refused,
        };
        let template = match read(files, id).await? {
            None => continue,
            Some(Ok(template)) => template,
            Some(Err(reason)) => {
                store.note_upload(id, &note(Some(reason.clone()))).await?;
                // What was refused may have been mended by now.
                if files.upload_stamp(id).await?.as_ref() != Some(&stamp) {
                    continue;
                }
                return Ok(UploadOutcome::Refused(reason));
            }
        };
        let (now, before) = (clock.now(), current.as_ref());
        let Some(moved) = move_to(store, files, now, id, &template, before, Some(&stamp)).await? else {
            continue;
        };
        if let Moved::Before(_) = moved {
            store.note_upload(id, &note(None)).await?;
        }
        if files.upload_stamp(id).await?.as_ref() != Some(&stamp) {
            continue;
        }
        return Ok(match moved {
            Moved::Now(pointer) => {
                sweep::begin(queue, &pointer).await?;
                UploadOutcome::Published {
                    pointer,
                    warnings: template.warnings(now.system_time()),
                }
            }
            Moved::Before(published) => UploadOutcome::Unchanged(published.pointer.clone()),
        });
    }
    Err(StoreError::Contended {
        call: "take-in-upload",
        turns: TURNS,
    })
}

/// What became of this upload, if it was taken in before.
async fn known(
    store: &impl NoteUpload,
    id: &TemplateId,
    current: Option<&PublishedTemplate>,
    stamp: &str,
) -> StoreResult<Option<UploadOutcome>> {
    if current.is_some_and(|published| published.upload.as_deref() == Some(stamp)) {
        return Ok(Some(UploadOutcome::Known));
    }
    let noted = store.upload_note(id).await?.filter(|note| note.stamp == stamp);
    Ok(noted.map(|note| note.refused.map_or(UploadOutcome::Known, UploadOutcome::Refused)))
}

/// The upload as a template, or why it is none; `None` if it is gone.
async fn read(files: &impl ReadUploads, id: &TemplateId) -> StoreResult<Option<Result<Template, String>>> {
    let refused = |reason: String| Ok(Some(Err(shortened(reason))));
    match files.upload(id).await {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => match Template::from_zip(&bytes) {
            Ok(template) => Ok(Some(Ok(template))),
            Err(faults) => refused(faults.to_string()),
        },
        // It will never be readable, so bringing it again does not help.
        Err(StoreError::Unreadable { reason, .. }) => refused(reason),
        Err(error) => Err(error),
    }
}

fn shortened(mut reason: String) -> String {
    if reason.len() > MAX_REASON_BYTES {
        let end = reason.floor_char_boundary(MAX_REASON_BYTES);
        reason.truncate(end);
        reason.push_str(" ...");
    }
    reason
}
