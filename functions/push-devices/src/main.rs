//! Wires push-devices.

use edge::{Environment, Platform, event, telemetry};
use push_devices::PushDevices;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("push-devices");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = PushDevices::new(&platform, &mut environment).await;
    environment.finish()?;
    event::serve(function).await
}
