//! Named link and token keys.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws::secrets::parse_key_ring;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output::say;
use crate::place::Place;

pub const EXAMPLES: &str = "Examples:
  livepass secret put keys --stack livepass-prod
  livepass secret put keys --rotate link --stack livepass-prod";

/// The keys of download links and authentication tokens: made where they are missing
#[derive(clap::Args)]
pub struct Arguments {
    /// Add a new current key; links and tokens made with the earlier ones stay good
    #[arg(long, value_name = "WHICH", value_enum)]
    rotate: Option<Which>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    Link,
    Token,
}

impl Which {
    const ALL: [Self; 2] = [Self::Link, Self::Token];

    fn secret(self) -> &'static str {
        match self {
            Self::Link => "link-keys.json",
            Self::Token => "token-keys.json",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct KeysFile {
    current: String,
    keys: BTreeMap<String, String>,
}

impl Arguments {
    pub async fn put(&self, place: &Place) -> Result<(), Failure> {
        for which in Which::ALL {
            let name = which.secret();
            let stored = place.secret(name).await?;
            let mut file = match &stored {
                Some(json) => {
                    parse_key_ring(json).map_err(|reason| Failure::new(format!("secret {name} {reason}")))?;
                    serde_json::from_slice(json)?
                }
                None => KeysFile {
                    current: String::new(),
                    keys: BTreeMap::new(),
                },
            };
            if stored.is_some() && self.rotate != Some(which) {
                say!("{name}: current key {}, {} in all; kept", file.current, file.keys.len());
                continue;
            }
            let mut bytes = [0_u8; 32];
            rand::fill(&mut bytes).map_err(|_| Failure::new("the operating system gives no random bytes"))?;
            // A name that was never used before, and tells when the key was made.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            file.current = format!("k{}", now.as_secs());
            file.keys.insert(file.current.clone(), URL_SAFE_NO_PAD.encode(bytes));
            place.put_secret(name, serde_json::to_string(&file)?.as_bytes()).await?;
            say!("{name}: new current key {}, stored in {}", file.current, place.name());
            if self.rotate == Some(Which::Link) && stored.is_some() {
                say!("Functions know it within 15 minutes; until then links signed with it may be answered 403.");
            }
        }
        Ok(())
    }
}
