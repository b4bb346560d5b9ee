//! The device: one item that serialises everything one phone may ask for one pass type.

use std::collections::BTreeMap;

use crate::ids::{DeviceKey, SerialNumber};
use crate::tag::{RevisionNumber, UpdateTag};
use crate::time::Timestamp;
use crate::tokens::PushToken;

/// What a device is known to have been told about one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The tag that the device got with this pass's last change (`t`).
    pub tag: UpdateTag,
    /// The revision of that change (`r`): lower than the pass's own means unfinished work.
    pub revision: RevisionNumber,
}

/// A promise that somebody pushes this device at `due_at`, unless it has asked by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Seconds since the epoch.
    pub due_at: u64,
    /// Pushes that the schedule has sent under this lease.
    pub attempts: u32,
}

/// One device of one pass type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub key: DeviceKey,
    pub tag: UpdateTag,
    pub serials: BTreeMap<SerialNumber, Mark>,
    pub push_token: PushToken,
    pub lease: Option<Lease>,
    /// When a list call last cleared a lease. Every push is followed by a lease, so where none
    /// stands, the device's last push came before.
    pub asked_at: Option<Timestamp>,
}

/// How long a device may take to ask before it is pushed again, in seconds.
pub const LEASE_SECONDS: u64 = 300;

/// Pauses before the next push under one lease, in seconds: 5 min, 30 min, 2 h, 12 h, 48 h. A
/// phone that is off for a weekend is still reached; APNs keeps a push for it besides.
const PAUSES: [u64; 5] = [300, 1800, 7200, 43_200, 172_800];

/// Pushes that follow one another more closely than this cost the pass type some of a phone's
/// patience, in seconds: max(30 min, 120 min / number of passes of that type on the phone). Source:
/// reports from the field; Apple documents no figure.
const LEAST_SPACING: u64 = 1800;
const SPACING_OF_ONE_PASS: u64 = 7200;

/// After this many pushes without an answer the device is given up until its next change.
pub const MAX_ATTEMPTS: u32 = PAUSES.len() as u32;

impl Lease {
    pub fn starting(now: Timestamp) -> Self {
        Self {
            due_at: now.seconds() + LEASE_SECONDS,
            attempts: 0,
        }
    }

    /// Whether its last push has been sent.
    pub fn is_used_up(self) -> bool {
        self.attempts >= MAX_ATTEMPTS
    }

    /// Whether a push comes of it as soon as of a lease that starts now. One that is further off was
    /// not answered, or nobody was in a hurry; one that is used up is dropped at its time.
    pub fn serves(self, now: Timestamp) -> bool {
        !self.is_used_up() && self.due_at <= Self::starting(now).due_at
    }

    /// The lease after one more push by the schedule; `None` gives the device up.
    pub fn after_push(self, now: Timestamp) -> Option<Self> {
        let pause = PAUSES.get(self.attempts as usize)?;
        Some(Self {
            due_at: now.seconds() + pause,
            attempts: self.attempts + 1,
        })
    }
}

impl Device {
    /// When a push costs nothing of the phone's patience, in seconds since the epoch: the spacing
    /// after the last time that it asked, or now. A push since then that the phone has not answered is left out of it.
    pub fn next_free_time(&self, now: Timestamp) -> u64 {
        let passes = self.serials.len().max(1) as u64;
        let spacing = LEAST_SPACING.max(SPACING_OF_ONE_PASS / passes);
        self.asked_at.map_or(now.seconds(), |asked| {
            // Not from the future, whatever clock wrote it.
            now.seconds().max(asked.min(now).seconds() + spacing)
        })
    }

    /// Whether a push at this moment costs some of the phone's patience.
    pub fn is_fast(&self, now: Timestamp) -> bool {
        self.next_free_time(now) > now.seconds()
    }

    /// The serials that changed after `since`, in order.
    pub fn changed_since(&self, since: UpdateTag) -> Vec<SerialNumber> {
        self.serials
            .iter()
            .filter(|(_, mark)| mark.tag > since)
            .map(|(serial, _)| serial.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_free_again_half_an_hour_to_two_hours_after_it_asked() {
        let now = Timestamp::from_seconds(100_000);
        let free = |passes: u64, asked_before: Option<u64>| {
            let mark = Mark {
                tag: UpdateTag::new(1),
                revision: RevisionNumber::new(1),
            };
            let device = Device {
                key: DeviceKey {
                    device: "d1".parse().unwrap(),
                    pass_type: "pass.com.example".parse().unwrap(),
                },
                tag: UpdateTag::new(1),
                serials: (0..passes).map(|n| (n.to_string().parse().unwrap(), mark)).collect(),
                push_token: "aa".parse().unwrap(),
                lease: None,
                asked_at: asked_before.map(|before| Timestamp::from_seconds(100_000 - before)),
            };
            device.next_free_time(now) - now.seconds()
        };
        // One pass 120 min, two 60, three 40, four and more 30.
        assert_eq!(
            [1, 2, 3, 4, 100].map(|passes| free(passes, Some(0))),
            [7200, 3600, 2400, 1800, 1800]
        );
        assert_eq!(free(1, Some(7000)), 200);
        assert_eq!(free(1, Some(7200)), 0);
        assert_eq!(free(1, Some(90_000)), 0);
        assert_eq!(
            free(1, None),
            0,
            "never asked, so never pushed either but under a lease"
        );
    }

    #[test]
    fn a_lease_pushes_five_times_with_growing_pauses_and_then_gives_up() {
        let mut now = Timestamp::from_seconds(1000);
        let mut lease = Lease::starting(now);
        assert_eq!(lease.due_at, 1300);
        let mut pauses = Vec::new();
        while let Some(next) = lease.after_push(now) {
            pauses.push(next.due_at - now.seconds());
            now = Timestamp::from_seconds(next.due_at);
            lease = next;
        }
        assert_eq!(pauses, [300, 1800, 7200, 43_200, 172_800]);
        assert_eq!(lease.attempts, MAX_ATTEMPTS);
    }
}
