//! Work that is handed on through a queue: keys to publish, pages of a large fan-out.
//!
//! Both kinds may arrive late, twice and out of order: whoever takes them up goes by what the
//! tables say then.

use std::time::Duration;

use crate::ids::{DeviceLibraryIdentifier, PassKey};
use crate::tag::RevisionNumber;
use crate::time::Timestamp;

/// What brought a key to be published. It never changes what a pass shows, only who is told of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hint {
    /// Somebody asks for it by hand: the pages of a fan-out are gone through again, although they
    /// have been handed on for this revision before.
    pub explicit: bool,
    /// The Registry has been restored, and every date given before has passed at this time (seconds
    /// since the epoch): an earlier revision is written anew, even where it shows what the record
    /// says. A phone may hold one that came after the backup, and nothing in the table tells.
    pub restored_at: Option<u64>,
    /// How often it has been looked for something that the record names and that was not there.
    pub looks: u8,
}

/// The pauses after which something that a record names and that is not there is looked for again:
/// an image that is uploaded beside the write comes within seconds, one that somebody was asked for within
/// the hour. Then it is left to the next write, or to an operator who publishes the pass again. SQS
/// delays a message by 900 seconds at most.
const LOOKS: [u64; 8] = [30, 60, 120, 300, 600, 900, 900, 900];

impl Hint {
    /// Asked for by hand.
    pub const EXPLICIT: Self = Self {
        explicit: true,
        restored_at: None,
        looks: 0,
    };

    /// The next look for what was not there, and the pause before it; `None` after the last one.
    pub fn next_look(self) -> Option<(Self, Duration)> {
        let pause = LOOKS.get(usize::from(self.looks))?;
        let next = Self {
            looks: self.looks + 1,
            // Whose pages were asked for by hand, they have been gone through by now.
            explicit: false,
            ..self
        };
        Some((next, Duration::from_secs(*pause)))
    }

    /// Whether a revision has to be written anew. Once it has been, it is later than the restore.
    pub fn renews(&self, revision: RevisionNumber) -> bool {
        self.restored_at.is_some_and(|at| revision < RevisionNumber::new(at))
    }

    /// The number of a revision that is written now. One that is renewed is not renewed again, although the
    /// clock that told the time of the restore may be ahead of this one.
    pub fn number_after(&self, previous: Option<RevisionNumber>, now: Timestamp) -> RevisionNumber {
        let next = RevisionNumber::following(previous, now);
        next.max(RevisionNumber::new(self.restored_at.unwrap_or(0)))
    }
}

/// A pass that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyToPublish {
    pub key: PassKey,
    pub hint: Hint,
}

/// A page of the devices that hold a pass. It names no revision: whoever takes it up advances to
/// the newest one, so that an old message cannot set a device back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextPage {
    pub key: PassKey,
    /// The last device that is done with; `None` begins with the first.
    pub after: Option<DeviceLibraryIdentifier>,
}

/// Keys handed on in one call, at most: SQS takes ten messages.
pub const KEYS_AT_A_TIME: usize = 10;

/// How long a key that failed rests. A throttled table or a store that is away for a moment has
/// recovered by then, and a reader of the pass waits no longer than for a lost push.
pub const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(30);
