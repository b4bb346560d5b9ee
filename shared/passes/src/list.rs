//! The list call: which passes of a device have changed since a tag.

use crate::device::Device;
use crate::ids::{DeviceKey, SerialNumber};
use crate::ports::{AnswerList, Answered, Answering, StoreError, StoreResult};
use crate::tag::UpdateTag;
use crate::time::{Clock, Timestamp};

const TURNS: u32 = 4;

/// How far a foreign tag may carry ours: a day ahead, so that nobody moves a device's tag to
/// where it can no longer rise.
const MAX_LEAP_SECONDS: u64 = 86_400;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOutcome {
    /// Nothing newer, or a device that we do not know.
    NothingNew,
    Changed {
        serials: Vec<SerialNumber>,
        tag: UpdateTag,
    },
}

/// Answers one list call. Clears the device's lease on condition of the tag that it answers, so
/// that a change in between keeps its push.
pub async fn list<S, C>(store: &S, clock: &C, key: &DeviceKey, since: Option<UpdateTag>) -> StoreResult<ListOutcome>
where
    S: AnswerList,
    C: Clock,
{
    let mut device = store.device(key).await?;
    for _ in 0..TURNS {
        let Some(current) = held(device) else {
            return Ok(ListOutcome::NothingNew);
        };
        let now = clock.now();
        let plan = Plan::for_call(&current, since, now);
        if current.lease.is_none() && !plan.foreign {
            return Ok(plan.answer());
        }
        let answering = Answering {
            expected_tag: current.tag,
            expected_due_at: current.lease.map(|lease| lease.due_at),
            tag: plan.tag,
            now,
        };
        device = match store.answer(key, answering).await {
            Ok(Answered::Done) => return Ok(plan.answer()),
            Ok(Answered::Overtaken(found)) => found,
            Err(StoreError::Conflict { .. } | StoreError::OutcomeUnknown { .. }) => store.device(key).await?,
            Err(error) => return Err(error),
        };
    }
    // Without the write the lease stays, so the next call repeats this list; and the tag must be
    // one that stands.
    Ok(held(device).map_or(ListOutcome::NothingNew, |device| {
        let plan = Plan::for_call(&device, since, clock.now());
        Plan {
            tag: device.tag,
            ..plan
        }
        .answer()
    }))
}

/// A device that holds passes; one without is as good as unknown.
fn held(device: Option<Device>) -> Option<Device> {
    device.filter(|device| !device.serials.is_empty())
}

struct Plan {
    /// The tag was not minted by this item, or was never answered: it can mean anything.
    foreign: bool,
    serials: Vec<SerialNumber>,
    tag: UpdateTag,
}

impl Plan {
    fn for_call(device: &Device, since: Option<UpdateTag>, now: Timestamp) -> Self {
        // A lease stands only for a tag that no answer has carried yet.
        let foreign = since.is_some_and(|since| since > device.tag || (since == device.tag && device.lease.is_some()));
        let tag = match since {
            Some(since) if foreign => {
                let past_theirs = since.value().min(now.seconds() + MAX_LEAP_SECONDS) + 1;
                UpdateTag::following(Some(device.tag), now).max(UpdateTag::new(past_theirs))
            }
            _ => device.tag,
        };
        let serials = match since {
            Some(since) if !foreign => device.changed_since(since),
            _ => device.serials.keys().cloned().collect(),
        };
        Self { foreign, serials, tag }
    }

    fn answer(self) -> ListOutcome {
        if self.serials.is_empty() {
            ListOutcome::NothingNew
        } else {
            ListOutcome::Changed {
                serials: self.serials,
                tag: self.tag,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::device::{Lease, Mark};
    use crate::tag::RevisionNumber;

    const NOW: u64 = 1_800_000_000;

    /// A device whose tag is the highest of its marks or above, as every write leaves it.
    fn device(marks: &[u64], above: u64, leased: bool) -> Device {
        let tag = marks.iter().max().copied().unwrap_or(0) + above;
        let mark = |tag: u64| Mark {
            tag: UpdateTag::new(tag),
            revision: RevisionNumber::new(tag),
        };
        Device {
            key: DeviceKey {
                device: "d1".parse().unwrap(),
                pass_type: "pass.com.example".parse().unwrap(),
            },
            tag: UpdateTag::new(tag),
            serials: marks
                .iter()
                .enumerate()
                .map(|(n, tag)| (format!("CARD-{n}").parse().unwrap(), mark(*tag)))
                .collect(),
            push_token: "aa".parse().unwrap(),
            lease: leased.then(|| Lease::starting(Timestamp::from_seconds(NOW))),
            asked_at: None,
        }
    }

    proptest! {
        /// Whatever a phone says that it has: it is told of each change since, and comes to a tag at which it is
        /// told of nothing twice.
        #[test]
        fn no_change_since_a_tag_is_left_out_and_the_next_list_names_none(
            marks in vec(NOW - 20..NOW + 20, 1..6),
            above in 0..3_u64,
            leased: bool,
            since in option::of(NOW - 30..NOW + 30),
        ) {
            let (mut device, now) = (device(&marks, above, leased), Timestamp::from_seconds(NOW));
            let since = since.map(UpdateTag::new);
            let plan = Plan::for_call(&device, since, now);
            for (serial, mark) in &device.serials {
                let is_news = since.is_none_or(|since| mark.tag > since);
                prop_assert!(plan.serials.contains(serial) || !is_news, "{serial} changed and is not named");
            }
            prop_assert!(plan.tag >= device.tag);
            prop_assert!(plan.serials.is_empty() || since.is_none_or(|since| plan.tag > since));
            device.tag = plan.tag;
            device.lease = None;
            let next = Plan::for_call(&device, Some(plan.tag), now);
            prop_assert!(!next.foreign && next.serials.is_empty());
        }

        /// However far in the future a tag lies, ours is carried along a day at most.
        #[test]
        fn no_tag_carries_ours_further_than_a_day(since in 0..10_u64.pow(19), leased: bool) {
            let plan = Plan::for_call(&device(&[NOW], 0, leased), Some(UpdateTag::new(since)), Timestamp::from_seconds(NOW));
            prop_assert!(plan.tag.value() <= NOW + MAX_LEAP_SECONDS + 1);
        }
    }
}
