//! Adapters of the domain's ports: DynamoDB, template and asset files, secrets, queues.
//!
//! An adapter talks and enforces the conditions that the domain's steps name; it decides nothing.
//! SDK types stay in here. Which permissions each file needs stands in `ACTIONS.md`.

mod connections;
pub mod dynamodb;
pub mod files;
mod material;
pub mod queues;
mod refusal;
pub mod secrets;

pub use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
pub use connections::{Connections, from_environment};
pub use material::Material;
