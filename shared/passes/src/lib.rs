//! The domain of livepass: what a pass shows, when it has changed, and what each call is answered.
//!
//! Nothing here knows HTTP, DynamoDB or a runtime. The outside is reached through [`ports`]; the
//! steps between two calls to a port are where anything may interleave, crash or be repeated, and
//! each module says which rule keeps that harmless.

mod advance;
pub mod burst;
pub mod deletion;
pub mod device;
mod device_count;
pub mod device_log;
pub mod due;
pub mod fan_out;
pub mod field_keys;
pub mod ids;
pub mod link;
pub mod list;
pub mod pace;
pub mod pages;
pub mod ports;
pub mod problem;
pub mod publish;
pub mod push;
pub mod record;
pub mod register;
pub mod render;
pub mod revision;
pub mod send;
pub mod settle;
pub mod sweep;
pub mod tag;
pub mod template;
pub mod time;
pub mod tokens;
pub mod unusable_key;
pub mod upload;
pub mod work;
