#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod change;
mod complaint;
mod error;
mod exchange;
mod face;
mod pass;
mod patience;
mod phone;
mod reading;
mod update;
mod web_service;
mod wire;

pub use change::Update;
pub use complaint::{Complaint, Grievance, Task};
pub use error::PhoneError;
pub use exchange::{Event, Exchange};
pub use pass::InstalledPass;
pub use phone::{Phone, PhoneConfig};
pub use reading::{Ios, UnknownIos};
