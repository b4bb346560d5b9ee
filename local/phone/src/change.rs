//! What the owner of a pass sees of a change.

mod difference;
#[cfg(test)]
mod tests;

use std::fmt;

use passes::ids::PassKey;
use serde_json::Value;

use crate::face::Face;
use crate::reading::Reading;

/// A change of a pass. `Display` is one line of what differs, and says so where a person sees nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Update {
    pub pass: PassKey,
    /// pass.json before.
    pub old: Value,
    /// pass.json after.
    pub new: Value,
    pub(crate) old_reading: Reading,
    pub(crate) new_reading: Reading,
}

impl Update {
    /// Key, old and new value of every field that shows something else than before; nothing for an absent field.
    pub fn changed_fields(&self) -> Vec<(String, Option<String>, Option<String>)> {
        difference::values(self.before(), self.after())
    }

    /// What the lock screen says: the changed field's `changeMessage` with its new value, one general sentence when
    /// the message has no place for the value or several fields with a message have changed, else nothing.
    ///
    /// A `changeMessage` may be a key of pass.strings. An empty one is as good as none.
    pub fn notification(&self) -> Option<String> {
        let face = self.after();
        let changed = self.changed_fields();
        let messages: Vec<Option<String>> = changed
            .iter()
            .filter_map(|(key, ..)| {
                let mut fields = face.fields().filter(|field| field.json["key"] == key.as_str());
                fields.find_map(|field| {
                    let message = field.json["changeMessage"].as_str().filter(|text| !text.is_empty())?;
                    let message = face.reading.localised(message);
                    let value = || without_links(&face.value(field));
                    Some(message.contains("%@").then(|| message.replace("%@", &value())))
                })
            })
            .collect();
        match messages.as_slice() {
            [] => None,
            [Some(message)] => Some(message.clone()),
            _ => {
                let organization = face.shown(&self.new["organizationName"]);
                Some(format!("{organization}: the pass has changed"))
            }
        }
    }

    fn before(&self) -> Face<'_> {
        Face {
            pass: &self.old,
            reading: &self.old_reading,
        }
    }

    fn after(&self) -> Face<'_> {
        Face {
            pass: &self.new,
            reading: &self.new_reading,
        }
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phone    {}", self.pass.serial)?;
        for part in difference::parts(self.before(), self.after()) {
            write!(f, "   {}", one_line(&part))?;
        }
        match self.notification() {
            Some(message) => write!(f, "   \"{}\"", one_line(&message)),
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

/// The text without the tags of links, of which a lock screen has none.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start..];
        let is_link = ["<a ", "<a>", "</a>"].iter().any(|begin| tag.starts_with(begin));
        let end = match tag.find('>') {
            Some(end) if is_link => {
                plain.push_str(&rest[..start]);
                start + end + 1
            }
            _ => {
                plain.push_str(&rest[..=start]);
                start + 1
            }
        };
        rest = &rest[end..];
    }
    plain + rest
}

/// A value may hold line breaks, and whatever else a terminal acts on.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
