//! `livepass publish`: passes are brought in line with their records again.

mod bookmark;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use aws::dynamodb::Sources;
use clap::ArgGroup;
use edge::WallClock;
use edge::platform::WorkQueue;
use passes::ids::{PassKey, PassTypeIdentifier, SerialNumber, TemplateId};
use passes::pace::Pace;
use passes::ports::{
    FindRecords as _, MovePointer as _, ReadRevision as _, ReadSources as _, RecordCursor, Selection, SendKeys as _,
};
use passes::time::Clock as _;
use passes::work::{Hint, KEYS_AT_A_TIME, KeyToPublish};
use serde_json::json;

use crate::dev::Interrupt;
use crate::failure::Failure;
use crate::output::{Format, quoted, say};
use crate::place::{Place, PlaceArguments};
use crate::progress::Progress;
use bookmark::Bookmark;

/// Publish passes again, as after a gap, a restore or a mended fault
///
/// Nothing happens to a pass that is as its record and template say: its devices are compared, and
/// whoever is behind is told. Passes go through the stack's queue, so the command ends before all of
/// them are published.
#[derive(clap::Args)]
#[command(
    group(ArgGroup::new("selection").required(true).args(["all", "template", "pass_type"])),
    after_help = "Examples:\n  livepass publish --all --stack livepass-prod\n  livepass publish --template loyalty --rate 20\n  livepass publish --type pass.com.example.loyalty --serial CARD-7\n  livepass publish --all --stack livepass-prod --resume publish.json\n  livepass publish --all --stack livepass-prod --after-restore"
)]
pub struct Arguments {
    /// Every record of the table
    #[arg(long)]
    all: bool,
    /// Records that name this template
    #[arg(long, value_name = "ID")]
    template: Option<TemplateId>,
    /// Records of this pass type, or with --serial one of them
    #[arg(long = "type", value_name = "TYPE")]
    pass_type: Option<PassTypeIdentifier>,
    /// One pass; one whose record was deleted is named so too
    // `requires` alone is not enough: clap lets it be where what is required cannot be given.
    #[arg(long, value_name = "SERIAL", requires = "pass_type", conflicts_with_all = ["all", "template"])]
    serial: Option<SerialNumber>,
    /// Passes a second
    #[arg(long, value_name = "N", default_value_t = USUAL_RATE, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// The Registry has been restored: revisions of before SECONDS (Unix time, or now) are written anew,
    /// which wakes every phone once
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, value_parser = past)]
    after_restore: Option<Option<u64>>,
    /// Keep the place in FILE, and go on from there if it is there already
    #[arg(long, value_name = "FILE", conflicts_with = "serial")]
    resume: Option<PathBuf>,
    /// What is printed at the end: `text` to read, `json` for one line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Passes a second, unless `--rate` says otherwise.
const USUAL_RATE: u32 = 100;

/// Records looked at in one call: about a megabyte of keys at DynamoDB's limit, a few seconds' work
/// at the usual rate.
const PAGE: u32 = 500;

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let place = arguments.place.open().await?;
    let (records, queue) = place.records_and_queue().await?;
    let (sent, unusable) = match (&arguments.pass_type, &arguments.serial) {
        (Some(pass_type), Some(serial)) => {
            let key = PassKey {
                pass_type: pass_type.clone(),
                serial: serial.clone(),
            };
            expect_known(&place, &records, &key).await?;
            let hint = hint(arguments.restored_at());
            send(&place, &queue, &[KeyToPublish { key, hint }]).await?;
            (1, 0)
        }
        _ => many(&arguments, &place, &records, &queue).await?,
    };
    match arguments.format {
        Format::Json => say!("{}", json!({"sent": sent, "unusable": unusable, "place": place.name()})),
        Format::Text => {
            let passes = match sent {
                0 => "no record is of that selection: no pass is".to_owned(),
                1 => "one pass is".to_owned(),
                sent => format!("{sent} passes are"),
            };
            say!("{passes} on the way to be published again in {}.", place.name());
            if unusable > 0 {
                say!(
                    "{unusable} records have keys that cannot be a pass, and were passed over: docs/table.md, \
                     \"A key that cannot become a pass\"."
                );
            }
        }
    }
    Ok(())
}

/// Without a record and without a revision there is nothing to publish, and never was: the key is
/// misspelt, or the stack is another one.
async fn expect_known(place: &Place, records: &Sources, key: &PassKey) -> Result<(), Failure> {
    if place.patiently(async || records.record(key).await).await?.is_some() {
        return Ok(());
    }
    let registry = place.registry().await?;
    if place.patiently(async || registry.revision(key).await).await?.is_some() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} has no pass {} of {}: neither a record nor a published revision; check --type and --serial",
        place.name(),
        key.serial,
        key.pass_type
    )))
}

/// A template that no record names is nothing to publish; one that is not there either is misspelt.
async fn expect_template(place: &Place, id: &TemplateId) -> Result<(), Failure> {
    let registry = place.registry().await?;
    match place.patiently(async || registry.pointer(id).await).await? {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!(
            "{} has neither a template {id} nor a record that names it; check --template",
            place.name()
        ))),
    }
}

/// Sends the selected records' keys, and keeps the place in a file until all are sent.
async fn many(
    arguments: &Arguments,
    place: &Place,
    records: &Sources,
    queue: &WorkQueue,
) -> Result<(u64, u64), Failure> {
    let (option, selection) = arguments.selection();
    let restored = match arguments.after_restore {
        None => String::new(),
        Some(None) => "--after-restore ".to_owned(),
        Some(Some(seconds)) => format!("--after-restore={seconds} "),
    };
    let command = format!("livepass publish {option} {restored}{}", place.option());
    let mut bookmark = match &arguments.resume {
        Some(path) => Bookmark::open(path, command)?,
        None => Bookmark::begin(command)?,
    };
    // Of one time, however often it is gone on with: what was renewed is not renewed again.
    bookmark.restored_at = bookmark.restored_at.or(arguments.restored_at());
    if bookmark.sent > 0 {
        eprintln!("going on after {} passes", bookmark.sent);
    }
    let interrupt = Interrupt::watch()?;
    let outcome = tokio::select! {
        outcome = send_all(&mut bookmark, place, arguments, &selection, records, queue) => outcome,
        () = interrupt.received() => Err(Failure::new("interrupted")),
    };
    match outcome {
        Ok(()) => {
            bookmark.remove();
            if let Some(template) = &arguments.template
                && bookmark.sent == 0
            {
                expect_template(place, template).await?;
            }
            Ok((bookmark.sent, bookmark.unusable))
        }
        Err(failure) => Err(Failure::new(format!(
            "{failure}\n{} passes have been sent; go on with\n  {}{} --resume {}",
            bookmark.sent,
            bookmark.command(),
            arguments.manner(),
            quoted(bookmark.path().display())
        ))),
    }
}

async fn send_all(
    bookmark: &mut Bookmark,
    place: &Place,
    arguments: &Arguments,
    selection: &Selection,
    records: &Sources,
    queue: &WorkQueue,
) -> Result<(), Failure> {
    let (clock, pace) = (WallClock::system(), Pace::per_second(arguments.rate));
    let hint = hint(bookmark.restored_at);
    // There before the first pass is sent, so that a command that is killed can be gone on with too.
    bookmark.store()?;
    if !std::io::stderr().is_terminal() {
        eprintln!("the place is kept in {}", bookmark.path().display());
    }
    let about = match arguments.all {
        true => records.about_how_many().await,
        false => None,
    };
    let progress = Progress::of_passes(bookmark.sent, about);
    loop {
        let after = bookmark.after.clone();
        let page = place
            .patiently(async || records.find_records(selection, after.as_ref(), PAGE).await)
            .await?;
        for keys in page.keys.chunks(KEYS_AT_A_TIME) {
            for _ in keys {
                pace.turn(&clock).await;
            }
            let work: Vec<_> = keys.iter().cloned().map(|key| KeyToPublish { key, hint }).collect();
            send(place, queue, &work).await?;
            bookmark.after = keys.last().map(|key| RecordCursor {
                pass_type: key.pass_type.to_string(),
                serial: key.serial.to_string(),
            });
            bookmark.sent += keys.len() as u64;
            bookmark.store()?;
            progress.passes_sent(bookmark.sent);
        }
        bookmark.unusable += u64::from(page.unusable);
        let Some(after) = page.after else { break };
        bookmark.after = Some(after);
        bookmark.store()?;
    }
    Ok(())
}

/// A batch that was sent twice is published twice, which changes nothing.
async fn send(place: &Place, queue: &WorkQueue, keys: &[KeyToPublish]) -> Result<(), Failure> {
    place
        .patiently(async || queue.send_keys(keys, std::time::Duration::ZERO).await)
        .await
}

/// Passes that are sent twice are published anew once: by then they are later than this.
fn hint(restored_at: Option<u64>) -> Hint {
    Hint {
        restored_at,
        ..Hint::EXPLICIT
    }
}

/// A revision of a time to come would hide what changes until then.
fn past(text: &str) -> Result<u64, String> {
    let seconds: u64 = text
        .parse()
        .map_err(|_| "a time in Unix seconds, e.g. of `date +%s`".to_owned())?;
    match seconds <= WallClock::system().now().seconds() {
        true => Ok(seconds),
        false => Err("it lies in the future; Unix seconds are meant, e.g. of `date +%s`".to_owned()),
    }
}

impl Arguments {
    /// When the Registry was restored, in Unix seconds.
    fn restored_at(&self) -> Option<u64> {
        let now = || WallClock::system().now().seconds();
        self.after_restore.map(|seconds| seconds.unwrap_or_else(now))
    }

    /// How it is done and told, as it was given: no part of what the place in the file belongs to.
    fn manner(&self) -> String {
        let mut options = String::new();
        if self.rate != USUAL_RATE {
            options.push_str(&format!(" --rate {}", self.rate));
        }
        if self.format == Format::Json {
            options.push_str(" --format json");
        }
        options
    }

    /// The option as it was given, and what it means.
    fn selection(&self) -> (String, Selection) {
        let selection = Selection {
            template: self.template.clone(),
            pass_type: self.pass_type.clone(),
            segment: None,
        };
        let option = match (&self.template, &self.pass_type) {
            (Some(template), _) => format!("--template {template}"),
            (None, Some(pass_type)) => format!("--type {pass_type}"),
            (None, None) => "--all".to_owned(),
        };
        (option, selection)
    }
}
