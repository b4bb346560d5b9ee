//! From a row and its template to pass.json: what is refused, what is warned of, what is shown.

mod attributes;
mod fields;
mod harness;
mod hostile;
mod property;
mod sentences;
mod values;
