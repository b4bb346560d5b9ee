//! What stands in a message: one JSON object whose only key names its kind.
//!
//! ```json
//! {"publish": {"pass_type": "pass.com.example", "serial": "A-1", "explicit": true}}
//! {"page": {"pass_type": "pass.com.example", "serial": "A-1", "after": "8a1f0e9c7b5d4f3e"}}
//! {"sweep": {"template": "card", "seq": 3, "segment": 15, "passes": 500, "refused": 2, "handed_over": 0, "after": {"pass_type": "pass.com.example", "serial": "A-1"}}}
//! ```
//!
//! Messages outlive a deployment: a new kind of work is a new key beside these, and a new member
//! is one that may be absent.

use passes::ids::{InvalidIdentifier, PassKey};
use passes::ports::RecordCursor;
use passes::sweep::{SweepPage, Tally};
use passes::work::{Hint, KeyToPublish, NextPage};
use serde::{Deserialize, Serialize};

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Publish(KeyToPublish),
    Page(NextPage),
    Sweep(SweepPage),
}

/// Why a body is no message of ours. The body itself is not repeated: whoever sent it may have put
/// anything there.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    #[error("the message is neither a key to publish nor a page of a fan-out or a sweep")]
    Form(#[source] serde_json::Error),
    #[error("the message names no pass, device or template")]
    Identifier(#[from] InvalidIdentifier),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Publish {
        pass_type: String,
        serial: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        explicit: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        restored_at: Option<u64>,
        #[serde(default, skip_serializing_if = "is_zero")]
        looks: u8,
    },
    Page {
        pass_type: String,
        serial: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    Sweep {
        template: String,
        seq: u64,
        segment: u8,
        #[serde(default)]
        passes: u64,
        #[serde(default)]
        refused: u64,
        #[serde(default)]
        handed_over: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cursor>,
    },
}

/// A record's key as it stands in the table: it need not be a pass.
#[derive(Serialize, Deserialize)]
struct Cursor {
    pass_type: String,
    serial: String,
}

fn is_zero(looks: &u8) -> bool {
    *looks == 0
}

impl Message {
    /// Reads a message's body.
    pub fn parse(body: &str) -> Result<Self, UnreadableMessage> {
        Ok(match serde_json::from_str(body).map_err(UnreadableMessage::Form)? {
            Body::Publish {
                pass_type,
                serial,
                explicit,
                restored_at,
                looks,
            } => Self::Publish(KeyToPublish {
                key: PassKey::parse(&pass_type, &serial)?,
                hint: Hint {
                    explicit,
                    restored_at,
                    looks,
                },
            }),
            Body::Page {
                pass_type,
                serial,
                after,
            } => Self::Page(NextPage {
                key: PassKey::parse(&pass_type, &serial)?,
                after: after.map(|device| device.parse()).transpose()?,
            }),
            Body::Sweep {
                template,
                seq,
                segment,
                passes,
                refused,
                handed_over,
                after,
            } => Self::Sweep(SweepPage {
                template: template.parse()?,
                seq,
                segment,
                done: Tally {
                    passes,
                    refused,
                    handed_over,
                },
                after: after.map(|Cursor { pass_type, serial }| RecordCursor { pass_type, serial }),
            }),
        })
    }

    /// The body that [`Message::parse`] reads.
    pub fn body(&self) -> String {
        let body = match self {
            Self::Publish(KeyToPublish { key, hint }) => Body::Publish {
                pass_type: key.pass_type.to_string(),
                serial: key.serial.to_string(),
                explicit: hint.explicit,
                restored_at: hint.restored_at,
                looks: hint.looks,
            },
            Self::Page(NextPage { key, after }) => Body::Page {
                pass_type: key.pass_type.to_string(),
                serial: key.serial.to_string(),
                after: after.as_ref().map(|device| device.as_str().to_owned()),
            },
            Self::Sweep(page) => Body::Sweep {
                template: page.template.to_string(),
                seq: page.seq,
                segment: page.segment,
                passes: page.done.passes,
                refused: page.done.refused,
                handed_over: page.done.handed_over,
                after: page.after.clone().map(|cursor| Cursor {
                    pass_type: cursor.pass_type,
                    serial: cursor.serial,
                }),
            },
        };
        serde_json::to_value(body).unwrap_or_default().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PassKey {
        PassKey::parse("pass.com.example", "A-1").unwrap()
    }

    #[test]
    fn messages_have_this_form_and_are_read_back() {
        let sent = |hint| Message::Publish(KeyToPublish { key: key(), hint });
        let page = |after: Option<&str>| {
            Message::Page(NextPage {
                key: key(),
                after: after.map(|device| device.parse().unwrap()),
            })
        };
        let sweep = |after: Option<&str>| {
            Message::Sweep(SweepPage {
                template: "card".parse().unwrap(),
                seq: 3,
                segment: 15,
                done: Tally {
                    passes: 500,
                    refused: 2,
                    handed_over: 1,
                },
                after: after.map(|serial| RecordCursor {
                    pass_type: "x".into(),
                    serial: serial.into(),
                }),
            })
        };
        for (message, body) in [
            (
                sent(Hint::default()),
                r#"{"publish":{"pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                sent(Hint::EXPLICIT),
                r#"{"publish":{"explicit":true,"pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                sent(Hint {
                    restored_at: Some(7),
                    ..Hint::EXPLICIT
                }),
                r#"{"publish":{"explicit":true,"pass_type":"pass.com.example","restored_at":7,"serial":"A-1"}}"#,
            ),
            (
                sent(Hint {
                    looks: 3,
                    ..Hint::default()
                }),
                r#"{"publish":{"looks":3,"pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                page(None),
                r#"{"page":{"pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                page(Some("8a1f")),
                r#"{"page":{"after":"8a1f","pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                sweep(None),
                r#"{"sweep":{"handed_over":1,"passes":500,"refused":2,"segment":15,"seq":3,"template":"card"}}"#,
            ),
            (
                // Where a record's key cannot be a pass, a scan goes on behind it all the same.
                sweep(Some("Ada Lovelace")),
                r#"{"sweep":{"after":{"pass_type":"x","serial":"Ada Lovelace"},"handed_over":1,"passes":500,"refused":2,"segment":15,"seq":3,"template":"card"}}"#,
            ),
        ] {
            assert_eq!(message.body(), body);
            assert_eq!(Message::parse(body).unwrap(), message);
        }
    }

    #[test]
    fn members_of_a_later_version_are_overlooked() {
        let body = r#"{"page":{"pass_type":"pass.com.example","serial":"A-1","since":7}}"#;
        assert!(Message::parse(body).is_ok());
    }

    #[test]
    fn a_page_that_was_sent_before_there_were_counts_has_none() {
        let body = r#"{"sweep":{"passes":500,"segment":15,"seq":3,"template":"card"}}"#;
        let Ok(Message::Sweep(page)) = Message::parse(body) else {
            panic!("{body}");
        };
        let done = Tally {
            passes: 500,
            ..Tally::default()
        };
        assert_eq!(page.done, done);
    }

    #[test]
    fn a_body_of_somebody_elses_is_named_and_not_repeated() {
        for (body, sentence) in [
            (
                "",
                "the message is neither a key to publish nor a page of a fan-out or a sweep",
            ),
            (
                "Ada Lovelace",
                "the message is neither a key to publish nor a page of a fan-out or a sweep",
            ),
            (
                r#"{"greet":{}}"#,
                "the message is neither a key to publish nor a page of a fan-out or a sweep",
            ),
            (
                r#"{"publish":{"serial":"A-1"}}"#,
                "the message is neither a key to publish nor a page of a fan-out or a sweep",
            ),
            (
                r#"{"publish":{"pass_type":"pass.com.example","serial":"Ada Lovelace"}}"#,
                "the message names no pass, device or template",
            ),
            (
                r#"{"page":{"pass_type":"pass.com.example","serial":"A-1","after":""}}"#,
                "the message names no pass, device or template",
            ),
        ] {
            assert_eq!(Message::parse(body).unwrap_err().to_string(), sentence, "{body}");
        }
    }
}
