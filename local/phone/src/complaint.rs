//! What Wallet complains of, in the words in which it writes to `/v1/log`.
//!
//! The wordings are collected from field reports of device logs; Apple documents none of them.

use std::fmt;
use std::time::SystemTime;

use passes::ids::{DeviceLibraryIdentifier, PassKey, PassTypeIdentifier};

/// One line of a device's log. `Display` is the line as it is posted, with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    pub at: SystemTime,
    /// The request that failed, or nothing when the answers contradict each other.
    pub task: Option<Task>,
    pub pass_type: PassTypeIdentifier,
    /// The pass's `webServiceURL`, to which it is posted.
    pub web_service: String,
    pub grievance: Grievance,
}

/// A request that Wallet repeats until it succeeds, with what its log line says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    Register {
        device: DeviceLibraryIdentifier,
        pass: PassKey,
    },
    Unregister {
        device: DeviceLibraryIdentifier,
        pass: PassKey,
    },
    /// The list of updatable passes.
    GetSerials {
        device: DeviceLibraryIdentifier,
        pass_type: PassTypeIdentifier,
        tag: Option<String>,
    },
    GetPass {
        pass: PassKey,
        if_modified_since: Option<String>,
    },
}

/// What is wrong. `Display` is Wallet's wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grievance {
    /// 401.
    AuthenticationFailure,
    /// Any other status than those that the call may answer.
    UnexpectedResponseCode(u16),
    /// The list is not JSON, or not of the right types.
    Malformed(String),
    /// The list names passes but has no `lastUpdated`.
    TagOmitted { count: usize },
    /// The list names passes under the tag that the phone already has.
    TagRemained { count: usize, tag: String },
    /// A package came without a `Last-Modified` that is an HTTP date.
    LastModifiedMissing { serial: String },
    /// The whole unchanged package came in place of a 304.
    ConditionIgnored { serial: String, if_modified_since: String },
    /// A pass was listed although it has not changed.
    Unchanged { serial: String },
    /// A pass was listed that this phone has not registered.
    Unregistered { serial: String },
    /// There was a push, and then nothing in the list.
    SpuriousPush {
        tag: Option<String>,
        device: DeviceLibraryIdentifier,
    },
    /// The package is of another pass.
    OtherPass { requested: String, received: String },
    /// The package is not one that Wallet takes.
    InvalidPassData(String),
    /// No answer came. The system's own words.
    NoAnswer(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pass_type,
            web_service,
            grievance,
            ..
        } = self;
        write!(f, "[{}] ", log_time(self.at))?;
        match &self.task {
            Some(task) => {
                write!(f, "{} ", task.name())?;
                write!(
                    f,
                    "({task}; with web service url {web_service}) encountered error: {grievance}"
                )
            }
            None => write!(f, "Web service error for {pass_type} ({web_service}): {grievance}"),
        }
    }
}

impl Complaint {
    /// One line for people, without time and device id, which is a secret.
    pub fn summary(&self) -> String {
        let mut grievance = self.grievance.to_string();
        if let Grievance::SpuriousPush { device, .. } = &self.grievance {
            grievance = grievance.replace(device.as_str(), &device.redacted());
        }
        match &self.task {
            Some(task) => format!("{}: {grievance}", task.name()),
            None => grievance,
        }
    }
}

impl Task {
    fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "Register task",
            Self::Unregister { .. } => "Unregister task",
            Self::GetSerials { .. } => "Get serial #s task",
            Self::GetPass { .. } => "Get pass task",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register { device, pass } | Self::Unregister { device, pass } => write!(
                f,
                "for device {}, pass type {}, serial number {}",
                device.as_str(),
                pass.pass_type,
                pass.serial
            ),
            Self::GetSerials { device, pass_type, tag } => write!(
                f,
                "for device {}, pass type {pass_type}, last updated {}",
                device.as_str(),
                or_null(tag)
            ),
            Self::GetPass {
                pass,
                if_modified_since,
            } => write!(
                f,
                "pass type {}, serial number {}, if-modified-since {}",
                pass.pass_type,
                pass.serial,
                or_null(if_modified_since)
            ),
        }
    }
}

impl fmt::Display for Grievance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthenticationFailure => f.write_str("Authentication failure"),
            Self::UnexpectedResponseCode(code) => write!(f, "Unexpected response code {code}"),
            Self::Malformed(reason) => write!(f, "Server response was malformed ({reason})"),
            Self::TagOmitted { count } => write!(
                f,
                "Response to 'What changed?' request included {count} serial numbers but omitted a lastUpdated tag."
            ),
            Self::TagRemained { count, tag } => write!(
                f,
                "Response to 'What changed?' request included {count} serial numbers but the lastUpdated tag ({tag}) \
                 remained the same."
            ),
            Self::LastModifiedMissing { serial } => write!(
                f,
                "Server returned the pass data for serial number '{serial}' but did not provide a 'last-modified' \
                 header."
            ),
            Self::ConditionIgnored {
                serial,
                if_modified_since,
            } => write!(
                f,
                "Server ignored the 'if-modified-since' header ({if_modified_since}) and returned the full unchanged \
                 pass data for serial number '{serial}'."
            ),
            Self::Unchanged { serial } => write!(
                f,
                "Server requested update to serial number '{serial}', but the pass was unchanged."
            ),
            Self::Unregistered { serial } => {
                write!(f, "Update requested for unregistered serial number {serial}")
            }
            Self::SpuriousPush { tag, device } => write!(
                f,
                "Device received spurious push. Request for passesUpdatedSince '{}' returned no serial numbers. \
                 (Device = {})",
                or_null(tag),
                device.as_str()
            ),
            Self::OtherPass { requested, received } => write!(
                f,
                "Received invalid pass data (Requested serial number {requested}, received serial number {received})"
            ),
            Self::InvalidPassData(reason) => write!(f, "Received invalid pass data ({reason})"),
            Self::NoAnswer(reason) => f.write_str(reason),
        }
    }
}

impl Grievance {
    /// A status that the call may not answer.
    pub(crate) fn status(status: u16) -> Self {
        match status {
            401 => Self::AuthenticationFailure,
            other => Self::UnexpectedResponseCode(other),
        }
    }
}

fn or_null(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("(null)")
}

/// `2026-11-21 10:00:00 +0000`.
fn log_time(at: SystemTime) -> String {
    // An HTTP date has fixed columns: `Sat, 21 Nov 2026 10:00:00 GMT`.
    let date = httpdate::fmt_http_date(at);
    let month = match &date[8..11] {
        "Jan" => "01",
        "Feb" => "02",
        "Mar" => "03",
        "Apr" => "04",
        "May" => "05",
        "Jun" => "06",
        "Jul" => "07",
        "Aug" => "08",
        "Sep" => "09",
        "Oct" => "10",
        "Nov" => "11",
        _ => "12",
    };
    format!("{}-{month}-{} {} +0000", &date[12..16], &date[5..7], &date[17..25])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_log_line_begins_with_date_and_zone() {
        let at = |seconds| log_time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(1_795_255_200), "2026-11-21 10:00:00 +0000");
        assert_eq!(at(0), "1970-01-01 00:00:00 +0000");
        assert_eq!(at(1_709_164_800), "2024-02-29 00:00:00 +0000");
    }

    #[test]
    fn a_summary_is_without_the_device_id() {
        let complaint = Complaint {
            at: SystemTime::UNIX_EPOCH,
            task: None,
            pass_type: "pass.t".parse().unwrap(),
            web_service: "https://u".to_owned(),
            grievance: Grievance::SpuriousPush {
                tag: Some("17".to_owned()),
                device: "0123456789abcdef".parse().unwrap(),
            },
        };
        assert_eq!(
            complaint.summary(),
            "Device received spurious push. Request for passesUpdatedSince '17' returned no serial numbers. \
             (Device = 0123...)"
        );
    }

    #[test]
    fn a_failed_list_names_device_type_and_tag() {
        let complaint = |tag: Option<&str>| Complaint {
            at: SystemTime::UNIX_EPOCH,
            task: Some(Task::GetSerials {
                device: "D".parse().unwrap(),
                pass_type: "pass.t".parse().unwrap(),
                tag: tag.map(str::to_owned),
            }),
            pass_type: "pass.t".parse().unwrap(),
            web_service: "https://u".to_owned(),
            grievance: Grievance::status(401),
        };
        assert_eq!(
            complaint(None).to_string(),
            "[1970-01-01 00:00:00 +0000] Get serial #s task (for device D, pass type pass.t, last updated (null); \
             with web service url https://u) encountered error: Authentication failure"
        );
        assert!(complaint(Some("17")).to_string().contains("last updated 17;"));
    }
}
