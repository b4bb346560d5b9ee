//! A bundle was uploaded -> judged and published, or refused with the reason noted.

use aws::dynamodb::Registry;
use aws::files::{FileStore, Uploads};
use edge::event::EventFunction;
use edge::platform::WorkQueue;
use edge::{Environment, LambdaEvent, Platform, WallClock, report};
use passes::ids::TemplateId;
use passes::upload::{UploadOutcome, take_in};
use serde::{Deserialize, Serialize};

pub struct PublishTemplate {
    registry: Registry,
    uploads: Uploads<FileStore>,
    sweeps: WorkQueue,
    clock: WallClock,
}

impl PublishTemplate {
    pub fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            uploads: platform.uploads(environment),
            sweeps: platform.sweep_queue(environment),
            clock: platform.clock.clone(),
        }
    }
}

/// S3's event `Object Created`, as EventBridge brings it: the key as it is, not encoded.
#[derive(Debug, Deserialize)]
pub struct ObjectCreated {
    detail: Detail,
}

#[derive(Debug, Deserialize)]
struct Detail {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    key: String,
}

impl ObjectCreated {
    /// The template that `.../{id}.zip` is for. What lies there is looked at under that name alone.
    fn template_id(&self) -> Option<TemplateId> {
        let name = self.detail.object.key.rsplit('/').next()?;
        name.strip_suffix(".zip")?.parse().ok()
    }
}

/// What became of the upload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Published,
    Unchanged,
    Known,
    Refused,
    Gone,
    Misnamed,
}

impl EventFunction for PublishTemplate {
    type Event = ObjectCreated;
    type Answer = Answer;

    async fn handle(&self, event: LambdaEvent<ObjectCreated>) -> Result<Answer, edge::Error> {
        let Some(id) = event.payload.template_id() else {
            report::upload_misnamed(&event.payload.detail.object.key);
            return Ok(Answer::Misnamed);
        };
        match take_in(&self.registry, &self.uploads, &self.sweeps, &self.clock, &id).await {
            Ok(outcome) => {
                report::upload(&id, &outcome);
                Ok(match outcome {
                    UploadOutcome::Published { .. } => Answer::Published,
                    UploadOutcome::Unchanged(_) => Answer::Unchanged,
                    UploadOutcome::Known => Answer::Known,
                    UploadOutcome::Refused(_) => Answer::Refused,
                    UploadOutcome::Gone => Answer::Gone,
                })
            }
            Err(error) => {
                report::upload_failed(&id, &error);
                Err(error.into())
            }
        }
    }
}
