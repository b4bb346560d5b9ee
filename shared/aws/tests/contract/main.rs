//! The contract of the file and secret stores, run against every kind of store, and what the
//! crate makes of them.
//!
//! The folder needs nothing. S3 and Secrets Manager are moto's, over HTTP; where `moto_server`
//! (PyPI: `moto[server]`) is not installed their tests say that they skip.

mod actions;
mod authority;
mod files;
mod identities;
mod moto;
mod places;
mod rotation;
mod scripted;
mod secrets;
