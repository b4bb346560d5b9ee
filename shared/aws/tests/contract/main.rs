//! The contract of the stores of files and secrets and of the queues, run against every kind of store, and what the
//! crate makes of them.
//!
//! The folder needs nothing. S3, Secrets Manager and SQS are moto's, over HTTP; where `moto_server`
//! (PyPI: `moto[server]`) is not installed their tests say that they skip.

mod actions;
mod authority;
mod files;
mod identities;
mod moto;
mod places;
mod queue_places;
mod queues;
mod rotation;
mod scripted;
mod secrets;
