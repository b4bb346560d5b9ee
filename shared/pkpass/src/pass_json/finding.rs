//! What was found in a pass.json, and where.

use std::fmt;

use super::rules::Rule;
use crate::fault::Fault;

/// What becomes of a pass in which something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Wallet does not take the pass, or never shows the change.
    Refuse,
    /// Wallet takes the pass, but shows something else than was meant.
    Warn,
}

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The value of this key of an object.
    Key(String),
    /// The item at this position of an array, counted from 0.
    Index(usize),
}

/// A place in pass.json. Shown as `storeCard.primaryFields[0].key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place(pub Vec<Step>);

impl Place {
    /// The value of `key` at this place.
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The item of the array at this place.
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// One thing that a rule found in a pass.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule; it has the verdict.
    pub rule: Rule,
    /// The place that is wrong first, then the others that take part: whoever wrote one of them can mend it.
    pub places: Vec<Place>,
    /// What is wrong and how to mend it, without any value of the pass.
    pub reason: String,
    /// What should stand at the place is absent, and a row can bring it. Of a template this is a warning.
    pub open: bool,
    pub(super) verdict: Verdict,
}

impl Finding {
    /// What becomes of the pass.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The place that is wrong.
    pub fn place(&self) -> &Place {
        &self.places[0]
    }

    /// The same as a line with its place in pass.json.
    pub fn to_fault(&self) -> Fault {
        Fault::new(self.place().to_string(), self.reason.clone())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.reason)
    }
}
