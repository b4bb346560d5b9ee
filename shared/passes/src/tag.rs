//! Update tags and revision numbers: two numbers that never start again.

use std::fmt;

use crate::time::Timestamp;

/// The update tag of one device: opaque to Wallet, digits to us.
///
/// Every advance takes `max(now in seconds, tag + 1)`, so a tag never means two states, however
/// many changes fall into one second and whichever way a clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpdateTag(u64);

impl UpdateTag {
    /// More digits than this are no tag of ours: u64 holds any number of 19 digits.
    pub const MAX_DIGITS: usize = 19;

    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    pub const fn value(self) -> u64 {
        self.0
    }

    /// What a device sent as `passesUpdatedSince`; anything but 1 to 19 digits is no tag, and no
    /// tag means everything.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = (1..=Self::MAX_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The tag of a device's next state; `None` is a device's first.
    pub fn following(previous: Option<Self>, now: Timestamp) -> Self {
        Self(match previous {
            Some(Self(old)) => now.seconds().max(old.saturating_add(1)),
            None => now.seconds(),
        })
    }
}

impl fmt::Display for UpdateTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one published rendering of a pass and is its Last-Modified, in seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionNumber(u64);

impl RevisionNumber {
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn value(self) -> u64 {
        self.0
    }

    /// `max(now, old + 1)`: two changes within one second get two dates.
    pub fn following(previous: Option<Self>, now: Timestamp) -> Self {
        Self(match previous {
            Some(Self(old)) => now.seconds().max(old + 1),
            None => now.seconds(),
        })
    }
}

impl fmt::Display for RevisionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_is_one_to_nineteen_digits() {
        assert_eq!(UpdateTag::parse("0"), Some(UpdateTag(0)));
        assert_eq!(
            UpdateTag::parse("9999999999999999999"),
            Some(UpdateTag(9_999_999_999_999_999_999))
        );
        for foreign in ["", "-1", "+1", "1.5", " 1", "abc", "12345678901234567890", "１"] {
            assert_eq!(UpdateTag::parse(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn a_tag_never_stands_still_and_never_goes_back() {
        let now = Timestamp::from_seconds(100);
        assert_eq!(UpdateTag::following(None, now).value(), 100);
        assert_eq!(UpdateTag::following(Some(UpdateTag(100)), now).value(), 101);
        assert_eq!(UpdateTag::following(Some(UpdateTag(500)), now).value(), 501);
        assert_eq!(UpdateTag::following(Some(UpdateTag(7)), now).value(), 100);
    }

    proptest! {
        #[test]
        fn whatever_the_clock_says_a_tag_rises_and_a_revision_too(
            seconds in vec(0..253_402_300_800_u64, 1..20),
            first in 0..10_u64.pow(19),
        ) {
            let (mut tag, mut revision) = (UpdateTag(first), RevisionNumber(first));
            for now in seconds.into_iter().map(Timestamp::from_seconds) {
                let (next, later) = (UpdateTag::following(Some(tag), now), RevisionNumber::following(Some(revision), now));
                prop_assert!(next > tag && next.value() >= now.seconds());
                prop_assert!(later > revision && later.value() >= now.seconds());
                (tag, revision) = (next, later);
            }
        }

        #[test]
        fn a_tag_reads_as_it_was_written(number in 0..10_u64.pow(19)) {
            prop_assert_eq!(UpdateTag::parse(&UpdateTag(number).to_string()), Some(UpdateTag(number)));
        }

        #[test]
        fn what_is_taken_for_a_tag_is_digits_alone(text in ".{0,24}") {
            let digits = !text.is_empty() && text.len() <= UpdateTag::MAX_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(UpdateTag::parse(&text).is_some(), digits);
        }
    }

    #[test]
    fn two_revisions_in_one_second_have_two_dates() {
        let now = Timestamp::from_millis(1_795_255_200_999);
        let first = RevisionNumber::following(None, now);
        let second = RevisionNumber::following(Some(first), now);
        assert_eq!((first.value(), second.value()), (1_795_255_200, 1_795_255_201));
    }
}
