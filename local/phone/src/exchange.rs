//! What can be watched of a phone, line by line.

use std::fmt;
use std::time::SystemTime;

use passes::ids::{PassKey, PassTypeIdentifier};

use crate::change::Update;
use crate::complaint::Complaint;
use crate::reading::Ios;

/// One HTTP request and its answer. `Display` is one line without secrets: the device id, which is
/// the secret of the list call, and the signature of a link are shortened.
///
/// ```text
/// phone -> POST /v1/devices/ab12../registrations/pass.com.example.loyalty/DEMO-1   201   12 ms
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// When the request was sent, by the phone's clock.
    pub at: SystemTime,
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Nothing when no answer came.
    pub status: Option<u16>,
    /// Until the answer's last byte, measured in real time.
    pub duration_ms: u64,
    /// Why no answer came.
    pub note: Option<String>,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phone -> {} {}   ", self.method, shortened(&self.path))?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("---")?,
        }
        write!(f, "   {} ms", self.duration_ms)?;
        match &self.note {
            Some(note) => write!(f, "   {note}"),
            None => Ok(()),
        }
    }
}

/// Everything that happens on a phone, in order.
#[derive(Debug, Clone)]
pub enum Event {
    /// A push arrived.
    Pushed {
        at: SystemTime,
        topic: PassTypeIdentifier,
    },
    Exchanged(Exchange),
    /// A pass was installed, and this iOS shows nothing of it.
    NotShown {
        pass: PassKey,
        ios: Ios,
    },
    /// A pass has changed.
    Updated(Update),
    /// Wallet would write this to the web service's log.
    Complained(Complaint),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pushed { topic, .. } => write!(f, "phone <- push {topic}"),
            Self::Exchanged(exchange) => exchange.fmt(f),
            Self::NotShown { pass, ios } => {
                write!(f, "phone    {}   this pass has no style that {ios} shows", pass.serial)
            }
            Self::Updated(update) => update.fmt(f),
            Self::Complained(complaint) => write!(f, "phone !! {}", complaint.summary()),
        }
    }
}

/// The path with the secrets in it cut to their first four characters.
fn shortened(path: &str) -> String {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut after_devices = false;
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            let is_device = std::mem::replace(&mut after_devices, segment == "devices");
            if is_device { cut(segment) } else { segment.to_owned() }
        })
        .collect();
    let mut short = segments.join("/");
    if let Some(query) = query {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.strip_prefix("s=") {
                Some(signature) => format!("s={}", cut(signature)),
                None => pair.to_owned(),
            })
            .collect();
        short.push('?');
        short.push_str(&pairs.join("&"));
    }
    short
}

fn cut(secret: &str) -> String {
    format!("{}..", secret.chars().take(4).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(method: &str, path: &str) -> Exchange {
        Exchange {
            at: SystemTime::UNIX_EPOCH,
            method: method.to_owned(),
            path: path.to_owned(),
            status: Some(201),
            duration_ms: 12,
            note: None,
        }
    }

    #[test]
    fn an_exchange_is_one_arrow_line_with_status_and_duration() {
        let path = "/v1/devices/ab12cd34ef56/registrations/pass.com.example.loyalty/DEMO-1";
        assert_eq!(
            exchange("POST", path).to_string(),
            "phone -> POST /v1/devices/ab12../registrations/pass.com.example.loyalty/DEMO-1   201   12 ms"
        );
    }

    #[test]
    fn the_signature_of_a_link_is_not_printed() {
        let path = "/add/pass.com.example.loyalty/DEMO-1?e=1795255200&k=k1&s=0123456789";
        assert_eq!(
            exchange("GET", path).to_string(),
            "phone -> GET /add/pass.com.example.loyalty/DEMO-1?e=1795255200&k=k1&s=0123..   201   12 ms"
        );
    }

    #[test]
    fn a_pass_that_is_not_shown_is_said_to_be_so() {
        let event = Event::NotShown {
            pass: PassKey::parse("pass.t", "A-1").unwrap(),
            ios: Ios::Ios26,
        };
        assert_eq!(
            event.to_string(),
            "phone    A-1   this pass has no style that iOS 26 shows"
        );
    }

    #[test]
    fn an_exchange_without_answer_says_why() {
        let exchange = Exchange {
            status: None,
            note: Some("connection refused".to_owned()),
            ..exchange("POST", "/v1/log")
        };
        assert_eq!(
            exchange.to_string(),
            "phone -> POST /v1/log   ---   12 ms   connection refused"
        );
    }
}
