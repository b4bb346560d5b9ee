//! A deployed stack, found by its name through its outputs.

use std::collections::BTreeMap;

use aws::Connections;
use aws::dynamodb::{Registry, Sources};
use aws::queues::{Queue, QueueStore};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_secretsmanager::primitives::Blob;
use edge::WallClock;
use edge::platform::WorkQueue;
use passes::ids::TemplateId;
use passes::ports::{StoreError, StoreResult, StoreTemplate};

use crate::failure::Failure;

/// Outputs of template.yaml that are needed here.
const WEB_SERVICE_URL: &str = "WebServiceUrl";
const REGISTRY_TABLE: &str = "RegistryTable";
const TEMPLATES_URL: &str = "TemplatesUrl";
const SECRETS_URL: &str = "SecretsUrl";
const PASSES_TABLE: &str = "PassesTable";
const PUBLISH_QUEUE_URL: &str = "PublishQueueUrl";

pub struct Deployed {
    stack: String,
    pub web_service_url: String,
    registry: Registry,
    s3: aws_sdk_s3::Client,
    secrets: aws_sdk_secretsmanager::Client,
    /// `s3://{bucket}/{prefix}`
    templates_url: String,
    /// `secretsmanager://{prefix}`
    secrets_url: String,
    registry_table: String,
    passes_table: String,
    publish_queue_url: String,
}

impl Deployed {
    pub async fn find(stack: &str) -> Result<Self, Failure> {
        let config = aws::from_environment().load().await;
        if config.region().is_none() {
            return Err(Failure::new(
                "no AWS region is set; set AWS_REGION, or `region` in your AWS profile",
            ));
        }
        let outputs = outputs(&aws_sdk_cloudformation::Client::new(&config), stack).await?;
        let output = |name: &str| {
            outputs.get(name).cloned().ok_or_else(|| {
                Failure::new(format!(
                    "stack {stack} has no output `{name}`; is it a stack of livepass, and up to date?"
                ))
            })
        };
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            // A bucket's own host name does not exist where the endpoint is another.
            .force_path_style(std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
            .build();
        Ok(Self {
            web_service_url: output(WEB_SERVICE_URL)?,
            registry: Registry::new(
                aws::dynamodb::connect(aws::from_environment()).await,
                output(REGISTRY_TABLE)?,
            ),
            s3: aws_sdk_s3::Client::from_conf(s3),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            templates_url: output(TEMPLATES_URL)?,
            secrets_url: output(SECRETS_URL)?,
            registry_table: output(REGISTRY_TABLE)?,
            passes_table: output(PASSES_TABLE)?,
            publish_queue_url: output(PUBLISH_QUEUE_URL)?,
            stack: stack.to_owned(),
        })
    }

    pub fn name(&self) -> String {
        format!("stack {}", self.stack)
    }

    pub fn stack_name(&self) -> &str {
        &self.stack
    }

    pub async fn records_and_queue(&self) -> Result<(Sources, WorkQueue), Failure> {
        let client = aws::dynamodb::connect(aws::from_environment()).await;
        let clock = WallClock::system().as_fn();
        let store = QueueStore::from_url(&self.publish_queue_url, &Connections::of_process(), clock)?;
        Ok((
            Sources::new(client, &self.passes_table, &self.registry_table),
            Queue::new(store),
        ))
    }

    fn secret_id(&self, name: &str) -> Result<String, Failure> {
        match self.secrets_url.strip_prefix("secretsmanager://") {
            Some(prefix) => Ok(format!("{prefix}/{name}")),
            None => Err(Failure::new(format!(
                "stack {} keeps its secrets in {}, which this command cannot reach",
                self.stack, self.secrets_url
            ))),
        }
    }

    pub async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let id = self.secret_id(name)?;
        match self.secrets.get_secret_value().secret_id(&id).send().await {
            Ok(output) => Ok(output
                .secret_string
                .map(String::into_bytes)
                .or(output.secret_binary.map(Blob::into_inner))),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(Failure::from_sdk(&format!("secret {id} cannot be read"), error)),
        }
    }

    pub async fn put_secret(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let id = self.secret_id(name)?;
        let text =
            String::from_utf8(content.to_vec()).map_err(|_| Failure::new(format!("secret {id} must be text")))?;
        let put = self.secrets.put_secret_value().secret_id(&id).secret_string(&text);
        match put.send().await {
            Ok(_) => return Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) => {}
            Err(error) => return Err(Failure::from_sdk(&format!("secret {id} cannot be stored"), error)),
        }
        self.secrets
            .create_secret()
            .name(&id)
            .secret_string(text)
            .description("Read by livepass; put there with `livepass secret put`.")
            .send()
            .await
            .map_err(|error| Failure::from_sdk(&format!("secret {id} cannot be created"), error))?;
        Ok(())
    }

    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }
}

impl StoreTemplate for Deployed {
    async fn store_template(&self, id: &TemplateId, version: &str, bundle: Vec<u8>) -> StoreResult<()> {
        const CALL: &str = "store-template";
        let refused = |reason: String| StoreError::Refused {
            call: CALL,
            source: reason.into(),
        };
        let Some(path) = self.templates_url.strip_prefix("s3://") else {
            return Err(refused(format!(
                "the stack keeps its templates in {}, which this command cannot reach",
                self.templates_url
            )));
        };
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let key = format!("{prefix}/{id}/{version}.zip");
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key.trim_start_matches('/'))
            .content_type("application/zip")
            .body(ByteStream::from(bundle))
            .send()
            .await
            .map_err(|error| StoreError::Refused {
                call: CALL,
                source: error.into(),
            })?;
        Ok(())
    }
}

/// The stack's outputs by name.
async fn outputs(client: &aws_sdk_cloudformation::Client, stack: &str) -> Result<BTreeMap<String, String>, Failure> {
    let described = client
        .describe_stacks()
        .stack_name(stack)
        .send()
        .await
        .map_err(|error| {
            Failure::from_sdk(
                &format!("stack {stack} cannot be described; check name, region and credentials"),
                error,
            )
        })?;
    Ok(described
        .stacks()
        .iter()
        .flat_map(|stack| stack.outputs())
        .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())))
        .collect())
}
