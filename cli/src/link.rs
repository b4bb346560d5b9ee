//! `livepass link`: the signed download link of a pass.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passes::ids::PassKey;
use passes::link::LinkSignature;
use stack::Endpoints;

use crate::failure::Failure;
use crate::output::say;
use crate::place::{Place, PlaceArguments};

/// Print the signed link from which a phone downloads a pass
///
/// Backends make such links themselves; docs/links.md has the recipe.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    livepass link --type pass.com.example.loyalty --serial DEMO-1 --expires 30m\n  \
    livepass link --type pass.com.example.loyalty --serial CARD-7 --stack livepass-prod")]
pub struct Arguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Pass type identifier
    #[arg(long = "type", value_name = "TYPE", default_value = "pass.com.example.loyalty")]
    pass_type: String,
    /// Serial number
    #[arg(long, value_name = "SERIAL", default_value = "DEMO-1")]
    serial: String,
    /// How long the link holds, e.g. 90s, 1h, 30days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    expires: Duration,
}

pub async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let key = PassKey::parse(&arguments.pass_type, &arguments.serial)?;
    say!(
        "{}",
        link(&arguments.place.open().await?, &key, arguments.expires).await?
    );
    Ok(())
}

const DAY_S: u64 = 24 * 60 * 60;
const LINK_KEYS: &str = "link-keys.json";

/// The link on the web service of a stack.
pub async fn link(place: &Place, key: &PassKey, expires: Duration) -> Result<String, Failure> {
    let web_service_url = place.web_service_url()?;
    let keys = place.secret(LINK_KEYS).await?.ok_or_else(|| {
        Failure::new(format!(
            "{} has no link keys; store some with `livepass secret put keys`",
            place.name()
        ))
    })?;
    let keys = aws::secrets::parse_key_ring(&keys)
        .map_err(|reason| Failure::new(format!("{LINK_KEYS} of {}: {reason}", place.name())))?;
    let (max_days, by_what) = place.max_link_days();
    let expires_at = SystemTime::now()
        .checked_add(expires)
        .filter(|_| (1..=max_days.saturating_mul(DAY_S)).contains(&expires.as_secs()))
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .ok_or_else(|| {
            Failure::new(format!(
                "--expires: a link holds for at least one second and, {by_what}, at most {max_days} days"
            ))
        })?
        .as_secs();
    let signature = LinkSignature::sign(keys.current(), key, expires_at);
    Ok(format!("{web_service_url}{}", signature.path_and_query(key)))
}

/// Where the stack of a folder is.
pub fn endpoints(dir: &Path) -> Result<Endpoints, Failure> {
    Endpoints::of_folder(dir).ok_or_else(|| {
        Failure::new(format!(
            "no stack has been started in {}; run `livepass dev --dir {}` first",
            dir.display(),
            dir.display()
        ))
    })
}
