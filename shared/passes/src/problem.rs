//! Problems: why a pass record cannot be published as it stands, and what is published but noteworthy.

use std::collections::HashSet;
use std::fmt;

/// What is wrong, as a name that documents, metrics and alarms share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// `template` is missing or no template id.
    TemplateMissing,
    /// No template of that id has been published.
    TemplateUnknown,
    /// An attribute has a type that cannot be part of a pass.
    AttributeType,
    /// `fields` names a key that the template lacks.
    FieldUnknown,
    /// `pass` reaches into what `fields` owns.
    PatchTouchesFields,
    /// The result is a pass that Wallet would refuse.
    WalletWouldRefuse,
    /// `images` names something that cannot be used.
    Image,
    /// The pass type's certificate is missing or unusable.
    Certificate,
    /// `authenticationToken` appeared or changed after the first publish, and is ignored.
    TokenChanged,
    /// The pass is published, but phones show something else than the row seems to mean.
    Warning,
    /// The record's key cannot be that of a pass.
    Key,
}

impl ProblemKind {
    /// The name used in the log, in metrics and as the anchor in docs.
    pub fn label(self) -> &'static str {
        match self {
            Self::TemplateMissing => "template-missing",
            Self::TemplateUnknown => "template-unknown",
            Self::AttributeType => "attribute-type",
            Self::FieldUnknown => "field-unknown",
            Self::PatchTouchesFields => "patch-touches-fields",
            Self::WalletWouldRefuse => "wallet-would-refuse",
            Self::Image => "image",
            Self::Certificate => "certificate",
            Self::TokenChanged => "token-changed",
            Self::Warning => "warning",
            Self::Key => "key",
        }
    }
}

/// A problem with its sentence, which names the attribute and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub sentence: String,
}

impl Problem {
    /// Longest sentence kept: a record can produce hundreds of faults, and the first ones tell.
    const MAX_CHARS: usize = 2000;

    pub fn new(kind: ProblemKind, sentence: impl Into<String>) -> Self {
        let mut sentence = sentence.into();
        if let Some((cut, _)) = sentence.char_indices().nth(Self::MAX_CHARS) {
            sentence.truncate(cut);
            sentence.push_str(" ...");
        }
        Self { kind, sentence }
    }

    /// The row's own name for what is wrong, or the template's: what the sentence begins with.
    pub(crate) fn name(&self) -> &str {
        self.sentence.split(": ").next().unwrap_or_default()
    }

    /// All of them as one: the kind of the first, and each sentence once.
    pub fn all(problems: impl IntoIterator<Item = Problem>) -> Option<Self> {
        let mut kind = None;
        let mut told = HashSet::new();
        let mut sentences = String::new();
        for problem in problems {
            kind.get_or_insert(problem.kind);
            if sentences.len() > Self::MAX_CHARS * 4 || !told.insert(problem.sentence.clone()) {
                continue;
            }
            if !sentences.is_empty() {
                sentences.push_str("; ");
            }
            sentences.push_str(&problem.sentence);
        }
        Some(Self::new(kind?, sentences))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.label(), self.sentence)
    }
}
