//! The `livepass` command.

mod deletions;
mod demo;
mod dev;
mod failure;
mod link;
mod output;
mod phone;
mod place;
mod progress;
mod publish;
mod secret;
mod template;
mod trigger;

use std::io::Write as _;

use clap::{Parser, Subcommand};

/// Keeps Apple Wallet passes live.
///
/// Try it without any account: `livepass demo` tells the whole story in a few seconds, and
/// `livepass dev` runs everything on this machine for you to play with.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Dev(dev::Arguments),
    Phone(phone::Arguments),
    Link(link::Arguments),
    Secret(secret::Arguments),
    Template(template::Arguments),
    Publish(publish::Arguments),
    Deletions(deletions::Arguments),
    Trigger(trigger::Arguments),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Phone(arguments) => phone::run(arguments).await,
        Command::Link(arguments) => link::run(&arguments).await,
        Command::Secret(arguments) => secret::run(arguments).await,
        Command::Template(arguments) => template::run(arguments).await,
        Command::Publish(arguments) => publish::run(arguments).await,
        Command::Deletions(arguments) => deletions::run(arguments).await,
        Command::Trigger(arguments) => trigger::run(arguments).await,
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}
