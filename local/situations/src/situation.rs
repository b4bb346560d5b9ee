//! The situations by name.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

macro_rules! situations {
    ($($variant:ident $name:literal $sentence:literal)*) => {
        /// Something that goes wrong in the life of passes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Situation {
            $(#[doc = $sentence] $variant,)*
        }

        impl Situation {
            /// All of them, in the order in which they are best met.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What goes wrong and what livepass does about it, in one line.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }
    };
}

situations! {
    LostPush "lost-push" "APNs takes a push that never reaches its phone; it is pushed again."
    DeadTokenOld "dead-token-old" "APNs calls a token dead that the phone has replaced; the phone lives on."
    DeadTokenNew "dead-token-new" "APNs calls the phone's own token dead; it is pushed no more, until it registers."
    TooManyRequests "too-many-requests" "APNs asks for patience with a phone; it is pushed when that is over."
    ApnsOutage "apns-outage" "APNs is out for an hour; every phone is pushed once when it is back."
    ExpiredProviderToken "expired-provider-token" "APNs calls livepass's own token expired; a new one is signed."
    CrashDuringPublish "crash-during-publish" "publish-changes dies after each of its steps in turn; the next one goes on."
    RedeliveredRecords "redelivered-records" "Stream records come again; nobody notices."
    ReorderedRecords "reordered-records" "Stream records come again, the newest first; the newest row counts."
    PoisonRecord "poison-record" "A row that cannot be published lies among good ones; its last good pass stays, nobody waits."
    ThrottledTable "throttled-table" "DynamoDB throttles; the pass rests in a queue and is published from there."
    TransactionConflict "transaction-conflict" "Two writers meet at one phone; both get through."
    ClockSetBack "clock-set-back" "The clock is set back by an hour; every later change still counts as newer."
    DeletionBurst "deletion-burst" "More rows are deleted than is usual; nothing happens until somebody says that it is meant."
    TemplateRolledBack "template-rolled-back" "A template changes and is rolled back while rows change; all passes end on the first design."
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No situation has this name; says which there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no situation is called `{0}`; `livepass trigger --list` names them")]
pub struct UnknownSituation(String);

impl FromStr for Situation {
    type Err = UnknownSituation;

    fn from_str(name: &str) -> Result<Self, UnknownSituation> {
        let found = Self::ALL.iter().find(|situation| situation.name() == name);
        found.copied().ok_or_else(|| UnknownSituation(name.to_owned()))
    }
}

impl Serialize for Situation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_lead_back() {
        for situation in Situation::ALL {
            let name = situation.name();
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
            assert_eq!(name.parse(), Ok(*situation));
        }
        assert!("lost".parse::<Situation>().is_err());
    }
}
