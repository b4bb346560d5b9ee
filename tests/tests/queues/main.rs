//! Work that goes through queues, over the whole local stack: keys that fail, pages of large
//! fan-outs, pushes that are held, and templates that change.

mod held;
mod keys;
mod templates;
