//! Wires register-device.

use edge::{Environment, Platform, http, telemetry};
use register_device::RegisterDevice;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("register-device");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = RegisterDevice::new(&platform, &mut environment);
    environment.finish()?;
    http::serve(function).await
}
