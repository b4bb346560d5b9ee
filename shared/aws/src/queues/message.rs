//! What stands in a message: one JSON object whose only key names its kind.
//!
//! ```json
//! {"publish": {"pass_type": "pass.com.example", "serial": "A-1", "explicit": true, "template_seq": 3}}
//! {"page": {"pass_type": "pass.com.example", "serial": "A-1", "after": "8a1f0e9c7b5d4f3e"}}
//! ```
//!
//! Messages outlive a deployment: a new kind of work is a new key beside these, and a new member
//! is one that may be absent.

use passes::ids::{InvalidIdentifier, PassKey};
use passes::work::{Hint, KeyToPublish, NextPage};
use serde::{Deserialize, Serialize};

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Publish(KeyToPublish),
    Page(NextPage),
}

/// Why a body is no message of ours. The body itself is not repeated: whoever sent it may have put
/// anything there.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    #[error("the message is neither a key to publish nor a page")]
    Form(#[source] serde_json::Error),
    #[error("the message names no pass or device")]
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
        template_seq: Option<u64>,
    },
    Page {
        pass_type: String,
        serial: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
}

impl Message {
    /// Reads a message's body.
    pub fn parse(body: &str) -> Result<Self, UnreadableMessage> {
        Ok(match serde_json::from_str(body).map_err(UnreadableMessage::Form)? {
            Body::Publish {
                pass_type,
                serial,
                explicit,
                template_seq,
            } => Self::Publish(KeyToPublish {
                key: PassKey::parse(&pass_type, &serial)?,
                hint: Hint { explicit, template_seq },
            }),
            Body::Page {
                pass_type,
                serial,
                after,
            } => Self::Page(NextPage {
                key: PassKey::parse(&pass_type, &serial)?,
                after: after.map(|device| device.parse()).transpose()?,
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
                template_seq: hint.template_seq,
            },
            Self::Page(NextPage { key, after }) => Body::Page {
                pass_type: key.pass_type.to_string(),
                serial: key.serial.to_string(),
                after: after.as_ref().map(|device| device.as_str().to_owned()),
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
        for (message, body) in [
            (
                sent(Hint::default()),
                r#"{"publish":{"pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                sent(Hint {
                    explicit: true,
                    template_seq: Some(3),
                }),
                r#"{"publish":{"explicit":true,"pass_type":"pass.com.example","serial":"A-1","template_seq":3}}"#,
            ),
            (
                page(None),
                r#"{"page":{"pass_type":"pass.com.example","serial":"A-1"}}"#,
            ),
            (
                page(Some("8a1f")),
                r#"{"page":{"after":"8a1f","pass_type":"pass.com.example","serial":"A-1"}}"#,
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
    fn a_body_of_somebody_elses_is_named_and_not_repeated() {
        for (body, sentence) in [
            ("", "the message is neither a key to publish nor a page"),
            ("Ada Lovelace", "the message is neither a key to publish nor a page"),
            (r#"{"sweep":{}}"#, "the message is neither a key to publish nor a page"),
            (
                r#"{"publish":{"serial":"A-1"}}"#,
                "the message is neither a key to publish nor a page",
            ),
            (
                r#"{"publish":{"pass_type":"pass.com.example","serial":"Ada Lovelace"}}"#,
                "the message names no pass or device",
            ),
            (
                r#"{"page":{"pass_type":"pass.com.example","serial":"A-1","after":""}}"#,
                "the message names no pass or device",
            ),
        ] {
            assert_eq!(Message::parse(body).unwrap_err().to_string(), sentence, "{body}");
        }
    }
}
