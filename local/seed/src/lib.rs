#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod canvas;
pub mod drawings;
mod error;
mod files;
mod folder;
mod identity;
mod keys;
pub mod templates;

pub use error::SeedError;
pub use folder::{Folder, SeedType, demo};
pub use identity::{AuthorityPem, IdentityPem, TestAuthority, Validity};
pub use keys::{ApnsTestKey, KeyFile};
pub use templates::SeedTemplate;
