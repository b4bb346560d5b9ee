//! `livepass template`: check a template, and publish it.

mod status;
mod taken_away;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use edge::WallClock;
use passes::ids::TemplateId;
use passes::template::{MoveError, RollBackOutcome, TemplateOutcome, publish_template, roll_back};
use pkpass::{Fault, Template, TemplateError};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Format, say};
use crate::place::{Place, PlaceArguments};

/// Check pass templates and publish them
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name every fault of a template, and what its passes would be warned of, without storing anything
    #[command(
        after_help = "Examples:\n  livepass template check ./loyalty\n  livepass template check Card.pkpasstemplate\n  livepass template check loyalty.zip --format json"
    )]
    Check {
        /// Folder or zip file with pass.json, images and *.lproj folders
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// `text` to read, `json` for one line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Check a template, store it, and let its passes follow
    #[command(
        after_help = "Examples:\n  livepass template put ./loyalty --id loyalty\n  livepass template put loyalty.zip --id loyalty --stack livepass-prod\n  livepass template put ./loyalty --id loyalty --yes\n\nA version without a field that rows write is put with --yes alone: those rows would be refused."
    )]
    Put {
        /// Folder or zip file with pass.json, images and *.lproj folders
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// The id that pass records name in `template`
        #[arg(long, value_name = "ID")]
        id: TemplateId,
        /// Go ahead also where rows write fields that this version takes away
        #[arg(long)]
        yes: bool,
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
        /// Return when every pass has been gone through
        #[arg(long)]
        wait: bool,
        /// Seconds without any progress after which --wait gives up
        #[arg(long, value_name = "SECONDS", requires = "wait", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
        patience: u64,
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
        Command::Check {
            path,
            format: Format::Json,
        } => check_for_scripts(&path),
        Command::Check { path, .. } => {
            let template = open(&path)?;
            say!(
                "{} is a good {} template, version {}",
                path.display(),
                template.style(),
                template.version()
            );
            for name in template.file_names() {
                say!("  {name}");
            }
            warn(&template);
            Ok(())
        }
        Command::Put { path, id, yes, place } => {
            let template = open(&path)?;
            warn(&template);
            let place = place.open().await?;
            if !yes {
                taken_away::expect_unused(&template, &id, &place).await?;
            }
            put(&template, &id, &place).await
        }
        Command::Status {
            id,
            format,
            wait,
            patience,
            place,
        } => {
            let patience = wait.then(|| Duration::from_secs(patience));
            status::run(&id, format, patience, &place.open().await?).await
        }
        Command::Rollback { id, place } => rollback(&id, &place.open().await?).await,
    }
}

async fn put(template: &Template, id: &TemplateId, place: &Place) -> Result<(), Failure> {
    let (registry, (versions, sweeps)) = (place.registry().await?, place.templates()?);
    let outcome = publish_template(&registry, &versions, &sweeps, &WallClock::system(), id, template).await;
    let outcome = outcome.map_err(|error| match error {
        MoveError::NotMoved(error) | MoveError::MayHaveMoved { source: error, .. } => place.failure(&error),
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
            say!(
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
            say!("{already}; nothing is known of some of its passes, so these are told again.");
            followed(id, place);
        }
        _ => say!("{already}; nothing to do."),
    }
    Ok(())
}

/// How passes come to follow a pointer that has moved.
fn followed(id: &TemplateId, place: &Place) {
    say!(
        "Its passes follow now, by themselves. How far they are: livepass template status --id {id} {}",
        place.option()
    );
}

async fn rollback(id: &TemplateId, place: &Place) -> Result<(), Failure> {
    let (registry, (_, sweeps)) = (place.registry().await?, place.templates()?);
    let outcome = roll_back(&registry, &sweeps, &WallClock::system(), id).await;
    let outcome = outcome.map_err(|error| match error {
        MoveError::NotMoved(error) => place.failure(&error),
        MoveError::MayHaveMoved { pointer, source } => Failure::new(format!(
            "whether template {id} is back at version {} was not heard:\n{}\nLook: livepass template status --id {id} {}\n\
             Where it says change {}, it is, and its passes were not told: livepass publish --template {id} {}\nOtherwise \
             nothing has moved: roll back again.",
            pointer.version,
            place.failure(&source),
            place.option(),
            pointer.seq,
            place.option()
        )),
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
            say!(
                "template {id} is back at version {} (change {}).",
                pointer.version,
                pointer.seq
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

/// One line whatever was found; it fails where there are faults.
fn check_for_scripts(path: &Path) -> Result<(), Failure> {
    match Template::open(path) {
        Ok(template) => {
            let line = json!({
                "style": template.style(),
                "version": template.version(),
                "faults": [],
                "warnings": as_json(&template.warnings(SystemTime::now())),
            });
            say!("{line}");
            Ok(())
        }
        Err(error) => {
            say!(
                "{}",
                json!({"faults": as_json(&error.faults), "warnings": as_json(&error.warnings)})
            );
            Err(with_faults(path, &error))
        }
    }
}

fn as_json(faults: &[Fault]) -> Vec<Value> {
    let line = |fault: &Fault| json!({"path": fault.path, "reason": fault.reason});
    faults.iter().map(line).collect()
}

/// What phones show otherwise than was meant, and what each row has to bring.
fn warn(template: &Template) {
    let warnings = template.warnings(SystemTime::now());
    match warnings.len() {
        0 => return,
        1 => say!("One warning; the template can be published with it:"),
        count => say!("{count} warnings; the template can be published with them:"),
    }
    for warning in warnings {
        say!("  {warning}");
    }
}

fn open(path: &Path) -> Result<Template, Failure> {
    Template::open(path).map_err(|error| with_faults(path, &error))
}

fn with_faults(path: &Path, error: &TemplateError) -> Failure {
    let faults: Vec<_> = error.faults.iter().map(|fault| format!("  {fault}")).collect();
    let count = match faults.len() {
        1 => "one fault".to_owned(),
        count => format!("{count} faults"),
    };
    let mut sentence = format!("{} has {count}:\n{}", path.display(), faults.join("\n"));
    if !error.warnings.is_empty() {
        let warnings: Vec<_> = error.warnings.iter().map(|warning| format!("  {warning}")).collect();
        sentence.push_str(&format!("\nand would be warned of:\n{}", warnings.join("\n")));
    }
    Failure::new(sentence)
}
