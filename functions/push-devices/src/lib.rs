//! Every minute: devices whose lease has run out are pushed again, and passes without record whose
//! grace is over, or which are held, are handed on to be published. From the queue: pages of large fan-outs. Pushes go at a pace.

mod pages;
mod schedule;

use aws::dynamodb::Registry;
use edge::apns::RotatingApns;
use edge::event::EventFunction;
use edge::occasion::{BatchAnswer, Occasion};
use edge::platform::WorkQueue;
use edge::{Environment, LambdaEvent, Platform, WallClock};
use passes::pace::Pace;
use serde::Serialize;

pub use schedule::Run;

pub struct PushDevices {
    registry: Registry,
    apns: Option<RotatingApns>,
    holds_pushes: bool,
    pages: WorkQueue,
    keys: WorkQueue,
    pace: Pace,
    clock: WallClock,
}

impl PushDevices {
    pub async fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            apns: platform.apns(environment).await,
            holds_pushes: platform.holds_pushes(environment),
            pages: platform.push_queue(environment),
            keys: platform.publish_queue(environment),
            pace: platform.pace(environment),
            clock: platform.clock.clone(),
        }
    }
}

/// To the schedule what was done, to the queue what has to come again.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Run(Run),
    Batch(BatchAnswer),
}

impl EventFunction for PushDevices {
    type Event = Occasion;
    type Answer = Answer;

    async fn handle(&self, event: LambdaEvent<Occasion>) -> Result<Answer, edge::Error> {
        match event.payload {
            Occasion::Schedule => self.push_due_devices(&event.context).await.map(Answer::Run),
            Occasion::Queue(batch) => Ok(Answer::Batch(self.take_pages_up(batch, &event.context).await)),
            Occasion::Stream(_) => Err("push-devices takes its schedule and batches of its queue".into()),
        }
    }
}
