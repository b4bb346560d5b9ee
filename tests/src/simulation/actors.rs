//! The functions as they are called: each actor is a future that the scheduler polls.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use passes::due::{DueOutcome, push_if_due};
use passes::fan_out::{FurtherPages, NoQueue, Pushing};
use passes::ids::{DeviceKey, PassKey, PassTypeIdentifier};
use passes::ports::{DUE_SHARDS, FindDue as _, StoreError, StoreResult};
use passes::publish::{PublishOutcome, PublishReport, Publisher};
use passes::push::{PushOutcome, Refusal, RefusalKind, SendPush};
use passes::settle::Refusals;
use passes::time::{Clock, Timestamp};
use passes::tokens::PushToken;
use passes::work::Hint;

use super::engine::{REGISTRY, number};
use super::invariants::Violation;
use super::material::Material;
use super::store::{Sources, Store};
use super::wire::{Ask, Shared, Verdict};
use super::world::{Actor, phone_name, serial};
use crate::LOYALTY;

const WEB_SERVICE_URL: &str = "https://passes.example.com";

pub(super) fn key(pass: u8) -> PassKey {
    PassKey::parse(LOYALTY, &serial(pass)).expect("a pass key")
}

pub(super) fn device(phone: u8) -> DeviceKey {
    DeviceKey {
        device: phone_name(phone).to_string().parse().expect("a device id"),
        pass_type: LOYALTY.parse().expect("a pass type"),
    }
}

/// The function died before it could answer.
pub(super) struct Killed;

/// What an actor works with.
#[derive(Clone)]
pub(super) struct Hands {
    pub shared: Shared,
    pub actor: Actor,
    pub store: Store,
    pub sources: Sources,
    pub clock: ActorClock,
}

impl Hands {
    pub fn new(shared: &Shared, client: &aws_sdk_dynamodb::Client, actor: Actor) -> Self {
        let clock = ActorClock {
            shared: shared.clone(),
            actor,
        };
        let store = Store::new(shared.clone(), client.clone(), clock.clone());
        Self {
            sources: Sources::new(client.clone(), store.clone()),
            shared: shared.clone(),
            actor,
            store,
            clock,
        }
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        let actor = self.actor;
        self.shared.lock().log.note(|| format!("{actor}: {}", line()));
    }

    /// Runs a function that the scheduler may kill.
    pub async fn serve<T>(&self, function: impl Future<Output = T> + Send) -> Result<T, Killed> {
        self.shared.lock().serving.insert(self.actor);
        let result = Mortal {
            shared: self.shared.clone(),
            actor: self.actor,
            function: Some(Box::pin(function)),
        }
        .await;
        let mut world = self.shared.lock();
        world.serving.remove(&self.actor);
        world.killed.remove(&self.actor);
        result
    }

    /// What a function reports as its error. Some of them no fault of the simulation can explain.
    pub fn failed(&self, what: &str, error: &StoreError) {
        let name = match error {
            StoreError::OutcomeUnknown { call, .. } => format!("{call}: the outcome is unknown"),
            StoreError::Throttled { call, .. } => format!("{call}: throttled"),
            StoreError::Conflict { call, .. } => format!("{call}: in conflict"),
            StoreError::Contended { call, .. } => format!("{call}: others got on at every turn"),
            StoreError::Refused { .. } | StoreError::Unreadable { .. } => {
                let chain = aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string();
                let violation = Violation::fault(format!("{}: {what}: {chain}", self.actor));
                self.shared.lock().violate(violation);
                return;
            }
        };
        self.note(|| format!("{what} fails: {name}"));
    }
}

/// A future that ends when its function is killed; everything in it is dropped then.
struct Mortal<'a, T> {
    shared: Shared,
    actor: Actor,
    function: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
}

impl<T> Future for Mortal<'_, T> {
    type Output = Result<T, Killed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let killed = self.shared.lock().killed.contains(&self.actor);
        if killed {
            self.function = None;
            return Poll::Ready(Err(Killed));
        }
        let function = self.function.as_mut().expect("polled until it is done");
        function.as_mut().poll(context).map(Ok)
    }
}

/// The clock of one actor: true time, and how far it is off.
#[derive(Clone)]
pub(super) struct ActorClock {
    shared: Shared,
    actor: Actor,
}

impl Clock for ActorClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.shared.lock().clock(self.actor))
    }

    /// The next call waits for the scheduler anyway.
    async fn back_off(&self, _: u32) {}

    /// As above; pace is no matter of order.
    async fn wait(&self, _: Duration) {}
}

struct Push<'a>(&'a Hands);

impl SendPush for Push<'_> {
    async fn send_push(&self, to: &PushToken, _: &PassTypeIdentifier) -> PushOutcome {
        let token = to.expose().to_owned();
        let hands = self.0;
        hands.shared.lock().push_begins(hands.actor, &token);
        let gate = hands.shared.ask(Ask::Push { token: token.clone() });
        let Verdict::Push(outcome) = gate.await else {
            unreachable!("a push is answered by APNs");
        };
        if let PushOutcome::Refused(Refusal {
            kind: RefusalKind::Gone { since_ms },
            ..
        }) = outcome
        {
            hands
                .shared
                .lock()
                .watch
                .told_dead
                .insert((hands.actor, token, since_ms));
        }
        outcome
    }
}

/// Publishes one pass and pushes, or leaves that to the schedule.
pub(super) async fn publish(hands: &Hands, pass: u8, pushing: bool) -> StoreResult<PublishReport> {
    let push = Push(hands);
    let key = key(pass);
    let publisher = Publisher {
        sources: &hands.sources,
        store: &hands.store,
        material: &Material,
        pushing: if pushing {
            Pushing::Now(&push)
        } else {
            Pushing::LeftToSchedule
        },
        // No pass is on more phones than the first page holds.
        further_pages: FurtherPages::<NoQueue>::InPlace,
        clock: &hands.clock,
        web_service_url: WEB_SERVICE_URL,
    };
    publisher.publish(&key, Hint::default()).await
}

/// publish-changes with one hint, which comes again unless it succeeded.
pub(super) async fn publisher(hands: Hands, pass: u8, returns: bool) {
    let serial = serial(pass);
    let outcome = hands.serve(publish(&hands, pass, true)).await;
    let again = match &outcome {
        Ok(Ok(report)) => {
            hands.note(|| match &report.outcome {
                PublishOutcome::Nothing => format!("there is nothing to publish of {serial}"),
                PublishOutcome::Published(_) => format!("has published {serial}"),
                PublishOutcome::Unchanged(_) => format!("finds {serial} unchanged"),
                PublishOutcome::Refused { .. } => format!("cannot publish {serial}"),
            });
            hands.shared.lock().function_returned(hands.actor);
            false
        }
        Ok(Err(error)) => {
            hands.failed(&format!("publishing {serial}"), error);
            true
        }
        Err(Killed) => {
            hands.note(|| format!("dies while publishing {serial}"));
            true
        }
    };
    let mut world = hands.shared.lock();
    world.function_ended(hands.actor);
    if again && returns {
        world.hints.push_back(pass);
    }
}

/// One run of push-devices: what the index says is due, or one device that it said earlier.
pub(super) async fn schedule(hands: Hands, stale: Option<u8>) {
    let run = async {
        let mut keys = Vec::new();
        match stale {
            Some(phone) => keys.push(device(phone)),
            None => {
                for shard in used_shards(&hands) {
                    let mut after = None;
                    loop {
                        let page = hands
                            .store
                            .registry
                            .due(shard, hands.clock.now(), after.as_ref(), 100)
                            .await?;
                        keys.extend(page.devices);
                        after = page.after;
                        if after.is_none() {
                            break;
                        }
                    }
                }
            }
        }
        let refusals = Refusals::default();
        for key in keys {
            match push_if_due(&hands.store, &Push(&hands), &hands.clock, &key, &refusals).await? {
                DueOutcome::Pushed { stop: true, .. } => break,
                DueOutcome::GivenUp => hands.note(|| format!("gives phone {} up", key.device.as_str())),
                _ => {}
            }
            hands.shared.lock().function_returned(hands.actor);
        }
        refusals.conclude(&hands.store, hands.clock.now()).await?;
        StoreResult::Ok(())
    };
    match hands.serve(run).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => hands.failed("pushing what is due", &error),
        Err(Killed) => hands.note(|| "dies".into()),
    }
    hands.shared.lock().function_ended(hands.actor);
}

/// Shards with an entry: asking the others would only cost time.
fn used_shards(hands: &Hands) -> Vec<u8> {
    let world = hands.shared.lock();
    let items = world.engine.scan(REGISTRY);
    let used: Vec<_> = items.iter().filter_map(|item| number(item, "due_shard")).collect();
    (0..DUE_SHARDS)
        .filter(|shard| used.contains(&u64::from(*shard)))
        .collect()
}
