//! Devices: their tags and leases.

use std::future::Future;

use super::{Conditional, StoreResult, UncountDevice};
use crate::device::{Device, Lease, Mark};
use crate::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, Registration, SerialNumber};
use crate::tag::UpdateTag;
use crate::time::Timestamp;
use crate::tokens::PushToken;

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

pub trait KeepLeases: UncountDevice {
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
    /// `since_ms`; returns the serials that it held. Its item expires at `expires_at`, in seconds.
    fn end_device(
        &self,
        device: &DeviceKey,
        token: &PushToken,
        since_ms: u64,
        expires_at: u64,
    ) -> impl Future<Output = StoreResult<Option<Vec<SerialNumber>>>> + Send;
}
