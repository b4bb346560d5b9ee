//! APNs as far as it matters here: which tokens live, and what becomes of a push.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use passes::push::{PushOutcome, Refusal, RefusalKind, UndeliveredCause};

/// What becomes of one push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flight {
    /// As the token deserves: delivered in time, or refused.
    Usual,
    /// Accepted, and never delivered.
    Lost,
    /// Delivered, but the connection broke before APNs's answer.
    AnswerLost,
    /// 503.
    Unavailable,
    /// 429 for this device, with `Retry-After`.
    TooMany { retry_after: u8 },
}

/// The state of APNs, or of our key there, that all pushes meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    #[default]
    Fine,
    /// No connection.
    Outage,
    /// 403: the provider token is refused.
    Forbidden,
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fine => "answers as usual",
            Self::Outage => "cannot be reached",
            Self::Forbidden => "refuses the provider token",
        })
    }
}

/// What APNs thinks of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Live,
    /// Accepted, but leads nowhere.
    Silent,
    /// 410 since this time, in milliseconds.
    Dead {
        since: u64,
    },
    /// `BadDeviceToken`.
    Unknown,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub phone: u8,
    pub standing: Standing,
    /// True time at which livepass last stored it.
    pub stored: Option<u64>,
    /// Another token of this phone has been answered since.
    pub replaced: bool,
    /// A function that met the token's 410 has returned since it was last stored.
    pub ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Apns {
    pub tokens: BTreeMap<String, Token>,
    pub weather: Weather,
    /// Phones with a push on its way: APNs keeps one per device and topic.
    pub under_way: BTreeSet<u8>,
}

impl Apns {
    /// A new token for a phone.
    pub fn issue(&mut self, phone: u8) -> String {
        let count = self.tokens.values().filter(|token| token.phone == phone).count();
        let name = token_name(phone, count);
        self.tokens.insert(
            name.clone(),
            Token {
                phone,
                standing: Standing::Live,
                stored: None,
                replaced: false,
                ended: false,
            },
        );
        name
    }

    /// Takes one push.
    pub fn take(&mut self, token: &str, flight: Flight) -> PushOutcome {
        let undelivered = |cause, retry_after| PushOutcome::Undelivered { retry_after, cause };
        match (self.weather, flight) {
            (Weather::Outage, _) => return undelivered(UndeliveredCause::Network, None),
            (Weather::Forbidden, _) => return refused("InvalidProviderToken", RefusalKind::Everything),
            (_, Flight::Unavailable) => return undelivered(UndeliveredCause::Server, None),
            (_, Flight::TooMany { retry_after }) => {
                let pause = Duration::from_secs(u64::from(retry_after));
                return undelivered(UndeliveredCause::TooManyRequests, Some(pause));
            }
            _ => {}
        }
        let Some(known) = self.tokens.get(token) else {
            return refused("BadDeviceToken", RefusalKind::Device);
        };
        match known.standing {
            Standing::Unknown => return refused("BadDeviceToken", RefusalKind::Device),
            Standing::Dead { since } => return refused("Unregistered", RefusalKind::Gone { since_ms: since }),
            Standing::Live if flight != Flight::Lost => {
                self.under_way.insert(known.phone);
            }
            Standing::Live | Standing::Silent => {}
        }
        if flight == Flight::AnswerLost {
            return undelivered(UndeliveredCause::Network, None);
        }
        PushOutcome::Accepted
    }
}

fn refused(reason: &str, kind: RefusalKind) -> PushOutcome {
    PushOutcome::Refused(Refusal {
        reason: reason.into(),
        kind,
    })
}

/// Hexadecimal and whole bytes, as all tokens are: `a001` is phone A's second one.
pub(super) fn token_name(phone: u8, count: usize) -> String {
    format!("{:x}{count:03x}", 0xa + phone)
}
