//! The texts of each language: what `pass.strings` says.

use std::collections::BTreeMap;

/// Language (`en`, `zh-Hans`) -> key -> text, of every `{language}.lproj/pass.strings`. Of a template only the
/// texts with `%@` are kept: no other one is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub BTreeMap<String, BTreeMap<String, String>>);

impl Texts {
    /// Reads them from a template's or a package's files. A file that cannot be read is left out: it is a
    /// fault of its own.
    pub fn of_files(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let languages = files.iter().filter_map(|(name, content)| {
            let language = name.strip_suffix(".lproj/pass.strings")?;
            let mut texts = crate::strings::parse(content).ok()?;
            texts.retain(|_, text| text.contains("%@"));
            Some((language.to_owned(), texts))
        });
        Self(languages.collect())
    }

    /// The languages in which `key` is no text with `%@`; `None` if it is one in none of them.
    pub(super) fn languages_without_format(&self, key: &str) -> Option<Vec<&str>> {
        let is_format = |texts: &BTreeMap<String, String>| texts.get(key).is_some_and(|text| text.contains("%@"));
        if !self.0.values().any(is_format) {
            return None;
        }
        let without = self.0.iter().filter(|(_, texts)| !is_format(texts));
        Some(without.map(|(language, _)| language.as_str()).collect())
    }
}
