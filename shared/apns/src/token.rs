//! The provider token: signed once, reused as a ready header value.

use reqwest::header::HeaderValue;

use crate::{ApnsError, ProviderKey};

/// 40 minutes. APNs wants a token changed no more often than every 20 minutes and no less than
/// every 60. All processes cut time at the same multiples, and so agree on one `iat` per team.
const WINDOW_S: u64 = 2_400;

/// 20 minutes: a younger token is not replaced.
const MIN_AGE_S: u64 = 1_200;

/// How far the clock may step back, as it does when it is set right, before the token counts as
/// one from the future.
const STEP_BACK_S: u64 = 60;

/// One signed token.
pub(crate) struct ProviderToken {
    iat: u64,
    /// From then on (seconds since the epoch) another is due.
    renew_at: u64,
    authorization: HeaderValue,
}

impl ProviderToken {
    /// The token of the window that `now` (seconds since the epoch) lies in.
    pub(crate) fn of_window(key: &ProviderKey, now: u64) -> Result<Self, ApnsError> {
        let iat = window_start(now);
        Self::sign(key, iat, iat + WINDOW_S)
    }

    /// A token as of `now`, for when APNs finds the window's too old. It stays in force for at
    /// least 20 minutes, even past the end of the window.
    pub(crate) fn as_of_now(key: &ProviderKey, now: u64) -> Result<Self, ApnsError> {
        let renew_at = (window_start(now) + WINDOW_S).max(now + MIN_AGE_S);
        Self::sign(key, now, renew_at)
    }

    fn sign(key: &ProviderKey, iat: u64, renew_at: u64) -> Result<Self, ApnsError> {
        let token = key.sign(iat).map_err(ApnsError::Signature)?;
        let mut authorization = HeaderValue::try_from(format!("bearer {token}")).expect("a JWT is base64url and dots");
        // Keeps it out of `Debug`, and out of the connection's header table, as Apple asks.
        authorization.set_sensitive(true);
        Ok(Self {
            iat,
            renew_at,
            authorization,
        })
    }

    /// Whether to go on using it.
    pub(crate) fn serves(&self, now: u64) -> bool {
        self.iat.saturating_sub(STEP_BACK_S) <= now && now < self.renew_at
    }

    /// Whether APNs allows a new one already.
    pub(crate) fn may_be_replaced(&self, now: u64) -> bool {
        now.saturating_sub(self.iat) > MIN_AGE_S
    }

    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

fn window_start(now: u64) -> u64 {
    now / WINDOW_S * WINDOW_S
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

    use super::*;

    fn key() -> ProviderKey {
        let pem = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        ProviderKey::parse("ABC123DEFG", "A1B2C3D4E5", &pem).unwrap()
    }

    const START: u64 = WINDOW_S * 700_000;

    #[test]
    fn every_moment_of_a_window_gives_the_same_iat() {
        for now in [START, START + 1, START + WINDOW_S - 1] {
            let token = ProviderToken::of_window(&key(), now).unwrap();
            assert_eq!((token.iat, token.renew_at), (START, START + WINDOW_S));
        }
    }

    #[test]
    fn a_token_serves_until_its_window_ends() {
        let token = ProviderToken::of_window(&key(), START + 5).unwrap();
        assert!(token.serves(START + WINDOW_S - 1));
        assert!(!token.serves(START + WINDOW_S));
    }

    #[test]
    fn a_clock_that_is_set_back_a_little_changes_nothing() {
        let token = ProviderToken::of_window(&key(), START).unwrap();
        assert!(token.serves(START - STEP_BACK_S));
        assert!(!token.serves(START - STEP_BACK_S - 1));
    }

    #[test]
    fn a_token_as_of_now_lasts_20_minutes_at_least() {
        let late = ProviderToken::as_of_now(&key(), START + 2_000).unwrap();
        assert_eq!((late.iat, late.renew_at), (START + 2_000, START + 3_200));
        let early = ProviderToken::as_of_now(&key(), START + 100).unwrap();
        assert_eq!((early.iat, early.renew_at), (START + 100, START + WINDOW_S));
    }

    #[test]
    fn a_token_may_be_replaced_after_20_minutes() {
        let token = ProviderToken::of_window(&key(), START).unwrap();
        assert!(!token.may_be_replaced(START + MIN_AGE_S));
        assert!(token.may_be_replaced(START + MIN_AGE_S + 1));
    }

    #[test]
    fn the_header_value_is_never_printed() {
        let token = ProviderToken::of_window(&key(), START).unwrap();
        assert_eq!(format!("{:?}", token.authorization()), "Sensitive");
    }
}
