//! A deployed stack, found by its name through its outputs.

use std::collections::BTreeMap;

use aws::Connections;
use aws::dynamodb::{Registry, Sources};
use aws::files::{FileStore, Templates};
use aws::queues::{Queue, QueueStore};
use aws_sdk_cloudformation::types::Stack;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use edge::WallClock;
use edge::platform::WorkQueue;
use passes::ids::PassTypeIdentifier;
use passes::link::MAX_LINK_DAYS;

use crate::failure::Failure;

/// Outputs of template.yaml that are needed here.
const WEB_SERVICE_URL: &str = "WebServiceUrl";
const REGISTRY_TABLE: &str = "RegistryTable";
const TEMPLATES_URL: &str = "TemplatesUrl";
const SECRETS_URL: &str = "SecretsUrl";
const PASSES_TABLE: &str = "PassesTable";
const PUBLISH_QUEUE_URL: &str = "PublishQueueUrl";
const SWEEP_QUEUE_URL: &str = "SweepQueueUrl";

/// A parameter of it that is.
const MAX_LINK_DAYS_PARAMETER: &str = "MaxLinkDays";

pub struct Deployed {
    stack: String,
    pub web_service_url: String,
    pub max_link_days: u64,
    registry: Registry,
    secrets: aws_sdk_secretsmanager::Client,
    /// `s3://{bucket}/{prefix}`
    templates_url: String,
    /// `secretsmanager://{prefix}`
    secrets_url: String,
    registry_table: String,
    passes_table: String,
    publish_queue_url: String,
    sweep_queue_url: String,
}

impl Deployed {
    pub async fn find(stack: &str) -> Result<Self, Failure> {
        let config = aws::from_environment().load().await;
        if config.region().is_none() {
            return Err(Failure::new(
                "no AWS region is set; set AWS_REGION, or `region` in your AWS profile",
            ));
        }
        let described = described(&aws_sdk_cloudformation::Client::new(&config), stack).await?;
        let outputs = outputs(&described);
        // A stack of an earlier version has no such parameter.
        let max_link_days = described
            .parameters()
            .iter()
            .find(|parameter| parameter.parameter_key() == Some(MAX_LINK_DAYS_PARAMETER))
            .and_then(|parameter| parameter.parameter_value()?.parse().ok())
            .unwrap_or(MAX_LINK_DAYS);
        let output = |name: &str| {
            outputs.get(name).cloned().ok_or_else(|| {
                Failure::new(format!(
                    "stack {stack} has no output `{name}`; is it a stack of livepass, and up to date?"
                ))
            })
        };
        Ok(Self {
            web_service_url: output(WEB_SERVICE_URL)?,
            max_link_days,
            registry: Registry::new(
                aws::dynamodb::connect(aws::from_environment()).await,
                output(REGISTRY_TABLE)?,
            ),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            templates_url: output(TEMPLATES_URL)?,
            secrets_url: output(SECRETS_URL)?,
            registry_table: output(REGISTRY_TABLE)?,
            passes_table: output(PASSES_TABLE)?,
            publish_queue_url: output(PUBLISH_QUEUE_URL)?,
            sweep_queue_url: output(SWEEP_QUEUE_URL)?,
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
        Ok((
            Sources::new(client, &self.passes_table, &self.registry_table),
            queue(&self.publish_queue_url)?,
        ))
    }

    pub fn templates(&self) -> Result<(Templates<FileStore>, WorkQueue), Failure> {
        if !self.templates_url.starts_with("s3://") {
            return Err(Failure::new(format!(
                "stack {} keeps its templates in {}, which this command cannot reach",
                self.stack, self.templates_url
            )));
        }
        let versions = FileStore::from_url(&self.templates_url, &Connections::of_process())?;
        Ok((Templates::new(versions), queue(&self.sweep_queue_url)?))
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

    pub async fn pass_types(&self) -> Result<Vec<PassTypeIdentifier>, Failure> {
        let prefix = self.secret_id("pass-types/")?;
        let named = Filter::builder()
            .key(FilterNameStringType::Name)
            .values(&prefix)
            .build();
        let mut pages = self.secrets.list_secrets().filters(named).into_paginator().send();
        let mut pass_types = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Failure::from_sdk(
                    "its secrets cannot be listed, which needs secretsmanager:ListSecrets",
                    error,
                )
            })?;
            let names = page.secret_list().iter().filter_map(|secret| secret.name());
            pass_types.extend(names.filter_map(|name| {
                let pass_type = name.strip_prefix(&prefix)?.strip_suffix("/certificate.pem")?;
                pass_type.parse::<PassTypeIdentifier>().ok()
            }));
        }
        Ok(pass_types)
    }

    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }
}

fn queue(url: &str) -> Result<WorkQueue, Failure> {
    let clock = WallClock::system().as_fn();
    Ok(Queue::new(QueueStore::from_url(
        url,
        &Connections::of_process(),
        clock,
    )?))
}

async fn described(client: &aws_sdk_cloudformation::Client, stack: &str) -> Result<Stack, Failure> {
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
    let found = described.stacks.unwrap_or_default().into_iter().next();
    found.ok_or_else(|| Failure::new(format!("stack {stack} is not there; check name and region")))
}

/// The stack's outputs by name.
fn outputs(stack: &Stack) -> BTreeMap<String, String> {
    stack
        .outputs()
        .iter()
        .filter_map(|output| Some((output.output_key()?.to_owned(), output.output_value()?.to_owned())))
        .collect()
}
