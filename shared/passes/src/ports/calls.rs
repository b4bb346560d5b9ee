//! What Wallet's calls do.

use std::future::Future;

use super::{Conditional, ReadDevice, ReadRevision, StoreResult};
use crate::device::{Device, Lease, Mark};
use crate::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, Registration};
use crate::tag::UpdateTag;
use crate::time::Timestamp;
use crate::tokens::PushToken;

/// A device's next state with one pass registered.
#[derive(Debug)]
pub struct Registering<'a> {
    pub mark: Mark,
    pub push_token: &'a PushToken,
    pub now: Timestamp,
    /// `None` keeps the lease that stands.
    pub lease: Option<Lease>,
    /// The device as it was read; `None` if there was none.
    pub expecting: Option<KnownDevice>,
}

/// What a registration expects of a device that is there; anything else means that it has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDevice {
    pub tag: UpdateTag,
    /// When its lease is due; `None` if none stands.
    pub due_at: Option<u64>,
}

pub trait UncountDevice: Send + Sync {
    /// Counts one device less of a pass, on condition that there are any.
    fn uncount_device(&self, key: &PassKey) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

/// Whether a device has been counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    OneMore,
    /// As many as are allowed; when they were last really counted.
    Full {
        counted_at: Option<u64>,
    },
}

/// How many registrations one page holds.
#[derive(Debug)]
pub struct RegistrationCount {
    pub registrations: u64,
    /// Where the next page begins; `None` after the last.
    pub after: Option<DeviceLibraryIdentifier>,
}

pub trait CountDevices: UncountDevice {
    /// Counts one device more of a pass, on condition that fewer than `limit` are counted.
    fn count_device(&self, key: &PassKey, limit: u64) -> impl Future<Output = StoreResult<Counted>> + Send;

    /// Begins a real count, on condition that no other is under way, or that it should have ended by
    /// `now`. Times are seconds since the epoch.
    fn begin_device_count(
        &self,
        key: &PassKey,
        now: u64,
        ends_by: u64,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;

    /// Counts registrations, eventually consistent: as many as the store goes through in one call.
    fn count_registrations(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
    ) -> impl Future<Output = StoreResult<RegistrationCount>> + Send;

    /// Keeps what was counted, on condition that nobody has counted since `before`. Devices that came
    /// or went meanwhile are lost from the count.
    fn note_device_count(
        &self,
        key: &PassKey,
        devices: u64,
        counted_at: u64,
        before: Option<u64>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

pub trait RegisterDevice: ReadRevision + ReadDevice + CountDevices {
    /// Device and registration in one transaction.
    fn register(
        &self,
        registration: &Registration,
        registering: Registering<'_>,
    ) -> impl Future<Output = StoreResult<Conditional>> + Send;
}

pub trait UnregisterDevice: ReadRevision + UncountDevice {
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
