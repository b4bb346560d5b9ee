//! `livepass deletions`: whether a burst of deletions waits, and letting it go ahead.

use clap::Subcommand;
use edge::WallClock;
use passes::burst::{ReleaseOutcome, release};
use passes::ports::CountDeletions as _;
use passes::time::Timestamp;
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Format, date, say};
use crate::place::{Place, PlaceArguments};

/// See whether deletions are paused, and release them
///
/// More rows deleted within an hour than `DeletionsPerHour` are mostly a mistake. Their passes then
/// stay as they are, and no phone hears of it, until the rows are back or the deletions are released.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether deletions are paused, and since when
    #[command(
        after_help = "Examples:\n  livepass deletions status\n  livepass deletions status --stack livepass-prod --format json"
    )]
    Status {
        /// `text` to read, `json` for one line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        place: PlaceArguments,
    },
    /// Void the passes whose rows are still gone
    #[command(
        after_help = "Example:\n  livepass deletions release --stack livepass-prod\n\nIf the rows were deleted by mistake, write them again instead: no phone has noticed anything."
    )]
    Release {
        /// `text` to read, `json` for one line
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        place: PlaceArguments,
    },
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Status { format, place } => status(format, &place.open().await?).await,
        Command::Release { format, place } => let_go(format, &place.open().await?).await,
    }
}

async fn status(format: Format, place: &Place) -> Result<(), Failure> {
    let deletions = place.registry().await?.deletions().await;
    let deletions = deletions.map_err(|error| place.failure(&error))?;
    match format {
        Format::Json => say!(
            "{}",
            json!({
                "paused_at": deletions.paused_at.map(second),
                "released_at": deletions.released_at.map(second),
                "hour_began_at": deletions.hour.map(|hour| second(hour.began_at)),
                "deletions_in_hour": deletions.hour.map(|hour| hour.count),
                "place": place.name(),
            })
        ),
        Format::Text => {
            match deletions.paused_at {
                Some(at) => {
                    say!("deletions of {} are paused since {}.", place.name(), second(at));
                    say!(
                        "Write the rows again, or void their passes: livepass deletions release {}",
                        place.option()
                    );
                }
                None => say!("deletions of {} are not paused.", place.name()),
            }
            if let Some(hour) = deletions.hour {
                say!(
                    "  counted        {} in the hour from {}",
                    hour.count,
                    second(hour.began_at)
                );
            }
            if let Some(at) = deletions.released_at {
                say!("  last released  {}", second(at));
            }
        }
    }
    Ok(())
}

async fn let_go(format: Format, place: &Place) -> Result<(), Failure> {
    let outcome = release(&place.registry().await?, &WallClock::system()).await;
    let outcome = outcome.map_err(|error| place.failure(&error))?;
    match (format, outcome) {
        (Format::Json, outcome) => {
            let paused_at = match outcome {
                ReleaseOutcome::Released { paused_at, .. } => Some(second(paused_at)),
                ReleaseOutcome::NotPaused => None,
            };
            let released = paused_at.is_some();
            say!(
                "{}",
                json!({"released": released, "paused_at": paused_at, "place": place.name()})
            );
        }
        (Format::Text, ReleaseOutcome::Released { paused_at, .. }) => say!(
            "deletions of {}, paused since {}, are released. Each held pass whose row is still gone is voided within \
             the next hour.",
            place.name(),
            second(paused_at)
        ),
        (Format::Text, ReleaseOutcome::NotPaused) => {
            say!("deletions of {} are not paused; nothing to do.", place.name());
        }
    }
    Ok(())
}

fn second(seconds: u64) -> String {
    date(Timestamp::from_seconds(seconds))
}
