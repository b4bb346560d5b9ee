//! The store that `SECRETS_URL` names.

use passes::ports::StoreResult;

use super::ReadSecret;
use super::secrets_manager::{SecretsManager, is_name};
use crate::connections::Connections;
use crate::files::Folder;

/// Secrets Manager or a folder.
#[derive(Debug, Clone)]
pub enum SecretStore {
    Folder(Folder),
    SecretsManager(SecretsManager),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} names no place for secrets; write secretsmanager://prefix or file:///absolute/path")]
pub struct SecretUrlError {
    pub url: String,
}

impl SecretStore {
    /// Reads `secretsmanager://prefix` or `file:///absolute/path`; a slash at the end is
    /// overlooked. Makes no call.
    pub fn from_url(url: &str, connections: &Connections) -> Result<Self, SecretUrlError> {
        if let Some(folder) = Folder::from_url(url) {
            return Ok(Self::Folder(folder));
        }
        match url.strip_prefix("secretsmanager://") {
            Some(prefix) if is_name(prefix.strip_suffix('/').unwrap_or(prefix)) => Ok(Self::SecretsManager(
                SecretsManager::new(connections.clone(), prefix.strip_suffix('/').unwrap_or(prefix)),
            )),
            _ => Err(SecretUrlError { url: url.to_owned() }),
        }
    }
}

impl ReadSecret for SecretStore {
    async fn secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        match self {
            Self::Folder(folder) => folder.secret(name).await,
            Self::SecretsManager(manager) => manager.secret(name).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_chooses_the_kind_of_store() {
        let connections = Connections::default();
        let folder = SecretStore::from_url("file:///opt/livepass/secrets", &connections);
        assert!(matches!(folder, Ok(SecretStore::Folder(_))));
        for url in ["secretsmanager://livepass", "secretsmanager://team/livepass/"] {
            let manager = SecretStore::from_url(url, &connections);
            assert!(matches!(manager, Ok(SecretStore::SecretsManager(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_names_the_forms_that_are_allowed() {
        for url in [
            "/opt",
            "file://opt",
            "secretsmanager://",
            "secretsmanager:livepass",
            "secretsmanager://a//b",
            "secretsmanager://a b",
            "s3://bucket",
        ] {
            let error = SecretStore::from_url(url, &Connections::default()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{url:?} names no place for secrets; write secretsmanager://prefix or file:///absolute/path")
            );
        }
    }
}
