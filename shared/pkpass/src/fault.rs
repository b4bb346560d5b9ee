use std::fmt;

/// One thing that Wallet would refuse, with the way to mend it.
///
/// Shown as `path: reason`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The field of pass.json (`storeCard.primaryFields[0].key`), the file of the template or
    /// package (`en.lproj/logo.png`), or both (`pass.json storeCard.primaryFields[0].key`).
    pub path: String,
    /// A sentence that says what is wrong and names the fix.
    pub reason: String,
}

impl Fault {
    /// A fault at `path`.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// Writes faults one per line.
pub(crate) fn write_lines(faults: &[Fault], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (position, fault) in faults.iter().enumerate() {
        if position > 0 {
            writeln!(f)?;
        }
        write!(f, "{fault}")?;
    }
    Ok(())
}
