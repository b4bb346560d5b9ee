//! What S3, Secrets Manager and SQS report, in the domain's words and with the way to mend it.

use passes::ports::StoreError;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// Codes by which the services ask for patience; they also answer 429 and, S3, 503.
const THROTTLED: [&str; 7] = [
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
];

const DENIED: [&str; 3] = ["AccessDenied", "AccessDeniedException", "AllAccessDisabled"];

/// A refusal that names what was asked for.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{what}: access is denied; {remedy}")]
    Denied {
        what: String,
        remedy: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{what}: {code}")]
    Other {
        what: String,
        code: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Whether a code asks for patience.
pub(crate) fn is_throttling(code: &str) -> bool {
    THROTTLED.contains(&code)
}

/// Any failure that does not mean "not there".
///
/// `what` names the file, secret or queue, `remedy` says what to grant where access is denied.
pub(crate) fn fault<E>(call: &'static str, what: String, remedy: String, error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Some(service) = error.as_service_error() else {
        return match error {
            SdkError::ConstructionFailure(_) => StoreError::Refused {
                call,
                source: Box::new(Refusal::Other {
                    what,
                    code: "the request could not be made".to_owned(),
                    source: error.into(),
                }),
            },
            // No answer, or one that broke off.
            _ => StoreError::OutcomeUnknown {
                call,
                source: error.into(),
            },
        };
    };
    let code = service.code().unwrap_or_default().to_owned();
    let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
    if is_throttling(&code) || status == 429 {
        return StoreError::Throttled {
            call,
            source: error.into(),
        };
    }
    if status >= 500 {
        return StoreError::OutcomeUnknown {
            call,
            source: error.into(),
        };
    }
    let source = if DENIED.contains(&code.as_str()) || (status == 403 && code.is_empty()) {
        Refusal::Denied {
            what,
            remedy,
            source: error.into(),
        }
    } else {
        Refusal::Other {
            what,
            code: if code.is_empty() {
                format!("HTTP {status}")
            } else {
                code
            },
            source: error.into(),
        }
    };
    StoreError::Refused {
        call,
        source: Box::new(source),
    }
}
