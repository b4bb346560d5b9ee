//! Faults between the functions and DynamoDB, which the engine never has.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tap::{ALWAYS, Action, Call, Rule};

use super::{Body, InReach, Refused, understood};

const FORM: &str = "{\"fault\": \"error\" or \"cancel\" with \"reason\": DynamoDB's word, or \"crash\", and of the calls \
                    \"action\", \"table\", \"mentions\": text, \"skip\": number, \"times\": number}";

/// One fault, and the calls that it meets.
#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(flatten)]
    fault: Fault,
    /// E.g. `UpdateItem`; any if it is absent.
    action: Option<String>,
    /// The table's name.
    table: Option<String>,
    /// A text that the request contains, e.g. a serial number.
    mentions: Option<String>,
    /// So many calls go through first.
    #[serde(default)]
    skip: u32,
    /// How often, or until it is taken back.
    times: Option<u32>,
}

#[derive(Deserialize)]
#[serde(tag = "fault", rename_all = "lowercase")]
enum Fault {
    /// The call is answered with this error, e.g. `ProvisionedThroughputExceededException`.
    Error { reason: String },
    /// The transaction is cancelled for this reason, e.g. `TransactionConflict`.
    Cancel { reason: String },
    /// The call is carried out, and then the function that made it dies.
    Crash,
}

pub(super) async fn order(State(reach): InReach, body: Body) -> Result<StatusCode, Refused> {
    let order: Order = understood(body, FORM)?;
    let (action, transactions_only) = match &order.fault {
        Fault::Error { reason } => (Action::refuse(reason), false),
        Fault::Cancel { reason } => (Action::cancel(reason), true),
        Fault::Crash => (Action::End(Arc::new(cloud::kill_invocation)), false),
    };
    let (skip, times) = (order.skip, order.times.unwrap_or(ALWAYS));
    let matches = move |call: &Call| {
        (!transactions_only || call.action == "TransactWriteItems")
            && order.action.as_ref().is_none_or(|action| call.action == *action)
            && order.table.as_ref().is_none_or(|table| call.is_on(table))
            && order.mentions.as_ref().is_none_or(|text| call.mentions(text))
    };
    reach.tap.rule(Rule {
        matches: Box::new(matches),
        skip,
        times,
        action,
    });
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn acted(State(reach): InReach) -> Json<Value> {
    let acted = reach.tap.acted();
    Json(
        acted
            .into_iter()
            .map(|acted| json!({"acted": acted.times, "last": acted.last, "spent": acted.spent}))
            .collect(),
    )
}

pub(super) async fn take_back(State(reach): InReach) -> StatusCode {
    reach.tap.clear();
    StatusCode::NO_CONTENT
}
