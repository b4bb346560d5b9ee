//! The crate's contract, one module for each part of it.

mod archive;
mod authority;
mod canonical;
mod document;
mod front_to_back;
mod gaps;
mod identity;
mod interoperability;
mod package;
mod pass_json;
mod pem;
mod samples;
mod skeleton;
mod table;
mod template;
mod verify;
mod warnings;
