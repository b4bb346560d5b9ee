//! AWS Secrets Manager.

use passes::ports::StoreResult;

use super::ReadSecret;
use crate::connections::Connections;
use crate::files::is_plain;
use crate::refusal::fault;

const CALL: &str = "read-secret";

/// Secrets Manager's limit for a secret's name, in characters.
const MAX_NAME: usize = 512;

/// Secrets named `{prefix}/{name}`, e.g.
/// `livepass/pass-types/pass.com.example/certificate.pem`; read is the version labelled
/// `AWSCURRENT`, as text or binary.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    connections: Connections,
    prefix: String,
}

impl SecretsManager {
    /// `prefix` without slashes at its ends. Makes no call.
    pub fn new(connections: Connections, prefix: impl Into<String>) -> Self {
        Self {
            connections,
            prefix: prefix.into(),
        }
    }
}

/// Whether Secrets Manager could have a secret of this name.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    is_plain(name) && name.len() <= MAX_NAME && name.chars().all(allowed)
}

impl ReadSecret for SecretsManager {
    async fn secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        let id = format!("{}/{name}", self.prefix);
        if !is_plain(name) || !is_name(&id) {
            return Ok(None);
        }
        let client = self.connections.secrets_manager().await;
        let secret = match client.get_secret_value().secret_id(&id).send().await {
            Ok(secret) => secret,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => {
                let remedy = format!(
                    "grant secretsmanager:GetSecretValue on arn:aws:secretsmanager:*:*:secret:{id}-* (and kms:Decrypt \
                     where the secret is encrypted with a key of its own)"
                );
                return Err(fault(CALL, format!("secret `{id}`"), remedy, error));
            }
        };
        let text = secret.secret_string.map(String::into_bytes);
        Ok(text.or_else(|| secret.secret_binary.map(|blob| blob.into_inner())))
    }
}
