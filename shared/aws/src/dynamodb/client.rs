//! The DynamoDB client.

use aws_config::ConfigLoader;
use aws_sdk_dynamodb::Client;

use crate::connections::bounded;

/// Connects with region, credentials and endpoint as `config` finds them: by default in the
/// environment, including `AWS_ENDPOINT_URL_DYNAMODB`.
pub async fn connect(config: ConfigLoader) -> Client {
    Client::new(&bounded(config).load().await)
}
