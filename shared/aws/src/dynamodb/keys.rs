//! Keys of the Registry: `PASS#{type}#{serial}`, `DEVICE#{device}#{type}`, `TEMPLATE#{id}`, `DELETIONS`.
//!
//! No part holds a `#`: all are parsed identifiers.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, TemplateId};
use passes::ports::DUE_SHARDS;

use super::expression::s;

pub(super) const REVISION: &str = "REVISION";
pub(super) const PROBLEM: &str = "PROBLEM";
/// Sorts before registrations, so that neither they nor the lock find it.
pub(super) const COUNT: &str = "COUNT";
pub(super) const DEVICE: &str = "DEVICE";
pub(super) const TEMPLATE: &str = "TEMPLATE";
pub(super) const UPLOAD: &str = "UPLOAD";
/// Partition and sort key of the one item that counts deletions.
const DELETIONS: &str = "DELETIONS";
/// Registrations of a pass; sorts before `PROBLEM` and `REVISION`, and apart from them.
pub(super) const REGISTRATION_PREFIX: &str = "DEVICE#";

pub(super) type Key = HashMap<String, AttributeValue>;

fn key(pk: String, sk: impl Into<String>) -> Key {
    HashMap::from([("PK".into(), s(pk)), ("SK".into(), s(sk.into()))])
}

pub(super) fn pass_pk(pass: &PassKey) -> String {
    format!("PASS#{}#{}", pass.pass_type, pass.serial)
}

pub(super) fn device_pk(device: &DeviceKey) -> String {
    format!("DEVICE#{}#{}", device.device.as_str(), device.pass_type)
}

pub(super) fn pass_item(pass: &PassKey, sk: &str) -> Key {
    key(pass_pk(pass), sk)
}

pub(super) fn registration_item(pass: &PassKey, device: &DeviceLibraryIdentifier) -> Key {
    key(pass_pk(pass), format!("{REGISTRATION_PREFIX}{}", device.as_str()))
}

pub(super) fn device_item(device: &DeviceKey) -> Key {
    key(device_pk(device), DEVICE)
}

pub(super) fn template_item(id: &TemplateId) -> Key {
    key(format!("TEMPLATE#{id}"), TEMPLATE)
}

pub(super) fn upload_item(id: &TemplateId) -> Key {
    key(format!("TEMPLATE#{id}"), UPLOAD)
}

pub(super) fn deletions_item() -> Key {
    key(DELETIONS.to_owned(), DELETIONS)
}

/// The device in a registration's sort key.
pub(super) fn registered_device(sk: &str) -> Option<DeviceLibraryIdentifier> {
    sk.strip_prefix(REGISTRATION_PREFIX)?.parse().ok()
}

pub(super) fn parse_device_pk(pk: &str) -> Option<DeviceKey> {
    let (device, pass_type) = pk.strip_prefix("DEVICE#")?.split_once('#')?;
    Some(DeviceKey {
        device: device.parse().ok()?,
        pass_type: pass_type.parse().ok()?,
    })
}

pub(super) fn parse_pass_pk(pk: &str) -> Option<PassKey> {
    let (pass_type, serial) = pk.strip_prefix("PASS#")?.split_once('#')?;
    PassKey::parse(pass_type, serial).ok()
}

/// A key's shard of the `due` index: always the same one, and evenly spread (FNV-1a).
pub(super) fn due_shard(pk: &str) -> u8 {
    let hash = pk.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The high bits mix best; the remainder is below DUE_SHARDS, so it fits.
    ((hash >> 32) % u64::from(DUE_SHARDS)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_can_be_read_back() {
        let device = DeviceKey {
            device: "0123abcd".parse().unwrap(),
            pass_type: "pass.com.example.loyalty".parse().unwrap(),
        };
        assert_eq!(parse_device_pk(&device_pk(&device)), Some(device));
        assert_eq!(parse_device_pk("TEMPLATE#x"), None);
        let pass = PassKey::parse("pass.com.example.loyalty", "A-1").unwrap();
        assert_eq!(parse_pass_pk(&pass_pk(&pass)), Some(pass));
        assert_eq!(parse_pass_pk("PASS#pass.x"), None);
    }

    #[test]
    fn shards_are_evenly_used() {
        let mut counts = [0_u32; DUE_SHARDS as usize];
        for n in 0..16_000 {
            counts[usize::from(due_shard(&format!("DEVICE#{n:032x}#pass.com.example")))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}
