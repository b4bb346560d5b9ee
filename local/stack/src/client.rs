//! A client of the local engine.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};

/// Connects to an engine at this URL as the deployed functions connect to theirs, but for the
/// credentials, which no engine asks for.
pub async fn dynamodb_client(endpoint: &str) -> Client {
    let config = aws::from_environment()
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "livepass"));
    aws::dynamodb::connect(config).await
}
