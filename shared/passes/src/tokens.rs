//! Tokens: what a device proves itself with, and what a device is reached by. None can be printed.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::ids::{InvalidIdentifier, PassKey};

/// The token of one pass, sent by Wallet as `Authorization: ApplePass <token>`.
///
/// Compared in constant time only; there is no `PartialEq`.
#[derive(Clone)]
pub struct AuthenticationToken(secrecy::SecretString);

impl AuthenticationToken {
    /// Wallet refuses a pass whose token is shorter.
    pub const MIN_CHARS: usize = 16;
    /// Longer ones are refused before they are compared or stored.
    pub const MAX_BYTES: usize = 512;

    /// Derives a pass's token: base64url(HMAC-SHA-256(key, `pass NUL type NUL serial`)).
    ///
    /// Done once per pass. The result is frozen in the pass's revision, so that a rotated key
    /// never locks out an installed pass.
    pub fn derive(key: &NamedKey, pass: &PassKey) -> Self {
        let mac = key.mac(&["pass", pass.pass_type.as_str(), pass.serial.as_str()]);
        Self(mac.into())
    }

    /// Compares without telling by its duration how much was right.
    pub fn matches(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret as _;
        let (a, b) = (self.0.expose_secret(), other.0.expose_secret());
        a.as_bytes().ct_eq(b.as_bytes()).into()
    }

    /// For pass.json and the Registry, the two places that hold it.
    pub fn expose(&self) -> &str {
        use secrecy::ExposeSecret as _;
        self.0.expose_secret()
    }
}

impl FromStr for AuthenticationToken {
    type Err = InvalidIdentifier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() < Self::MIN_CHARS || text.len() > Self::MAX_BYTES {
            return Err(InvalidIdentifier::new(
                "authenticationToken",
                format!(
                    "must have at least {} characters and at most {} bytes",
                    Self::MIN_CHARS,
                    Self::MAX_BYTES
                ),
            ));
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(InvalidIdentifier::new(
                "authenticationToken",
                "must be printable ASCII without spaces, or it cannot travel in a header",
            ));
        }
        Ok(Self(text.to_owned().into()))
    }
}

impl fmt::Debug for AuthenticationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationToken(redacted)")
    }
}

/// The address of a device at APNs: whole bytes in hex, of any length, since Apple says not to
/// assume one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PushToken(String);

impl PushToken {
    /// Far above the 64 characters of today; an upper bound for what is stored.
    pub const MAX_CHARS: usize = 512;

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Enough to recognise a token in the log, too little to push to it.
    pub fn redacted(&self) -> String {
        format!("{}...", self.0.chars().take(4).collect::<String>())
    }
}

impl FromStr for PushToken {
    type Err = InvalidIdentifier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty()
            || !text.len().is_multiple_of(2)
            || text.len() > Self::MAX_CHARS
            || !text.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Err(InvalidIdentifier::new(
                "pushToken",
                format!(
                    "must be an even number of hexadecimal digits, {} at most",
                    Self::MAX_CHARS
                ),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushToken({})", self.redacted())
    }
}

/// A named HMAC-SHA-256 key of 32 bytes: the name tells which key a link or token was made with.
#[derive(Clone)]
pub struct NamedKey {
    name: String,
    key: hmac::Key,
}

impl NamedKey {
    pub const BYTES: usize = 32;

    pub fn new(name: impl Into<String>, bytes: &[u8; Self::BYTES]) -> Self {
        Self {
            name: name.into(),
            key: hmac::Key::new(hmac::HMAC_SHA256, bytes),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// base64url without padding of the MAC over the parts, joined by NUL. NUL stands in no part:
    /// all are parsed identifiers, digits or literals.
    pub(crate) fn mac(&self, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, parts.join("\0").as_bytes()))
    }

    pub(crate) fn verifies(&self, parts: &[&str], mac: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(mac)
            .is_ok_and(|mac| hmac::verify(&self.key, parts.join("\0").as_bytes(), &mac).is_ok())
    }
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedKey({})", self.name)
    }
}

/// The keys of one purpose: new MACs are made with `current`, old ones verified with any.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: NamedKey,
    earlier: Vec<NamedKey>,
}

impl KeyRing {
    pub fn new(current: NamedKey, earlier: Vec<NamedKey>) -> Self {
        Self { current, earlier }
    }

    pub fn current(&self) -> &NamedKey {
        &self.current
    }

    pub fn named(&self, name: &str) -> Option<&NamedKey> {
        std::iter::once(&self.current)
            .chain(&self.earlier)
            .find(|key| key.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> NamedKey {
        NamedKey::new("k1", &[7; 32])
    }

    #[test]
    fn a_derived_token_depends_on_key_type_and_serial() {
        let pass = PassKey::parse("pass.com.example", "A-1").unwrap();
        let same = AuthenticationToken::derive(&key(), &pass);
        assert!(same.matches(&AuthenticationToken::derive(&key(), &pass)));
        let others = [
            AuthenticationToken::derive(&NamedKey::new("k1", &[8; 32]), &pass),
            AuthenticationToken::derive(&key(), &PassKey::parse("pass.com.example", "A-2").unwrap()),
            AuthenticationToken::derive(&key(), &PassKey::parse("pass.com.exampl", "A-1").unwrap()),
        ];
        for other in others {
            assert!(!same.matches(&other));
        }
    }

    #[test]
    fn tokens_and_keys_are_never_printed() {
        let token: AuthenticationToken = "0123456789abcdef".parse().unwrap();
        assert_eq!(format!("{token:?}"), "AuthenticationToken(redacted)");
        let push: PushToken = "0123456789abcdef".parse().unwrap();
        assert_eq!(format!("{push:?}"), "PushToken(0123...)");
        assert_eq!(format!("{:?}", key()), "NamedKey(k1)");
    }

    #[test]
    fn an_authentication_token_has_at_least_16_printable_characters() {
        assert!("0123456789abcdef".parse::<AuthenticationToken>().is_ok());
        for bad in ["0123456789abcde", "0123456789 abcdef", "0123456789abcdeü"] {
            assert!(bad.parse::<AuthenticationToken>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_push_token_is_whole_bytes_in_hex_of_any_length() {
        for ok in ["0a", "00ff", &"ab".repeat(100)] {
            assert!(ok.parse::<PushToken>().is_ok());
        }
        for bad in ["", "xyz0", "00 f", "abc", &"a".repeat(514)] {
            assert!(bad.parse::<PushToken>().is_err(), "{bad:?}");
        }
    }
}
