//! One schedule: steps are applied, actors polled by hand, and at the end everything comes to rest.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use aws_sdk_dynamodb::Client;
use passes::device::MAX_ATTEMPTS;

use super::actors::{Hands, Occasion, publisher, schedule};
use super::apns::Flight;
use super::conversations::{list_and_fetch, tend};
use super::designs::{Design, designer, sweeper};
use super::engine::{Engine, Item, REGISTRY, number, text};
use super::invariants::Violation;
use super::mutations::Mutation;
use super::plan::{Plan, Step};
use super::queues::{Message, pager};
use super::report::Log;
use super::setup::{Setup, Theme};
use super::wire::Shared;
use super::world::{Actor, Row, World, device_key};

/// More calls than any schedule needs: one that goes on has got stuck.
const LONGEST: u64 = 30_000;
/// Rounds of settling after which nothing should be left to do.
const ROUNDS: u32 = 5000;

/// What has to come before it counts as rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Leases,
    Graces,
}

/// A schedule as it was run: enough to run it again, or a part of it.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub setup: Setup,
    pub steps: Vec<Step>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    pub schedule: Schedule,
    pub violation: Option<Violation>,
    /// What happened, line by line; empty unless asked for.
    pub lines: Vec<String>,
    /// Calls to DynamoDB and pushes.
    pub calls: u64,
    pub pushes: u64,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    awake: Arc<Awake>,
}

struct Awake(AtomicBool);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) struct Run {
    pub shared: Shared,
    client: Client,
    tasks: BTreeMap<Actor, Task>,
    applied: Vec<Step>,
}

/// Draws a schedule from a seed and runs it.
pub(super) fn draw(engine: Engine, seed: u64, theme: Option<Theme>, mutation: Option<Mutation>) -> (Outcome, Engine) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let setup = Setup::draw(&mut rng, theme);
    let mut plan = Plan::new(rng);
    let mut run = Run::start(engine, setup.clone(), mutation, Log::default());
    for _ in 0..setup.steps {
        let step = plan.draw(&run.shared.lock());
        if let Some(step) = step
            && run.apply(step)
        {
            run.applied.push(step);
        }
        if run.is_over() {
            break;
        }
    }
    run.finish()
}

/// Runs a schedule once more, passing over steps that are impossible.
pub(super) fn replay(engine: Engine, schedule: &Schedule, mutation: Option<Mutation>, kept: bool) -> (Outcome, Engine) {
    let mut run = Run::start(engine, schedule.setup.clone(), mutation, Log::new(kept));
    for step in &schedule.steps {
        if run.apply(*step) {
            run.applied.push(*step);
        }
        if run.is_over() {
            break;
        }
    }
    run.finish()
}

impl Run {
    /// Every row is published, and phones hold what the setup says.
    fn start(engine: Engine, setup: Setup, mutation: Option<Mutation>, log: Log) -> Self {
        let shared = Shared::new(World::new(engine, setup, mutation, log));
        let mut run = Self {
            client: shared.client(),
            shared,
            tasks: BTreeMap::new(),
            applied: Vec::new(),
        };
        {
            let mut world = run.shared.lock();
            for pass in 0..world.setup.passes {
                if !world.setup.unwritten.contains(&pass) {
                    world.write(pass, Row::Balance(0), 0);
                }
            }
            for (phone, pass) in world.setup.installed.clone() {
                world.phones[usize::from(phone)].to_install.insert(pass);
            }
        }
        run.settle(Until::Leases);
        if run.shared.lock().setup.silent {
            run.tire_out();
        }
        run.shared.lock().settling = false;
        run.shared.lock().log.note(|| "---- everything is published".into());
        run
    }

    fn is_over(&self) -> bool {
        self.shared.lock().violation.is_some()
    }

    /// Faults stop, everything comes to rest, and each row changes once more.
    fn finish(mut self) -> (Outcome, Engine) {
        if !self.is_over() {
            self.shared.lock().log.note(|| "---- faults stop".into());
            self.settle(Until::Leases);
            self.shared.lock().check_at_rest();
        }
        if !self.is_over() {
            let ending = {
                let mut world = self.shared.lock();
                world.log.note(|| "---- at rest; every row is written once more".into());
                let ending = world.setup.ending;
                for pass in 0..world.setup.passes {
                    let row = match ending && pass == 0 {
                        true => Row::Absent,
                        false => Row::Balance(9),
                    };
                    world.write(pass, row, 0);
                }
                ending
            };
            self.settle(if ending { Until::Graces } else { Until::Leases });
            self.shared.lock().check_at_rest();
        }
        self.tasks.clear();
        let mut world = self.shared.lock();
        let outcome = Outcome {
            schedule: Schedule {
                setup: world.setup.clone(),
                steps: std::mem::take(&mut self.applied),
            },
            violation: world.violation.take(),
            lines: std::mem::take(&mut world.log.lines),
            calls: world.calls,
            pushes: world.watch.pushes,
        };
        let engine = world.engine.clone();
        drop(world);
        (outcome, engine)
    }

    // ---- actors

    pub(super) fn runs(&self, actor: Actor) -> bool {
        self.tasks.contains_key(&actor)
    }

    /// Begins what an actor does, up to its first call.
    fn spawn<F>(&mut self, actor: Actor, body: impl FnOnce(Hands) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.runs(actor) {
            return false;
        }
        let hands = Hands::new(&self.shared, &self.client, actor);
        let task = Task {
            future: Box::pin(body(hands)),
            awake: Arc::new(Awake(AtomicBool::new(true))),
        };
        self.tasks.insert(actor, task);
        self.poll(actor);
        true
    }

    pub(super) fn spawn_publisher(&mut self, actor: Actor, pass: u8, occasion: Occasion) -> bool {
        self.spawn(actor, |hands| publisher(hands, pass, occasion))
    }

    pub(super) fn spawn_pager(&mut self, actor: Actor, page: Message, looks: Option<u8>) -> bool {
        self.spawn(actor, |hands| pager(hands, page, looks))
    }

    pub(super) fn spawn_designer(&mut self, actor: Actor, design: Design) -> bool {
        if self.runs(actor) {
            return false;
        }
        self.shared.lock().log.note(|| format!("{actor}: {design}"));
        self.spawn(actor, |hands| designer(hands, design))
    }

    pub(super) fn spawn_sweeper(&mut self, actor: Actor, page: Message, looks: Option<u8>) -> bool {
        self.spawn(actor, |hands| sweeper(hands, page, looks))
    }

    pub(super) fn spawn_schedule(&mut self, actor: Actor, stale: Option<u8>) -> bool {
        self.spawn(actor, |hands| schedule(hands, stale))
    }

    /// A phone begins what it has to send.
    pub(super) fn begin(&mut self, actor: Actor) -> bool {
        match actor {
            Actor::List(phone) => {
                let has = self.shared.lock().phones[usize::from(phone)].has_to_list();
                has && self.spawn(actor, |hands| list_and_fetch(hands, phone))
            }
            Actor::Card(phone, pass) => {
                let has = self.shared.lock().phones[usize::from(phone)].has_to_tend(pass);
                has && self.spawn(actor, |hands| tend(hands, phone, pass))
            }
            Actor::Publisher(_) | Actor::Schedule(_) | Actor::Pager(_) | Actor::Designer(_) => false,
        }
    }

    /// Nothing of this actor goes on.
    pub(super) fn end(&mut self, actor: Actor) {
        self.tasks.remove(&actor);
        let mut world = self.shared.lock();
        world.serving.remove(&actor);
        world.killed.remove(&actor);
    }

    pub(super) fn poll(&mut self, actor: Actor) {
        let Some(task) = self.tasks.get_mut(&actor) else {
            return;
        };
        let waker = Waker::from(task.awake.clone());
        self.shared.lock().running = Some(actor);
        task.awake.0.store(true, Ordering::Relaxed);
        let mut done = false;
        while !done && task.awake.0.swap(false, Ordering::Relaxed) {
            done = task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        }
        if done {
            self.tasks.remove(&actor);
        }
        self.shared.lock().running = None;
    }

    // ---- rest

    /// Without further faults, until nobody has anything left to do.
    fn settle(&mut self, until: Until) {
        self.mend();
        for _ in 0..ROUNDS {
            self.drain();
            if self.is_over() {
                return;
            }
            if self.start_what_waits() {
                continue;
            }
            let due = {
                let world = self.shared.lock();
                let items = world.engine.scan(REGISTRY);
                // The grace of a deleted pass ends weeks later.
                let meant = |item: &&Item| until == Until::Graces || text(item, "SK") == Some("DEVICE");
                items
                    .iter()
                    .filter(meant)
                    .filter_map(|item| number(item, "due_at"))
                    .min()
            };
            let Some(due) = due else {
                return;
            };
            {
                let mut world = self.shared.lock();
                world.now = world.now.max(due * 1000);
                world.log.note(|| "time goes on until a lease is due".into());
            }
            self.spawn_schedule(Actor::Schedule(0), None);
        }
        let stuck = Violation::fault("it does not come to rest".into());
        self.shared.lock().violate(stuck);
    }

    /// The first phone does not answer: a change has been pushed as often as it ever is, and its
    /// lease is about to be dropped.
    fn tire_out(&mut self) {
        self.shared.lock().write(0, Row::Balance(1), 0);
        for _ in 0..ROUNDS {
            loop {
                let first = self.shared.lock().waiting.first().map(|waiting| waiting.actor);
                match first {
                    Some(actor) => self.go(actor, 0, Flight::Lost),
                    None => break,
                };
            }
            let hint = self.shared.lock().hints.pop_front();
            if let Some(pass) = hint {
                self.spawn_publisher(Actor::Publisher(0), pass, Occasion::Change);
                continue;
            }
            let device = self
                .shared
                .lock()
                .engine
                .peek(REGISTRY, device_key(0))
                .unwrap_or_default();
            let Some(due) = number(&device, "due_at") else {
                return;
            };
            {
                let mut world = self.shared.lock();
                world.now = world.now.max(due * 1000);
            }
            if number(&device, "attempts").unwrap_or(0) >= u64::from(MAX_ATTEMPTS) {
                return;
            }
            self.spawn_schedule(Actor::Schedule(0), None);
        }
    }

    /// Clocks agree, APNs answers, and dead tokens of living phones are alive again.
    fn mend(&mut self) {
        let mut world = self.shared.lock();
        world.settle();
        world.apns.weather = super::apns::Weather::Fine;
        for phone in 0..world.setup.phones {
            if world.token_is_dead(phone) && !world.phones[usize::from(phone)].gone {
                world.revive(phone);
            }
        }
    }

    /// Calls go through in the order in which they were made.
    fn drain(&mut self) {
        loop {
            let first = {
                let mut world = self.shared.lock();
                if world.violation.is_some() {
                    return;
                }
                if world.calls > LONGEST {
                    return world.violate(Violation::fault("it goes on for ever".into()));
                }
                world.waiting.first().map(|waiting| waiting.actor)
            };
            match first {
                Some(actor) => self.go(actor, 0, Flight::Usual),
                None => return,
            };
        }
    }

    fn give_command_again(&mut self) -> bool {
        if self.runs(Actor::Designer(0)) {
            return false;
        }
        let again = self.shared.lock().designs.again.pop_front();
        again.is_some_and(|design| self.spawn_designer(Actor::Designer(0), design))
    }

    fn start_what_waits(&mut self) -> bool {
        let (hint, beginnings, pushes) = {
            let mut world = self.shared.lock();
            let pushes = std::mem::take(&mut world.apns.under_way);
            for phone in &pushes {
                world.push_arrives(*phone);
            }
            (world.hints.pop_front(), world.beginnings(), pushes)
        };
        let mut started = !pushes.is_empty();
        if let Some(pass) = hint {
            started = true;
            self.spawn_publisher(Actor::Publisher(0), pass, Occasion::Change);
        } else {
            started |= self.take_key(Actor::Publisher(0), 0, false)
                || self.take_page(Actor::Pager(0), 0, false, None)
                || self.take_upload(Actor::Designer(0), false)
                || self.take_sweep(Actor::Publisher(0), 0, false, None)
                || self.give_command_again();
        }
        for actor in beginnings {
            started |= self.begin(actor);
        }
        started
    }
}
