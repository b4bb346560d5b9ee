//! What a publish or a push leaves in log and metrics, whichever function made it.

use passes::fan_out::FanOutReport;
use passes::ids::{PassKey, PassTypeIdentifier, TemplateId};
use passes::pages::{PageEnd, PageReport};
use passes::ports::StoreError;
use passes::problem::Problem;
use passes::publish::{PublishOutcome, PublishReport};
use passes::push::{PushOutcome, advice};
use passes::settle::Conclusion;
use passes::sweep::{SweepEnd, SweepPage, SweepReport};
use passes::unusable_key::{UnusableKey, UnusableRecord};
use passes::upload::UploadOutcome;
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
        metrics::counter!("warnings").increment(1);
        problem(key, notice, "published with a warning");
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
        PublishOutcome::Held(revision) => {
            metrics::counter!("deletions_held").increment(1);
            line(revision.value(), "held: its record is gone, and deletions are paused");
        }
        PublishOutcome::Refused {
            problem: refused,
            serving,
            ..
        } => {
            metrics::counter!("problems").increment(1);
            metrics::counter!("problems_by_kind", "kind" => refused.kind.label()).increment(1);
            problem(
                key,
                refused,
                match serving {
                    Some(_) => "the record cannot be published; the last good pass stays in service",
                    None => "the record cannot be published; no pass has been before",
                },
            );
        }
    }
}

fn problem(key: &PassKey, problem: &Problem, message: &str) {
    tracing::warn!(
        pass_type = key.pass_type.as_str(),
        serial = key.serial.as_str(),
        problem = problem.kind.label(),
        reason = problem.sentence,
        "{message}"
    );
}

/// The APNs key is of another team than the certificate of a pass type: its pushes will be refused.
pub fn other_team(pass_type: &PassTypeIdentifier, error: &pkpass::IdentityError) {
    metrics::counter!("warnings").increment(1);
    tracing::error!(
        pass_type = pass_type.as_str(),
        reason = %error,
        "passes of this type are published, and APNs will refuse their pushes"
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

/// A record whose key cannot become a pass, or that has been one. Both parts of the key are somebody's text.
pub fn unusable_key(key: &UnusableKey, record: UnusableRecord) {
    let (pass_type, serial) = (key.pass_type().escape_debug(), key.serial().escape_debug());
    let problem = key.problem();
    match record {
        UnusableRecord::Stands => {
            metrics::counter!("problems").increment(1);
            metrics::counter!("problems_by_kind", "kind" => problem.kind.label()).increment(1);
            tracing::warn!(
                %pass_type,
                %serial,
                problem = problem.kind.label(),
                reason = problem.sentence,
                "a record's key cannot become a pass"
            );
        }
        UnusableRecord::Gone => {
            tracing::info!(%pass_type, %serial, "a record whose key could not become a pass is gone")
        }
    }
}

/// A key that cannot become a pass, and that could not be noted either: the stream brings it again.
pub fn unusable_key_not_noted(key: &UnusableKey, reason: &str) {
    metrics::counter!("failed_publishes").increment(1);
    tracing::error!(
        pass_type = %key.pass_type().escape_debug(),
        serial = %key.serial().escape_debug(),
        error = reason,
        "a key that cannot become a pass could not be noted; its shard waits for it"
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

/// One line for each page of a sweep.
pub fn sweep(page: &SweepPage, report: &SweepReport) {
    metrics::counter!("passes_swept").increment(report.done.passes);
    tracing::info!(
        template = page.template.as_str(),
        template_seq = page.seq,
        segment = page.segment,
        passes = report.done.passes,
        passes_refused = report.done.refused,
        passes_handed_over = report.done.handed_over,
        keys_unusable = report.unusable,
        end = match report.end {
            SweepEnd::Overtaken => "overtaken",
            SweepEnd::SegmentFinished => "segment finished",
            SweepEnd::HandedOn => "handed on",
            SweepEnd::Stuck => "nothing could be done; the page is repeated",
        },
        "a page of a sweep"
    );
}

/// A page of a sweep that has to come again.
pub fn sweep_failed(page: &SweepPage, error: &StoreError) {
    metrics::counter!("failed_pages").increment(1);
    tracing::error!(
        template = page.template.as_str(),
        segment = page.segment,
        error = chain(error),
        "a page of a sweep failed and is repeated"
    );
}

/// One line for each upload; a refused one is said why.
pub fn upload(id: &TemplateId, outcome: &UploadOutcome) {
    let template = id.as_str();
    match outcome {
        UploadOutcome::Published { pointer, warnings } => {
            metrics::counter!("templates_published").increment(1);
            // Once for the template, and not again for each of its passes.
            for warning in warnings {
                metrics::counter!("warnings").increment(1);
                tracing::warn!(template, reason = %warning, "the template is published with a warning");
            }
            tracing::info!(
                template,
                version = pointer.version,
                template_seq = pointer.seq,
                "template published; its passes follow"
            );
        }
        UploadOutcome::Unchanged(pointer) => {
            tracing::info!(template, version = pointer.version, "these files are published already")
        }
        UploadOutcome::Known => tracing::info!(template, "this upload was taken in before"),
        UploadOutcome::Gone => tracing::info!(template, "nothing lies there any more"),
        UploadOutcome::Refused(reason) => {
            metrics::counter!("templates_refused").increment(1);
            tracing::warn!(
                template,
                reason,
                "the upload is no good template; the published version stays"
            );
        }
    }
}

/// Something was uploaded under a name that can be no template's.
pub fn upload_misnamed(key: &str) {
    metrics::counter!("templates_refused").increment(1);
    tracing::warn!(
        key = %key.escape_debug(),
        "an upload's name is not {{id}}.zip with an id of A-Z a-z 0-9 . _ -, at most 64 long; it is left alone"
    );
}

/// An upload that has to be brought again.
pub fn upload_failed(id: &TemplateId, error: &StoreError) {
    tracing::error!(
        template = id.as_str(),
        error = chain(error),
        "an upload could not be taken in and is repeated"
    );
}

/// A registration that was turned away because the pass is on as many devices as are allowed.
pub fn pass_full(key: &PassKey, devices: u64) {
    metrics::counter!("registrations_refused").increment(1);
    tracing::warn!(
        pass_type = key.pass_type.as_str(),
        serial = key.serial.as_str(),
        devices,
        "a pass is on as many devices as are allowed"
    );
}

/// What a batch's breaker said in the end: devices that were refused and keep their lease, because
/// most were.
pub fn concluded(conclusion: &Conclusion) {
    if let Some(error) = &conclusion.fault {
        tracing::error!(error = chain(error), "refused devices keep their lease");
    }
    let devices = conclusion.doubted;
    metrics::counter!("devices_doubted").increment(devices.into());
    if devices > 0 {
        tracing::error!(
            devices,
            "APNs refuses most devices: address or key are of another environment or team; nothing is removed"
        );
    }
}

/// Counts one push as soon as it is answered: what fails after it must not hide it from the alarms.
pub fn pushed(outcome: &PushOutcome, pass_type: &PassTypeIdentifier) {
    let failed = |reason: String| metrics::counter!("pushes_failed_by_reason", "reason" => reason).increment(1);
    match outcome {
        PushOutcome::Accepted => {
            metrics::counter!("pushes_accepted").increment(1);
            metrics::counter!("pushes_by_pass_type", "pass_type" => pass_type.to_string()).increment(1);
        }
        PushOutcome::Refused(refusal) => {
            metrics::counter!("pushes_refused").increment(1);
            metrics::counter!("pushes_at_fault").increment(refusal.is_our_fault().into());
            failed(refusal.reason.clone());
        }
        PushOutcome::Undelivered { cause, .. } => {
            metrics::counter!("pushes_undelivered").increment(1);
            failed(cause.to_string());
        }
    }
}

/// Counts fast pushes, also by pass type: phones count theirs so, and lose patience with a type that
/// pushes too often. Names what failed by APNs's reason.
pub fn pushes(report: &FanOutReport, pass_type: &PassTypeIdentifier) {
    metrics::counter!("fast_pushes_by_pass_type", "pass_type" => pass_type.to_string()).increment(report.fast.into());
    metrics::counter!("fast_pushes").increment(report.fast.into());
    metrics::counter!("devices_ended").increment(report.ended.into());
    for (reason, count) in &report.failures {
        tracing::warn!(reason, count, advice = advice(reason), "APNs did not take pushes");
    }
}
