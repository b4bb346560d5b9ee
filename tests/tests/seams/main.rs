//! The seams: every condition of every step, and the interleavings that it closes, played against
//! a real engine.

mod advances;
mod deletions;
mod environment;
mod faults;
mod interleavings;
mod leases;
mod lists;
mod pages;
mod registrations;
mod relaxed;
mod revisions;
mod strong_reads;
mod templates;
