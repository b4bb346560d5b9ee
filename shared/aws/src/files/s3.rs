//! An S3 bucket.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use passes::ports::{StoreError, StoreResult};

use super::{File, MAX_FILE_BYTES, ReadFiles, WriteFiles, is_plain, too_large};
use crate::connections::{Connections, OPERATION};
use crate::refusal::fault;

const CALL: &str = "read-object";

/// S3's name for the version of an object that was stored without versioning. It does not stay
/// the same bytes, so it is never taken as a version by itself.
const NULL_VERSION: &str = "null";

/// Answers by which S3 says that a key or version is not there. `InvalidArgument` is a version id
/// that cannot be one, e.g. of another store; `MethodNotAllowed` is a delete marker.
const ABSENT: [&str; 4] = ["NotFound", "NoSuchKey", "NoSuchVersion", "PreconditionFailed"];
const ABSENT_VERSION: [&str; 2] = ["InvalidArgument", "MethodNotAllowed"];

/// Files of one bucket, below a prefix or at its root.
///
/// A version is S3's version id where the bucket keeps versions; those survive being overwritten.
/// Elsewhere it is the ETag, in its quotation marks: it names the bytes for as long as they are
/// the newest, and beyond that where versioning was switched on before they were overwritten.
#[derive(Debug, Clone)]
pub struct Bucket {
    connections: Connections,
    name: String,
    /// With a slash at the end, or empty.
    prefix: String,
}

impl Bucket {
    /// `prefix` without slashes at its ends; empty for the bucket's root. Makes no call.
    pub fn new(connections: Connections, name: impl Into<String>, prefix: &str) -> Self {
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            connections,
            name: name.into(),
            prefix,
        }
    }

    fn location(&self, key: &str) -> String {
        format!("s3://{}/{}{key}", self.name, self.prefix)
    }

    /// One GetObject with its body; `None` if there is no such object, version or ETag.
    async fn get(&self, key: &str, version: Option<&str>, etag: Option<&str>) -> StoreResult<Option<File>> {
        let answer = async {
            let answer = self
                .connections
                .s3()
                .await
                .get_object()
                .bucket(&self.name)
                .key(format!("{}{key}", self.prefix))
                .set_version_id(version.map(str::to_owned))
                .set_if_match(etag.map(str::to_owned))
                .send()
                .await;
            match answer {
                Ok(object) => self.file(key, object).await.map(Some),
                Err(error) if is_absent(&error, version.is_some()) => Ok(None),
                Err(error) => Err(fault(CALL, self.location(key), self.remedy(version.is_some()), error)),
            }
        };
        // The SDK's limits end with the answer's headers; this one holds for the body too.
        tokio::time::timeout(OPERATION, answer)
            .await
            .unwrap_or_else(|elapsed| Err(unknown(elapsed)))
    }

    async fn file(&self, key: &str, mut object: GetObjectOutput) -> StoreResult<File> {
        let expected = usize::try_from(object.content_length.unwrap_or(0)).unwrap_or(0);
        if expected > MAX_FILE_BYTES {
            return Err(too_large(CALL, &self.location(key)));
        }
        let mut bytes = Vec::with_capacity(expected);
        while let Some(chunk) = object.body.try_next().await.map_err(unknown)? {
            if bytes.len() + chunk.len() > MAX_FILE_BYTES {
                return Err(too_large(CALL, &self.location(key)));
            }
            bytes.extend_from_slice(&chunk);
        }
        let version = object
            .version_id
            .filter(|id| id != NULL_VERSION)
            .or(object.e_tag)
            .ok_or_else(|| StoreError::Unreadable {
                call: CALL,
                reason: format!("{} came without a version and an ETag", self.location(key)),
            })?;
        Ok(File { version, bytes })
    }

    fn remedy(&self, by_version: bool) -> String {
        let (name, prefix) = (&self.name, &self.prefix);
        let action = if by_version {
            "s3:GetObjectVersion"
        } else {
            "s3:GetObject"
        };
        format!(
            "grant {action} on arn:aws:s3:::{name}/{prefix}*, and s3:ListBucket on arn:aws:s3:::{name}: without it S3 \
             says the same of a file that is not there (and kms:Decrypt where the bucket is encrypted with a key of \
             its own)"
        )
    }
}

impl ReadFiles for Bucket {
    async fn newest(&self, key: &str) -> StoreResult<Option<File>> {
        if !is_plain(key) {
            return Ok(None);
        }
        self.get(key, None, None).await
    }

    async fn version(&self, key: &str, version: &str) -> StoreResult<Option<Vec<u8>>> {
        if !is_plain(key) || version.is_empty() || version == NULL_VERSION {
            return Ok(None);
        }
        let file = if version.starts_with('"') {
            match self.get(key, None, Some(version)).await? {
                Some(file) => Some(file),
                // Stored without versioning, overwritten with it.
                None => self.get(key, Some(NULL_VERSION), Some(version)).await?,
            }
        } else {
            self.get(key, Some(version), None).await?
        };
        Ok(file.map(|file| file.bytes))
    }

    async fn bytes(&self, key: &str) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.newest(key).await?.map(|file| file.bytes))
    }

    /// The version where the bucket keeps versions; elsewhere ETag and time, which has a grain of a
    /// second.
    async fn stamp(&self, key: &str) -> StoreResult<Option<String>> {
        if !is_plain(key) {
            return Ok(None);
        }
        let answer = self
            .connections
            .s3()
            .await
            .head_object()
            .bucket(&self.name)
            .key(format!("{}{key}", self.prefix))
            .send()
            .await;
        match answer {
            Ok(object) => Ok(Some(match object.version_id.filter(|id| id != NULL_VERSION) {
                Some(version) => version,
                None => format!(
                    "{} {}",
                    object.e_tag.unwrap_or_default(),
                    object.last_modified.map_or(0, |time| time.secs())
                ),
            })),
            Err(error) if is_absent(&error, false) => Ok(None),
            Err(error) => Err(fault("stamp-object", self.location(key), self.remedy(false), error)),
        }
    }
}

impl WriteFiles for Bucket {
    async fn write(&self, key: &str, bytes: Vec<u8>) -> StoreResult<()> {
        let answer = self
            .connections
            .s3()
            .await
            .put_object()
            .bucket(&self.name)
            .key(format!("{}{key}", self.prefix))
            .body(ByteStream::from(bytes))
            .send()
            .await;
        let remedy = || {
            format!(
                "grant s3:PutObject on arn:aws:s3:::{}/{}* (and kms:GenerateDataKey where the bucket is encrypted with \
                 a key of its own)",
                self.name, self.prefix
            )
        };
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(fault("write-object", self.location(key), remedy(), error)),
        }
    }
}

fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E>, by_version: bool) -> bool {
    let Some(service) = error.as_service_error() else {
        return false;
    };
    match service.code() {
        Some(code) => ABSENT.contains(&code) || (by_version && ABSENT_VERSION.contains(&code)),
        // Without a code the status is all there is.
        None => error
            .raw_response()
            .is_some_and(|raw| matches!(raw.status().as_u16(), 404 | 412)),
    }
}

fn unknown(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::OutcomeUnknown {
        call: CALL,
        source: Box::new(error),
    }
}
