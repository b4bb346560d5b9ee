//! The APNs key.

use std::path::PathBuf;

use ::apns::ProviderKey;
use pkpass::pem;
use serde_json::json;

use crate::failure::Failure;
use crate::output::say;
use crate::place::Place;
use crate::secret::team;

/// Its name.
pub const SECRET: &str = "apns.json";

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
        let file = std::fs::read(&self.key).map_err(|error| Failure::of_file(&self.key, &error))?;
        let key_id = match &self.key_id {
            Some(id) => id.clone(),
            None => self
                .key
                .file_stem()
                .and_then(|name| name.to_str()?.strip_prefix("AuthKey_"))
                .map(str::to_owned)
                .ok_or_else(|| Failure::new("the key id is not in the file's name; give it with --key-id"))?,
        };
        ProviderKey::parse(&key_id, &self.team, &file)?;
        // As Apple's file was, whatever became of it on its way here.
        let private_key = pem::private_keys(&file);
        let json = json!({ "key_id": key_id, "team_id": self.team, "private_key": private_key.as_str() });
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

    /// Whether the certificates in this place are of the same team.
    pub async fn check_in(&self, place: &Place) -> Result<(), Failure> {
        team::of_different_teams(&team::against_certificates(place, &self.team_id).await?)
    }

    /// Stores it; of another team than a certificate's there only if `other_team`.
    pub async fn put(&self, place: &Place, other_team: bool) -> Result<(), Failure> {
        self.describe();
        let faults = team::against_certificates(place, &self.team_id).await?;
        team::before_storing(place, &faults, other_team)?;
        place.put_secret(SECRET, self.json.as_bytes()).await?;
        say!("stored in {}; it is used within 15 minutes", place.name());
        Ok(())
    }
}
