#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod complaint;
mod error;
mod exchange;
mod pass;
mod patience;
mod phone;
mod update;
mod web_service;
mod wire;

pub use complaint::{Complaint, Grievance, Task};
pub use error::PhoneError;
pub use exchange::{Event, Exchange};
pub use pass::{InstalledPass, Update};
pub use phone::{Phone, PhoneConfig};
