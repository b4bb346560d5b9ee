//! What the end-to-end tests share: a site, which is a running stack with a clock that can be
//! turned, and the hands of a backend team and of a bare HTTP client.

pub mod backend;
pub mod caller;
pub mod clock;
pub mod hostile;
pub mod simulation;
pub mod site;
pub mod tap;
pub mod workbench;

pub use backend::Backend;
pub use caller::{Caller, Registrant};
pub use clock::TestClock;
pub use site::Site;
pub use tap::Tap;
pub use workbench::Workbench;

/// Pass type, serial and template of the seeded demo card.
pub const LOYALTY: &str = "pass.com.example.loyalty";
pub const TICKET: &str = "pass.com.example.ticket";
pub const DEMO: &str = "DEMO-1";
