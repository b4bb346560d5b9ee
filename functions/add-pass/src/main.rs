//! Wires add-pass.

use add_pass::AddPass;
use edge::{Environment, Platform, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("add-pass");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = AddPass::new(&platform, &mut environment);
    environment.finish()?;
    http::serve(function).await
}
