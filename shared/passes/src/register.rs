//! Register and unregister: a device comes to hold a pass, or no longer does.

use crate::device::{Lease, Mark};
use crate::device_count::{Room, give_room_back, take_room};
use crate::ids::{DeviceLibraryIdentifier, PassKey, Registration};
use crate::ports::{Conditional, KnownDevice, RegisterDevice, Registering, StoreError, StoreResult, UnregisterDevice};
use crate::revision::Revision;
use crate::send::authorized;
use crate::tag::UpdateTag;
use crate::time::Clock;
use crate::tokens::{AuthenticationToken, PushToken};

const TURNS: u32 = 6;

/// Until the item of a device without passes expires: 90 days. Its tag lives as long, so that a
/// phone that comes back within them never meets a tag that means two states.
pub(crate) const RETIRED_SECONDS: u64 = 90 * 86_400;

/// What registrations are bounded by.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationLimits {
    /// Passes of one type on one device.
    pub serials_per_device: usize,
    /// Devices of one pass. Its count may drift, so it is held to roughly.
    pub devices_per_pass: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterOutcome {
    Registered,
    /// Known already; the push token has been stored all the same.
    AlreadyRegistered,
    /// Wrong token or unknown pass: one answer, so that nobody can probe for serials.
    Unauthorized,
    /// The device holds as many passes of this type as are allowed.
    TooManyPasses,
    /// The pass is on as many devices as are allowed, and this is another one.
    TooManyDevices,
}

/// Registers a device for a pass, and makes sure that it lists what it may have missed: the
/// serial gets a new tag even on a repeated call, because an unregister may have been lost.
pub async fn register<S, C>(
    store: &S,
    clock: &C,
    registration: &Registration,
    token: &AuthenticationToken,
    push_token: &PushToken,
    limits: RegistrationLimits,
) -> StoreResult<RegisterOutcome>
where
    S: RegisterDevice,
    C: Clock,
{
    let Some(revision) = authorized(store, &registration.key, token).await? else {
        return Ok(RegisterOutcome::Unauthorized);
    };
    let mut room = None;
    let outcome = store_registration(store, clock, registration, &revision, push_token, limits, &mut room).await;
    if room == Some(Room::Counted) && !matches!(outcome, Ok(RegisterOutcome::Registered)) {
        give_room_back(store, &registration.key).await;
    }
    outcome
}

/// `room` is what the pass had for this device, once it was asked: only where the device is new.
async fn store_registration<S, C>(
    store: &S,
    clock: &C,
    registration: &Registration,
    revision: &Revision,
    push_token: &PushToken,
    limits: RegistrationLimits,
    room: &mut Option<Room>,
) -> StoreResult<RegisterOutcome>
where
    S: RegisterDevice,
    C: Clock,
{
    let device_key = registration.device_key();
    let serial = &registration.key.serial;
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        let device = store.device(&device_key).await?;
        let held = device.as_ref().map_or(0, |device| device.serials.len());
        let known = device
            .as_ref()
            .is_some_and(|device| device.serials.contains_key(serial));
        if !known && held >= limits.serials_per_device {
            return Ok(RegisterOutcome::TooManyPasses);
        }
        if !known && room.is_none() {
            *room = Some(take_room(store, clock, &registration.key, limits.devices_per_pass).await);
        }
        if *room == Some(Room::Full) && !known {
            return Ok(RegisterOutcome::TooManyDevices);
        }
        let now = clock.now();
        let expecting = device.as_ref().map(|device| KnownDevice {
            tag: device.tag,
            due_at: device.lease.map(|lease| lease.due_at),
        });
        let standing = device.and_then(|device| device.lease);
        // What stood while the device held nothing promises nothing, and may be dropped at any time.
        let serves = standing.is_some_and(|lease| held > 0 && lease.serves(now));
        let tag = UpdateTag::following(expecting.map(|known| known.tag), now);
        let registering = Registering {
            mark: Mark {
                tag,
                revision: revision.number,
            },
            push_token,
            now,
            // Install and change may cross: if the phone does not list by itself, it is pushed.
            lease: (!serves).then(|| Lease::starting(now)),
            expecting,
        };
        match store.register(registration, registering).await {
            Ok(Conditional::Done) if known => return Ok(RegisterOutcome::AlreadyRegistered),
            Ok(Conditional::Done) => return Ok(RegisterOutcome::Registered),
            Ok(Conditional::Overtaken) | Err(StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Contended {
        call: "register",
        turns: TURNS,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnregisterOutcome {
    /// The device no longer holds the pass, whether or not it did before.
    Unregistered,
    Unauthorized,
}

/// Takes a pass off a device. Its item stays for a while: tags must not start again.
///
/// `device` is `None` for an id that no device can have: the token is looked at all the same, and
/// then there is nothing to remove.
pub async fn unregister<S, C>(
    store: &S,
    clock: &C,
    key: &PassKey,
    device: Option<DeviceLibraryIdentifier>,
    token: &AuthenticationToken,
) -> StoreResult<UnregisterOutcome>
where
    S: UnregisterDevice,
    C: Clock,
{
    if authorized(store, key, token).await?.is_none() {
        return Ok(UnregisterOutcome::Unauthorized);
    }
    let Some(device) = device else {
        return Ok(UnregisterOutcome::Unregistered);
    };
    let registration = &Registration {
        device,
        key: key.clone(),
    };
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        match store.unregister(registration).await {
            Ok(Conditional::Done) => {
                give_room_back(store, key).await;
                let expires_at = clock.now().seconds() + RETIRED_SECONDS;
                // At best effort: an item that stays longer than need be harms nobody.
                let _ = store.retire_if_empty(&registration.device_key(), expires_at).await;
                return Ok(UnregisterOutcome::Unregistered);
            }
            Ok(Conditional::Overtaken) => {
                store.remove_orphan(registration).await?;
                return Ok(UnregisterOutcome::Unregistered);
            }
            Err(StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Contended {
        call: "unregister",
        turns: TURNS,
    })
}
