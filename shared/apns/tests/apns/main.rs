//! The client's contract, against the simulator over real TLS and HTTP/2.

mod answers;
mod configuration;
mod connections;
mod provider_token;
mod raw;
mod simulator;
mod world;
