//! Identifiers, parsed once at the door: whoever holds one of these types holds a valid value.

use std::fmt;
use std::str::FromStr;

/// Why a text is no identifier. The text itself is left out: it may be hostile or secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct InvalidIdentifier {
    what: &'static str,
    reason: String,
}

impl InvalidIdentifier {
    pub(crate) fn new(what: &'static str, reason: impl Into<String>) -> Self {
        Self {
            what,
            reason: reason.into(),
        }
    }
}

/// Longest serial number and device identifier, in bytes. Wallet's device identifiers have 32.
pub const MAX_IDENTIFIER_BYTES: usize = 128;

/// The characters that survive every URL encoder on the way unchanged, and cannot be confused
/// with the `#` that separates the parts of a key in the Registry.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn parse_plain(what: &'static str, text: &str, max: usize) -> Result<String, InvalidIdentifier> {
    if text.is_empty() {
        return Err(InvalidIdentifier::new(what, "is empty"));
    }
    if text.len() > max {
        return Err(InvalidIdentifier::new(
            what,
            format!("is {} bytes long; at most {max} are allowed", text.len()),
        ));
    }
    if let Some(c) = text.chars().find(|c| !is_plain(*c)) {
        return Err(InvalidIdentifier::new(
            what,
            format!("contains {c:?}; letters, digits, '.', '_' and '-' are allowed"),
        ));
    }
    Ok(text.to_owned())
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentifier;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let parse: fn(&'static str, &str) -> Result<String, InvalidIdentifier> = $parse;
                parse($what, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

identifier!(
    /// `serialNumber`: 1 to 128 of `[A-Za-z0-9._-]`, unique within its pass type.
    SerialNumber,
    "serialNumber",
    |what, text| parse_plain(what, text, MAX_IDENTIFIER_BYTES)
);

identifier!(
    /// `passTypeIdentifier`: begins with `pass.`; it is also the topic of its pushes.
    PassTypeIdentifier,
    "passTypeIdentifier",
    |what, text| {
        if !text.starts_with("pass.") || text.len() == "pass.".len() {
            return Err(InvalidIdentifier::new(
                what,
                "must begin with \"pass.\", as registered with Apple",
            ));
        }
        parse_plain(what, text, MAX_IDENTIFIER_BYTES)
    }
);

identifier!(
    /// `teamIdentifier`: the Apple developer team, e.g. `A1B2C3D4E5`.
    TeamIdentifier,
    "teamIdentifier",
    |what, text| parse_plain(what, text, 32)
);

identifier!(
    /// The id of a pass template, 1 to 64 of `[A-Za-z0-9._-]`.
    TemplateId,
    "template",
    |what, text| parse_plain(what, text, 64)
);

/// `deviceLibraryIdentifier`: Wallet's random id for one phone, pass type and web service URL.
///
/// It is the only secret of the list call, so `Debug` shows its first four characters alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceLibraryIdentifier(String);

impl DeviceLibraryIdentifier {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough to find a device again in the log, too little to ask in its name.
    pub fn redacted(&self) -> String {
        format!("{}...", self.0.chars().take(4).collect::<String>())
    }
}

impl FromStr for DeviceLibraryIdentifier {
    type Err = InvalidIdentifier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_plain("deviceLibraryIdentifier", text, MAX_IDENTIFIER_BYTES).map(Self)
    }
}

impl fmt::Debug for DeviceLibraryIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceLibraryIdentifier({})", self.redacted())
    }
}

/// Names one pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassKey {
    pub pass_type: PassTypeIdentifier,
    pub serial: SerialNumber,
}

impl PassKey {
    pub fn parse(pass_type: &str, serial: &str) -> Result<Self, InvalidIdentifier> {
        Ok(Self {
            pass_type: pass_type.parse()?,
            serial: serial.parse()?,
        })
    }
}

/// Names one device: Wallet's id is drawn per pass type, so the type is part of the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey {
    pub device: DeviceLibraryIdentifier,
    pub pass_type: PassTypeIdentifier,
}

impl DeviceKey {
    /// The registration of `serial` on this device.
    pub fn registration(&self, serial: &SerialNumber) -> Registration {
        Registration {
            device: self.device.clone(),
            key: PassKey {
                pass_type: self.pass_type.clone(),
                serial: serial.clone(),
            },
        }
    }
}

/// A device holds a pass.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registration {
    pub device: DeviceLibraryIdentifier,
    pub key: PassKey,
}

impl Registration {
    pub fn device_key(&self) -> DeviceKey {
        DeviceKey {
            device: self.device.clone(),
            pass_type: self.key.pass_type.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_takes_letters_digits_dot_underscore_and_hyphen() {
        for ok in ["A", "DEMO-1", "a.b_c-9", &"x".repeat(128)] {
            assert_eq!(ok.parse::<SerialNumber>().unwrap().as_str(), ok);
        }
        for bad in ["", "a b", "a/b", "ü", "a#b", "a%20b", &"x".repeat(129)] {
            assert!(bad.parse::<SerialNumber>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refused_character_is_named_and_what_is_allowed_too() {
        assert_eq!(
            "a b".parse::<SerialNumber>().unwrap_err().to_string(),
            "serialNumber: contains ' '; letters, digits, '.', '_' and '-' are allowed"
        );
    }

    #[test]
    fn a_pass_type_begins_with_pass_dot() {
        assert!("pass.com.example.loyalty".parse::<PassTypeIdentifier>().is_ok());
        for bad in ["pass.", "com.example", "pass.a b", ""] {
            assert!(bad.parse::<PassTypeIdentifier>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_device_id_is_never_printed_whole() {
        let id: DeviceLibraryIdentifier = "0123456789abcdef".parse().unwrap();
        assert_eq!(format!("{id:?}"), "DeviceLibraryIdentifier(0123...)");
    }
}
