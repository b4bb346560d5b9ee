//! A pass on the phone, and what its owner sees of a change.

use std::fmt;

use passes::ids::PassKey;
use passes::tokens::AuthenticationToken;
use pkpass::{Manifest, OpenedPass};
use reqwest::header::HeaderValue;
use serde_json::Value;

/// The groups of fields of a style, front to back.
const GROUPS: [&str; 6] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "additionalInfoFields",
    "backFields",
];

/// A pass in the phone's Wallet.
#[derive(Clone)]
pub struct InstalledPass {
    pub(crate) key: PassKey,
    pub(crate) pass: Value,
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

    /// The value of the field with this key, in whichever group it stands; a number as its literal.
    pub fn shown(&self, field_key: &str) -> Option<String> {
        fields(&self.pass)
            .find(|field| field["key"] == field_key)
            .map(|field| text(&field["value"]))
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

/// A change of what a pass shows. `Display` is one line of its changed fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Update {
    pub pass: PassKey,
    /// pass.json before.
    pub old: Value,
    /// pass.json after.
    pub new: Value,
}

impl Update {
    /// Key, old and new value of every field whose value differs; nothing for an absent field.
    pub fn changed_fields(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let value_of = |pass: &Value, key: &Value| {
            fields(pass)
                .find(|field| field["key"] == *key)
                .map(|field| text(&field["value"]))
        };
        let mut keys: Vec<&Value> = fields(&self.old)
            .chain(fields(&self.new))
            .map(|field| &field["key"])
            .collect();
        let mut seen = Vec::new();
        keys.retain(|key| {
            let first = !seen.contains(key);
            seen.push(*key);
            first
        });
        keys.into_iter()
            .map(|key| (text(key), value_of(&self.old, key), value_of(&self.new, key)))
            .filter(|(_, old, new)| old != new)
            .collect()
    }

    /// What the lock screen says: the changed field's `changeMessage` with its new value, one
    /// generic line when several fields with a message have changed, else nothing.
    pub fn notification(&self) -> Option<String> {
        let changed = self.changed_fields();
        let messages: Vec<String> = fields(&self.new)
            .filter(|field| changed.iter().any(|(key, ..)| field["key"] == key.as_str()))
            .filter_map(|field| {
                let message = field["changeMessage"].as_str()?;
                message
                    .contains("%@")
                    .then(|| message.replace("%@", &text(&field["value"])))
            })
            .collect();
        match messages.as_slice() {
            [] => None,
            [message] => Some(message.clone()),
            _ => Some(format!("{}: the pass has changed", text(&self.new["organizationName"]))),
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phone    {}", self.pass.serial)?;
        for (key, old, new) in self.changed_fields() {
            let or_absent = |value: Option<String>| value.unwrap_or_else(|| "(absent)".to_owned());
            write!(f, "   {key}: {} -> {}", or_absent(old), or_absent(new))?;
        }
        match self.notification() {
            Some(message) => write!(f, "   \"{message}\""),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("pass", &self.pass)
            .field("changed_fields", &self.changed_fields())
            .finish()
    }
}

/// A verified package, with the pass that it is of.
pub(crate) fn opened(opened: OpenedPass, package: Vec<u8>) -> Result<InstalledPass, String> {
    let text = |key: &str| opened.pass[key].as_str().unwrap_or_default().to_owned();
    let key = PassKey::parse(&text("passTypeIdentifier"), &text("serialNumber")).map_err(|error| error.to_string())?;
    Ok(InstalledPass {
        key,
        pass: opened.pass,
        manifest: opened.manifest,
        package,
        last_modified: None,
        registered: false,
    })
}

/// All fields, group by group.
fn fields(pass: &Value) -> impl Iterator<Item = &Value> {
    let style = pkpass::pass_json::STYLES.iter().find_map(|style| pass.get(style));
    style
        .into_iter()
        .flat_map(|style| GROUPS.iter().filter_map(|group| style.get(group)?.as_array()))
        .flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(old: Value, new: Value) -> Update {
        Update {
            pass: PassKey::parse("pass.t", "A-1").unwrap(),
            old,
            new,
        }
    }

    fn card(balance: u32, tier: &str) -> Value {
        json!({"organizationName": "Morningside Coffee", "storeCard": {
            "headerFields": [{"key": "tier", "value": tier, "changeMessage": "You are now %@"}],
            "primaryFields": [{"key": "balance", "value": balance, "changeMessage": "Your balance is now %@"}],
            "secondaryFields": [{"key": "member", "value": "Ada"}],
        }})
    }

    #[test]
    fn one_changed_field_gives_its_change_message() {
        let update = update(card(10, "Gold"), card(20, "Gold"));
        assert_eq!(update.notification().unwrap(), "Your balance is now 20");
        assert_eq!(
            update.to_string(),
            "phone    A-1   balance: 10 -> 20   \"Your balance is now 20\""
        );
    }

    #[test]
    fn several_changed_fields_give_one_generic_message() {
        let update = update(card(10, "Silver"), card(20, "Gold"));
        assert_eq!(
            update.notification().unwrap(),
            "Morningside Coffee: the pass has changed"
        );
    }

    #[test]
    fn a_field_without_change_message_changes_silently() {
        let mut new = card(10, "Gold");
        new["storeCard"]["secondaryFields"][0]["value"] = json!("Grace");
        let update = update(card(10, "Gold"), new);
        assert_eq!(update.notification(), None);
        assert_eq!(
            update.changed_fields(),
            [("member".to_owned(), Some("Ada".to_owned()), Some("Grace".to_owned()))]
        );
    }
}
