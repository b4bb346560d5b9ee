//! Templates: uploaded, stored, published, and followed by their passes.

use std::future::Future;
use std::sync::Arc;

use pkpass::Template;

use super::{Conditional, StoreResult};
use crate::ids::TemplateId;
use crate::revision::{PublishedTemplate, TemplatePointer};
use crate::sweep::{SegmentProgress, SweepPage};
use crate::time::Timestamp;

pub trait ReadTemplates: Send + Sync {
    /// A published version's files. They are immutable, so adapters cache them for good.
    fn template(&self, id: &TemplateId, version: &str) -> impl Future<Output = StoreResult<Arc<Template>>> + Send;
}

pub trait StoreTemplate: Send + Sync {
    /// Keeps a version's bundle; the same version always has the same bytes.
    fn store_template(
        &self,
        id: &TemplateId,
        version: &str,
        bundle: Vec<u8>,
    ) -> impl Future<Output = StoreResult<()>> + Send;
}

pub trait MovePointer: Send + Sync {
    /// Where the template's published version stands, strongly consistent.
    fn pointer(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<PublishedTemplate>>> + Send;

    /// Moves the pointer on condition that the one it replaces (or none) still has its `seq`,
    /// notes the version that it replaces, and begins a sweep of which nothing is done.
    ///
    /// `upload` is the stamp of the upload that it moves for, in the same write: whoever is
    /// brought the same upload again must not undo what was published since.
    fn move_pointer(
        &self,
        pointer: &TemplatePointer,
        replaced: Option<&TemplatePointer>,
        upload: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

pub trait ReadUploads: Send + Sync {
    /// A name for what was uploaded for a template, which changes with every upload, also of the
    /// same bytes; `None` if nothing lies there.
    fn upload_stamp(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<String>>> + Send;

    /// The newest upload's bytes. One that is too large to be a template is
    /// [`Unreadable`](super::StoreError::Unreadable).
    fn upload(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<Vec<u8>>>> + Send;
}

/// What became of an upload that did not move the pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadNote {
    /// Of [`ReadUploads::upload_stamp`].
    pub stamp: String,
    pub noted_at: Timestamp,
    /// Why it cannot be published, one fault a line; `None` where these files were published already.
    pub refused: Option<String>,
}

pub trait NoteUpload: Send + Sync {
    /// What is noted of the last upload that moved nothing, strongly consistent.
    fn upload_note(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<UploadNote>>> + Send;

    fn note_upload(&self, id: &TemplateId, note: &UploadNote) -> impl Future<Output = StoreResult<()>> + Send;
}

pub trait KeepSweep: Send + Sync {
    /// Notes how far a segment has come, on condition that the pointer still has this `seq` and
    /// that nobody has come further.
    fn note_segment(
        &self,
        template: &TemplateId,
        seq: u64,
        segment: u8,
        progress: SegmentProgress,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

pub trait SendSweep: Send + Sync {
    /// Hands pages of a sweep on; at most [`KEYS_AT_A_TIME`](crate::work::KEYS_AT_A_TIME). An error
    /// means that some may not have been taken; to send all of them again does no harm.
    fn send_sweep(&self, pages: &[SweepPage]) -> impl Future<Output = StoreResult<()>> + Send;
}
