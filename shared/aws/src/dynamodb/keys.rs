//! Keys of the Registry: `PASS#{type}#{serial}`, `DEVICE#{device}#{type}`, `TEMPLATE#{id}`, `DELETIONS`.
//!
//! No part holds a `#`: all are parsed identifiers, but for the problems of keys that are none, which are escaped.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, TemplateId};
use passes::ports::DUE_SHARDS;
use passes::unusable_key::UnusableKey;

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

/// The problem of a record whose key cannot become a pass. Its place is that of no pass: either an escape or a tilde
/// stands in it, which no identifier holds, or a part that is too long for one, or a pass type without `pass.`.
pub(super) fn unusable_key_item(unusable: &UnusableKey) -> Key {
    key(unusable_pk(unusable), PROBLEM)
}

/// DynamoDB's limit for a partition key, in bytes. A record's own keys may have 2,048 and 1,024, and escaped three
/// times as many.
const MAX_PK_BYTES: usize = 2048;

fn unusable_pk(unusable: &UnusableKey) -> String {
    let mut pk = format!("PASS#{}#{}", escaped(unusable.pass_type()), escaped(unusable.serial()));
    if pk.len() > MAX_PK_BYTES {
        let mut whole = String::from("~");
        for byte in digest(&SHA256, pk.as_bytes()).as_ref() {
            let _ = write!(whole, "{byte:02x}");
        }
        // All of it is ASCII by now. An escape is not cut in two.
        pk.truncate(MAX_PK_BYTES - whole.len());
        if let Some(at) = pk.rfind('%').filter(|at| at + 3 > pk.len()) {
            pk.truncate(at);
        }
        pk.push_str(&whole);
    }
    pk
}

/// Percent-encoded but for the characters of identifiers, so that no two texts become one.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
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
    use passes::unusable_key::pass_key_of;

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

    /// Where the problem of a key stands that cannot become a pass.
    fn place(pass_type: &str, serial: &str) -> String {
        unusable_pk(&pass_key_of(pass_type, serial).unwrap_err())
    }

    #[test]
    fn a_key_that_cannot_become_a_pass_has_a_place_that_no_pass_and_no_other_key_has() {
        const TYPE: &str = "pass.com.example.loyalty";
        let long = "x".repeat(129);
        let places = [
            (TYPE, "SP ACE", "PASS#pass.com.example.loyalty#SP%20ACE".to_owned()),
            (TYPE, "SP%20ACE", "PASS#pass.com.example.loyalty#SP%2520ACE".to_owned()),
            (TYPE, "QQ==", "PASS#pass.com.example.loyalty#QQ%3D%3D".to_owned()),
            (TYPE, "a#b", "PASS#pass.com.example.loyalty#a%23b".to_owned()),
            ("pass.x#a", "b", "PASS#pass.x%23a#b".to_owned()),
            ("pass.x", "a#b", "PASS#pass.x#a%23b".to_owned()),
            (TYPE, "a~b", "PASS#pass.com.example.loyalty#a%7Eb".to_owned()),
            (TYPE, "\u{fc}", "PASS#pass.com.example.loyalty#%C3%BC".to_owned()),
            (TYPE, &long, format!("PASS#{TYPE}#{long}")),
            ("com.example", "A-7", "PASS#com.example#A-7".to_owned()),
            ("pass.", "A-7", "PASS#pass.#A-7".to_owned()),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for (pass_type, serial, expected) in &places {
            let place = place(pass_type, serial);
            assert_eq!(&place, expected);
            assert_eq!(parse_pass_pk(&place), None, "{place}");
            assert!(seen.insert(place));
        }
    }

    #[test]
    fn a_place_is_never_longer_than_dynamodb_takes_and_differs_wherever_the_keys_do() {
        let longest = " ".repeat(2047);
        let cut = place("pass.x", &longest);
        // 5 + 6 + 1 of the head, an escape for each blank that fits, a tilde and 64 digits.
        assert!((2046..=2048).contains(&cut.len()), "{}", cut.len());
        let head = format!("PASS#pass.x#{}~", "%20".repeat((2048 - 12 - 65) / 3));
        assert!(cut.starts_with(&head), "{cut}");
        assert_ne!(cut, place("pass.x", &format!("{longest}A")));
        assert_ne!(cut, place("pass.x", &format!("{longest} ")));
        let type_and_all = place(&" ".repeat(1024), &longest);
        assert!(type_and_all.len() <= 2048 && type_and_all.contains('~'));
        // One that just fits is left whole.
        let fits = "x".repeat(2048 - 12);
        assert_eq!(place("pass.x", &fits), format!("PASS#pass.x#{fits}"));
        assert!(place("pass.x", &format!("{fits}x")).contains('~'));
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
