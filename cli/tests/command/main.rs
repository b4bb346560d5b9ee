//! The `livepass` command as a user runs it: its own process, its output, its exit code.

mod demo;
mod deployed;
mod dev;
mod killed;
mod process;
mod publish;
mod secrets;
mod usage;
