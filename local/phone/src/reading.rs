//! How a phone reads a package: its system, and what it takes for its language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use pkpass::{OpenedPass, Sha1Digest};

/// The system of a phone, as far as it decides what a pass shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ios {
    /// Shows the classic style, and nothing of a pass that has none.
    Ios26,
    /// Shows `posterGeneric` where a pass has it, and the classic style elsewhere. The default: it is the newer one,
    /// and a phone of iOS 26 would never show what is wrong with a poster.
    #[default]
    Ios27,
}

impl fmt::Display for Ios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ios26 => "iOS 26",
            Self::Ios27 => "iOS 27",
        })
    }
}

/// A number that is none of [`Ios`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the simulated phone has iOS 26 or 27: write one of the two numbers")]
pub struct UnknownIos;

/// From its number: `26` or `27`.
impl FromStr for Ios {
    type Err = UnknownIos;

    fn from_str(number: &str) -> Result<Self, UnknownIos> {
        match number {
            "26" => Ok(Self::Ios26),
            "27" => Ok(Self::Ios27),
            _ => Err(UnknownIos),
        }
    }
}

/// What decides, beside pass.json, how a pass looks on one phone.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    pub ios: Ios,
    /// pass.strings in the phone's language.
    pub texts: BTreeMap<String, String>,
    /// The files that it shows, those of its language in place of those at the root.
    pub files: BTreeMap<String, Sha1Digest>,
}

impl Reading {
    pub fn of(package: &OpenedPass, ios: Ios, language: &str) -> Self {
        let names = || package.files.keys().map(String::as_str);
        let texts = nearest(names().filter(|name| name.ends_with("/pass.strings")), language)
            .and_then(|folder| package.files.get(&format!("{folder}.lproj/pass.strings")))
            // Texts that cannot be read are none: the phone shows their keys.
            .and_then(|bytes| pkpass::strings::parse(bytes).ok())
            .unwrap_or_default();

        let folder = nearest(names().filter(|name| is_shown(name)), language);
        let digests = || package.manifest.iter().filter(|(name, _)| is_shown(name));
        let at_root = digests().filter(|(name, _)| in_language(name).is_none());
        let of_language = digests().filter_map(|(name, digest)| {
            let (language, file) = in_language(name)?;
            (Some(language) == folder).then_some((file, digest))
        });
        let files = at_root
            .chain(of_language)
            .map(|(name, digest)| (name.to_owned(), *digest))
            .collect();
        Self { ios, texts, files }
    }

    /// A text of pass.json as it is shown: that of the language, if the text is a key of it.
    pub fn localised<'a>(&'a self, text: &'a str) -> &'a str {
        self.texts.get(text).map_or(text, String::as_str)
    }
}

/// Whether a file is shown as it is; pass.json and texts are only by what stands in them.
fn is_shown(name: &str) -> bool {
    name != "pass.json" && !name.ends_with(".strings")
}

/// Language and file of `de.lproj/strip.png`.
fn in_language(name: &str) -> Option<(&str, &str)> {
    name.split_once(".lproj/")
}

/// The language that a phone takes of those in which there is one of these files: its own, without region, of another
/// region, English, or any.
fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Option<&'a str> {
    let available: BTreeSet<&str> = names.filter_map(in_language).map(|(language, _)| language).collect();
    let find = |matches: &dyn Fn(&str) -> bool| available.iter().copied().find(|name| matches(&normal(name)));
    for wanted in [wanted, "en"] {
        let mut wanted = normal(wanted);
        loop {
            if let Some(found) = find(&|name| name == wanted) {
                return Some(found);
            }
            match wanted.rfind('-') {
                Some(end) => wanted.truncate(end),
                None => break,
            }
        }
        if let Some(found) = find(&|name| name.split('-').next() == Some(&wanted)) {
            return Some(found);
        }
    }
    available.first().copied()
}

/// `pt_BR` and `pt-br` are one language.
fn normal(language: &str) -> String {
    language.replace('_', "-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken<'a>(folders: &[&'a str], wanted: &str) -> Option<&'a str> {
        nearest(folders.iter().copied(), wanted)
    }

    #[test]
    fn a_phone_takes_its_language_then_english_then_any() {
        let folders = [
            "de.lproj/a",
            "en.lproj/a",
            "pt-BR.lproj/a",
            "zh-Hant.lproj/a",
            "icon.png",
        ];
        for (wanted, found) in [
            ("de", "de"),
            ("de-CH", "de"),
            ("pt_br", "pt-BR"),
            ("pt", "pt-BR"),
            ("zh-Hant-TW", "zh-Hant"),
            ("fr", "en"),
            ("", "en"),
        ] {
            assert_eq!(taken(&folders, wanted), Some(found), "{wanted}");
        }
        assert_eq!(taken(&["fr.lproj/a", "it.lproj/a"], "de"), Some("fr"));
        assert_eq!(taken(&["en-GB.lproj/a", "de.lproj/a"], "fr"), Some("en-GB"));
        assert_eq!(taken(&["icon.png"], "de"), None);
    }

    #[test]
    fn a_system_is_read_from_its_number() {
        assert_eq!("26".parse(), Ok(Ios::Ios26));
        assert_eq!("27".parse(), Ok(Ios::Ios27));
        assert_eq!("18".parse::<Ios>(), Err(UnknownIos));
    }
}
