//! Wires publish-changes.

use edge::{Environment, Platform, event, telemetry};
use publish_changes::PublishChanges;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("publish-changes");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = PublishChanges::new(&platform, &mut environment).await;
    environment.finish()?;
    event::serve(function).await
}
