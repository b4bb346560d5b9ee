//! The one table of pass.json: each key that is known, with its type, range and list of words.
//!
//! The check is driven by it, and `docs/pass.md` is written from it. A key that is not in it passes
//! unchanged, because Apple adds new ones every year.

mod keys;

pub use keys::*;

/// The keys of one kind of JSON object.
#[derive(Debug)]
pub struct Object {
    /// What documents call it.
    pub name: &'static str,
    /// Its known keys.
    pub keys: &'static [Key],
}

/// One known key.
#[derive(Debug)]
pub struct Key {
    /// As it stands in pass.json.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Who has to bring it.
    pub need: Need,
    /// The first iOS that reads it.
    pub since: &'static str,
    /// The styles that show it; empty for all of them.
    pub styles: &'static [&'static str],
    /// Where it is known from: the letters that `docs/pass.md` explains.
    pub evidence: &'static str,
}

/// Who has to bring a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nobody.
    No,
    /// Whoever writes the object around it.
    Yes,
    /// The template, or else each row.
    TemplateOrRow,
    /// livepass, whatever template and row say.
    Injected,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text that is shown or read aloud.
    Text,
    /// Text that is never shown as such: any characters.
    Bytes,
    /// `true` or `false`.
    Bool,
    /// A number within these bounds, both included.
    Number(f64, f64),
    /// A whole number within these bounds, both included.
    Integer(i64, i64),
    /// A text or a number.
    Scalar,
    /// A date in a text.
    Date,
    /// A colour in a text.
    Colour,
    /// One word of a list.
    Word(&'static Words),
    /// An object that is not looked into.
    Map,
    /// An object with known keys.
    Object(&'static Object),
    /// An array of these, with the number of items that a phone reads, if that is known.
    List(&'static Kind, Option<usize>),
}

/// The words that a key may have.
#[derive(Debug)]
pub struct Words {
    /// Those that are known.
    pub known: &'static [&'static str],
    /// What all of them begin with.
    pub prefix: &'static str,
    /// Whether Apple adds words, so that an unknown one with the prefix is only warned of.
    pub extended: bool,
}

impl Object {
    /// The key of this name.
    pub fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// All objects of the table, in the order in which documents list them.
pub const OBJECTS: &[&Object] = &[
    &PASS,
    &STYLE,
    &FIELD,
    &BARCODE,
    &LOCATION,
    &BEACON,
    &RELEVANT_DATE,
    &NFC,
    &FEATURED_ACTION,
    &SEMANTICS,
];
