//! The stores under test, each with a way to write to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws::files::FileStore;
use aws::secrets::SecretStore;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use tempfile::TempDir;

use crate::moto::Moto;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A name that no other test of this process uses.
pub fn own_name(what: &str) -> String {
    format!("{what}-{}", NEXT.fetch_add(1, Ordering::SeqCst))
}

/// A store of files.
pub struct FilePlace {
    pub store: FileStore,
    /// Whether a version stays readable after it was overwritten.
    pub keeps_versions: bool,
    kind: Kind,
}

enum Kind {
    Folder(TempDir),
    Bucket(BucketPlace),
}

pub struct BucketPlace {
    pub client: aws_sdk_s3::Client,
    pub name: String,
    _moto: Arc<Moto>,
}

impl FilePlace {
    #[expect(clippy::unused_async, reason = "made like the others")]
    pub async fn folder() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}", dir.path().display());
        Some(Self {
            store: FileStore::from_url(&url, &aws::Connections::default()).unwrap(),
            keeps_versions: true,
            kind: Kind::Folder(dir),
        })
    }

    pub async fn versioned_bucket() -> Option<Self> {
        let place = Self::bucket("").await?;
        place.keep_versions().await;
        Some(Self {
            keeps_versions: true,
            ..place
        })
    }

    pub async fn unversioned_bucket() -> Option<Self> {
        Self::bucket("below/a/prefix").await
    }

    async fn bucket(prefix: &str) -> Option<Self> {
        let moto = Moto::shared()?;
        let client = moto.s3().await;
        let name = own_name("files");
        client.create_bucket().bucket(&name).send().await.unwrap();
        let url = format!("s3://{name}/{prefix}");
        Some(Self {
            store: FileStore::from_url(&url, &moto.connections().await).unwrap(),
            keeps_versions: false,
            kind: Kind::Bucket(BucketPlace {
                client,
                name,
                _moto: moto,
            }),
        })
    }

    /// Switches a bucket's versioning on.
    pub async fn keep_versions(&self) {
        let bucket = self.as_bucket();
        let on = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let request = bucket.client.put_bucket_versioning().bucket(&bucket.name);
        request.versioning_configuration(on).send().await.unwrap();
    }

    pub fn as_bucket(&self) -> &BucketPlace {
        match &self.kind {
            Kind::Bucket(bucket) => bucket,
            Kind::Folder(_) => panic!("a folder is no bucket"),
        }
    }

    fn object_key(&self, key: &str) -> String {
        match self.keeps_versions {
            true => key.to_owned(),
            false => format!("below/a/prefix/{key}"),
        }
    }

    pub async fn put(&self, key: &str, bytes: &[u8]) {
        match &self.kind {
            Kind::Folder(dir) => {
                let path = dir.path().join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            Kind::Bucket(bucket) => {
                let request = bucket.client.put_object().bucket(&bucket.name);
                let request = request.key(self.object_key(key)).body(bytes.to_vec().into());
                request.send().await.unwrap();
            }
        }
    }

    pub async fn delete(&self, key: &str) {
        match &self.kind {
            Kind::Folder(dir) => std::fs::remove_file(dir.path().join(key)).unwrap(),
            Kind::Bucket(bucket) => {
                let request = bucket.client.delete_object().bucket(&bucket.name);
                request.key(self.object_key(key)).send().await.unwrap();
            }
        }
    }
}

/// A store of secrets.
pub struct SecretPlace {
    pub store: SecretStore,
    kind: SecretKind,
}

enum SecretKind {
    Folder(TempDir),
    SecretsManager {
        client: aws_sdk_secretsmanager::Client,
        prefix: String,
        _moto: Arc<Moto>,
    },
}

impl SecretPlace {
    #[expect(clippy::unused_async, reason = "made like the other")]
    pub async fn folder() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("file://{}", dir.path().display());
        Some(Self {
            store: SecretStore::from_url(&url, &aws::Connections::default()).unwrap(),
            kind: SecretKind::Folder(dir),
        })
    }

    pub async fn secrets_manager() -> Option<Self> {
        let moto = Moto::shared()?;
        let prefix = own_name("livepass");
        let url = format!("secretsmanager://{prefix}");
        Some(Self {
            store: SecretStore::from_url(&url, &moto.connections().await).unwrap(),
            kind: SecretKind::SecretsManager {
                client: moto.secrets_manager().await,
                prefix,
                _moto: moto,
            },
        })
    }

    pub async fn put_text(&self, name: &str, text: &str) {
        match &self.kind {
            SecretKind::Folder(_) => self.put_binary(name, text.as_bytes()).await,
            SecretKind::SecretsManager { client, prefix, .. } => {
                let id = format!("{prefix}/{name}");
                let created = client.create_secret().name(&id).secret_string(text).send().await;
                if created.is_err() {
                    let put = client.put_secret_value().secret_id(&id).secret_string(text);
                    put.send().await.unwrap();
                }
            }
        }
    }

    pub async fn put_binary(&self, name: &str, bytes: &[u8]) {
        match &self.kind {
            SecretKind::Folder(dir) => {
                let path = dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            SecretKind::SecretsManager { client, prefix, .. } => {
                let request = client.create_secret().name(format!("{prefix}/{name}"));
                request.secret_binary(bytes.to_vec().into()).send().await.unwrap();
            }
        }
    }
}
