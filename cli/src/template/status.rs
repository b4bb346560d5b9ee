//! `livepass template status`: how far a template's passes have followed.

use std::time::{Duration, Instant, SystemTime};

use aws::dynamodb::Registry;
use passes::ids::TemplateId;
use passes::ports::{MovePointer as _, NoteUpload as _, ReadTemplates as _, UploadNote};
use passes::revision::PublishedTemplate;
use passes::sweep::{SEGMENTS, SweepProgress, Tally};
use serde_json::json;

use super::{as_json, unknown};
use crate::failure::Failure;
use crate::output::{Format, date, say};
use crate::place::Place;
use crate::progress::Progress;

/// How often the Registry is asked while its passes follow.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// With `patience`, once all passes have followed.
pub async fn run(id: &TemplateId, format: Format, patience: Option<Duration>, place: &Place) -> Result<(), Failure> {
    let registry = place.registry().await?;
    let failed = |error| place.failure(&error);
    let note = registry.upload_note(id).await.map_err(failed)?;
    let published = registry.pointer(id).await.map_err(failed)?;
    let refused = refused_upload(note, published.as_ref());
    let Some(mut published) = published else {
        return Err(match refused {
            Some(note) => Failure::new(format!(
                "{} has no template {id}: what was uploaded {} cannot be published:\n{}",
                place.name(),
                date(note.noted_at),
                indented(note.refused.as_deref().unwrap_or_default())
            )),
            None => unknown(id, place),
        });
    };
    if let Some(patience) = patience {
        published = followed(&registry, published, patience, place).await?;
    }
    let pointer = &published.pointer;
    // A version that cannot be read is named by what needs it; how far its passes are is known all the same.
    let (versions, _) = place.templates()?;
    let template = versions.template(id, &pointer.version).await.ok();
    let warnings = template.map_or(Vec::new(), |template| template.warnings(SystemTime::now()));
    let since = date(published.published_at);
    let sweep = published.sweep.as_ref();
    match format {
        Format::Json => say!(
            "{}",
            json!({
                "id": id.as_str(),
                "version": pointer.version,
                "change": pointer.seq,
                "published_at": since,
                "previous_version": published.previous,
                "sweep": sweep.map(sweep_as_json),
                "warnings": as_json(&warnings),
                "refused_upload": refused.as_ref().map(|note| json!({
                    "at": date(note.noted_at),
                    "reason": note.refused,
                })),
            })
        ),
        Format::Text => {
            say!("template {id} of {}", place.name());
            say!("  version    {}", pointer.version);
            say!("  published  {since} (change {})", pointer.seq);
            say!("  before it  {}", published.previous.as_deref().unwrap_or("none"));
            say!("  passes     {}", following(sweep));
            for sentence in sweep.map(what_did_not_follow).unwrap_or_default() {
                say!("             {sentence}");
            }
            for (position, warning) in warnings.iter().enumerate() {
                say!("  {}   {warning}", if position == 0 { "warnings" } else { "        " });
            }
            if let Some(note) = refused {
                say!("  refused    an upload, {}:", date(note.noted_at));
                say!("{}", indented(note.refused.as_deref().unwrap_or_default()));
            }
        }
    }
    Ok(())
}

/// Waits until the sweep is through. One whose page lies in the dead letters would never be.
async fn followed(
    registry: &Registry,
    mut published: PublishedTemplate,
    patience: Duration,
    place: &Place,
) -> Result<PublishedTemplate, Failure> {
    let progress = Progress::of_segments(SEGMENTS);
    let mut moved = Instant::now();
    while let Some(sweep) = published.sweep.as_ref().filter(|sweep| !is_finished(sweep)) {
        progress.segments(finished(sweep), done(sweep).followed());
        if moved.elapsed() >= patience {
            return Err(Failure::new(format!(
                "nothing has moved for {} s: {}\nWhat holds a sweep up: docs/runbook.md, \"sweeps-wait\" and \
                 \"sweeps-given-up\".",
                patience.as_secs(),
                following(Some(sweep))
            )));
        }
        tokio::time::sleep(LOOK_AGAIN.min(patience)).await;
        let id = &published.pointer.id;
        let found = registry.pointer(id).await.map_err(|error| place.failure(&error))?;
        let now = found.ok_or_else(|| unknown(id, place))?;
        if now != published {
            moved = Instant::now();
            published = now;
        }
    }
    Ok(published)
}

/// The last upload, if it was refused. One that was published since has another stamp, and moved
/// the pointer later.
fn refused_upload(note: Option<UploadNote>, published: Option<&PublishedTemplate>) -> Option<UploadNote> {
    let refused = note.filter(|note| note.refused.is_some());
    refused.filter(|note| published.is_none_or(|published| published.published_at <= note.noted_at))
}

fn indented(lines: &str) -> String {
    lines
        .lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn done(sweep: &SweepProgress) -> Tally {
    sweep.values().map(|segment| segment.done).sum()
}

fn finished(sweep: &SweepProgress) -> usize {
    sweep.values().filter(|segment| segment.finished).count()
}

fn is_finished(sweep: &SweepProgress) -> bool {
    finished(sweep) == usize::from(SEGMENTS)
}

fn sweep_as_json(sweep: &SweepProgress) -> serde_json::Value {
    let done = done(sweep);
    json!({
        "passes": done.passes,
        "followed": done.followed(),
        "refused": done.refused,
        "handed_over": done.handed_over,
        "segments_finished": finished(sweep),
        "segments": SEGMENTS,
    })
}

fn following(sweep: Option<&SweepProgress>) -> String {
    match sweep {
        None => "follow as their records are published".to_owned(),
        Some(sweep) if is_finished(sweep) => format!("{} followed", done(sweep).followed()),
        Some(sweep) => format!(
            "{} followed so far; {} of {SEGMENTS} segments of the table are done",
            done(sweep).followed(),
            finished(sweep)
        ),
    }
}

/// One sentence for each reason why a pass that was gone through shows no change.
fn what_did_not_follow(sweep: &SweepProgress) -> Vec<String> {
    let done = done(sweep);
    let mut sentences = Vec::new();
    if done.refused > 0 {
        sentences.push(format!(
            "{} refused: their records cannot be published (docs/table.md, \"Problems\")",
            done.refused
        ));
    }
    if done.handed_over > 0 {
        sentences.push(format!(
            "{} handed over to PublishQueue, since publishing them failed; they follow from there",
            done.handed_over
        ));
    }
    sentences
}
