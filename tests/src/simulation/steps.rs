//! What each step does.

use super::actors::Occasion;
use super::apns::{Flight, Standing};
use super::designs::Design;
use super::engine::{Answer, Call};
use super::plan::{Fault, Step};
use super::queues::{Message, Queue};
use super::report::describe;
use super::run::Run;
use super::wire::{Ask, Verdict};
use super::world::{Actor, phone_name, serial};

/// How long Lambda lets a function live, in milliseconds.
pub(super) const LONGEST_FUNCTION: u64 = 60_000;

impl Run {
    /// Applies one step; `false` if it is impossible now, and then nothing has happened.
    pub fn apply(&mut self, step: Step) -> bool {
        match step {
            Step::Go { actor, nth } => self.go(actor, nth, Flight::Usual),
            Step::Push { actor, nth, flight } => {
                matches!(self.waits_for(actor, nth), Some(Ask::Push { .. })) && self.go(actor, nth, flight)
            }
            Step::Fault { actor, nth, fault } => self.fault(actor, nth, fault),
            Step::LoseAnswer { actor } => {
                let mut world = self.shared.lock();
                let travels = |ask: &Ask| matches!(ask, Ask::Travel { .. });
                let Some(index) = world
                    .waiting
                    .iter()
                    .position(|waiting| waiting.actor == actor && travels(&waiting.ask))
                else {
                    return false;
                };
                if let Ask::Travel { what } = world.waiting[index].ask.clone() {
                    world.log.note(|| format!("{actor}: the answer to {what} is lost"));
                }
                world.waiting[index].decide(Verdict::Travel { arrived: false });
                drop(world);
                self.poll(actor);
                true
            }
            Step::Kill { actor } => self.kill(actor),
            Step::KillAfter { actor, nth } => {
                if !self.shared.lock().serving.contains(&actor) {
                    return false;
                }
                let Some(ask) = self.waits_for(actor, nth) else {
                    return false;
                };
                let mut world = self.shared.lock();
                match ask {
                    Ask::Database(call) => {
                        world.carry_out(actor, call);
                    }
                    Ask::Push { token } => {
                        world.take_push(actor, &token, Flight::Usual);
                    }
                    Ask::Send(message) => world.take_message(actor, message),
                    Ask::File { .. } | Ask::Travel { .. } | Ask::Pause => return false,
                }
                drop(world);
                self.kill(actor)
            }
            Step::Deliver { pass, publisher, all } => {
                let actor = Actor::Publisher(publisher);
                if self.runs(actor) {
                    return false;
                }
                {
                    let mut world = self.shared.lock();
                    let Some(index) = world.hints.iter().position(|hint| *hint == pass) else {
                        return false;
                    };
                    world.hints.remove(index);
                    if all {
                        world.hints.retain(|hint| *hint != pass);
                    }
                    world.log.note(|| format!("{actor}: takes a hint for {}", serial(pass)));
                }
                self.spawn_publisher(actor, pass, Occasion::Change)
            }
            Step::Repeat { pass, publisher } => self.spawn_publisher(Actor::Publisher(publisher), pass, Occasion::Copy),
            Step::TakeKey { publisher, nth, stays } => self.take_key(Actor::Publisher(publisher), nth, stays),
            Step::TakePage {
                pager,
                nth,
                stays,
                looks,
            } => self.take_page(Actor::Pager(pager), nth, stays, looks),
            Step::Design { designer, design } => self.spawn_designer(Actor::Designer(designer), design),
            Step::TakeUpload { designer, stays } => self.take_upload(Actor::Designer(designer), stays),
            Step::TakeSweep {
                publisher,
                nth,
                stays,
                looks,
            } => self.take_sweep(Actor::Publisher(publisher), nth, stays, looks),
            Step::Restore => self.restore(),
            Step::Turn(millis) if millis > LONGEST_FUNCTION => {
                // Only where weeks pass: elsewhere a function may take as long as it likes.
                if self.shared.lock().setup.ending {
                    self.kill_functions();
                }
                self.shared.lock().apply(step)
            }
            Step::Schedule { schedule } => self.spawn_schedule(Actor::Schedule(schedule), None),
            Step::Stale { schedule, phone } => self.spawn_schedule(Actor::Schedule(schedule), Some(phone)),
            Step::Begin { actor } => self.begin(actor),
            Step::Wiped { phone } => self.wipe(phone),
            Step::NewToken { phone, .. } => {
                // Wallet sends one token at a time.
                let passes = self.shared.lock().setup.passes;
                let busy = (0..passes).any(|pass| self.runs(Actor::Card(phone, pass)));
                !busy && self.shared.lock().apply(step)
            }
            Step::Phone { phone, pass, act } => {
                let busy = self.runs(Actor::Card(phone, pass));
                let mut world = self.shared.lock();
                !busy && world.act(phone, pass, act)
            }
            _ => self.shared.lock().apply(step),
        }
    }

    /// Every function dies.
    pub fn kill_functions(&mut self) {
        let serving: Vec<_> = self.shared.lock().serving.iter().copied().collect();
        for actor in serving {
            self.kill(actor);
        }
    }

    /// A publisher takes a message up; one that `stays` is delivered once more.
    pub fn take_key(&mut self, actor: Actor, nth: u8, stays: bool) -> bool {
        if self.runs(actor) {
            return false;
        }
        let Some(Message::Key { pass, hint }) = self.shared.lock().deliver(actor, Queue::Keys, nth, stays) else {
            return false;
        };
        self.spawn_publisher(actor, pass, Occasion::Message(hint))
    }

    pub fn take_page(&mut self, actor: Actor, nth: u8, stays: bool, looks: Option<u8>) -> bool {
        if self.runs(actor) {
            return false;
        }
        let Some(page) = self.shared.lock().deliver(actor, Queue::Pages, nth, stays) else {
            return false;
        };
        self.spawn_pager(actor, page, looks)
    }

    pub fn take_sweep(&mut self, actor: Actor, nth: u8, stays: bool, looks: Option<u8>) -> bool {
        if self.runs(actor) {
            return false;
        }
        let Some(page) = self.shared.lock().deliver(actor, Queue::Sweeps, nth, stays) else {
            return false;
        };
        self.spawn_sweeper(actor, page, looks)
    }

    /// publish-template takes a message about an upload up.
    pub fn take_upload(&mut self, actor: Actor, stays: bool) -> bool {
        if self.runs(actor) {
            return false;
        }
        {
            let told = &mut self.shared.lock().designs.told;
            match told.checked_sub(1) {
                None => return false,
                Some(_) if stays => {}
                Some(left) => *told = left,
            }
        }
        self.spawn_designer(actor, Design::TakeIn)
    }

    fn waits_for(&self, actor: Actor, nth: u8) -> Option<Ask> {
        let world = self.shared.lock();
        let index = world.nth_waiting(actor, nth)?;
        Some(world.waiting[index].ask.clone())
    }

    /// What an actor waits for happens as it should, or for a push, as `flight` says.
    pub fn go(&mut self, actor: Actor, nth: u8, flight: Flight) -> bool {
        {
            let mut world = self.shared.lock();
            let Some(index) = world.nth_waiting(actor, nth) else {
                return false;
            };
            let gate = world.waiting[index].gate;
            let verdict = match world.waiting[index].ask.clone() {
                Ask::Database(call) => Verdict::Database(world.carry_out(actor, call)),
                Ask::Push { token } => Verdict::Push(world.take_push(actor, &token, flight)),
                Ask::Send(message) => {
                    world.take_message(actor, message);
                    Verdict::Sent { heard: true }
                }
                Ask::File { what } => {
                    world.calls += 1;
                    world.log.note(|| format!("{actor}: {what}"));
                    Verdict::File { heard: true }
                }
                Ask::Travel { .. } => Verdict::Travel { arrived: true },
                Ask::Pause => Verdict::Pause,
            };
            if let Some(waiting) = world.waiting.iter_mut().find(|waiting| waiting.gate == gate) {
                waiting.decide(verdict);
            }
        }
        self.poll(actor);
        true
    }

    fn kill(&mut self, actor: Actor) -> bool {
        {
            let mut world = self.shared.lock();
            if !world.serving.contains(&actor) {
                return false;
            }
            world.killed.insert(actor);
        }
        self.poll(actor);
        true
    }

    fn fault(&mut self, actor: Actor, nth: u8, fault: Fault) -> bool {
        {
            let mut world = self.shared.lock();
            let Some(index) = world.nth_waiting(actor, nth) else {
                return false;
            };
            let call = match world.waiting[index].ask.clone() {
                Ask::Database(call) => call,
                Ask::Send(message) => {
                    if !world.lose_message(actor, message, fault) {
                        return false;
                    }
                    if fault != Fault::Repeated {
                        world.waiting[index].decide(Verdict::Sent { heard: false });
                        drop(world);
                        self.poll(actor);
                    }
                    return true;
                }
                Ask::File { what } => {
                    world.log.note(|| format!("{actor}: fails as it {what}"));
                    world.waiting[index].decide(Verdict::File { heard: false });
                    drop(world);
                    self.poll(actor);
                    return true;
                }
                _ => return false,
            };
            let lost = || Answer::error(500, "InternalServerError", serde_json::Value::Null);
            let answer = match fault {
                Fault::Throttled => {
                    Answer::error(400, "ProvisionedThroughputExceededException", serde_json::Value::Null)
                }
                Fault::Conflict => match conflict(&call) {
                    Some(answer) => answer,
                    None => return false,
                },
                Fault::AnswerLost | Fault::Repeated => {
                    world.carry_out(actor, call.clone());
                    lost()
                }
                Fault::NotCarriedOut => lost(),
            };
            world.log.note(|| {
                let call = describe(&call);
                match fault {
                    Fault::Throttled => format!("{actor}: throttled: {call}"),
                    Fault::Conflict => format!("{actor}: in conflict: {call}"),
                    Fault::AnswerLost => format!("{actor}: its answer is lost: {call}"),
                    Fault::NotCarriedOut => format!("{actor}: not carried out, 500: {call}"),
                    Fault::Repeated => format!("{actor}: sends again: {call}"),
                }
            });
            if fault == Fault::Repeated {
                return true;
            }
            world.waiting[index].decide(Verdict::Database(answer));
        }
        self.poll(actor);
        true
    }

    fn wipe(&mut self, phone: u8) -> bool {
        let passes = {
            let mut world = self.shared.lock();
            let now = world.now;
            let wiped = &mut world.phones[usize::from(phone)];
            if wiped.gone {
                return false;
            }
            wiped.gone = true;
            let token = wiped.push_token.clone();
            if let Some(token) = world.apns.tokens.get_mut(&token)
                && token.standing == Standing::Live
            {
                token.standing = Standing::Dead { since: now };
            }
            world.log.note(|| format!("phone {} is wiped", phone_name(phone)));
            world.setup.passes
        };
        self.end(Actor::List(phone));
        for pass in 0..passes {
            self.end(Actor::Card(phone, pass));
        }
        true
    }
}

/// A conflict as DynamoDB reports it; reads have none.
fn conflict(call: &Call) -> Option<Answer> {
    match call.action.as_str() {
        "UpdateItem" | "PutItem" | "DeleteItem" => Some(Answer::error(
            400,
            "TransactionConflictException",
            serde_json::Value::Null,
        )),
        "TransactWriteItems" => {
            let reasons = serde_json::json!({"CancellationReasons": [{"Code": "TransactionConflict", "Message": "injected"}, {"Code": "None"}]});
            Some(Answer::error(400, "TransactionCanceledException", reasons))
        }
        _ => None,
    }
}
