//! The push: the empty notification that makes a device ask.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::ids::PassTypeIdentifier;
use crate::tokens::PushToken;

/// What became of one push. There are exactly three outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// APNs took it. That proves nothing about the device: the lease stands until it asks.
    Accepted,
    /// APNs will never deliver this push; trying again cannot help.
    Refused(Refusal),
    /// Not delivered for now; the lease brings it again.
    Undelivered {
        /// How long APNs asked to wait, where it did.
        retry_after: Option<Duration>,
        cause: UndeliveredCause,
    },
}

/// Which other pushes would be answered alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerns {
    /// None: the answer is about this device.
    Device,
    /// Those of the same pass type.
    PassType,
    Everything,
}

impl PushOutcome {
    pub fn concerns(&self) -> Concerns {
        match self {
            Self::Accepted => Concerns::Device,
            Self::Refused(refusal) => match refusal.kind {
                RefusalKind::Gone { .. } | RefusalKind::Device => Concerns::Device,
                RefusalKind::PassType => Concerns::PassType,
                RefusalKind::Everything => Concerns::Everything,
            },
            Self::Undelivered { cause, .. } => match cause {
                UndeliveredCause::TooManyRequests | UndeliveredCause::Server => Concerns::Device,
                // Tried on a second connection already. Every further push would wait for its own
                // time-outs, and what is to be published would wait for them.
                UndeliveredCause::Network | UndeliveredCause::TooManyProviderTokenUpdates => Concerns::Everything,
            },
        }
    }
}

/// What an operator should do about a reason, where there is something to do.
pub fn advice(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "BadEnvironmentKeyIdInToken" => {
            "the APNs key is for the sandbox; Wallet takes pushes from production alone: make a key for production"
        }
        "InvalidProviderToken" => "key, key id and team do not belong together, or the key was revoked",
        "ExpiredProviderToken" => "the clock of this machine is wrong",
        "DeviceTokenNotForTopic" | "TopicDisallowed" | "BadTopic" => {
            "the APNs key's team is not the team of the pass type"
        }
        "BadDeviceToken" => "if most devices answer so, APNS_URL names the wrong environment",
        _ => return None,
    })
}

/// A refusal for good, with APNs's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// APNs's `reason`, e.g. `BadDeviceToken`. Reasons unknown today pass through as they are.
    pub reason: String,
    pub kind: RefusalKind,
}

impl Refusal {
    /// Whether an operator has to mend something: key, team, topic, request, or what we hold of a device.
    pub fn is_our_fault(&self) -> bool {
        match self.kind {
            RefusalKind::PassType | RefusalKind::Everything => true,
            RefusalKind::Gone { .. } => false,
            RefusalKind::Device => self.reason == "DeviceTokenNotForTopic",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// 410: the token has been dead since this time (milliseconds since the epoch, by APNs's clock).
    Gone { since_ms: u64 },
    /// This token is wrong, or wrong for this topic; other devices are not concerned.
    Device,
    /// The pass type is not the key's: none of its pushes can succeed.
    PassType,
    /// Our key, team, environment or request is wrong: no other push can succeed either.
    Everything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndeliveredCause {
    /// 429 TooManyRequests: this device alone.
    TooManyRequests,
    /// 429 TooManyProviderTokenUpdates: all pushes pause.
    TooManyProviderTokenUpdates,
    /// 500 or 503.
    Server,
    /// Connection, TLS or time-out, after one more try on a new connection.
    Network,
}

impl fmt::Display for UndeliveredCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyRequests => "TooManyRequests",
            Self::TooManyProviderTokenUpdates => "TooManyProviderTokenUpdates",
            Self::Server => "ServerError",
            Self::Network => "Network",
        })
    }
}

/// For callers that never push. It has no value, so nothing can be sent with it.
#[derive(Debug)]
pub enum NoPush {}

impl SendPush for NoPush {
    async fn send_push(&self, _: &PushToken, _: &PassTypeIdentifier) -> PushOutcome {
        match *self {}
    }
}

/// Port: sends one push to one device.
pub trait SendPush: Send + Sync {
    /// Waits until a push may begin; `false` leaves it to the schedule. A fan-out asks before it advances
    /// the device, so that nothing stands between the lease and its push.
    fn turn(&self) -> impl Future<Output = bool> + Send {
        async { true }
    }

    /// `topic` is the pass type: APNs refuses a token under any other topic.
    fn send_push(&self, to: &PushToken, topic: &PassTypeIdentifier) -> impl Future<Output = PushOutcome> + Send;
}
