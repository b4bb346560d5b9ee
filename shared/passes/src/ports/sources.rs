//! Records and templates, as they are now.

use std::future::Future;

use super::StoreResult;
use crate::ids::{PassKey, PassTypeIdentifier, TemplateId};
use crate::record::Attributes;
use crate::revision::TemplatePointer;

pub trait ReadSources: Send + Sync {
    /// The pass record, strongly consistent; read after the lock.
    fn record(&self, key: &PassKey) -> impl Future<Output = StoreResult<Option<Attributes>>> + Send;

    /// Where a template's published version stands, strongly consistent.
    fn template_pointer(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<TemplatePointer>>> + Send;

    /// Both once more in one read, after something has been written. Without a template the record alone.
    fn record_and_pointer(
        &self,
        key: &PassKey,
        template: Option<&TemplateId>,
    ) -> impl Future<Output = StoreResult<(Option<Attributes>, Option<TemplatePointer>)>> + Send;
}

/// Which records are meant; all where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub template: Option<TemplateId>,
    pub pass_type: Option<PassTypeIdentifier>,
    /// One of the [`SEGMENTS`](crate::sweep::SEGMENTS) that the table is divided into.
    pub segment: Option<u8>,
}

/// A place among all records, as it stands in the table: also one whose key cannot be a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordCursor {
    pub pass_type: String,
    pub serial: String,
}

/// One page of the keys of records.
#[derive(Debug)]
pub struct KeyPage {
    pub keys: Vec<PassKey>,
    /// Records whose key cannot be a pass, passed over.
    pub unusable: u32,
    /// Where the next page begins; `None` after the last.
    pub after: Option<RecordCursor>,
}

pub trait FindRecords: Send + Sync {
    /// Keys of records in no order that means anything, strongly consistent: a sweep must not pass over
    /// a record whose own publish ended before the pointer moved. `limit` is of the records looked at, so
    /// that a page may hold few or no keys.
    fn find_records(
        &self,
        selection: &Selection,
        after: Option<&RecordCursor>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<KeyPage>> + Send;
}

/// Most fields that are counted at once: each is a path in the request, whose text is limited to 4 KB.
pub const FIELDS_AT_A_TIME: usize = 100;

/// What one page of records tells of the use of some fields.
#[derive(Debug)]
pub struct FieldUsePage {
    /// Records that write each field, in the order in which the fields were asked for.
    pub rows: Vec<u64>,
    /// Records that were looked at, of whichever template.
    pub looked_at: u64,
    /// Where the next page begins; `None` after the last.
    pub after: Option<RecordCursor>,
}

pub trait CountFieldUse: Send + Sync {
    /// Counts the records of a template whose `fields` have an entry of these keys, NULL included, strongly
    /// consistent. At most [`FIELDS_AT_A_TIME`]. Records whose key cannot be a pass are passed over: they use nothing.
    fn count_field_use(
        &self,
        template: &TemplateId,
        fields: &[String],
        after: Option<&RecordCursor>,
    ) -> impl Future<Output = StoreResult<FieldUsePage>> + Send;
}
