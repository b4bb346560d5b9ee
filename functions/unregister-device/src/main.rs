//! Wires unregister-device.

use edge::{Environment, Platform, http, telemetry};
use unregister_device::UnregisterDevice;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("unregister-device");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = UnregisterDevice::new(&platform, &mut environment);
    environment.finish()?;
    http::serve(function).await
}
