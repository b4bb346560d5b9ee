//! What a publish or a push leaves in log and metrics, whichever function made it.

use passes::fan_out::FanOutReport;
use passes::ids::{PassKey, PassTypeIdentifier};
use passes::pages::{PageEnd, PageReport};
use passes::ports::StoreError;
use passes::problem::Problem;
use passes::publish::{PublishOutcome, PublishReport};
use passes::push::advice;
use passes::work::NextPage;

use crate::http::chain;

/// One line for each pass that was looked at, and more where something is wrong.
pub fn published(key: &PassKey, report: &PublishReport) {
    let devices = &report.fan_out;
    let (pass_type, serial) = (key.pass_type.as_str(), key.serial.as_str());
    pushes(devices, &key.pass_type);
    metrics::counter!("devices_advanced").increment(devices.advanced.into());
    metrics::counter!("pages_sent").increment(devices.pages_sent.into());
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
            pages_sent = devices.pages_sent,
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

/// A key that failed in the stream now rests in the queue.
pub fn handed_over(key: &PassKey) {
    metrics::counter!("keys_handed_over").increment(1);
    tracing::warn!(
        pass_type = key.pass_type.as_str(),
        serial = key.serial.as_str(),
        "a key that failed is handed over to the queue"
    );
}

/// A key that failed, and that the queue did not take either: the stream brings it again.
pub fn not_handed_over(key: &PassKey, reason: &str) {
    tracing::error!(
        pass_type = key.pass_type.as_str(),
        serial = key.serial.as_str(),
        error = reason,
        "a key that failed could not be handed over; its shard waits for it"
    );
}

/// One line for each page.
pub fn page(page: &NextPage, report: &PageReport) {
    let devices = &report.fan_out;
    pushes(devices, &page.key.pass_type);
    metrics::counter!("devices_advanced").increment(devices.advanced.into());
    metrics::counter!("pages_sent").increment(devices.pages_sent.into());
    metrics::counter!("unreadable_devices").increment(devices.unreadable.into());
    tracing::info!(
        pass_type = page.key.pass_type.as_str(),
        serial = page.key.serial.as_str(),
        devices_advanced = devices.advanced,
        devices_unreadable = devices.unreadable,
        pushes_accepted = devices.pushed,
        pushes_refused = devices.refused,
        pushes_undelivered = devices.undelivered,
        pushes_left = devices.left,
        end = match report.end {
            PageEnd::NoRevision => "no revision",
            PageEnd::Last => "last page",
            PageEnd::HandedOn => "handed on",
        },
        "a page of a fan-out"
    );
}

/// A page that has to come again.
pub fn page_failed(page: &NextPage, error: &StoreError) {
    metrics::counter!("failed_pages").increment(1);
    tracing::error!(
        pass_type = page.key.pass_type.as_str(),
        serial = page.key.serial.as_str(),
        error = chain(error),
        "a page of a fan-out failed and is repeated"
    );
}

/// Devices that were refused and keep their lease, because most were.
pub fn doubted(devices: u32) {
    metrics::counter!("devices_doubted").increment(devices.into());
    if devices > 0 {
        tracing::error!(
            devices,
            "APNs refuses most devices: address or key are of another environment or team; nothing is removed"
        );
    }
}

/// Counts pushes, also by pass type: phones count theirs so, and lose patience with a type that
/// pushes too often. Names those that failed by APNs's reason.
pub fn pushes(report: &FanOutReport, pass_type: &PassTypeIdentifier) {
    metrics::counter!("pushes_by_pass_type", "pass_type" => pass_type.to_string()).increment(report.pushed.into());
    doubted(report.doubted);
    metrics::counter!("pushes_accepted").increment(report.pushed.into());
    metrics::counter!("pushes_refused").increment(report.refused.into());
    metrics::counter!("pushes_undelivered").increment(report.undelivered.into());
    metrics::counter!("devices_ended").increment(report.ended.into());
    for (reason, count) in &report.failures {
        metrics::counter!("pushes_failed_by_reason", "reason" => reason.clone()).increment((*count).into());
        tracing::warn!(reason, count, advice = advice(reason), "APNs did not take pushes");
    }
}
