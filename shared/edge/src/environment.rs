//! Configuration: environment variables, read once, all faults reported together.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The variables of one function, as template.yaml gives them.
#[derive(Debug)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    faults: Vec<String>,
}

/// Every variable that is missing or malformed, one a line.
#[derive(PartialEq, Eq)]
pub struct ConfigurationFaults(Vec<String>);

/// `main` ends with the `Debug` form, and the operator should read lines.
impl fmt::Debug for ConfigurationFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ConfigurationFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function is not configured:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigurationFaults {}

impl Environment {
    pub fn of_process() -> Self {
        Self::from(std::env::vars().collect::<BTreeMap<_, _>>())
    }

    /// A variable that must be there; empty when it is not, in which case [`Self::finish`] fails.
    pub fn text(&mut self, name: &str) -> String {
        match self.variables.get(name).map(|value| value.trim()) {
            Some(value) if !value.is_empty() => value.to_owned(),
            _ => {
                self.fault(name, "is missing");
                String::new()
            }
        }
    }

    /// A variable that may be absent.
    pub fn optional(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A variable with a default; `wanted` says what it must be.
    pub fn parsed<T: FromStr>(&mut self, name: &str, default: T, wanted: &str) -> T {
        match self.optional(name).map(|value| value.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.fault(name, &format!("must be {wanted}"));
                default
            }
        }
    }

    /// Notes a fault that only the reader of the variable can see.
    pub fn fault(&mut self, name: &str, reason: &str) {
        let fault = format!("{name}: {reason}");
        // A variable may be read for several adapters.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Fails with every fault that was met.
    pub fn finish(self) -> Result<(), ConfigurationFaults> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(ConfigurationFaults(self.faults))
        }
    }
}

impl From<BTreeMap<String, String>> for Environment {
    fn from(variables: BTreeMap<String, String>) -> Self {
        Self {
            variables,
            faults: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_reported_together() {
        let variables = [("A", "1"), ("B", "x"), ("C", " ")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut environment = Environment::from(BTreeMap::from(variables));
        assert_eq!(environment.text("A"), "1");
        assert_eq!(environment.parsed("B", 7, "a number"), 7);
        environment.text("C");
        environment.text("D");
        environment.text("D");
        assert_eq!(
            environment.finish().unwrap_err().to_string(),
            "the function is not configured:\n  B: must be a number\n  C: is missing\n  D: is missing"
        );
    }
}
