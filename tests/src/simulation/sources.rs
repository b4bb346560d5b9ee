//! What is read of rows, and all that is kept of templates: as in [`super::store`], the real adapters with a rule
//! taken out where a mutation says so.

use aws::dynamodb::{Client, Sources as RealSources};
use passes::ids::{PassKey, TemplateId};
use passes::ports::{
    Conditional, FindRecords, KeepSweep, KeyPage, MovePointer, NoteUpload, ReadSources, RecordCursor, Selection,
    StoreResult, UploadNote,
};
use passes::record::Attributes;
use passes::revision::{PublishedTemplate, TemplatePointer};
use passes::sweep::SegmentProgress;
use passes::time::Timestamp;

use super::engine::{PASSES, REGISTRY};
use super::mutations::Mutation;
use super::store::Store;

impl MovePointer for Store {
    async fn pointer(&self, id: &TemplateId) -> StoreResult<Option<PublishedTemplate>> {
        if self.has(Mutation::UploadReadBeforePointer) {
            let upload = self.shared.lock().uploaded();
            self.seen().upload = upload;
        }
        self.seen().stamp = None;
        let mut published = self.registry.pointer(id).await?;
        if let Some(published) = &mut published
            && self.has(Mutation::SweepNotBegunAgain)
        {
            published.sweep = None;
        }
        Ok(published)
    }

    async fn move_pointer(
        &self,
        pointer: &TemplatePointer,
        replaced: Option<&TemplatePointer>,
        upload: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<Conditional> {
        self.shared.lock().designs.moves_for(self.actor, upload);
        self.registry.move_pointer(pointer, replaced, upload, now).await
    }
}

impl NoteUpload for Store {
    async fn upload_note(&self, id: &TemplateId) -> StoreResult<Option<UploadNote>> {
        self.registry.upload_note(id).await
    }

    async fn note_upload(&self, id: &TemplateId, note: &UploadNote) -> StoreResult<()> {
        self.registry.note_upload(id, note).await
    }
}

impl KeepSweep for Store {
    async fn note_segment(
        &self,
        template: &TemplateId,
        seq: u64,
        segment: u8,
        progress: SegmentProgress,
    ) -> StoreResult<Conditional> {
        self.registry.note_segment(template, seq, segment, progress).await
    }
}

/// What a publish reads of the world.
#[derive(Clone)]
pub(super) struct Sources {
    store: Store,
    real: RealSources,
}

impl Sources {
    pub fn new(client: Client, store: Store) -> Self {
        Self {
            real: RealSources::new(client, PASSES, REGISTRY),
            store,
        }
    }
}

impl FindRecords for Sources {
    async fn find_records(
        &self,
        selection: &Selection,
        after: Option<&RecordCursor>,
        limit: u32,
    ) -> StoreResult<KeyPage> {
        // DynamoDB ends a page where it likes.
        let limit = limit.min(self.store.shared.lock().setup.page);
        self.real.find_records(selection, after, limit).await
    }
}

impl ReadSources for Sources {
    async fn record(&self, key: &PassKey) -> StoreResult<Option<Attributes>> {
        let read_before = match self.store.reads_source_first() {
            true => self.store.seen().record.take(),
            false => None,
        };
        if let Some(record) = read_before {
            if self.store.verifies_nothing() {
                self.store.seen().record = Some(record.clone());
            }
            return Ok(record);
        }
        let record = self.real.record(key).await?;
        if self.store.verifies_nothing() || self.store.has(Mutation::NoteNotVerified) {
            self.store.seen().record = Some(record.clone());
        }
        Ok(record)
    }

    async fn template_pointer(&self, id: &TemplateId) -> StoreResult<Option<TemplatePointer>> {
        let pointer = self.real.template_pointer(id).await?;
        self.store.seen().pointer = Some(pointer.clone());
        Ok(pointer)
    }

    async fn record_and_pointer(
        &self,
        key: &PassKey,
        template: Option<&TemplateId>,
    ) -> StoreResult<(Option<Attributes>, Option<TemplatePointer>)> {
        let (mut record, mut pointer) = self.real.record_and_pointer(key, template).await?;
        let wrote_note_alone = !self.store.seen().wrote;
        if (self.store.verifies_nothing() || (self.store.has(Mutation::NoteNotVerified) && wrote_note_alone))
            && let Some(seen) = self.store.seen().record.clone()
        {
            record = seen;
        }
        if (self.store.has(Mutation::PointerNotVerified)
            || (self.store.has(Mutation::NoteNotVerified) && wrote_note_alone))
            && let Some(seen) = self.store.seen().pointer.clone()
        {
            pointer = seen;
        }
        Ok((record, pointer))
    }
}
