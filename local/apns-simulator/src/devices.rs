//! What is known of the phones: which token belongs to which topic, and what to answer.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

/// What a test or a person wants answered to the pushes of one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status; 200 takes the token back to normal, 0 resets the stream instead of
    /// answering (`INTERNAL_ERROR`).
    pub status: u16,
    /// Apple's word, e.g. `Unregistered`. Without one the body is empty.
    #[serde(default)]
    pub reason: Option<String>,
    /// 410 only: since when the token has been dead, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub timestamp: Option<u64>,
    /// The `Retry-After` header: seconds, or an HTTP date.
    #[serde(default)]
    pub retry_after: Option<String>,
    /// With status 200: taken, and never brought to the phone.
    #[serde(default)]
    pub lost: bool,
}

impl Answer {
    /// Back to normal.
    pub fn accepted() -> Self {
        Self::with_status(200)
    }

    /// A refusal in Apple's words.
    pub fn refused(status: u16, reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..Self::with_status(status)
        }
    }

    /// 410 `Unregistered`: the pass was removed, and the token died at this time (ms).
    pub fn unregistered(timestamp: u64) -> Self {
        Self {
            timestamp: Some(timestamp),
            ..Self::refused(410, "Unregistered")
        }
    }

    /// Taken with a 200, and lost on the way to the phone. Apple promises no delivery.
    pub fn lost() -> Self {
        Self {
            lost: true,
            ..Self::accepted()
        }
    }

    /// No answer: the stream is reset.
    pub fn reset() -> Self {
        Self::with_status(0)
    }

    /// The same with a `Retry-After` header: seconds, or an HTTP date.
    pub fn retry_after(self, value: impl Into<String>) -> Self {
        Self {
            retry_after: Some(value.into()),
            ..self
        }
    }

    fn with_status(status: u16) -> Self {
        Self {
            status,
            reason: None,
            timestamp: None,
            retry_after: None,
            lost: false,
        }
    }

    /// Whether it is the answer that every push gets unless somebody wants another.
    fn is_normal(&self) -> bool {
        self.status == 200 && !self.lost
    }
}

/// One token as the simulator knows it.
#[derive(Debug, Default)]
struct Device {
    /// One phone has one token for all its pass types.
    topics: BTreeSet<String>,
    answer: Option<Answer>,
    once: VecDeque<Answer>,
}

/// All tokens. Hex is compared without regard to case.
#[derive(Default)]
pub(crate) struct Devices(Mutex<Known>);

#[derive(Default)]
struct Known {
    by_token: HashMap<String, Device>,
    /// Whatever the token.
    to_all: Option<Answer>,
}

impl Devices {
    pub(crate) fn assign(&self, token: &str, topic: &str) {
        self.change(token, |device| {
            device.topics.insert(topic.to_owned());
        });
    }

    pub(crate) fn answer(&self, token: &str, answer: Answer) {
        let answer = (!answer.is_normal()).then_some(answer);
        self.change(token, |device| device.answer = answer);
    }

    pub(crate) fn answer_all(&self, answer: Answer) {
        self.known().to_all = (!answer.is_normal()).then_some(answer);
    }

    pub(crate) fn answer_to_all(&self) -> Option<Answer> {
        self.known().to_all.clone()
    }

    pub(crate) fn answer_once(&self, token: &str, answer: Answer) {
        self.change(token, |device| device.once.push_back(answer));
    }

    /// The answer to a push that is right in every other way.
    pub(crate) fn look_up(&self, token: &str, topic: &str, accept_unknown: bool) -> Answer {
        let mut known = self.known();
        if let Some(answer) = &known.to_all {
            return answer.clone();
        }
        let mut nobody = Device::default();
        let device = known
            .by_token
            .get_mut(&token.to_ascii_lowercase())
            .unwrap_or(&mut nobody);
        let assigned = !device.topics.is_empty();
        if assigned && !device.topics.contains(topic) {
            return Answer::refused(400, "DeviceTokenNotForTopic");
        }
        let wanted = device.once.pop_front().or_else(|| device.answer.clone());
        wanted.unwrap_or_else(|| match assigned || accept_unknown {
            true => Answer::accepted(),
            false => Answer::refused(400, "BadDeviceToken"),
        })
    }

    fn change(&self, token: &str, change: impl FnOnce(&mut Device)) {
        change(self.known().by_token.entry(token.to_ascii_lowercase()).or_default());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().expect("no panic while the lock was held")
    }
}
