//! The APNs key.

use std::path::PathBuf;

use ::apns::ProviderKey;
use serde_json::json;

use crate::failure::Failure;
use crate::output::say;
use crate::place::Place;

pub const EXAMPLES: &str = "Examples:
  livepass secret check apns --key AuthKey_ABC123DEFG.p8 --team A1B2C3D4E5
  livepass secret put apns --key AuthKey_ABC123DEFG.p8 --team A1B2C3D4E5 --stack livepass-prod";

/// The key that pushes are authenticated with (.p8), of the team that issues the passes
#[derive(clap::Args)]
pub struct Arguments {
    /// The .p8 file as Apple hands it out
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Key id [default: from the name AuthKey_{id}.p8]
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Team identifier
    #[arg(long, value_name = "TEAM")]
    team: String,
}

pub struct ApnsKey {
    key_id: String,
    team_id: String,
    json: String,
}

impl Arguments {
    pub fn read(&self) -> Result<ApnsKey, Failure> {
        let pem = std::fs::read_to_string(&self.key).map_err(|error| Failure::of_file(&self.key, &error))?;
        let key_id = match &self.key_id {
            Some(id) => id.clone(),
            None => self
                .key
                .file_stem()
                .and_then(|name| name.to_str()?.strip_prefix("AuthKey_"))
                .map(str::to_owned)
                .ok_or_else(|| Failure::new("the key id is not in the file's name; give it with --key-id"))?,
        };
        ProviderKey::parse(&key_id, &self.team, &pem)?;
        let json = json!({ "key_id": key_id, "team_id": self.team, "private_key": pem });
        Ok(ApnsKey {
            json: json.to_string(),
            key_id,
            team_id: self.team.clone(),
        })
    }
}

impl ApnsKey {
    pub fn describe(&self) {
        say!(
            "the key {} of team {} can sign. Whether Apple takes it for production shows at the first push: a key made \
             for the sandbox alone is answered 403 BadEnvironmentKeyIdInToken",
            self.key_id,
            self.team_id
        );
    }

    pub async fn put(&self, place: &Place) -> Result<(), Failure> {
        self.describe();
        place.put_secret("apns.json", self.json.as_bytes()).await?;
        say!("stored in {}; it is used within 15 minutes", place.name());
        Ok(())
    }
}
