//! What stands in the Registry, held against what phones were answered and hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use aws::dynamodb::Registry;
use passes::device::{Device, LEASE_SECONDS, Lease};
use passes::ids::{DeviceKey, PassKey};
use passes::ports::{AdvanceDevices as _, ReadDevice as _, ReadRevision as _};
use passes::tag::RevisionNumber;
use phone::Phone;
use stack::Endpoints;

use super::{LOOK_AGAIN, Owner, PATIENCE, loyalty};

/// The Registry of a stack, as the functions see it.
pub struct Sight {
    pub registry: Registry,
    pub endpoints: Endpoints,
    pub client: reqwest::Client,
}

impl Sight {
    pub async fn device(&self, phone: &Phone) -> Device {
        let pass_type = loyalty();
        let device = phone.device_id(&pass_type, &self.endpoints.web_service_url);
        let key = DeviceKey {
            device: device.expect("it has met the web service").clone(),
            pass_type,
        };
        self.registry.device(&key).await.unwrap().expect("registered")
    }

    /// Each registration that was answered stands on both sides: on the device, and with the pass.
    pub async fn assert_registered(&self, owner: &Owner, answered: &BTreeSet<PassKey>) {
        let phone = owner.phone.lock().await;
        let device = self.device(&phone).await;
        for key in answered {
            let registered = self.registry.devices_with(key, None, 100).await.unwrap().devices;
            let lost = format!("phone {}: its registration of {} is lost", owner.number, key.serial);
            assert!(registered.contains(&device.key.device), "{lost}");
            assert!(device.serials.contains_key(&key.serial), "{lost}");
        }
    }

    /// Waits until the revision shows this balance and every device that holds the pass is marked with it: by
    /// the process that runs, wherever the killed one stopped. A registration that crossed the change bears the
    /// mark of the revision before, and its phone has then asked by itself.
    pub async fn announced(&self, key: &PassKey, balance: u32, owners: &[Arc<Owner>]) {
        let wanted = format!("\"value\":{balance}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut revision = self.registry.revision(key).await.unwrap();
            revision = revision.filter(|revision| String::from_utf8_lossy(&revision.pass_json).contains(&wanted));
            let behind = match &revision {
                Some(revision) => Some(self.behind(key, revision.number, balance, owners).await),
                None => None,
            };
            if behind.as_ref().is_some_and(Vec::is_empty) {
                return;
            }
            let number = revision.map(|revision| revision.number);
            let serial = &key.serial;
            assert!(
                Instant::now() < deadline,
                "balance {balance} of {serial} is not announced: revision {number:?}, behind {behind:#?}"
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The devices that hold the pass, but neither the revision's mark nor its content.
    async fn behind(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        balance: u32,
        owners: &[Arc<Owner>],
    ) -> Vec<Device> {
        let holders = self.registry.devices_with(key, None, 100).await.unwrap().devices;
        if holders.is_empty() {
            return Vec::new();
        }
        let holders = holders.into_iter().map(|device| DeviceKey {
            device,
            pass_type: key.pass_type.clone(),
        });
        let mut devices = self.registry.devices(&holders.collect::<Vec<_>>()).await.unwrap();
        devices.retain(|device| device.serials[&key.serial].revision != revision);
        if devices.is_empty() {
            return devices;
        }
        for owner in owners {
            let phone = owner.phone.lock().await;
            let id = phone.device_id(&key.pass_type, &self.endpoints.web_service_url);
            let mut passes = phone.passes().filter(|pass| pass.key() == key);
            if passes.any(|pass| pass.shown("balance") == Some(balance.to_string())) {
                devices.retain(|device| Some(&device.key.device) != id);
            }
        }
        devices
    }

    /// The phone gets the newest content of all that it holds, and says whether a push has brought it.
    pub async fn brings(&self, owner: &Owner, written: &BTreeMap<PassKey, u32>, killed_at: u64) -> Brought {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut phone = owner.phone.lock().await;
            if is_newest(&phone, written) {
                return Brought::ByPush;
            }
            let lease = self.device(&phone).await.lease;
            let lease = lease.unwrap_or_else(|| panic!("phone {} is behind, and no lease stands", owner.number));
            // One that the schedule has moved on stood before it was due, whenever that was.
            if lease.attempts > 0 || set_at(lease) <= killed_at {
                phone.check_for_updates(&loyalty()).await.unwrap();
                assert!(is_newest(&phone, written), "phone {} has asked", owner.number);
                return Brought::ByLease;
            }
            // Set by the process that runs, which has to push as well.
            drop(phone);
            assert!(
                Instant::now() < deadline,
                "phone {} is not pushed: {lease:?}",
                owner.number
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Brought {
    ByPush,
    /// Its push was lost with the process; the lease of then still stood.
    ByLease,
}

pub fn is_newest(phone: &Phone, written: &BTreeMap<PassKey, u32>) -> bool {
    phone
        .passes()
        .all(|pass| pass.shown("balance") == Some(written[pass.key()].to_string()))
}

/// When a first lease was set, in seconds.
fn set_at(lease: Lease) -> u64 {
    lease.due_at - LEASE_SECONDS
}
