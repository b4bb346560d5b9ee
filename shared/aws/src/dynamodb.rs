//! The Passes and Registry tables.
//!
//! All attribute names go through placeholders, because `token`, `fields`, `attempts` and others
//! are or may become reserved words.

mod advances;
mod client;
mod deletions;
mod device_counts;
mod devices;
mod due;
mod errors;
mod expression;
mod grace;
mod items;
mod keys;
mod leases;
mod lists;
mod pointers;
mod records;
mod registrations;
mod revisions;
mod sources;
mod unusable_keys;
mod updates;

pub use aws_sdk_dynamodb::Client;
pub use client::connect;
pub use sources::Sources;

/// The Registry: revisions, problems, devices, registrations, template pointers and counters in one
/// table.
///
/// Cheap to clone. Which of its calls a function may make is decided by the ports that its
/// handler asks for, and by its role.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Client,
    table: String,
}

impl Registry {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}
