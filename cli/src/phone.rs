//! `livepass phone`: a simulated iPhone at the terminal.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::phone::{Ios, Phone, PhoneConfig};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use passes::ids::{PassKey, PassTypeIdentifier};
use serde::Deserialize;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::link::{endpoints, link};
use crate::output::say;
use crate::place::Place;

/// Be an iPhone: download, register, wait for pushes, update; unregister on leaving
///
/// Verifies every package as Wallet does and posts to /v1/log what a device would. Without a LINK
/// it takes the demo pass of the stack in DIR. Works against any web service: where there is no
/// APNs simulator to hear of pushes, it asks at intervals instead.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  livepass phone\n  livepass phone \"$(livepass link --type pass.com.example.ticket --serial TICKET-1)\"\n  livepass phone --ios 26 --language de\n  livepass phone --root-certificate root.pem --poll 30s https://passes.example.com/add/..."
)]
pub struct Arguments {
    /// Download links of the passes to install
    #[arg(value_name = "LINK")]
    links: Vec<String>,
    /// Folder of a stack that `livepass dev` has started
    #[arg(long, value_name = "DIR", default_value = ".livepass")]
    dir: PathBuf,
    /// PEM file of the root that signatures must lead to [default: the stack's own]
    #[arg(long, value_name = "FILE")]
    root_certificate: Option<PathBuf>,
    /// The phone's iOS: 27 shows `posterGeneric` where a pass has it, 26 its classic style
    #[arg(long, value_name = "VERSION", default_value = "27", value_parser = PossibleValuesParser::new(["26", "27"]).try_map(|number| number.parse::<Ios>()))]
    ios: Ios,
    /// The phone's language, such as de or pt-BR: which texts and images of a pass it shows
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    language: String,
    /// Ask this often instead of waiting for pushes
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    poll: Option<Duration>,
    /// Leave after this long [default: stay until Ctrl-C]
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    stay: Option<Duration>,
    /// Leave after the first update
    #[arg(long)]
    once: bool,
}

/// How often a web service is asked when there is no telling when it pushes.
const DEFAULT_POLL: Duration = Duration::from_secs(15);

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = match &arguments.root_certificate {
        Some(path) => path.clone(),
        None => endpoints(&arguments.dir)?.root_certificate,
    };
    let mut config = PhoneConfig::new(root_der(&root)?);
    config.ios = arguments.ios;
    config.language.clone_from(&arguments.language);
    let mut phone = Phone::new(config)?;
    let mut events = phone.subscribe();
    let printing = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            say!("{event}");
        }
    });
    let links = if arguments.links.is_empty() {
        let demo = PassKey::parse("pass.com.example.loyalty", "DEMO-1")?;
        vec![link(&Place::of_folder(&arguments.dir)?, &demo, Duration::from_secs(60)).await?]
    } else {
        arguments.links.clone()
    };
    for link in &links {
        phone.add_from_link(link).await?;
    }
    let deadline = arguments.stay.map(|stay| Instant::now() + stay);
    let waited = tokio::select! {
        result = live(&mut phone, &arguments) => result,
        () = until(deadline) => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // As a person who removes the passes: nothing is left behind, whatever went wrong before.
    let installed: Vec<PassKey> = phone.passes().map(|pass| pass.key().clone()).collect();
    for pass in installed {
        phone.remove(&pass).await?;
    }
    let complaints = phone.complaints().len();
    // With the phone goes its end of the channel: what is left is printed, and then it is over.
    drop(phone);
    printing.await?;
    waited?;
    match complaints {
        0 => Ok(()),
        _ => Err(Failure::new(format!(
            "Wallet would have complained {complaints} times; see above"
        ))),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Updates whenever there is reason to, until told to leave.
async fn live(phone: &mut Phone, arguments: &Arguments) -> Result<(), Failure> {
    let stack = endpoints(&arguments.dir).ok().filter(|_| arguments.poll.is_none());
    // Only pushes to passes of this very stack are to be heard there.
    let stack = stack.filter(|stack| {
        phone
            .passes()
            .all(|pass| pass.json()["webServiceURL"] == stack.web_service_url.as_str())
    });
    let Some(stack) = stack else {
        return poll(phone, arguments).await;
    };
    say!("phone    waiting for pushes; leave with Ctrl-C");
    let mut pushes = Pushes {
        client: reqwest::Client::new(),
        url: format!("{}/pushes", stack.control_url),
        seen: 0,
    };
    loop {
        for topic in pushes.next(phone.push_token().expose()).await? {
            let updates = phone.on_push(&topic).await?;
            if arguments.once && !updates.is_empty() {
                return Ok(());
            }
        }
    }
}

async fn poll(phone: &mut Phone, arguments: &Arguments) -> Result<(), Failure> {
    let interval = arguments.poll.unwrap_or(DEFAULT_POLL);
    say!("phone    asking every {} s; leave with Ctrl-C", interval.as_secs_f64());
    loop {
        tokio::time::sleep(interval).await;
        let mut types: Vec<PassTypeIdentifier> = phone.passes().map(|pass| pass.key().pass_type.clone()).collect();
        types.dedup();
        for pass_type in types {
            let updates = phone.check_for_updates(&pass_type).await?;
            if arguments.once && !updates.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Pushes that the APNs simulator accepted for one token.
struct Pushes {
    client: reqwest::Client,
    url: String,
    seen: usize,
}

#[derive(Deserialize)]
struct Push {
    topic: String,
    status: u16,
    lost: bool,
}

impl Pushes {
    /// Waits for pushes and returns their topics.
    async fn next(&mut self, device_token: &str) -> Result<Vec<PassTypeIdentifier>, Failure> {
        let url = format!("{}?device_token={device_token}&seen={}&wait=25", self.url, self.seen);
        let response = self.client.get(url).send().await.map_err(|error| {
            Failure::new(format!(
                "the stack's control API is gone ({error}); is `livepass dev` still running?"
            ))
        })?;
        let pushes: Vec<Push> = response.json().await?;
        let fresh = pushes
            .iter()
            .skip(self.seen)
            .filter(|push| push.status == 200 && !push.lost);
        let topics = fresh.map(|push| push.topic.parse()).collect::<Result<_, _>>()?;
        self.seen = pushes.len();
        Ok(topics)
    }
}

/// The certificate of a PEM file as a phone keeps it.
pub fn root_der(path: &Path) -> Result<Vec<u8>, Failure> {
    let pem = std::fs::read(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    pkpass::root_from_pem(&pem).ok_or_else(|| Failure::new(format!("{}: holds no PEM certificate", path.display())))
}
