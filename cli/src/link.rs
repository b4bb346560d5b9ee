//! `livepass link`: the signed download link of a pass.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passes::ids::PassKey;
use passes::link::LinkSignature;
use stack::Endpoints;

use crate::failure::Failure;

/// Print the signed link from which a phone downloads a pass
///
/// Backends make such links themselves; docs/links.md has the recipe.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  livepass link --type pass.com.example.loyalty --serial DEMO-1 --expires 30m")]
pub struct Arguments {
    /// Folder of a stack that `livepass dev` has started
    #[arg(long, value_name = "DIR", default_value = ".livepass")]
    dir: PathBuf,
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

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let key = PassKey::parse(&arguments.pass_type, &arguments.serial)?;
    println!("{}", link(&arguments.dir, &key, arguments.expires)?);
    Ok(())
}

const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// The link on the web service of the stack in `dir`.
pub fn link(dir: &Path, key: &PassKey, expires: Duration) -> Result<String, Failure> {
    let endpoints = endpoints(dir)?;
    let path = dir.join("secrets/link-keys.json");
    let json = std::fs::read(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let keys =
        aws::secrets::parse_key_ring(&json).map_err(|reason| Failure::new(format!("{}: {reason}", path.display())))?;
    let expires_at = SystemTime::now()
        .checked_add(expires)
        .filter(|_| (1..=LONGEST.as_secs()).contains(&expires.as_secs()))
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .ok_or_else(|| Failure::new("--expires: a link holds for at least one second and at most 10 years"))?
        .as_secs();
    let signature = LinkSignature::sign(keys.current(), key, expires_at);
    Ok(format!(
        "{}{}",
        endpoints.web_service_url,
        signature.path_and_query(key)
    ))
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
