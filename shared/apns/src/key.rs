//! The provider key: what a team proves itself to APNs with.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::ApnsError;

/// A team's APNs key (`.p8`), proven to sign. `Debug` shows its names alone.
#[derive(Clone)]
pub struct ProviderKey {
    key_id: String,
    team_id: String,
    private_key: EncodingKey,
}

/// The claims of a provider token.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: u64,
}

/// The key as it is kept in Secrets Manager.
#[derive(Deserialize)]
struct KeySecret {
    key_id: String,
    team_id: String,
    private_key: String,
}

impl ProviderKey {
    /// `key_id` and `team_id` as Apple shows them (ten letters and digits each), and the content
    /// of the `.p8` file: PKCS#8 PEM of a P-256 key.
    ///
    /// Signs once to prove the key. That also pays for the process's first signature, which is
    /// the slow one.
    pub fn parse(key_id: &str, team_id: &str, private_key_pem: &str) -> Result<Self, ApnsError> {
        for (what, name) in [("key id", key_id), ("team id", team_id)] {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(ApnsError::KeyName { what });
            }
        }
        let private_key = EncodingKey::from_ec_pem(private_key_pem.trim().as_bytes()).map_err(ApnsError::PrivateKey)?;
        let key = Self {
            key_id: key_id.to_owned(),
            team_id: team_id.to_owned(),
            private_key,
        };
        // The curve shows only here: a P-384 key has the same PEM label.
        key.sign(0).map_err(ApnsError::PrivateKey)?;
        Ok(key)
    }

    /// From the secret's text: `{"key_id", "team_id", "private_key"}`, all strings.
    pub fn from_json(secret: &str) -> Result<Self, ApnsError> {
        let secret: KeySecret = serde_json::from_str(secret).map_err(|e| ApnsError::KeyJson {
            line: e.line(),
            column: e.column(),
        })?;
        Self::parse(&secret.key_id, &secret.team_id, &secret.private_key)
    }

    /// The key's id at Apple.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The team that the key belongs to.
    pub fn team_id(&self) -> &str {
        &self.team_id
    }

    /// A provider token as of `iat`, in seconds since the Unix epoch.
    pub(crate) fn sign(&self, iat: u64) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header {
            typ: None,
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let claims = Claims {
            iss: &self.team_id,
            iat,
        };
        jsonwebtoken::encode(&header, &claims, &self.private_key)
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderKey")
            .field("key_id", &self.key_id)
            .field("team_id", &self.team_id)
            .finish_non_exhaustive()
    }
}
