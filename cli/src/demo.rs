//! `livepass demo`: the whole story, end to end and by itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::phone::{Event, Phone, PhoneConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::PassKey;
use stack::{Stack, StackConfig};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::failure::Failure;
use crate::link::link;
use crate::output::say;
use crate::phone::root_der;
use crate::place::Place;

/// See a phone hold a pass, a backend change a row, and the phone show the new value
///
/// Runs the deployed handlers over a real DynamoDB engine and real HTTP/2 in a temporary folder.
/// Succeeds only if all of it happened.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  livepass demo\n  livepass demo --out demo.pkpass && unzip -t demo.pkpass")]
pub struct Arguments {
    /// Keep the last package that the phone downloaded, and beside it the root certificate that it
    /// is verified against, as FILE.root.pem
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A push follows a change within milliseconds; this long only on a machine that is very busy.
const PATIENCE: Duration = Duration::from_secs(10);

const FIELD: &str = "balance";
const NEW_BALANCE: &str = "42.5";

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let dir = tempfile::tempdir()?;
    let stack = Stack::start(StackConfig::on_free_ports(dir.path())).await?;
    let endpoints = stack.endpoints().clone();
    let mut story = Story::of(Phone::new(PhoneConfig::new(root_der(&endpoints.root_certificate)?))?);
    let key = PassKey::parse("pass.com.example.loyalty", "DEMO-1")?;

    story.tell("A backend has written the row DEMO-1. Its customer opens the download link.");
    let link = link(&Place::of_folder(dir.path())?, &key, Duration::from_secs(60)).await?;
    story.phone.add_from_link(&link).await?;
    story.show_exchanges();
    let old = story.shown(&key)?;
    story.tell(&format!(
        "The phone has verified and registered the pass. It shows {FIELD} {old}."
    ));

    story.tell("The backend changes the row, through the DynamoDB API:");
    say!(
        "backend -> UpdateItem {} DEMO-1: fields.{FIELD} = {NEW_BALANCE}",
        endpoints.passes_table
    );
    let seen = stack.simulator().received();
    stack::dynamodb_client(&endpoints.dynamodb_endpoint)
        .await
        .update_item()
        .table_name(&endpoints.passes_table)
        .key("serialNumber", AttributeValue::S(key.serial.to_string()))
        .key("passTypeIdentifier", AttributeValue::S(key.pass_type.to_string()))
        .update_expression("SET #fields.#field = :value")
        .expression_attribute_names("#fields", "fields")
        .expression_attribute_names("#field", FIELD)
        .expression_attribute_values(":value", AttributeValue::N(NEW_BALANCE.to_owned()))
        .send()
        .await?;
    let changed = Instant::now();

    let pushes = stack.simulator().pushed_after(seen, PATIENCE).await;
    let push = pushes
        .iter()
        .find(|push| push.device_token == story.phone.push_token().expose())
        .ok_or_else(|| Failure::new("no push came for the phone; please report this"))?;
    if push.status != 200 {
        let reason = push.reason.as_deref().unwrap_or("no reason");
        return Err(Failure::new(format!("APNs refused the push: {} {reason}", push.status)));
    }
    say!("livepass -> APNs push {}   {}", push.topic, push.status);
    let updates = story.phone.on_push(&key.pass_type).await?;
    story.show_exchanges();
    let new = story.shown(&key)?;
    if updates.len() != 1 || new != NEW_BALANCE || new == old {
        return Err(Failure::new(format!("the phone shows {new} instead of {NEW_BALANCE}")));
    }
    story.tell(&format!(
        "The phone has verified the new package. {FIELD}: {old} -> {new}, {} ms after the change.",
        changed.elapsed().as_millis()
    ));
    if let Some(path) = &arguments.out {
        let package = story.phone.pass(&key).map(|pass| pass.package()).unwrap_or_default();
        keep(path, package)?;
        keep(&root_beside(path), &std::fs::read(&endpoints.root_certificate)?)?;
    }

    story.tell("The customer removes the pass.");
    story.phone.remove(&key).await?;
    story.show_exchanges();
    if let Some(complaint) = story.phone.complaints().first() {
        return Err(Failure::new(format!("Wallet would have complained: {complaint}")));
    }
    stack.shutdown().await;
    if let Some(path) = &arguments.out {
        say!(
            "\nThe package is in {}, its root certificate in {}.",
            path.display(),
            root_beside(path).display()
        );
    }
    say!(
        "\nAll of it happened, in {:.1} s. Next: `cargo run -- dev` runs the same for you to play with.",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn root_beside(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".root.pem");
    name.into()
}

fn keep(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

struct Story {
    phone: Phone,
    events: UnboundedReceiver<Event>,
}

impl Story {
    fn of(mut phone: Phone) -> Self {
        let events = phone.subscribe();
        Self { phone, events }
    }

    fn tell(&self, sentence: &str) {
        say!("\n{sentence}");
    }

    fn show_exchanges(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            say!("{event}");
        }
    }

    fn shown(&self, key: &PassKey) -> Result<String, Failure> {
        self.phone
            .pass(key)
            .and_then(|pass| pass.shown(FIELD))
            .ok_or_else(|| Failure::new(format!("the phone shows no {FIELD}")))
    }
}
