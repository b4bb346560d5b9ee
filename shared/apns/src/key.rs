//! The provider key: what a team proves itself to APNs with.

use std::collections::BTreeMap;
use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pkpass::pem;
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
    /// of the `.p8` file: PKCS#8 PEM of a P-256 key, in whatever form it was pasted ([`pem`]).
    ///
    /// Signs once to prove the key. That also pays for the process's first signature, which is
    /// the slow one.
    pub fn parse(key_id: &str, team_id: &str, private_key_pem: impl AsRef<[u8]>) -> Result<Self, ApnsError> {
        for (what, name) in [("key id", key_id), ("team id", team_id)] {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(ApnsError::KeyName { what });
            }
        }
        let text_fault = |reason: String| ApnsError::PrivateKeyText { reason };
        let blocks = pem::blocks(private_key_pem.as_ref()).map_err(|not_pem| text_fault(not_pem.to_string()))?;
        let block = blocks.iter().find(|block| block.is_private_key());
        let block = block.ok_or_else(|| text_fault("there is no private key in it".to_owned()))?;
        let der = block.der().map_err(|reason| text_fault(reason.to_owned()))?;
        let key = Self {
            key_id: key_id.to_owned(),
            team_id: team_id.to_owned(),
            private_key: EncodingKey::from_ec_der(der),
        };
        // Kind and curve show only here: RSA and P-384 keys have the same PEM label.
        key.sign(0).map_err(ApnsError::PrivateKey)?;
        Ok(key)
    }

    /// From the secret: `{"key_id", "team_id", "private_key"}`, all strings; in UTF-8 or UTF-16, with or
    /// without a byte order mark, with line breaks as they are in the key, and also as the one value of
    /// another JSON object, as key/value forms keep what is pasted into them.
    pub fn from_json(secret: impl AsRef<[u8]>) -> Result<Self, ApnsError> {
        let text = pem::text(secret.as_ref()).ok_or(ApnsError::KeyJson { line: 1, column: 1 })?;
        let secret = key_secret(&text).map_err(|error| match is_key_alone(&text) {
            true => ApnsError::KeyAlone,
            false => ApnsError::KeyJson {
                line: error.line(),
                column: error.column(),
            },
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

fn key_secret(text: &str) -> serde_json::Result<KeySecret> {
    let error = match serde_json::from_str(text) {
        Ok(secret) => return Ok(secret),
        Err(error) => error,
    };
    // JSON has no line breaks inside a string; in a key they are as good as blanks.
    let flat = text.replace(['\n', '\r', '\t'], " ");
    let inner = || {
        let pasted: BTreeMap<String, String> = serde_json::from_str(&flat).ok()?;
        let (_, only) = pasted.first_key_value().filter(|_| pasted.len() == 1)?;
        serde_json::from_str(only).ok()
    };
    serde_json::from_str(&flat).ok().or_else(inner).ok_or(error)
}

/// Whether a private key is there, and nothing that could be its names.
fn is_key_alone(text: &str) -> bool {
    let is_there = pem::blocks(text.as_bytes()).is_ok_and(|blocks| blocks.iter().any(pem::Block::is_private_key));
    is_there && !text.contains("key_id") && !text.contains("team_id")
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderKey")
            .field("key_id", &self.key_id)
            .field("team_id", &self.team_id)
            .finish_non_exhaustive()
    }
}
