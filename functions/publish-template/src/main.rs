//! Wires publish-template.

use edge::{Environment, Platform, event, telemetry};
use publish_template::PublishTemplate;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("publish-template");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = PublishTemplate::new(&platform, &mut environment);
    environment.finish()?;
    event::serve(function).await
}
