//! The SDK's clients: time limits that fit the functions' own, and one client of each kind.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use tokio::sync::OnceCell;

/// One attempt; a healthy answer of any of the services takes well under 200 ms.
const ATTEMPT: Duration = Duration::from_secs(2);
/// One call with its retries: below the shortest function time-out (10 s), so that a fault is
/// reported and not cut off.
pub(crate) const OPERATION: Duration = Duration::from_secs(7);
const ATTEMPTS: u32 = 4;

/// Region, credentials and endpoints from the environment.
pub fn from_environment() -> ConfigLoader {
    // Pinned: a new version changes defaults, which is a decision of its own.
    aws_config::defaults(BehaviorVersion::v2026_01_12())
}

/// `config` with this crate's time limits and retries.
pub(crate) fn bounded(config: ConfigLoader) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    config
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
}

/// The clients of S3, Secrets Manager and SQS. Each is made at its first call and shared from then on,
/// so that a function that reads folders, or nothing, makes none.
///
/// Cheap to clone; clones share the clients.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Clients>);

#[derive(Debug, Default)]
struct Clients {
    config: OnceCell<SdkConfig>,
    s3: OnceCell<aws_sdk_s3::Client>,
    secrets_manager: OnceCell<aws_sdk_secretsmanager::Client>,
    sqs: OnceCell<aws_sdk_sqs::Client>,
}

impl Connections {
    /// Those of this process, by its environment: `AWS_REGION`, credentials,
    /// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `AWS_ENDPOINT_URL_SQS`.
    pub fn of_process() -> Self {
        static PROCESS: OnceLock<Connections> = OnceLock::new();
        PROCESS.get_or_init(Self::default).clone()
    }

    /// By `config` where it says something, by the environment elsewhere.
    pub async fn with(config: ConfigLoader) -> Self {
        let connections = Self::default();
        let config = bounded(config).load().await;
        // Just made: nobody else can have set it.
        let _ = connections.0.config.set(config);
        connections
    }

    async fn config(&self) -> &SdkConfig {
        let load = || async { bounded(from_environment()).load().await };
        self.0.config.get_or_init(load).await
    }

    pub(crate) async fn s3(&self) -> &aws_sdk_s3::Client {
        let connect = || async {
            let config = self.config().await;
            // Engines behind an endpoint of their own have no host name for each bucket.
            let redirected = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
            let config = aws_sdk_s3::config::Builder::from(config)
                .force_path_style(redirected)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        };
        self.0.s3.get_or_init(connect).await
    }

    pub(crate) async fn secrets_manager(&self) -> &aws_sdk_secretsmanager::Client {
        let connect = || async { aws_sdk_secretsmanager::Client::new(self.config().await) };
        self.0.secrets_manager.get_or_init(connect).await
    }

    pub(crate) async fn sqs(&self) -> &aws_sdk_sqs::Client {
        let connect = || async { aws_sdk_sqs::Client::new(self.config().await) };
        self.0.sqs.get_or_init(connect).await
    }
}
