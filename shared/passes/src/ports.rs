//! Ports: what the domain asks of the outside, one verb each, in domain words.
//!
//! Each method is one call to the store and carries the condition that keeps a seam closed. A
//! condition that fails is an answer, not an error. Errors are what an operator must know of.

mod calls;
mod devices;
mod due;
mod material;
mod queues;
mod revisions;
mod sources;
mod templates;
mod unusable_keys;

pub use calls::{
    AnswerList, Answered, Answering, CountDevices, Counted, KnownDevice, RegisterDevice, Registering,
    RegistrationCount, UncountDevice, UnregisterDevice,
};
pub use devices::{Advance, AdvanceDevices, Advanced, DevicePage, Expecting, KeepLeases, ReadDevice};
pub use due::{DUE_SHARDS, DueCursor, DuePage, FindDue};
pub use material::{Asset, IdentityFault, ReadAssets, ReadCertificates, ReadIdentities, ReadLinkKeys, ReadTokenKeys};
pub use queues::{SendKeys, SendPage};
pub use revisions::{CountDeletions, KeepGrace, Locked, ReadRevision, WriteRevision};
pub use sources::{
    CountFieldUse, FIELDS_AT_A_TIME, FieldUsePage, FindRecords, KeyPage, ReadSources, RecordCursor, Selection,
};
pub use templates::{
    KeepSweep, MovePointer, NoteUpload, ReadTemplates, ReadUploads, SendSweep, StoreTemplate, UploadNote,
};
pub use unusable_keys::{NoteUnusableKey, ReadRawRecord};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A time-out or a broken answer after the request went out: it may have been carried out.
    #[error("{call}: the outcome is unknown")]
    OutcomeUnknown { call: &'static str, source: Source },
    /// The store asks for patience.
    #[error("{call}: throttled")]
    Throttled { call: &'static str, source: Source },
    /// Another transaction holds the item at this moment.
    #[error("{call}: in conflict with another transaction")]
    Conflict { call: &'static str, source: Source },
    /// The store refuses the request as it is: a missing permission, table, bucket or secret.
    #[error("{call}: refused")]
    Refused { call: &'static str, source: Source },
    /// What is stored cannot be read.
    #[error("{call}: {reason}")]
    Unreadable { call: &'static str, reason: String },
    /// Others got on at every turn; the key comes again by itself.
    #[error("{call}: others changed the item at every one of {turns} turns")]
    Contended { call: &'static str, turns: u32 },
}

impl StoreError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } | Self::Throttled { .. } | Self::Conflict { .. } | Self::Contended { .. } => {
                true
            }
            Self::Refused { .. } | Self::Unreadable { .. } => false,
        }
    }
}

pub type StoreResult<T> = Result<T, StoreError>;

/// Whether a conditional write found what it expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Conditional {
    Done,
    /// Somebody else was first.
    Overtaken,
}
