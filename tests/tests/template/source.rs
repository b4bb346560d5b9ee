//! Rust sources, read as text: which function's body stands where, and what it calls.
//!
//! Coarse on purpose. It takes a name for a call wherever `name(` stands, so it may see a call too
//! many, which shows as a permission or variable that seems to be missing; it misses none.

use std::collections::{BTreeMap, BTreeSet};

use crate::system::{read, root};

/// The functions of some files, by name.
pub struct Bodies(BTreeMap<String, Vec<Body>>);

struct Body {
    file: String,
    /// Others are called from their own file alone.
    public: bool,
    text: String,
}

/// The files of a folder, and of those in it, without their unit tests.
pub fn files(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    for entry in entries {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(&path));
        } else if path.ends_with(".rs") {
            found.insert(path.clone(), code(&read(&path)));
        }
    }
    found
}

/// Without comments and without the tests at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

impl Bodies {
    /// Those of a folder, or of one file.
    pub fn of(path: &str) -> Self {
        let files = match path.ends_with(".rs") {
            true => BTreeMap::from([(path.to_owned(), code(&read(path)))]),
            false => files(path),
        };
        let mut bodies = BTreeMap::<String, Vec<Body>>::new();
        for (file, text) in files {
            let mut pieces = text.split("fn ");
            let mut before = pieces.next().unwrap_or_default();
            // A body goes up to the next function: what stands between belongs to nobody.
            for piece in pieces {
                let name: String = piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let line = before.rsplit('\n').next().unwrap_or_default();
                let body = Body {
                    file: file.clone(),
                    public: line.contains("pub"),
                    text: piece.to_owned(),
                };
                bodies.entry(name).or_default().push(body);
                before = piece;
            }
        }
        bodies.remove("");
        Self(bodies)
    }

    /// The bodies of a function and of all that it leads to within these files.
    pub fn reach(&self, name: &str) -> String {
        let mut seen = BTreeSet::new();
        let mut open: Vec<(&str, &Body)> = self.named(name).collect();
        let mut text = String::new();
        while let Some((name, body)) = open.pop() {
            if !seen.insert((name, &body.file, body.text.len())) {
                continue;
            }
            text.push_str(&body.text);
            for called in self.called_in(&body.text) {
                open.extend(
                    self.named(called)
                        .filter(|(_, other)| other.public || other.file == body.file),
                );
            }
        }
        text
    }

    /// The functions of these files that a text calls.
    pub fn called_in(&self, text: &str) -> BTreeSet<&str> {
        let names = self.0.keys().filter(|name| calls(text, name));
        names.map(String::as_str).collect()
    }

    fn named(&self, name: &str) -> impl Iterator<Item = (&str, &Body)> {
        let found = self.0.get_key_value(name).into_iter();
        found.flat_map(|(name, bodies)| bodies.iter().map(|body| (name.as_str(), body)))
    }
}

/// Whether `name(` stands in a text, and not as the end of a longer name or as a definition.
pub fn calls(text: &str, name: &str) -> bool {
    text.match_indices(&format!("{name}(")).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let defined = text[..at].ends_with("fn ") || at == 0;
        !defined && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Words of capital letters, digits and underscores in quotation marks.
pub fn constants(text: &str) -> BTreeSet<String> {
    text.split('"')
        .filter(|word| {
            word.len() > 3
                && word
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
                && word.contains('_')
        })
        .map(str::to_owned)
        .collect()
}
