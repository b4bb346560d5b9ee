//! Download links: signed, expiring, and made by backends themselves.

use std::fmt;

use crate::ids::PassKey;
use crate::time::Timestamp;
use crate::tokens::{KeyRing, NamedKey};

/// The signed part of `/add/{type}/{serial}?e={expiry}&k={key name}&s={mac}`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSignature {
    /// Unix seconds in decimal, as it stands in the link.
    pub expiry: String,
    pub key_name: String,
    /// base64url(HMAC-SHA-256(key, `add NUL type NUL serial NUL expiry`)) without padding.
    pub mac: String,
}

/// Whoever has the MAC has the pass, so it is not shown.
impl fmt::Debug for LinkSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkSignature({}, {})", self.expiry, self.key_name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    #[error("the link is not signed by a key that is known here")]
    Forged,
    #[error("the link has expired")]
    Expired,
}

impl LinkSignature {
    pub fn sign(key: &NamedKey, pass: &PassKey, expires_at: u64) -> Self {
        let expiry = expires_at.to_string();
        Self {
            mac: key.mac(&["add", pass.pass_type.as_str(), pass.serial.as_str(), &expiry]),
            key_name: key.name().to_owned(),
            expiry,
        }
    }

    /// The path and query of the link, to be appended to the web service's base URL.
    pub fn path_and_query(&self, pass: &PassKey) -> String {
        format!(
            "/add/{}/{}?e={}&k={}&s={}",
            pass.pass_type, pass.serial, self.expiry, self.key_name, self.mac
        )
    }

    /// Checked before anything is read. The signature comes first: only who knows the key may
    /// learn that a link has expired.
    pub fn verify(&self, keys: &KeyRing, pass: &PassKey, now: Timestamp) -> Result<(), LinkFault> {
        let parts = ["add", pass.pass_type.as_str(), pass.serial.as_str(), &self.expiry];
        let signed = keys
            .named(&self.key_name)
            .is_some_and(|key| key.verifies(&parts, &self.mac));
        if !signed {
            return Err(LinkFault::Forged);
        }
        match self.expiry.parse::<u64>() {
            Ok(expiry) if expiry > now.seconds() => Ok(()),
            _ => Err(LinkFault::Expired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(NamedKey::new("k2", &[2; 32]), vec![NamedKey::new("k1", &[1; 32])])
    }

    fn pass() -> PassKey {
        PassKey::parse("pass.com.example.loyalty", "DEMO-1").unwrap()
    }

    #[test]
    fn a_link_has_this_form() {
        // The MAC as OpenSSL computes it: dgst -sha256 -mac HMAC -macopt hexkey:0202... -binary
        let link = LinkSignature::sign(ring().current(), &pass(), 1_795_255_200);
        assert_eq!(
            link.path_and_query(&pass()),
            "/add/pass.com.example.loyalty/DEMO-1?e=1795255200&k=k2&s=0YneMRbrig09arvq9L2CQEXFFPat3tiWOSkbtK2Acsc"
        );
    }

    #[test]
    fn a_link_holds_until_it_expires_and_under_an_earlier_key() {
        let link = LinkSignature::sign(ring().named("k1").unwrap(), &pass(), 100);
        assert_eq!(link.verify(&ring(), &pass(), Timestamp::from_millis(99_999)), Ok(()));
        assert_eq!(
            link.verify(&ring(), &pass(), Timestamp::from_seconds(100)),
            Err(LinkFault::Expired)
        );
    }

    #[test]
    fn a_changed_part_makes_a_forged_link() {
        let now = Timestamp::from_seconds(1);
        let link = LinkSignature::sign(ring().current(), &pass(), 100);
        let forged = [
            LinkSignature {
                expiry: "200".into(),
                ..link.clone()
            },
            LinkSignature {
                expiry: "0100".into(),
                ..link.clone()
            },
            LinkSignature {
                key_name: "k1".into(),
                ..link.clone()
            },
            LinkSignature {
                key_name: "k3".into(),
                ..link.clone()
            },
            LinkSignature {
                mac: String::new(),
                ..link.clone()
            },
            LinkSignature {
                mac: format!("{}A", link.mac),
                ..link.clone()
            },
        ];
        for forged in forged {
            assert_eq!(
                forged.verify(&ring(), &pass(), now),
                Err(LinkFault::Forged),
                "{forged:?}"
            );
        }
        let other = PassKey::parse("pass.com.example.loyalty", "DEMO-2").unwrap();
        assert_eq!(link.verify(&ring(), &other, now), Err(LinkFault::Forged));
    }
}
