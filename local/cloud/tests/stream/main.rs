//! The stream source against the real engine.

mod delivery;
mod failure;
mod restart;
mod scene;
