//! The `livepass` command as a user runs it: its own process, its output, its exit code.

mod deletions;
mod demo;
mod deployed;
mod dev;
mod killed;
mod killed_often;
mod process;
mod publish;
mod secrets;
mod template;
mod trigger;
mod usage;
