//! A pass on the phone.

use std::fmt;

use passes::ids::PassKey;
use passes::tokens::AuthenticationToken;
use pkpass::{Manifest, OpenedPass};
use reqwest::header::HeaderValue;
use serde_json::Value;

use crate::face::Face;
use crate::phone::PhoneConfig;
use crate::reading::Reading;

/// A pass in the phone's Wallet.
#[derive(Clone)]
pub struct InstalledPass {
    pub(crate) key: PassKey,
    pub(crate) pass: Value,
    pub(crate) reading: Reading,
    pub(crate) manifest: Manifest,
    pub(crate) package: Vec<u8>,
    /// The server's own `Last-Modified`, echoed byte for byte. Nothing after an install.
    pub(crate) last_modified: Option<HeaderValue>,
    pub(crate) registered: bool,
}

/// The two keys of a pass with a web service.
#[derive(Clone)]
pub(crate) struct WebServiceKeys {
    pub url: String,
    pub token: AuthenticationToken,
}

impl InstalledPass {
    pub fn key(&self) -> &PassKey {
        &self.key
    }

    /// pass.json as it is installed.
    pub fn json(&self) -> &Value {
        &self.pass
    }

    /// The package as it was downloaded last.
    pub fn package(&self) -> &[u8] {
        &self.package
    }

    /// Whether the phone has registered it: not before the first registration has succeeded, nor
    /// with "Automatic Updates" switched off.
    pub fn is_registered(&self) -> bool {
        self.registered
    }

    /// Whether Wallet shows it as no longer valid.
    pub fn is_voided(&self) -> bool {
        self.pass["voided"] == true
    }

    /// The `Last-Modified` that the next request for it sends as `If-Modified-Since`.
    pub fn last_modified(&self) -> Option<&str> {
        self.last_modified.as_ref().and_then(|value| value.to_str().ok())
    }

    /// The style that the phone's iOS shows, such as `storeCard`; nothing where it shows none of the pass's.
    pub fn style(&self) -> Option<&'static str> {
        self.face().style()
    }

    /// What stands in the field with this key, in whichever group of the style that the phone's iOS shows: its
    /// `attributedValue` or else its `value`, in the phone's language; a number as its literal.
    pub fn shown(&self, field_key: &str) -> Option<String> {
        let face = self.face();
        face.field(field_key).map(|field| face.value(field))
    }

    fn face(&self) -> Face<'_> {
        Face {
            pass: &self.pass,
            reading: &self.reading,
        }
    }

    pub(crate) fn web_service(&self) -> Option<WebServiceKeys> {
        Some(WebServiceKeys {
            url: self.pass["webServiceURL"].as_str()?.to_owned(),
            token: self.pass["authenticationToken"].as_str()?.parse().ok()?,
        })
    }
}

impl fmt::Debug for InstalledPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // pass.json holds the authentication token.
        f.debug_struct("InstalledPass")
            .field("key", &self.key)
            .field("last_modified", &self.last_modified)
            .field("registered", &self.registered)
            .finish_non_exhaustive()
    }
}

/// A verified package, with the pass that it is of.
pub(crate) fn opened(opened: OpenedPass, package: Vec<u8>, config: &PhoneConfig) -> Result<InstalledPass, String> {
    let text = |key: &str| opened.pass[key].as_str().unwrap_or_default().to_owned();
    let key = PassKey::parse(&text("passTypeIdentifier"), &text("serialNumber")).map_err(|error| error.to_string())?;
    Ok(InstalledPass {
        key,
        reading: Reading::of(&opened, config.ios, &config.language),
        pass: opened.pass,
        manifest: opened.manifest,
        package,
        last_modified: None,
        registered: false,
    })
}
