//! What a run has to take back, kept in a file so that the next run can do it where this one is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws::files::write_whole;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Whole at every moment; written before what it tells of is done.
pub(crate) struct Leftovers {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// What the run's serials and templates have in their names.
    pub run: String,
    /// Devices of its phones.
    pub devices: BTreeSet<String>,
    /// `None` once they are as they were.
    pub settings: Option<Settings>,
}

/// What was set on the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Push tokens for which APNs was given answers.
    pub tokens: BTreeSet<String>,
    pub clock: ClockTurned,
    /// The count of deletions before it was filled: numbers by name, none of them where there was no count.
    pub deletions: Option<BTreeMap<String, String>>,
}

/// How far the stack's clock is ahead of the machine's, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockTurned {
    pub at_first: i64,
    /// Before the last turn and after it: either, where the run was killed amid it.
    pub before: i64,
    pub after: i64,
}

impl ClockTurned {
    /// By how much it has to be turned to be as it was; nothing where somebody else has turned it, or
    /// the stack was started anew.
    pub fn back_from(self, ahead_ms: i64) -> i64 {
        match [self.before, self.after].contains(&ahead_ms) {
            true => self.at_first - ahead_ms,
            false => 0,
        }
    }
}

impl Leftovers {
    /// Those of an earlier run, if there are any.
    pub fn of_earlier_run(dir: &Path) -> Result<Option<Self>, Error> {
        let path = path(dir);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(of_file(&path, error)),
        };
        let content = serde_json::from_str(&text).map_err(|error| of_file(&path, error))?;
        Ok(Some(Self { path, content }))
    }

    /// A run that has changed nothing yet.
    pub fn begin(dir: &Path, run: String, ahead_ms: i64) -> Result<Self, Error> {
        let clock = ClockTurned {
            at_first: ahead_ms,
            before: ahead_ms,
            after: ahead_ms,
        };
        let settings = Settings {
            tokens: BTreeSet::new(),
            clock,
            deletions: None,
        };
        let leftovers = Self {
            path: path(dir),
            content: Content {
                run,
                devices: BTreeSet::new(),
                settings: Some(settings),
            },
        };
        leftovers.store()?;
        Ok(leftovers)
    }

    pub fn content(&self) -> &Content {
        &self.content
    }

    /// What begins the serials of the run's rows.
    pub fn serials(&self) -> String {
        format!("TRIGGER-{}-", self.content.run)
    }

    /// The id of the run's template.
    pub fn template(&self) -> String {
        format!("trigger-{}", self.content.run)
    }

    pub fn add_device(&mut self, device: &str) -> Result<(), Error> {
        self.content.devices.insert(device.to_owned());
        self.store()
    }

    pub fn note(&mut self, note: impl FnOnce(&mut Settings)) -> Result<(), Error> {
        if let Some(settings) = &mut self.content.settings {
            note(settings);
        }
        self.store()
    }

    /// The settings are as they were; passes are left.
    pub fn settings_are_back(&mut self) -> Result<(), Error> {
        self.content.settings = None;
        self.store()
    }

    /// Nothing is left.
    pub fn remove(&self) -> Result<(), Error> {
        fs::remove_file(&self.path).map_err(|error| of_file(&self.path, error))
    }

    fn store(&self) -> Result<(), Error> {
        let bytes = serde_json::to_vec(&self.content).map_err(|error| of_file(&self.path, error))?;
        write_whole(&self.path, &bytes).map_err(|error| of_file(&self.path, error))
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("trigger.json")
}

fn of_file(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_somebody_else_has_turned_is_left_alone() {
        let turned = ClockTurned {
            at_first: 1000,
            before: 1000,
            after: 61_000,
        };
        assert_eq!(turned.back_from(61_000), -60_000);
        assert_eq!(turned.back_from(1000), 0, "killed before it was turned");
        assert_eq!(turned.back_from(0), 0, "the stack was started anew");
        assert_eq!(turned.back_from(7), 0);
    }
}
