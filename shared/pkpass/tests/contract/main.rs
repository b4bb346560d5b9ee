//! The crate's contract, one module for each part of it.

mod archive;
mod authority;
mod canonical;
mod front_to_back;
mod gaps;
mod identity;
mod interoperability;
mod package;
mod pass_json;
mod samples;
mod skeleton;
mod template;
mod verify;
