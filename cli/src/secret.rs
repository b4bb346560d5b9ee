//! `livepass secret`: check identities and keys, and store them.

mod apns;
mod keys;
mod pass_type;
mod team;

use clap::Subcommand;

use crate::failure::Failure;
use crate::place::PlaceArguments;

/// Check certificates and keys and store them
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what is wrong with a certificate or key, without storing anything
    Check {
        #[command(subcommand)]
        what: Checked,
    },
    /// Check a certificate or key and store it
    Put {
        #[command(subcommand)]
        what: Put,
    },
}

#[derive(Subcommand)]
enum Checked {
    /// The certificate that passes of one type are signed with, and its key
    ///
    /// With --dir or --stack also whether the APNs key that is stored there is of the same team.
    #[command(after_help = pass_type::EXAMPLES)]
    PassType {
        #[command(flatten)]
        arguments: pass_type::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
    },
    /// The key that pushes are authenticated with (.p8), of the team that issues the passes
    ///
    /// With --dir or --stack also whether the certificates that are stored there are of the same team.
    #[command(after_help = apns::EXAMPLES)]
    Apns {
        #[command(flatten)]
        arguments: apns::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
    },
}

#[derive(Subcommand)]
enum Put {
    #[command(after_help = pass_type::EXAMPLES)]
    PassType {
        #[command(flatten)]
        arguments: pass_type::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
        /// Store it although the APNs key there is of another team, e.g. while both are being replaced
        #[arg(long)]
        other_team: bool,
    },
    #[command(after_help = apns::EXAMPLES)]
    Apns {
        #[command(flatten)]
        arguments: apns::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
        /// Store it although a certificate there is of another team, e.g. while both are being replaced
        #[arg(long)]
        other_team: bool,
    },
    #[command(after_help = keys::EXAMPLES)]
    Keys {
        #[command(flatten)]
        arguments: keys::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
    },
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Check { what } => match what {
            Checked::PassType { arguments, place } => {
                let identity = arguments.read()?;
                identity.describe();
                if let Some(place) = place.open_where_given().await? {
                    identity.check_in(&place).await?;
                }
            }
            Checked::Apns { arguments, place } => {
                let key = arguments.read()?;
                key.describe();
                if let Some(place) = place.open_where_given().await? {
                    key.check_in(&place).await?;
                }
            }
        },
        Command::Put { what } => match what {
            Put::PassType {
                arguments,
                place,
                other_team,
            } => arguments.read()?.put(&place.open().await?, other_team).await?,
            Put::Apns {
                arguments,
                place,
                other_team,
            } => arguments.read()?.put(&place.open().await?, other_team).await?,
            Put::Keys { arguments, place } => arguments.put(&place.open().await?).await?,
        },
    }
    Ok(())
}
