//! Keys that are no certificates: the APNs provider key and the named HMAC keys.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passes::ids::TeamIdentifier;
use passes::tokens::NamedKey;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::{Deserialize, Serialize};

use crate::error::SeedError;

/// A provider key as Apple's developer site hands it out, as a `.p8` file with an id.
///
/// As JSON it is the APNs secret: `{"key_id", "team_id", "private_key"}`.
#[derive(Clone, Serialize, Deserialize)]
pub struct ApnsTestKey {
    /// Ten of `[A-Z0-9]`: the `kid` of the provider token.
    pub key_id: String,
    /// The `iss` of the provider token.
    pub team_id: String,
    /// P-256, PKCS#8 PEM: the content of the `.p8` file.
    #[serde(rename = "private_key")]
    pub private_key_pem: String,
}

impl ApnsTestKey {
    /// Length of Apple's key ids.
    const KEY_ID_CHARS: usize = 10;

    pub fn generate(team: &TeamIdentifier) -> Result<Self, SeedError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(SeedError::certificate("APNs key"))?;
        Ok(Self {
            key_id: random_key_id()?,
            team_id: team.as_str().to_owned(),
            private_key_pem: key.serialize_pem(),
        })
    }

    /// What the APNs simulator checks provider tokens with: SubjectPublicKeyInfo as PEM.
    pub fn public_key_pem(&self) -> Result<String, SeedError> {
        KeyPair::from_pkcs8_pem_and_sign_algo(&self.private_key_pem, &PKCS_ECDSA_P256_SHA256)
            .map(|key| key.public_key_pem())
            .map_err(SeedError::certificate("APNs key"))
    }
}

impl fmt::Debug for ApnsTestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApnsTestKey")
            .field("key_id", &self.key_id)
            .field("team_id", &self.team_id)
            .field("private_key_pem", &"redacted")
            .finish()
    }
}

/// Named HMAC keys as they are stored: `{"current": "k1", "keys": {"k1": "<base64url>"}}`, each
/// of [`NamedKey::BYTES`] bytes, without padding.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeyFile {
    pub current: String,
    pub keys: BTreeMap<String, String>,
}

impl KeyFile {
    /// One random key, `k1`.
    pub fn generate() -> Result<Self, SeedError> {
        let name = "k1".to_owned();
        let key = URL_SAFE_NO_PAD.encode(random::<{ NamedKey::BYTES }>()?);
        Ok(Self {
            current: name.clone(),
            keys: BTreeMap::from([(name, key)]),
        })
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("current", &self.current)
            .field("keys", &self.keys.keys())
            .finish()
    }
}

fn random_key_id() -> Result<String, SeedError> {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    // 36 does not divide 256: a few letters are a little likelier, which harms no name.
    let bytes = random::<{ ApnsTestKey::KEY_ID_CHARS }>()?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect())
}

fn random<const N: usize>() -> Result<[u8; N], SeedError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| SeedError::Randomness)?;
    Ok(bytes)
}
