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

/// How many days a link may hold, where nobody says otherwise: a year, so that an expiry in
/// milliseconds is an error and not a link for ever.
pub const MAX_LINK_DAYS: u64 = 366;

const DAY_S: u64 = 24 * 60 * 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    #[error("the link is not signed by a key that is known here")]
    Forged,
    #[error("the link has expired")]
    Expired,
    #[error(
        "the link's expiry lies more than {max_days} days ahead: e is Unix seconds, not milliseconds, and a link holds \
         for {max_days} days at most"
    )]
    TooFarAhead { max_days: u64 },
    #[error("the link's expiry is no whole number: e is Unix seconds in decimal")]
    NoSeconds,
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
    /// learn what is wrong with the expiry.
    pub fn verify(&self, keys: &KeyRing, pass: &PassKey, now: Timestamp, max_days: u64) -> Result<(), LinkFault> {
        let parts = ["add", pass.pass_type.as_str(), pass.serial.as_str(), &self.expiry];
        let signed = keys
            .named(&self.key_name)
            .is_some_and(|key| key.verifies(&parts, &self.mac));
        if !signed {
            return Err(LinkFault::Forged);
        }
        if !self.expiry.bytes().all(|byte| byte.is_ascii_digit()) || self.expiry.is_empty() {
            return Err(LinkFault::NoSeconds);
        }
        // More digits than fit are very far ahead.
        let expiry = self.expiry.parse().unwrap_or(u64::MAX);
        let latest = now.seconds().saturating_add(max_days.saturating_mul(DAY_S));
        match expiry {
            _ if expiry <= now.seconds() => Err(LinkFault::Expired),
            _ if expiry > latest => Err(LinkFault::TooFarAhead { max_days }),
            _ => Ok(()),
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
        let at = |millis| link.verify(&ring(), &pass(), Timestamp::from_millis(millis), 1);
        assert_eq!(at(99_999), Ok(()));
        assert_eq!(at(100_000), Err(LinkFault::Expired));
    }

    #[test]
    fn a_link_holds_for_so_many_days_at_most() {
        let now = Timestamp::from_seconds(1_795_255_200);
        let verified = |expires_at, max_days| {
            LinkSignature::sign(ring().current(), &pass(), expires_at).verify(&ring(), &pass(), now, max_days)
        };
        let year = 366 * 86_400;
        assert_eq!(verified(now.seconds() + year, MAX_LINK_DAYS), Ok(()));
        let too_far = Err(LinkFault::TooFarAhead { max_days: 366 });
        assert_eq!(verified(now.seconds() + year + 1, MAX_LINK_DAYS), too_far);
        assert_eq!(verified(now.millis(), MAX_LINK_DAYS), too_far, "milliseconds");
        assert_eq!(verified(u64::MAX, MAX_LINK_DAYS), too_far);
        assert_eq!(verified(now.seconds() + year + 1, 367), Ok(()));
        assert_eq!(
            verified(now.seconds() + 86_401, 1),
            Err(LinkFault::TooFarAhead { max_days: 1 })
        );
        // Milliseconds of a moment that is over look as far ahead as any others.
        assert_eq!(verified(1_000_000_000_000, MAX_LINK_DAYS), too_far);
    }

    #[test]
    fn an_expiry_that_is_signed_and_no_number_is_said_to_be_none() {
        let now = Timestamp::from_seconds(1);
        let verified = |expiry: &str| {
            let parts = ["add", pass().pass_type.as_str(), pass().serial.as_str(), expiry].map(str::to_owned);
            let link = LinkSignature {
                expiry: expiry.into(),
                key_name: "k2".into(),
                mac: ring().current().mac(&parts.each_ref().map(String::as_str)),
            };
            link.verify(&ring(), &pass(), now, MAX_LINK_DAYS)
        };
        for wrong in [
            "",
            "tomorrow",
            "1795255200.5",
            "+100",
            "-1",
            "1e9",
            " 100",
            "2026-12-01T00:00:00Z",
        ] {
            assert_eq!(verified(wrong), Err(LinkFault::NoSeconds), "{wrong}");
        }
        assert_eq!(verified("100"), Ok(()));
        let far = "9".repeat(40);
        assert_eq!(verified(&far), Err(LinkFault::TooFarAhead { max_days: 366 }));
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
                forged.verify(&ring(), &pass(), now, MAX_LINK_DAYS),
                Err(LinkFault::Forged),
                "{forged:?}"
            );
        }
        let other = PassKey::parse("pass.com.example.loyalty", "DEMO-2").unwrap();
        assert_eq!(link.verify(&ring(), &other, now, MAX_LINK_DAYS), Err(LinkFault::Forged));
        // Who does not know the key learns nothing of an expiry that is far ahead either.
        let far = LinkSignature {
            expiry: "1795255200000".into(),
            ..link
        };
        assert_eq!(far.verify(&ring(), &pass(), now, 1), Err(LinkFault::Forged));
    }
}
