//! Log a message: what a device complains of, made safe to keep and given a cause.

use serde_json::{Map, Value};

/// Entries kept of one request; Wallet sends a handful.
pub const MAX_ENTRIES: usize = 50;
/// Bytes kept of one entry.
pub const MAX_ENTRY_BYTES: usize = 4096;

/// What went wrong, as far as the message tells. Source of the wordings: field reports of
/// device logs, collected in docs/quirks.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Authentication,
    UnexpectedStatus,
    MalformedList,
    TagMissing,
    TagStoodStill,
    LastModifiedMissing,
    NotModifiedExpected,
    UnchangedPassListed,
    UnregisteredPassListed,
    SpuriousPush,
    WrongPass,
}

/// Order matters: the first part of a message that is found names its cause.
const CAUSES: [(&str, Cause); 12] = [
    ("authentication failure", Cause::Authentication),
    ("unexpected response code", Cause::UnexpectedStatus),
    ("server response was malformed", Cause::MalformedList),
    ("omitted a lastupdated tag", Cause::TagMissing),
    ("remained the same", Cause::TagStoodStill),
    ("did not provide a 'last-modified' header", Cause::LastModifiedMissing),
    ("ignored the 'if-modified-since' header", Cause::NotModifiedExpected),
    ("but the pass was unchanged", Cause::UnchangedPassListed),
    ("unregistered serial number", Cause::UnregisteredPassListed),
    ("spurious push", Cause::SpuriousPush),
    ("received serial number", Cause::WrongPass),
    ("received invalid pass data", Cause::WrongPass),
];

impl Cause {
    pub fn of(message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        CAUSES
            .iter()
            .find(|(part, _)| message.contains(part))
            .map(|(_, cause)| *cause)
    }

    /// The name used in the log, in metrics and as the anchor in docs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::UnexpectedStatus => "unexpected-status",
            Self::MalformedList => "malformed-list",
            Self::TagMissing => "tag-missing",
            Self::TagStoodStill => "tag-stood-still",
            Self::LastModifiedMissing => "last-modified-missing",
            Self::NotModifiedExpected => "not-modified-expected",
            Self::UnchangedPassListed => "unchanged-pass-listed",
            Self::UnregisteredPassListed => "unregistered-pass-listed",
            Self::SpuriousPush => "spurious-push",
            Self::WrongPass => "wrong-pass",
        }
    }

    /// What to tell the operator.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Authentication => {
                "the token differs from the pass's, or something in front demands other credentials"
            }
            Self::UnexpectedStatus => "an answer whose status Wallet does not accept, perhaps from something in front",
            Self::MalformedList => "list JSON of the wrong types, or an empty 200, perhaps from something in front",
            Self::TagMissing => "a list answer without lastUpdated",
            Self::TagStoodStill => "passes were listed under a tag that the device had already",
            Self::LastModifiedMissing => "the Last-Modified header was lost on the way",
            Self::NotModifiedExpected => "a full answer where 304 was due; a cache in front may rewrite dates",
            Self::UnchangedPassListed => "a pass was listed that the device held already",
            Self::UnregisteredPassListed => "a pass was listed that the device does not hold",
            Self::SpuriousPush => "a push for which there was nothing to list",
            Self::WrongPass => "the bytes received are not the pass that was asked for",
        }
    }
}

/// One message, safe to log: bounded, without control characters, identifiers cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceMessage {
    pub text: String,
    pub cause: Option<Cause>,
}

/// A request to /v1/log, as far as it is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DeviceLog {
    pub messages: Vec<DeviceMessage>,
    /// Entries over the limit.
    pub dropped: usize,
    /// Entries that were shortened.
    pub cut: usize,
    /// The body was not `{"logs": [strings]}`; nothing of it is repeated.
    pub malformed: bool,
}

impl DeviceLog {
    /// Reads a body; never fails, since Wallet repeats whatever is not answered 200.
    pub fn read(body: &[u8]) -> Self {
        let body: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
        let Some(Value::Array(logs)) = body.and_then(|mut body| body.remove("logs")) else {
            return Self {
                malformed: true,
                ..Self::default()
            };
        };
        let mut log = Self {
            dropped: logs.len().saturating_sub(MAX_ENTRIES),
            ..Self::default()
        };
        for entry in logs.iter().take(MAX_ENTRIES) {
            let Some(text) = entry.as_str() else {
                log.malformed = true;
                continue;
            };
            let kept = bounded(text);
            log.cut += usize::from(kept.len() < text.len());
            log.messages.push(DeviceMessage {
                cause: Cause::of(kept),
                text: redacted(kept),
            });
        }
        log
    }
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_ENTRY_BYTES)]
}

/// Device ids, tokens and long serials are words of 20 or more plain characters with a digit
/// among them; four characters are left to recognise them by. Control characters become spaces.
fn redacted(text: &str) -> String {
    const SHOWN: usize = 4;
    const SECRET_WORD: usize = 20;
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        if word.is_empty() {
            safe.push(if c.is_control() { ' ' } else { c });
            rest = &rest[c.len_utf8()..];
        } else {
            if word.len() >= SECRET_WORD && word.bytes().any(|b| b.is_ascii_digit()) {
                safe.push_str(&word[..SHOWN]);
                safe.push_str("...");
            } else {
                safe.push_str(word);
            }
            rest = &rest[end..];
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: serde_json::Value) -> DeviceLog {
        DeviceLog::read(body.to_string().as_bytes())
    }

    #[test]
    fn a_known_message_gets_its_cause_and_loses_the_device_id() {
        let log = read(json!({"logs": [
            "[2026-11-21 10:00:00 +0000] Register task (for device 0123456789abcdef0123456789abcdef, pass type pass.com.example.loyalty, serial number DEMO-1; with web service url https://a.example) encountered error: Authentication failure"
        ]}));
        assert_eq!(log.messages.len(), 1);
        assert_eq!(log.messages[0].cause, Some(Cause::Authentication));
        assert_eq!(
            log.messages[0].text,
            "[2026-11-21 10:00:00 +0000] Register task (for device 0123..., pass type pass.com.example.loyalty, serial number DEMO-1; with web service url https://a.example) encountered error: Authentication failure"
        );
    }

    #[test]
    fn every_known_wording_names_its_cause() {
        for (wording, cause) in [
            ("Unexpected response code 404", "unexpected-status"),
            ("Server response was malformed (Missing dictionary)", "malformed-list"),
            (
                "response included 2 serial numbers but omitted a lastUpdated tag",
                "tag-missing",
            ),
            (
                "included 1 serial numbers but the lastUpdated tag (5) remained the same",
                "tag-stood-still",
            ),
            (
                "Server did not provide a 'last-modified' header",
                "last-modified-missing",
            ),
            (
                "Server ignored the 'if-modified-since' header and returned the full pass",
                "not-modified-expected",
            ),
            (
                "Server requested update to serial number 'X', but the pass was unchanged.",
                "unchanged-pass-listed",
            ),
            (
                "Update requested for unregistered serial number 'X'",
                "unregistered-pass-listed",
            ),
            ("Device received spurious push", "spurious-push"),
            ("Requested serial number a, received serial number b", "wrong-pass"),
            ("Received invalid pass data", "wrong-pass"),
        ] {
            assert_eq!(Cause::of(wording).map(Cause::label), Some(cause), "{wording}");
        }
        assert_eq!(Cause::of("hello"), None);
    }

    #[test]
    fn a_message_cannot_forge_a_log_line() {
        let log = read(json!({"logs": ["a\r\n{\"level\":\"ERROR\"}\u{1b}[31m"]}));
        assert_eq!(log.messages[0].text, "a  {\"level\":\"ERROR\"} [31m");
    }

    #[test]
    fn many_and_long_entries_are_counted_and_cut() {
        let entries: Vec<_> = (0..60).map(|_| "é".repeat(3000)).collect();
        let log = read(json!({"logs": entries}));
        assert_eq!((log.messages.len(), log.dropped, log.cut), (50, 10, 50));
        assert!(log.messages[0].text.len() <= MAX_ENTRY_BYTES);
    }

    #[test]
    fn malformed_bodies_are_counted_and_not_repeated() {
        for body in ["", "[]", "[[\"a\"]]", "{}", "null", "{\"logs\":1}", "\u{0}"] {
            let log = DeviceLog::read(body.as_bytes());
            assert!(log.malformed && log.messages.is_empty(), "{body:?}");
        }
        assert!(read(json!({"logs": [1]})).malformed);
    }
}
