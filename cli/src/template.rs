//! `livepass template`: check a template, and publish it.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use edge::WallClock;
use passes::ids::TemplateId;
use passes::ports::MovePointer as _;
use passes::template::{RollBackOutcome, TemplateOutcome, publish_template, roll_back};
use pkpass::Template;
use serde_json::json;

use crate::failure::Failure;
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
    /// Say which version of a template is published, and since when
    #[command(
        after_help = "Examples:\n  livepass template status --id loyalty\n  livepass template status --id loyalty --stack livepass-prod --format json"
    )]
    Status {
        /// The id that pass records name in `template`
        #[arg(long, value_name = "ID")]
        id: TemplateId,
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

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
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
            let place = place.open().await?;
            let registry = place.registry().await?;
            let outcome = publish_template(&registry, &place, &WallClock::system(), &id, &template).await;
            match outcome.map_err(|error| place.failure(&error))? {
                TemplateOutcome::Published(pointer) => {
                    println!(
                        "template {id} is published in {} as version {} (change {}).",
                        place.name(),
                        pointer.version,
                        pointer.seq
                    );
                    followed(&id, &place);
                }
                TemplateOutcome::Unchanged(pointer) => println!(
                    "template {id} is published in {} with these very files already (version {}); nothing to do.",
                    place.name(),
                    pointer.version
                ),
            }
            Ok(())
        }
        Command::Status { id, format, place } => status(&id, format, &place.open().await?).await,
        Command::Rollback { id, place } => rollback(&id, &place.open().await?).await,
    }
}

/// How passes come to follow a pointer that has moved.
fn followed(id: &TemplateId, place: &Place) {
    println!(
        "Each pass follows when its record is next published. For all of them now: livepass publish --template {id} {}",
        place.option()
    );
}

async fn status(id: &TemplateId, format: Format, place: &Place) -> Result<(), Failure> {
    let published = place.registry().await?.pointer(id).await;
    let Some(published) = published.map_err(|error| place.failure(&error))? else {
        return Err(unknown(id, place));
    };
    let pointer = &published.pointer;
    let since = humantime::format_rfc3339_seconds(published.published_at.system_time());
    match format {
        Format::Json => println!(
            "{}",
            json!({
                "id": id.as_str(),
                "version": pointer.version,
                "change": pointer.seq,
                "published_at": since.to_string(),
                "previous_version": published.previous,
            })
        ),
        Format::Text => {
            println!("template {id} of {}", place.name());
            println!("  version    {}", pointer.version);
            println!("  published  {since} (change {})", pointer.seq);
            println!("  before it  {}", published.previous.as_deref().unwrap_or("none"));
        }
    }
    Ok(())
}

async fn rollback(id: &TemplateId, place: &Place) -> Result<(), Failure> {
    let outcome = roll_back(&place.registry().await?, &WallClock::system(), id).await;
    match outcome.map_err(|error| place.failure(&error))? {
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
