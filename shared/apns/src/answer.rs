//! What an answer of APNs means.

use std::time::{Duration, SystemTime};

use passes::push::{PushOutcome, Refusal, RefusalKind, UndeliveredCause};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

/// Apple's figure for 500 and 503: 15 minutes.
const SERVER_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A day: whatever a header says, a device does not wait longer for its push.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Far above Apple's longest reason; the rest is not worth a log line.
const MAX_REASON_CHARS: usize = 64;

/// One answer, read.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: StatusCode,
    /// Apple's word, or the status where the body has none.
    reason: String,
    timestamp_ms: Option<u64>,
    retry_after: Option<Duration>,
}

/// What to do about an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Final(PushOutcome),
    /// APNs is about to close the connection: as if it were closed already.
    ConnectionOver,
    /// Once more now, unless APNs named a time; else this outcome.
    ServerFault {
        try_again: bool,
        otherwise: PushOutcome,
    },
    /// Once more with a token as of now, if it may be changed yet; else this outcome.
    TokenExpired {
        otherwise: PushOutcome,
    },
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    reason: Option<String>,
    timestamp: Option<u64>,
}

impl Answer {
    /// `now` is what a `Retry-After` date is measured from.
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Self {
        // A body that is no JSON comes from something between us and APNs; its status counts.
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let reason = body.reason.map_or_else(
            || format!("HTTP {}", status.as_u16()),
            |reason| reason.chars().take(MAX_REASON_CHARS).collect(),
        );
        Self {
            status,
            reason,
            timestamp_ms: body.timestamp,
            retry_after: retry_after(headers, now),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status == StatusCode::OK
    }

    /// Goes by the status first, so that reasons unknown today find their place.
    pub(crate) fn meaning(self) -> Meaning {
        match (self.status.as_u16(), self.reason.as_str()) {
            (200, _) => Meaning::Final(PushOutcome::Accepted),
            (410, _) => {
                // Without a time nothing is known to be older: 0 ends no device.
                let since_ms = self.timestamp_ms.unwrap_or(0);
                self.refused(RefusalKind::Gone { since_ms })
            }
            (400, "BadDeviceToken" | "DeviceTokenNotForTopic") => self.refused(RefusalKind::Device),
            (400, "IdleTimeout") => Meaning::ConnectionOver,
            (400, "TopicDisallowed" | "BadTopic") => self.refused(RefusalKind::PassType),
            (403, "ExpiredProviderToken") => Meaning::TokenExpired {
                otherwise: self.refusal(RefusalKind::Everything),
            },
            (429, "TooManyProviderTokenUpdates") => self.undelivered(UndeliveredCause::TooManyProviderTokenUpdates),
            (429, _) => self.undelivered(UndeliveredCause::TooManyRequests),
            (500..=599, _) => Meaning::ServerFault {
                try_again: self.retry_after.is_none(),
                otherwise: PushOutcome::Undelivered {
                    retry_after: Some(self.retry_after.unwrap_or(SERVER_PAUSE)),
                    cause: UndeliveredCause::Server,
                },
            },
            _ => self.refused(RefusalKind::Everything),
        }
    }

    fn refused(self, kind: RefusalKind) -> Meaning {
        Meaning::Final(self.refusal(kind))
    }

    fn refusal(self, kind: RefusalKind) -> PushOutcome {
        PushOutcome::Refused(Refusal {
            reason: self.reason,
            kind,
        })
    }

    fn undelivered(self, cause: UndeliveredCause) -> Meaning {
        Meaning::Final(PushOutcome::Undelivered {
            retry_after: self.retry_after,
            cause,
        })
    }
}

/// Seconds, or an HTTP date (RFC 9110, section 10.2.3); anything else counts as absent.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(pause.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn meaning(status: u16, body: &str) -> Meaning {
        let status = StatusCode::from_u16(status).unwrap();
        Answer::new(status, &HeaderMap::new(), body.as_bytes(), UNIX_EPOCH).meaning()
    }

    fn refused(reason: &str, kind: RefusalKind) -> Meaning {
        let reason = reason.to_owned();
        Meaning::Final(PushOutcome::Refused(Refusal { reason, kind }))
    }

    #[test]
    fn reasons_unknown_today_go_by_their_status() {
        let body = r#"{"reason":"NewWord","more":[1]}"#;
        let everything = refused("NewWord", RefusalKind::Everything);
        for status in [400, 401, 403, 404, 405, 413, 418] {
            assert_eq!(meaning(status, body), everything, "{status}");
        }
        assert_eq!(
            meaning(410, body),
            refused("NewWord", RefusalKind::Gone { since_ms: 0 })
        );
        assert_eq!(
            meaning(429, body),
            Meaning::Final(PushOutcome::Undelivered {
                retry_after: None,
                cause: UndeliveredCause::TooManyRequests
            })
        );
    }

    #[test]
    fn an_answer_without_apples_json_is_named_by_its_status() {
        for body in ["", "<html>", "[]", r#"{"reason":7}"#, "{}"] {
            assert_eq!(
                meaning(403, body),
                refused("HTTP 403", RefusalKind::Everything),
                "{body}"
            );
        }
    }

    #[test]
    fn a_reason_is_cut_before_it_floods_the_log() {
        let body = format!(r#"{{"reason":"{}"}}"#, "x".repeat(1_000));
        assert_eq!(
            meaning(404, &body),
            refused(&"x".repeat(MAX_REASON_CHARS), RefusalKind::Everything)
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_no_longer_than_a_day() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_717);
        let parse = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(parse("120"), seconds(120));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), seconds(60));
        assert_eq!(parse("Sun, 06 Nov 1994 08:00:00 GMT"), seconds(0));
        assert_eq!(parse("99999999999"), seconds(86_400));
        assert_eq!(parse("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]
        /// Also from something that only pretends to be APNs.
        #[test]
        fn any_answer_has_a_meaning_and_a_short_reason(
            status in 100_u16..1000,
            body in proptest::prelude::any::<Vec<u8>>(),
            asked in "[ -~]{0,40}",
            json in "\\{\"reason\":\"[^\"\\\\]{0,200}\",\"timestamp\":[0-9]{1,30}\\}",
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, asked.parse().unwrap());
            let status = StatusCode::from_u16(status).unwrap();
            for body in [body.as_slice(), json.as_bytes()] {
                let answer = Answer::new(status, &headers, body, SystemTime::now());
                let (Meaning::Final(outcome)
                | Meaning::ServerFault { otherwise: outcome, .. }
                | Meaning::TokenExpired { otherwise: outcome }) = answer.meaning()
                else {
                    continue;
                };
                match outcome {
                    PushOutcome::Accepted => assert_eq!(status, StatusCode::OK),
                    PushOutcome::Refused(refusal) => assert!(refusal.reason.chars().count() <= MAX_REASON_CHARS),
                    PushOutcome::Undelivered { retry_after, .. } => assert!(retry_after <= Some(MAX_PAUSE)),
                }
            }
        }
    }
}
