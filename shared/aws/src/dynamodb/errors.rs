//! What the SDK reports, in the domain's words.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use passes::ports::{Conditional, StoreError, StoreResult};

const CONDITION_FAILED: &str = "ConditionalCheckFailed";
const CONFLICT: &str = "TransactionConflict";

/// Codes by which DynamoDB asks for patience.
const THROTTLED: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "RequestLimitExceeded",
];

/// Any failure that is not the answer to a condition.
pub(super) fn fault<E>(call: &'static str) -> impl FnOnce(SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    move |error| {
        let Some(service) = error.as_service_error() else {
            return match error {
                SdkError::ConstructionFailure(_) => StoreError::Refused {
                    call,
                    source: error.into(),
                },
                // Sent, or perhaps sent: it may have been carried out.
                _ => StoreError::OutcomeUnknown {
                    call,
                    source: error.into(),
                },
            };
        };
        let code = service.code().unwrap_or_default();
        let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
        if THROTTLED.contains(&code) {
            StoreError::Throttled {
                call,
                source: error.into(),
            }
        } else if code == "TransactionConflictException" || code == "TransactionInProgressException" {
            StoreError::Conflict {
                call,
                source: error.into(),
            }
        } else if status >= 500 {
            StoreError::OutcomeUnknown {
                call,
                source: error.into(),
            }
        } else {
            StoreError::Refused {
                call,
                source: error.into(),
            }
        }
    }
}

/// The outcome of a transaction: done, overtaken where a condition failed, or an error.
pub(super) fn transacted<T>(
    call: &'static str,
    result: Result<T, SdkError<TransactWriteItemsError>>,
) -> StoreResult<Conditional> {
    let error = match result {
        Ok(_) => return Ok(Conditional::Done),
        Err(error) => error,
    };
    let reasons: &[CancellationReason] = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled.cancellation_reasons(),
        _ => return Err(fault(call)(error)),
    };
    let any = |wanted: &str| reasons.iter().any(|reason| reason.code() == Some(wanted));
    // A failed condition tells more than a conflict beside it: it is known to have failed.
    if any(CONDITION_FAILED) {
        return Ok(Conditional::Overtaken);
    }
    if any(CONFLICT) {
        return Err(StoreError::Conflict {
            call,
            source: error.into(),
        });
    }
    if THROTTLED.iter().any(|code| any(code)) {
        return Err(StoreError::Throttled {
            call,
            source: error.into(),
        });
    }
    Err(StoreError::Refused {
        call,
        source: error.into(),
    })
}

/// The outcome of a conditional write without interest in the old item.
macro_rules! conditional {
    ($call:expr, $error:ident, $result:expr) => {
        match $result {
            Ok(_) => Ok(passes::ports::Conditional::Done),
            Err(error) => match error.as_service_error() {
                Some($error::ConditionalCheckFailedException(_)) => Ok(passes::ports::Conditional::Overtaken),
                _ => Err($crate::dynamodb::errors::fault($call)(error)),
            },
        }
    };
}
pub(super) use conditional;
