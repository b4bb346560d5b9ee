//! `livepass secret`: check identities and keys, and store them.

mod apns;
mod keys;
mod pass_type;

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
    #[command(after_help = pass_type::EXAMPLES)]
    PassType(pass_type::Arguments),
    #[command(after_help = apns::EXAMPLES)]
    Apns(apns::Arguments),
}

#[derive(Subcommand)]
enum Put {
    #[command(after_help = pass_type::EXAMPLES)]
    PassType {
        #[command(flatten)]
        arguments: pass_type::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
    },
    #[command(after_help = apns::EXAMPLES)]
    Apns {
        #[command(flatten)]
        arguments: apns::Arguments,
        #[command(flatten)]
        place: PlaceArguments,
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
            Checked::PassType(arguments) => arguments.read()?.describe(),
            Checked::Apns(arguments) => arguments.read()?.describe(),
        },
        Command::Put { what } => match what {
            Put::PassType { arguments, place } => arguments.read()?.put(&place.open().await?).await?,
            Put::Apns { arguments, place } => arguments.read()?.put(&place.open().await?).await?,
            Put::Keys { arguments, place } => arguments.put(&place.open().await?).await?,
        },
    }
    Ok(())
}
