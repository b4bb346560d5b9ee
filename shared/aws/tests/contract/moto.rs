//! S3, Secrets Manager and SQS of a moto server.

use std::sync::Arc;

use aws::{ConfigLoader, Connections, from_environment};
use aws_sdk_s3::config::{Credentials, Region};

pub struct Moto(Arc<moto::Moto>);

impl Moto {
    /// The server of the tests that run now; `None`, and a line that says so, where there is none.
    pub fn shared() -> Option<Arc<Self>> {
        moto::Moto::shared().map(|server| Arc::new(Self(server)))
    }

    pub async fn connections(&self) -> Connections {
        Connections::with(configuration(&self.0.url())).await
    }

    /// For what a test does beside the adapter.
    pub async fn s3(&self) -> aws_sdk_s3::Client {
        let config = configuration(&self.0.url()).load().await;
        let config = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub async fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let config = configuration(&self.0.url()).load().await;
        aws_sdk_secretsmanager::Client::new(&config)
    }

    pub async fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = configuration(&self.0.url()).load().await;
        aws_sdk_sqs::Client::new(&config)
    }
}

/// An engine at this URL; none of them asks for credentials.
pub fn configuration(url: &str) -> ConfigLoader {
    from_environment()
        .endpoint_url(url)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "livepass"))
}
