//! Ports: what the domain asks of the outside, one verb each, in domain words.
//!
//! Each method is one call to the store and carries the condition that keeps a seam closed. A
//! condition that fails is an answer, not an error. Errors are what an operator must know of.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pkpass::{Identity, SigningCertificate, Template};

use crate::deletion::EndingPass;
use crate::device::{Device, Lease, Mark};
use crate::ids::{
    DeviceKey, DeviceLibraryIdentifier, PassKey, PassTypeIdentifier, Registration, SerialNumber, TemplateId,
};
use crate::problem::Problem;
use crate::record::Attributes;
use crate::revision::{PublishedTemplate, Revision, TemplatePointer};
use crate::tag::{RevisionNumber, UpdateTag};
use crate::time::Timestamp;
use crate::tokens::{KeyRing, PushToken};
use crate::work::{KeyToPublish, NextPage};

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

// ---- records and templates, as they are now

pub trait ReadSources: Send + Sync {
    /// The pass record, strongly consistent; read after the lock.
    fn record(&self, key: &PassKey) -> impl Future<Output = StoreResult<Option<Attributes>>> + Send;

    /// Where a template's published version stands, strongly consistent.
    fn template_pointer(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<TemplatePointer>>> + Send;

    /// Both once more in one read, after the revision has been written.
    fn record_and_pointer(
        &self,
        key: &PassKey,
        id: &TemplateId,
    ) -> impl Future<Output = StoreResult<(Option<Attributes>, Option<TemplatePointer>)>> + Send;
}

/// Which records are meant; all where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub template: Option<TemplateId>,
    pub pass_type: Option<PassTypeIdentifier>,
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
    /// Keys of records in no order that means anything, eventually consistent. `limit` is of the
    /// records looked at, so that a page may hold few or no keys.
    fn find_records(
        &self,
        selection: &Selection,
        after: Option<&RecordCursor>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<KeyPage>> + Send;
}

// ---- revisions

pub trait ReadRevision: Send + Sync {
    /// The published revision, strongly consistent.
    fn revision(&self, key: &PassKey) -> impl Future<Output = StoreResult<Option<Revision>>> + Send;
}

/// A pass as `publish` finds it: the revision in it is the lock.
#[derive(Debug, Default)]
pub struct Locked {
    pub revision: Option<Revision>,
    pub problem: Option<Problem>,
    /// The revision whose further pages have been handed on.
    pub chained: Option<RevisionNumber>,
}

pub trait WriteRevision: ReadRevision {
    /// Revision and problem in one strongly consistent read; read before the record.
    fn lock(&self, key: &PassKey) -> impl Future<Output = StoreResult<Locked>> + Send;

    /// Writes a revision on condition that the one it replaces (or none) is still there. What was
    /// chained of the old one says nothing of the new one, and goes with it.
    fn replace_revision(
        &self,
        key: &PassKey,
        revision: &Revision,
        replaced: Option<RevisionNumber>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Notes that the pages beyond the first have been handed on for this revision, on condition
    /// that it is still the newest one.
    fn mark_chained(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    fn put_problem(
        &self,
        key: &PassKey,
        problem: &Problem,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<()>> + Send;

    fn clear_problem(&self, key: &PassKey) -> impl Future<Output = StoreResult<()>> + Send;
}

// ---- devices

pub trait ReadDevice: Send + Sync {
    /// The device, strongly consistent.
    fn device(&self, key: &DeviceKey) -> impl Future<Output = StoreResult<Option<Device>>> + Send;
}

/// One page of the devices that hold a pass.
#[derive(Debug)]
pub struct DevicePage {
    pub devices: Vec<DeviceLibraryIdentifier>,
    /// Where the next page begins; `None` after the last.
    pub after: Option<DeviceLibraryIdentifier>,
}

/// What an advance expects of the device; anything else means that it has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expecting {
    /// The ordinary case, without a read: no lease stands, and the tag is below the new one.
    NoLeaseAndLowerTag,
    /// No lease stands and the tag is exactly this.
    NoLease { tag: UpdateTag },
    /// This lease stands; it is replaced by a new one.
    TakingOver { tag: UpdateTag, due_at: u64 },
    /// This lease stands and stays: the push that it promises serves this change too.
    UnderLease { tag: UpdateTag, due_at: u64 },
}

/// A device's next state for one changed pass.
#[derive(Debug, Clone, Copy)]
pub struct Advance {
    pub mark: Mark,
    pub expecting: Expecting,
    /// Set by every form but `UnderLease`.
    pub lease: Lease,
}

#[derive(Debug)]
pub enum Advanced {
    /// The device after the write.
    Done(Device),
    /// The condition failed; the device as it is, if there is one.
    Overtaken(Option<Device>),
}

pub trait AdvanceDevices: ReadDevice {
    /// Devices that hold the pass, strongly consistent, at most `limit`.
    fn devices_with(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<DevicePage>> + Send;

    /// Up to 100 devices in one strongly consistent read; those that are not there are left out.
    fn devices(&self, keys: &[DeviceKey]) -> impl Future<Output = StoreResult<Vec<Device>>> + Send;

    /// One conditional write. Always also on condition that the serial is still there with a
    /// lower revision.
    fn advance(
        &self,
        device: &DeviceKey,
        serial: &SerialNumber,
        advance: Advance,
    ) -> impl Future<Output = StoreResult<Advanced>> + Send;

    /// Removes a registration on condition that its device does not hold the serial.
    fn remove_orphan(&self, registration: &Registration) -> impl Future<Output = StoreResult<()>> + Send;
}

// ---- queues

pub trait SendPage: Send + Sync {
    /// Hands a page of a fan-out on to whoever advances devices at a pace.
    fn send_page(&self, page: &NextPage) -> impl Future<Output = StoreResult<()>> + Send;
}

pub trait SendKeys: Send + Sync {
    /// Hands keys on to be published, after `delay` at the earliest; at most
    /// [`KEYS_AT_A_TIME`](crate::work::KEYS_AT_A_TIME). An error means that some may not have been
    /// taken; to send all of them again does no harm.
    fn send_keys(&self, keys: &[KeyToPublish], delay: Duration) -> impl Future<Output = StoreResult<()>> + Send;
}

// ---- pushes

pub trait KeepLeases: Send + Sync {
    /// Replaces the lease that ends at `due_at`; returns the device with its newest token.
    fn renew_lease(
        &self,
        device: &DeviceKey,
        due_at: u64,
        next: Lease,
    ) -> impl Future<Output = StoreResult<Option<Device>>> + Send;

    /// Removes the lease that ends at `due_at`. `given_up` leaves a note for the operator.
    fn drop_lease(
        &self,
        device: &DeviceKey,
        due_at: u64,
        given_up: Option<Timestamp>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Removes the lease because APNs refused this token, unless the device has another by now.
    fn refuse_token(
        &self,
        device: &DeviceKey,
        due_at: u64,
        token: &PushToken,
        reason: &str,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Ends a device on condition that `token` is still its token and was stored before
    /// `since_ms`; returns the serials that it held.
    fn end_device(
        &self,
        device: &DeviceKey,
        token: &PushToken,
        since_ms: u64,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Option<Vec<SerialNumber>>>> + Send;
}

/// What the index of due items names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueItem {
    Device(DeviceKey),
    /// A pass whose record is gone.
    Pass(PassKey),
}

/// A place in one shard of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCursor {
    pub item: DueItem,
    /// Seconds since the epoch.
    pub due_at: u64,
}

/// One page of a shard.
#[derive(Debug)]
pub struct DuePage {
    /// Devices whose lease has run out.
    pub devices: Vec<DeviceKey>,
    /// Passes whose grace is over.
    pub passes: Vec<EndingPass>,
    /// Entries that are neither: somebody else's, passed over.
    pub foreign: u32,
    /// Where the next page begins; `None` after the last.
    pub after: Option<DueCursor>,
}

pub trait FindDue: Send + Sync {
    /// Devices and passes whose time has come, in one shard, soonest first, at most `limit`;
    /// eventually consistent.
    fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> impl Future<Output = StoreResult<DuePage>> + Send;
}

pub trait KeepGrace: Send + Sync {
    /// Notes, or takes back, until when a pass without record keeps its web service, on condition
    /// that its revision is still this one. The revision itself stays as it is.
    fn set_grace(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        grace_ends: Option<u64>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Brings a pass up again at `next`, on condition that it was due at `due_at`.
    fn remind_of_grace(
        &self,
        key: &PassKey,
        due_at: u64,
        next: u64,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

/// Shards of the index of due items: each takes 1,000 writes a second.
pub const DUE_SHARDS: u8 = 16;

// ---- Wallet's calls

/// A device's next state with one pass registered.
#[derive(Debug)]
pub struct Registering<'a> {
    pub mark: Mark,
    pub push_token: &'a PushToken,
    pub now: Timestamp,
    /// Set unless a lease stands already.
    pub lease: Lease,
    /// The device's tag as it was read; `None` if there was no device.
    pub expected_tag: Option<UpdateTag>,
}

pub trait RegisterDevice: ReadRevision + ReadDevice {
    /// Device and registration in one transaction.
    fn register(
        &self,
        registration: &Registration,
        registering: Registering<'_>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

pub trait UnregisterDevice: ReadRevision {
    /// Takes the serial off the device and removes the registration, in one transaction.
    fn unregister(&self, registration: &Registration) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// As in [`AdvanceDevices`].
    fn remove_orphan(&self, registration: &Registration) -> impl Future<Output = StoreResult<()>> + Send;

    /// Lets a device without passes expire after a while. Its item stays until then, so that a
    /// tag never means two states.
    fn retire_if_empty(
        &self,
        device: &DeviceKey,
        expires_at: u64,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

/// The write that goes with a list answer.
#[derive(Debug, Clone, Copy)]
pub struct Answering {
    pub expected_tag: UpdateTag,
    /// The lease that is cleared; `None` if none stood.
    pub expected_due_at: Option<u64>,
    /// The tag that is answered; differs from the expected one after a foreign tag.
    pub tag: UpdateTag,
    pub now: Timestamp,
}

#[derive(Debug)]
pub enum Answered {
    Done,
    /// The device has moved on; as it is now.
    Overtaken(Option<Device>),
}

pub trait AnswerList: ReadDevice {
    /// Clears the lease and notes what was answered, on condition that tag and lease are those
    /// that the answer was made from.
    fn answer(&self, device: &DeviceKey, answering: Answering) -> impl Future<Output = StoreResult<Answered>> + Send;
}

// ---- templates

pub trait MovePointer: Send + Sync {
    /// Where the template's published version stands, strongly consistent.
    fn pointer(&self, id: &TemplateId) -> impl Future<Output = StoreResult<Option<PublishedTemplate>>> + Send;

    /// Moves the pointer on condition that the one it replaces (or none) still has its `seq`, and
    /// notes the version that it replaces.
    fn move_pointer(
        &self,
        pointer: &TemplatePointer,
        replaced: Option<&TemplatePointer>,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
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

// ---- files and secrets

pub trait ReadTemplates: Send + Sync {
    /// A published version's files. They are immutable, so adapters cache them for good.
    fn template(&self, id: &TemplateId, version: &str) -> impl Future<Output = StoreResult<Arc<Template>>> + Send;
}

/// The bytes of an image with the version that pins them.
#[derive(Debug)]
pub struct Asset {
    pub version: String,
    pub bytes: Vec<u8>,
}

pub trait ReadAssets: Send + Sync {
    /// The newest bytes under this key.
    fn newest_asset(&self, key: &str) -> impl Future<Output = StoreResult<Option<Asset>>> + Send;

    /// The bytes that were pinned.
    fn pinned_asset(&self, key: &str, version: &str) -> impl Future<Output = StoreResult<Vec<u8>>> + Send;
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// Missing or wrong; the sentence names the fix.
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub trait ReadCertificates: Send + Sync {
    /// The pass type's certificate, checked against type and date.
    fn certificate(
        &self,
        pass_type: &PassTypeIdentifier,
        now: Timestamp,
    ) -> impl Future<Output = Result<Arc<SigningCertificate>, IdentityFault>> + Send;
}

pub trait ReadIdentities: Send + Sync {
    /// Certificate and signing key together, checked against each other.
    fn identity(
        &self,
        pass_type: &PassTypeIdentifier,
        now: Timestamp,
    ) -> impl Future<Output = Result<Arc<Identity>, IdentityFault>> + Send;
}

pub trait ReadTokenKeys: Send + Sync {
    /// The keys that authentication tokens are derived with.
    fn token_keys(&self) -> impl Future<Output = StoreResult<Arc<KeyRing>>> + Send;
}

pub trait ReadLinkKeys: Send + Sync {
    /// The keys that download links are signed with.
    fn link_keys(&self) -> impl Future<Output = StoreResult<Arc<KeyRing>>> + Send;
}
