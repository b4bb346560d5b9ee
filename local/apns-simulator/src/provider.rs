//! The provider token: an ES256 JWT, judged as Apple does.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use crate::SimulatorError;

/// Apple refuses tokens whose `iat` is older than an hour.
const MAX_AGE_S: u64 = 60 * 60;

/// A token from the future is refused; this much is taken for two clocks that differ.
const CLOCK_SKEW_S: u64 = 60;

/// Apple: "no more than once every 20 minutes".
const MIN_CHANGE_MS: u64 = 20 * 60 * 1_000;

/// Why a provider token does not open the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distrust {
    Missing,
    Invalid,
    Expired,
    ChangedTooOften,
}

impl Distrust {
    /// Status and reason in Apple's words.
    pub(crate) fn answer(self) -> (u16, &'static str) {
        match self {
            Self::Missing => (403, "MissingProviderToken"),
            Self::Invalid => (403, "InvalidProviderToken"),
            Self::Expired => (403, "ExpiredProviderToken"),
            Self::ChangedTooOften => (429, "TooManyProviderTokenUpdates"),
        }
    }
}

/// The team, and the keys that it signs with.
pub(crate) struct ProviderKeys {
    team_id: String,
    keys: Mutex<HashMap<String, DecodingKey>>,
    seen: Mutex<Vec<SeenToken>>,
    /// Tokens signed before this second have expired, whatever their age.
    expired_before: AtomicU64,
}

/// A valid token, and when it was signed. Kept so that tests can tell how often a sender signs.
struct SeenToken {
    token: String,
    iat: u64,
}

/// A sender that signs per push is found out long before.
const MAX_SEEN_TOKENS: usize = 1_000;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    iat: u64,
}

impl ProviderKeys {
    pub(crate) fn new(team_id: String) -> Self {
        Self {
            team_id,
            keys: Mutex::default(),
            seen: Mutex::default(),
            expired_before: AtomicU64::new(0),
        }
    }

    pub(crate) fn trust(&self, key_id: &str, public_key_pem: &str) -> Result<(), SimulatorError> {
        let key =
            DecodingKey::from_ec_pem(public_key_pem.as_bytes()).map_err(|source| SimulatorError::ProviderKey {
                key_id: key_id.to_owned(),
                source,
            })?;
        let mut keys = self.keys.lock().expect("no panic while the lock was held");
        keys.insert(key_id.to_owned(), key);
        Ok(())
    }

    pub(crate) fn revoke(&self, key_id: &str) {
        let mut keys = self.keys.lock().expect("no panic while the lock was held");
        keys.remove(key_id);
    }

    pub(crate) fn expired_before(&self) -> u64 {
        self.expired_before.load(Ordering::SeqCst)
    }

    pub(crate) fn expire(&self, signed_before: u64) {
        self.expired_before.store(signed_before, Ordering::SeqCst);
    }

    /// Checks the value of the `authorization` header; gives the token's `iat` (seconds).
    ///
    /// Done anew for every push: a key revoked a moment ago is refused now.
    fn verify(&self, authorization: Option<&str>, now_ms: u64) -> Result<u64, Distrust> {
        let value = authorization.ok_or(Distrust::Missing)?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(Distrust::Missing);
        }

        let header = jsonwebtoken::decode_header(token).map_err(|_| Distrust::Invalid)?;
        let key_id = header.kid.ok_or(Distrust::Invalid)?;
        let key = {
            let keys = self.keys.lock().expect("no panic while the lock was held");
            keys.get(&key_id).cloned().ok_or(Distrust::Invalid)?
        };
        // Time is judged below, by the simulator's clock; provider tokens have no `exp`.
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .map_err(|_| Distrust::Invalid)?
            .claims;

        let now_s = now_ms / 1_000;
        if claims.iss != self.team_id || claims.iat > now_s + CLOCK_SKEW_S {
            return Err(Distrust::Invalid);
        }
        let expired_before = self.expired_before.load(Ordering::SeqCst);
        if now_s.saturating_sub(claims.iat) > MAX_AGE_S || claims.iat < expired_before {
            return Err(Distrust::Expired);
        }
        self.note(token, claims.iat);
        Ok(claims.iat)
    }

    fn note(&self, token: &str, iat: u64) {
        let mut seen = self.seen.lock().expect("no panic while the lock was held");
        if seen.len() < MAX_SEEN_TOKENS && !seen.iter().any(|seen| seen.token == token) {
            let token = token.to_owned();
            seen.push(SeenToken { token, iat });
        }
    }

    /// The `iat` of every valid token, each token once, oldest first.
    pub(crate) fn seen(&self) -> Vec<u64> {
        let seen = self.seen.lock().expect("no panic while the lock was held");
        seen.iter().map(|seen| seen.iat).collect()
    }
}

/// The provider token that one connection uses. Apple counts changes per connection.
#[derive(Default)]
pub(crate) struct ConnectionToken(Option<InUse>);

struct InUse {
    iat: u64,
    since_ms: u64,
}

impl ConnectionToken {
    /// Checks a push's token on its own, and against the one that this connection had before.
    ///
    /// Another `iat` within 20 minutes of the first use of the last one is refused, and the
    /// last one stays in force.
    pub(crate) fn verify(
        &mut self,
        keys: &ProviderKeys,
        authorization: Option<&str>,
        now_ms: u64,
    ) -> Result<(), Distrust> {
        let iat = keys.verify(authorization, now_ms)?;
        match &self.0 {
            Some(used) if used.iat == iat => return Ok(()),
            Some(used) if now_ms.saturating_sub(used.since_ms) < MIN_CHANGE_MS => {
                return Err(Distrust::ChangedTooOften);
            }
            _ => {}
        }
        self.0 = Some(InUse { iat, since_ms: now_ms });
        Ok(())
    }
}
