//! The seams: every condition of every step, and the interleavings that it closes, played against
//! a real engine.

mod advances;
mod bursts;
mod deletions;
mod device_counts;
mod environment;
mod faults;
mod interleavings;
mod leases;
mod lists;
mod pages;
mod registrations;
mod relaxed;
mod restores;
mod revisions;
mod strong_reads;
mod sweeps;
mod templates;
mod unusable_keys;
mod uploads;
