//! What the end-to-end tests share: a site, which is a running stack with a clock that can be
//! turned, and the hands of a backend team and of a bare HTTP client.

pub mod backend;
pub mod caller;
pub mod clock;
pub mod hostile;
pub mod progress;
pub mod simulation;
pub mod site;
pub mod workbench;

pub use backend::Backend;
pub use caller::{Caller, Registrant};
pub use clock::TestClock;
pub use site::Site;
pub use workbench::Workbench;

/// The demo's template with another company on it.
pub fn loyalty_of(company: &str) -> pkpass::Template {
    let mut files = seed::templates::loyalty();
    let pass_json = files.get_mut("pass.json").expect("a pass.json");
    let text = String::from_utf8_lossy(pass_json).replace("Morningside Coffee", company);
    *pass_json = text.into_bytes();
    pkpass::Template::from_files(files).expect("a good template")
}

/// Pass type, serial and template of the seeded demo card.
pub const LOYALTY: &str = "pass.com.example.loyalty";
pub const TICKET: &str = "pass.com.example.ticket";
pub const DEMO: &str = "DEMO-1";
