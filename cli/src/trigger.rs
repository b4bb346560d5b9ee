//! `livepass trigger`: a fault on purpose, on the stack that runs.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;
use situations::{Healed, Line, Situation, Target};
use tokio::sync::Notify;

use crate::dev::Interrupt;
use crate::failure::Failure;
use crate::output::Format;

/// Bring a fault about on a running `livepass dev`, and see it heal
///
/// Makes a pass of its own, lets a simulated phone install it, breaks something, and checks that the
/// phone ends up with the newest values and was pushed no more often than needed. Time that has to
/// pass is turned on the stack's clock, and back at the end. Without a name all situations are
/// listed; docs/situations.md describes each.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  livepass trigger --list\n  livepass trigger lost-push\n  livepass trigger apns-outage --dir /tmp/trial\n  livepass trigger poison-record --format json | jq .pushes\n  for name in $(livepass trigger --list --format json | jq -r '.[].name'); do livepass trigger $name || break; done"
)]
pub struct Arguments {
    /// What to bring about
    #[arg(value_name = "SITUATION")]
    situation: Option<Situation>,
    /// Name all situations
    #[arg(long, conflicts_with = "situation")]
    list: bool,
    /// Folder of a stack that `livepass dev` has started
    #[arg(long, value_name = "DIR", default_value = ".livepass")]
    dir: PathBuf,
    /// What is printed: `text` to read, `json` for one line at the end
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Some(situation) = arguments.situation.filter(|_| !arguments.list) else {
        let _ = writeln!(std::io::stdout(), "{}", list(arguments.format));
        return Ok(());
    };
    let target = Target::of_folder(&arguments.dir)?;
    let interrupt = Interrupt::watch()?;
    // Nobody reads on, as behind `head`: the situation is not left in the middle.
    let unread = Notify::new();
    let mut tell = |line| {
        let mut out = std::io::stdout();
        let told = match (arguments.format, line) {
            (Format::Json, _) => Ok(()),
            (Format::Text, Line::Sentence(sentence)) => writeln!(out, "\n{sentence}"),
            (Format::Text, Line::Event(event)) => writeln!(out, "{event}"),
        };
        if told.is_err() {
            unread.notify_one();
        }
    };
    let interrupted = async {
        tokio::select! {
            () = interrupt.received() => {}
            () = unread.notified() => {}
        }
    };
    let healed = situations::run(&target, situation, &mut tell, interrupted).await?;
    let conclusion = match arguments.format {
        Format::Json => serde_json::to_string(&healed)?,
        Format::Text => format!("\n{}", conclusion(&healed)),
    };
    let _ = writeln!(std::io::stdout(), "{conclusion}");
    Ok(())
}

fn list(format: Format) -> String {
    let all = Situation::ALL.iter();
    match format {
        Format::Json => {
            let all = all.map(|situation| json!({"name": situation.name(), "sentence": situation.sentence()}));
            serde_json::Value::from_iter(all).to_string()
        }
        Format::Text => {
            let widest = all.clone().map(|situation| situation.name().len()).max().unwrap_or(0);
            let lines = all.map(|situation| format!("{:widest$}   {}", situation.name(), situation.sentence()));
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

fn conclusion(healed: &Healed) -> String {
    let phones = match healed.phones {
        1 => "The phone shows the newest values and has".to_owned(),
        phones => format!("All {phones} phones show the newest values and have"),
    };
    format!(
        "Healed. {phones} nothing to complain of. {} of at most {} pushes were tried. The passes are deleted.",
        healed.pushes, healed.most_pushes
    )
}
