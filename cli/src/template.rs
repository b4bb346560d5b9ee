//! `livepass template`: check a template, and publish it.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use passes::ids::TemplateId;
use passes::template::TemplateOutcome;
use pkpass::Template;

use crate::failure::Failure;
use crate::place::PlaceArguments;

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
            match place.publish_template(&id, &template).await? {
                TemplateOutcome::Published(pointer) => println!(
                    "template {id} is published in {} as version {} (change {}).\nEach pass follows when its record is \
                     next published, at the latest when the record is written.",
                    place.name(),
                    pointer.version,
                    pointer.seq
                ),
                TemplateOutcome::Unchanged(pointer) => println!(
                    "template {id} is published in {} with these very files already (version {}); nothing to do.",
                    place.name(),
                    pointer.version
                ),
            }
            Ok(())
        }
    }
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
