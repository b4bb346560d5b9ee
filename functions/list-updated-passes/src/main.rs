//! Wires list-updated-passes.

use edge::{Environment, Platform, http, telemetry};
use list_updated_passes::ListUpdatedPasses;

#[tokio::main]
async fn main() -> Result<(), edge::Error> {
    telemetry::start("list-updated-passes");
    let platform = Platform::connect().await;
    let mut environment = Environment::of_process();
    let function = ListUpdatedPasses::new(&platform, &mut environment);
    environment.finish()?;
    http::serve(function).await
}
