//! `livepass template`: check a template, and publish it.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws::dynamodb::Registry;
use clap::Subcommand;
use edge::WallClock;
use passes::ids::TemplateId;
use passes::ports::{MovePointer as _, NoteUpload as _, StoreResult, UploadNote};
use passes::sweep::{SEGMENTS, SweepProgress};
use passes::template::{MoveError, RollBackOutcome, TemplateOutcome, publish_template, roll_back};
use pkpass::Template;
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Format, date};
use crate::place::{Place, PlaceArguments};

/// Check pass templates and publish them
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name every fault of a template, without storing anything
    #[command(after_help = "Examples:\n  livepass template check ./loyalty\n  livepass template check loyalty.zip")]
    Check {
        /// Folder or zip file with pass.json, images and *.lproj folders
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Check a template, store it, and let its passes follow
    #[command(
        after_help = "Examples:\n  livepass template put ./loyalty --id loyalty\n  livepass template put loyalty.zip --id loyalty --stack livepass-prod"
    )]
    Put {
        /// Folder or zip file with pass.json, images and *.lproj folders
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// The id that pass records name in `template`
        #[arg(long, value_name = "ID")]
        id: TemplateId,
        #[command(flatten)]
        place: PlaceArguments,
    },
    /// Say which version of a template is published, how far its passes have followed, and what was
    /// wrong with the last upload
    #[command(
        after_help = "Examples:\n  livepass template status --id loyalty\n  livepass template status --id loyalty --stack livepass-prod --wait --format json"
    )]
    Status {
        /// The id that pass records name in `template`
        #[arg(long, value_name = "ID")]
        id: TemplateId,
        /// Return when all its passes have followed
        #[arg(long)]
        wait: bool,
        /// `text` to read, `json` for one line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        place: PlaceArguments,
    },
    /// Publish the version again that was published before this one
    #[command(
        after_help = "Example:\n  livepass template rollback --id loyalty --stack livepass-prod\n\nRolling back twice is where one was."
    )]
    Rollback {
        /// The id that pass records name in `template`
        #[arg(long, value_name = "ID")]
        id: TemplateId,
        #[command(flatten)]
        place: PlaceArguments,
    },
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Check { path } => {
            let template = open(&path)?;
            println!(
                "{} is a good {} template, version {}",
                path.display(),
                template.style(),
                template.version()
            );
            for name in template.file_names() {
                println!("  {name}");
            }
            Ok(())
        }
        Command::Put { path, id, place } => {
            let template = open(&path)?;
            put(&template, &id, &place.open().await?).await
        }
        Command::Status {
            id,
            format,
            wait,
            place,
        } => status(&id, format, wait, &place.open().await?).await,
        Command::Rollback { id, place } => rollback(&id, &place.open().await?).await,
    }
}

async fn put(template: &Template, id: &TemplateId, place: &Place) -> Result<(), Failure> {
    let (registry, (versions, sweeps)) = (place.registry().await?, place.templates()?);
    let outcome = publish_template(&registry, &versions, &sweeps, &WallClock::system(), id, template).await;
    let outcome = outcome.map_err(|error| match error {
        MoveError::NotMoved(error) => place.failure(&error),
        MoveError::NotSwept { pointer, source } => Failure::new(format!(
            "template {id} is published as version {} (change {}), but its passes were not told to follow:\n{}\nOnce \
             that is mended, put the same files again.",
            pointer.version,
            pointer.seq,
            place.failure(&source)
        )),
    });
    let outcome = outcome?;
    let already = match &outcome {
        TemplateOutcome::Published(pointer) => {
            println!(
                "template {id} is published in {} as version {} (change {}).",
                place.name(),
                pointer.version,
                pointer.seq
            );
            followed(id, place);
            return Ok(());
        }
        TemplateOutcome::Unchanged(pointer) | TemplateOutcome::ToldAgain(pointer) => format!(
            "template {id} is published in {} with these very files already (version {})",
            place.name(),
            pointer.version
        ),
    };
    match outcome {
        TemplateOutcome::ToldAgain(_) => {
            println!("{already}; nothing is known of some of its passes, so these are told again.");
            followed(id, place);
        }
        _ => println!("{already}; nothing to do."),
    }
    Ok(())
}

/// How passes come to follow a pointer that has moved.
fn followed(id: &TemplateId, place: &Place) {
    println!(
        "Its passes follow now, by themselves. How far they are: livepass template status --id {id} {}",
        place.option()
    );
}

/// How often the Registry is asked by `--wait`.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

async fn status(id: &TemplateId, format: Format, wait: bool, place: &Place) -> Result<(), Failure> {
    let registry = place.registry().await?;
    let failed = |error| place.failure(&error);
    let refused = refused_upload(&registry, id).await.map_err(failed)?;
    let Some(mut published) = registry.pointer(id).await.map_err(failed)? else {
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
    while wait && published.sweep.as_ref().is_some_and(|sweep| !is_finished(sweep)) {
        show(published.sweep.as_ref());
        tokio::time::sleep(LOOK_AGAIN).await;
        published = match registry.pointer(id).await.map_err(failed)? {
            Some(published) => published,
            None => return Err(unknown(id, place)),
        };
    }
    if wait && std::io::stderr().is_terminal() {
        eprintln!();
    }
    let pointer = &published.pointer;
    let since = date(published.published_at);
    let sweep = published.sweep.as_ref();
    match format {
        Format::Json => println!(
            "{}",
            json!({
                "id": id.as_str(),
                "version": pointer.version,
                "change": pointer.seq,
                "published_at": since,
                "previous_version": published.previous,
                "sweep": sweep.map(|sweep| json!({
                    "passes": passes(sweep),
                    "segments_finished": finished(sweep),
                    "segments": SEGMENTS,
                })),
                "refused_upload": refused.as_ref().map(|note| json!({
                    "at": date(note.noted_at),
                    "reason": note.refused,
                })),
            })
        ),
        Format::Text => {
            println!("template {id} of {}", place.name());
            println!("  version    {}", pointer.version);
            println!("  published  {since} (change {})", pointer.seq);
            println!("  before it  {}", published.previous.as_deref().unwrap_or("none"));
            println!("  passes     {}", following(sweep));
            if let Some(note) = refused {
                println!("  refused    an upload, {}:", date(note.noted_at));
                println!("{}", indented(note.refused.as_deref().unwrap_or_default()));
            }
        }
    }
    Ok(())
}

/// The last upload, if it was refused. One that was published since has another stamp, and moved
/// the pointer later.
async fn refused_upload(registry: &Registry, id: &TemplateId) -> StoreResult<Option<UploadNote>> {
    let note = registry.upload_note(id).await?.filter(|note| note.refused.is_some());
    let published = registry.pointer(id).await?;
    Ok(note.filter(|note| published.is_none_or(|published| published.published_at <= note.noted_at)))
}

fn indented(lines: &str) -> String {
    lines
        .lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn passes(sweep: &SweepProgress) -> u64 {
    sweep.values().map(|segment| segment.passes).sum()
}

fn finished(sweep: &SweepProgress) -> usize {
    sweep.values().filter(|segment| segment.finished).count()
}

fn is_finished(sweep: &SweepProgress) -> bool {
    finished(sweep) == usize::from(SEGMENTS)
}

fn following(sweep: Option<&SweepProgress>) -> String {
    match sweep {
        None => "follow as their records are published".to_owned(),
        Some(sweep) if is_finished(sweep) => format!("{} followed", passes(sweep)),
        Some(sweep) => format!(
            "{} followed so far; {} of {SEGMENTS} segments of the table are done",
            passes(sweep),
            finished(sweep)
        ),
    }
}

/// On a terminal one line that changes; nothing elsewhere, where the end is enough.
fn show(sweep: Option<&SweepProgress>) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{}", following(sweep));
        let _ = std::io::stderr().flush();
    }
}

async fn rollback(id: &TemplateId, place: &Place) -> Result<(), Failure> {
    let (registry, (_, sweeps)) = (place.registry().await?, place.templates()?);
    let outcome = roll_back(&registry, &sweeps, &WallClock::system(), id).await;
    let outcome = outcome.map_err(|error| match error {
        MoveError::NotMoved(error) => place.failure(&error),
        MoveError::NotSwept { pointer, source } => Failure::new(format!(
            "template {id} is back at version {} (change {}), but its passes were not told to follow:\n{}\nOnce that is \
             mended: livepass publish --template {id} {}\nA second rollback would publish the other version again.",
            pointer.version,
            pointer.seq,
            place.failure(&source),
            place.option()
        )),
    });
    match outcome? {
        RollBackOutcome::RolledBack(pointer) => {
            println!(
                "template {id} is back at version {} (change {}).",
                pointer.version, pointer.seq
            );
            followed(id, place);
            Ok(())
        }
        RollBackOutcome::NoEarlierVersion => Err(Failure::new(format!(
            "template {id} has one version only, so there is none to go back to"
        ))),
        RollBackOutcome::Overtaken(pointer) => Err(Failure::new(format!(
            "template {id} was published meanwhile by somebody else (version {}, change {}), and is left so",
            pointer.version, pointer.seq
        ))),
        RollBackOutcome::Unknown => Err(unknown(id, place)),
    }
}

fn unknown(id: &TemplateId, place: &Place) -> Failure {
    Failure::new(format!(
        "{} has no template {id}; publish it with `livepass template put`",
        place.name()
    ))
}

fn open(path: &Path) -> Result<Template, Failure> {
    Template::open(path).map_err(|error| {
        let faults: Vec<_> = error.faults.iter().map(|fault| format!("  {fault}")).collect();
        let count = match faults.len() {
            1 => "one fault".to_owned(),
            count => format!("{count} faults"),
        };
        Failure::new(format!("{} has {count}:\n{}", path.display(), faults.join("\n")))
    })
}
