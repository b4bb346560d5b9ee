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

impl PushOutcome {
    /// Whether the answer is about us and not about this device, so that the next push would be
    /// answered alike.
    pub fn concerns_all(&self) -> bool {
        match self {
            Self::Accepted => false,
            Self::Refused(refusal) => refusal.kind == RefusalKind::Everything,
            Self::Undelivered { cause, .. } => *cause == UndeliveredCause::TooManyProviderTokenUpdates,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// 410: the token has been dead since this time (milliseconds since the epoch, by APNs's clock).
    Gone { since_ms: u64 },
    /// This token or topic is wrong; other devices are not concerned.
    Device,
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
    /// `topic` is the pass type: APNs refuses a token under any other topic.
    fn send_push(&self, to: &PushToken, topic: &PassTypeIdentifier) -> impl Future<Output = PushOutcome> + Send;
}
