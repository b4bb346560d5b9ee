//! The functions as they are called: each actor is a future that the scheduler polls.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use passes::deletion::hand_on;
use passes::due::{DueOutcome, push_if_due};
use passes::fan_out::{FurtherPages, NoQueue, Pushing};
use passes::ids::{DeviceKey, PassKey, PassTypeIdentifier};
use passes::ports::{DUE_SHARDS, FindDue as _, SendPage, StoreError, StoreResult};
use passes::publish::{PublishOutcome, PublishReport, Publisher};
use passes::push::{PushOutcome, Refusal, RefusalKind, SendPush};
use passes::settle::Breaker;
use passes::time::{Clock, Timestamp};
use passes::tokens::PushToken;
use passes::work::Hint;

use super::engine::{REGISTRY, number};
use super::invariants::Violation;
use super::material::Material;
use super::queues::{Message, Queues, hand_over};
use super::sources::Sources;
use super::store::Store;
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
        let store = Store::new(shared.clone(), client.clone(), clock.clone(), actor);
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

    /// Whether somebody who may push does so now.
    pub fn pushing<'a>(&'a self, may: bool, push: &'a Push<'a>, breaker: &'a Breaker) -> Pushing<'a, Push<'a>> {
        match may && !self.shared.lock().holds_pushes() {
            true => Pushing::Now(push, breaker),
            false => Pushing::LeftToSchedule,
        }
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

pub(super) struct Push<'a>(pub &'a Hands);

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

/// As add-pass publishes: without the APNs key and the queues.
pub(super) async fn publish_first(hands: &Hands, pass: u8) -> StoreResult<PublishReport> {
    publish(hands, pass, Hint::default(), false, FurtherPages::<NoQueue>::InPlace).await
}

/// Publishes one pass and pushes, or leaves that to the schedule.
pub(super) async fn publish<Q: SendPage>(
    hands: &Hands,
    pass: u8,
    hint: Hint,
    pushing: bool,
    further_pages: FurtherPages<'_, Q>,
) -> StoreResult<PublishReport> {
    let (push, breaker) = (Push(hands), Breaker::default());
    let key = key(pass);
    let publisher = Publisher {
        sources: &hands.sources,
        store: &hands.store,
        material: &Material,
        pushing: hands.pushing(pushing, &push, &breaker),
        further_pages,
        clock: &hands.clock,
        web_service_url: WEB_SERVICE_URL,
        deletions_per_hour: 1000,
    };
    let report = publisher.publish(&key, hint).await;
    concluded(&breaker, hands).await?;
    report
}

/// As the functions do at a batch's end.
pub(super) async fn concluded(breaker: &Breaker, hands: &Hands) -> StoreResult<()> {
    let conclusion = breaker.conclude(&hands.store, hands.clock.now()).await;
    conclusion.fault.map_or(Ok(()), Err)
}

/// What brings a key to a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The stream. It comes again unless it was done with.
    Change,
    /// `PublishQueue`; as above.
    Message(Hint),
    /// A second copy of either. Where that fails it comes again when all else has been done.
    Copy,
}

/// What became of a key.
enum End {
    Published(PublishReport),
    HandedOver,
}

/// publish-changes with one key.
pub(super) async fn publisher(hands: Hands, pass: u8, occasion: Occasion) {
    let serial = serial(pass);
    let hint = match occasion {
        Occasion::Message(hint) => hint,
        Occasion::Change | Occasion::Copy => Hint::default(),
    };
    let queues = Queues(&hands);
    let hands_over = occasion == Occasion::Change && hands.shared.lock().setup.hands_over;
    let run = async {
        let first = publish(&hands, pass, hint, true, FurtherPages::Sent(&queues)).await;
        let error = match first {
            Ok(report) => return Ok(End::Published(report)),
            Err(error) if !hands_over => return Err(error),
            Err(error) => error,
        };
        hands.failed(&format!("publishing {serial}"), &error);
        hands.shared.lock().attempt_ended(hands.actor);
        match publish(&hands, pass, hint, true, FurtherPages::Sent(&queues)).await {
            Ok(report) => Ok(End::Published(report)),
            Err(error) => {
                hands.failed(&format!("publishing {serial} again"), &error);
                hand_over(&hands, pass).await?;
                Ok(End::HandedOver)
            }
        }
    };
    let outcome = hands.serve(run).await;
    let again = match &outcome {
        Ok(Ok(End::HandedOver)) => {
            hands.note(|| format!("leaves {serial} to the queue"));
            false
        }
        Ok(Ok(End::Published(report))) => {
            hands.note(|| match &report.outcome {
                PublishOutcome::Nothing => format!("there is nothing to publish of {serial}"),
                PublishOutcome::Published(_) => format!("has published {serial}"),
                PublishOutcome::Unchanged(_) => format!("finds {serial} unchanged"),
                PublishOutcome::Held(_) => format!("holds {serial}"),
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
    world.attempt_ended(hands.actor);
    match occasion {
        Occasion::Change if again => world.hints.push_back(pass),
        Occasion::Copy if again => world.copy_comes_again(pass),
        Occasion::Message(hint) if again => world.enqueue(Message::Key { pass, hint }),
        _ => {}
    }
}

/// One run of push-devices: what the index says is due, or one device that it said earlier.
pub(super) async fn schedule(hands: Hands, stale: Option<u8>) {
    let run = async {
        let mut keys = Vec::new();
        let mut passes = Vec::new();
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
                        passes.extend(page.passes);
                        after = page.after;
                        if after.is_none() {
                            break;
                        }
                    }
                }
            }
        }
        for pass in passes {
            if hand_on(&hands.store, &Queues(&hands), &hands.clock, &pass).await? {
                hands.note(|| format!("hands {} on to its end", pass.key.serial));
            }
        }
        let breaker = Breaker::default();
        for key in keys {
            if hands.shared.lock().holds_pushes() || breaker.is_open_for(&key.pass_type) {
                continue;
            }
            let outcome = push_if_due(&hands.store, &Push(&hands), &hands.clock, &key, &breaker).await?;
            if outcome == DueOutcome::GivenUp {
                hands.note(|| format!("gives phone {} up", key.device.as_str()));
            }
            hands.shared.lock().function_returned(hands.actor);
        }
        concluded(&breaker, &hands).await?;
        StoreResult::Ok(())
    };
    match hands.serve(run).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => hands.failed("pushing what is due", &error),
        Err(Killed) => hands.note(|| "dies".into()),
    }
    hands.shared.lock().attempt_ended(hands.actor);
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
