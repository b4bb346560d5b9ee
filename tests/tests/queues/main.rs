//! Work that goes through queues, over the whole local stack: keys that fail, pages of large
//! fan-outs, and pushes that are held.

mod held;
mod keys;
