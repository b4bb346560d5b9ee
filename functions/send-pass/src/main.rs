//! Wires send-pass.

use edge::{Environment, Platform, http, telemetry};
use send_pass::SendPass;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("send-pass");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = SendPass::new(&platform, &mut environment);
    environment.finish()?;
    http::serve(function).await
}
