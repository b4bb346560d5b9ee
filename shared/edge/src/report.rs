//! What a publish or a push leaves in log and metrics, whichever function made it.

use passes::fan_out::FanOutReport;
use passes::ids::PassKey;
use passes::ports::StoreError;
use passes::problem::Problem;
use passes::publish::{PublishOutcome, PublishReport};
use passes::push::advice;

use crate::http::chain;

/// One line for each pass that was looked at, and more where something is wrong.
pub fn published(key: &PassKey, report: &PublishReport) {
    let devices = &report.fan_out;
    let (pass_type, serial) = (key.pass_type.as_str(), key.serial.as_str());
    pushes(devices);
    metrics::counter!("devices_advanced").increment(devices.advanced.into());
    if let Some(notice) = &report.notice {
        problem(key, notice, "a part of the record is ignored");
    }
    let line = |revision: u64, message: &str| {
        tracing::info!(
            pass_type,
            serial,
            revision,
            devices_advanced = devices.advanced,
            pushes_accepted = devices.pushed,
            pushes_refused = devices.refused,
            pushes_undelivered = devices.undelivered,
            pushes_left = devices.left,
            "{message}"
        );
    };
    match &report.outcome {
        PublishOutcome::Nothing => tracing::info!(pass_type, serial, "nothing to publish"),
        PublishOutcome::Published(revision) => line(revision.value(), "published"),
        PublishOutcome::Unchanged(revision) => line(revision.value(), "unchanged"),
        PublishOutcome::Refused {
            problem: refused,
            serving,
        } => problem(
            key,
            refused,
            match serving {
                Some(_) => "the record cannot be published; the last good pass stays in service",
                None => "the record cannot be published; no pass has been before",
            },
        ),
    }
}

fn problem(key: &PassKey, problem: &Problem, message: &str) {
    metrics::counter!("problems").increment(1);
    metrics::counter!("problems_by_kind", "kind" => problem.kind.label()).increment(1);
    tracing::warn!(
        pass_type = key.pass_type.as_str(),
        serial = key.serial.as_str(),
        problem = problem.kind.label(),
        reason = problem.sentence,
        "{message}"
    );
}

/// A publish that has to come again.
pub fn publish_failed(key: &PassKey, error: &StoreError) {
    metrics::counter!("failed_publishes").increment(1);
    tracing::error!(
        pass_type = key.pass_type.as_str(),
        serial = key.serial.as_str(),
        error = chain(error),
        "publish failed and is repeated"
    );
}

/// Counts pushes, and names those that failed by APNs's reason.
pub fn pushes(report: &FanOutReport) {
    metrics::counter!("pushes_accepted").increment(report.pushed.into());
    metrics::counter!("pushes_refused").increment(report.refused.into());
    metrics::counter!("pushes_undelivered").increment(report.undelivered.into());
    metrics::counter!("devices_ended").increment(report.ended.into());
    for (reason, count) in &report.failures {
        metrics::counter!("pushes_failed_by_reason", "reason" => reason.clone()).increment((*count).into());
        tracing::warn!(reason, count, advice = advice(reason), "APNs did not take pushes");
    }
}
