//! Where each template's published version stands, how far its passes have followed, and what became
//! of the last upload.

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::TemplateId;
use passes::ports::{Conditional, KeepSweep, MovePointer, NoteUpload, StoreResult, UploadNote};
use passes::revision::{PublishedTemplate, TemplatePointer};
use passes::sweep::SegmentProgress;
use passes::time::Timestamp;

use super::Registry;
use super::errors::fault;
use super::expression::{n, s, values};
use super::items::{Item, read_published, read_upload, write_segment, write_upload};
use super::keys::{template_item, upload_item};

impl MovePointer for Registry {
    async fn pointer(&self, id: &TemplateId) -> StoreResult<Option<PublishedTemplate>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(template_item(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-pointer"))?;
        output.item.as_ref().map(read_published).transpose()
    }

    async fn move_pointer(
        &self,
        pointer: &TemplatePointer,
        replaced: Option<&TemplatePointer>,
        upload: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<Conditional> {
        let mut values = values([
            ("version", s(&pointer.version)),
            ("seq", n(pointer.seq)),
            ("at", n(now.seconds())),
            ("begun", AttributeValue::M(Item::new())),
        ]);
        let mut update = "SET #version = :version, #seq = :seq, #published_at = :at, #sweep = :begun".to_owned();
        if let Some(stamp) = upload {
            values.insert(":upload".into(), s(stamp));
            update.push_str(", #upload = :upload");
        }
        let condition = match replaced {
            None => "attribute_not_exists(#PK)",
            Some(replaced) => {
                values.insert(":replaced".into(), n(replaced.seq));
                values.insert(":previous".into(), s(&replaced.version));
                update.push_str(", #previous_version = :previous");
                "#seq = :replaced"
            }
        };
        let item = template_item(&pointer.id);
        self.update_under_condition("move-pointer", item, &update, condition, values)
            .await
    }
}

impl KeepSweep for Registry {
    async fn note_segment(
        &self,
        template: &TemplateId,
        seq: u64,
        segment: u8,
        progress: SegmentProgress,
    ) -> StoreResult<Conditional> {
        let noted = format!("#sweep.#s{segment}");
        let update = format!("SET {noted} = :progress");
        // A pointer that moved before there were sweeps has no map to note this in.
        let condition = format!(
            "#seq = :seq AND attribute_exists(#sweep) AND (attribute_not_exists({noted}) OR ({noted}.#finished = :false \
             AND {noted}.#passes <= :passes))"
        );
        let values = values([
            ("progress", write_segment(progress)),
            ("seq", n(seq)),
            ("passes", n(progress.done.passes)),
            ("false", AttributeValue::Bool(false)),
        ]);
        self.update_under_condition("note-segment", template_item(template), &update, &condition, values)
            .await
    }
}

impl NoteUpload for Registry {
    async fn upload_note(&self, id: &TemplateId) -> StoreResult<Option<UploadNote>> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(upload_item(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(fault("read-upload-note"))?;
        output.item.as_ref().map(read_upload).transpose()
    }

    async fn note_upload(&self, id: &TemplateId, note: &UploadNote) -> StoreResult<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write_upload(note, upload_item(id))))
            .send()
            .await
            .map_err(fault("note-upload"))?;
        Ok(())
    }
}
