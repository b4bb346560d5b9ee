//! The phone against a web service that follows a script, right answers and wrong ones.

mod adding;
mod complaints;
mod passes_made;
mod reading;
mod registering;
mod server;
mod updating;
