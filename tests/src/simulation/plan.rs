//! The steps of a schedule, drawn from one seed.

use super::apns::{Flight, Standing, Weather};
use super::designs::Design;
use super::setup::{ALL, Kind, Pace, WRONG};
use super::wire::Ask;
use super::world::{Actor, Row, World};

/// What becomes of a request to DynamoDB, other than its plain answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `ProvisionedThroughputExceededException`.
    Throttled,
    /// `TransactionConflictException`, or the same as a transaction's cancellation reason.
    Conflict,
    /// Carried out, and the answer lost: 500.
    AnswerLost,
    /// Not carried out: 500.
    NotCarriedOut,
    /// Carried out, the answer lost, and the SDK sends the same request once more.
    Repeated,
}

/// What a person does with a phone, and what a phone does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Adds the pass and registers it.
    Install,
    /// Adds a copy that was saved earlier.
    AddSaved,
    /// Keeps a copy elsewhere, as in a mail.
    Save,
    /// Removes the pass; with `silently`, the DELETE never leaves the phone.
    Remove { silently: bool },
    /// Automatic updates off: DELETE, and the pass stays.
    SwitchOff,
    /// Automatic updates on: POST.
    SwitchOn,
    /// Registers once more, as Wallet does now and then.
    RegisterAgain,
    /// Downloads the pass by hand.
    Refresh,
}

/// One decision of the scheduler. A step that is impossible when its turn comes is passed over, so
/// a schedule stays one when steps are taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The actor's `nth` waiting call goes through.
    Go {
        actor: Actor,
        nth: u8,
    },
    Fault {
        actor: Actor,
        nth: u8,
        fault: Fault,
    },
    Push {
        actor: Actor,
        nth: u8,
        flight: Flight,
    },
    /// The answer on its way to the phone is lost.
    LoseAnswer {
        actor: Actor,
    },
    /// The function dies before its waiting calls are carried out.
    Kill {
        actor: Actor,
    },
    /// One waiting call is carried out, and the function dies before it hears of it.
    KillAfter {
        actor: Actor,
        nth: u8,
    },
    Write {
        pass: u8,
        row: Row,
    },
    /// Changes an attribute that the pass does not show.
    Touch {
        pass: u8,
    },
    MoveTemplate {
        version: usize,
    },
    /// A publisher takes a hint of this pass, or all of them, as one batch of a stream does.
    Deliver {
        pass: u8,
        publisher: u8,
        all: bool,
    },
    /// A publisher is given a second copy of some hint.
    Repeat {
        pass: u8,
        publisher: u8,
    },
    /// A publisher takes a message of `PublishQueue`; one that stays comes once more.
    TakeKey {
        publisher: u8,
        nth: u8,
        stays: bool,
    },
    /// push-devices takes a page of `PushQueue`; after so many looks at the clock its time is up.
    TakePage {
        pager: u8,
        nth: u8,
        stays: bool,
        looks: Option<u8>,
    },
    /// A designer uploads a version, or what is none.
    Upload {
        version: Option<usize>,
    },
    /// publish-template takes a message about an upload; one that stays comes once more.
    TakeUpload {
        designer: u8,
        stays: bool,
    },
    /// A command about templates.
    Design {
        designer: u8,
        design: Design,
    },
    /// publish-changes takes a page of a sweep; after so many looks at the clock its time is up.
    TakeSweep {
        publisher: u8,
        nth: u8,
        stays: bool,
        looks: Option<u8>,
    },
    /// The Registry is backed up.
    BackUp,
    /// The Registry is lost and restored.
    Restore,
    /// A run of push-devices, by the index.
    Schedule {
        schedule: u8,
    },
    /// push-devices with an index entry that may be stale.
    Stale {
        schedule: u8,
        phone: u8,
    },
    Phone {
        phone: u8,
        pass: u8,
        act: Act,
    },
    /// A phone lists by itself.
    Curious {
        phone: u8,
    },
    PushArrives {
        phone: u8,
    },
    /// A phone begins what it has to send.
    Begin {
        actor: Actor,
    },
    /// Another push token; the old one stands so from now on.
    NewToken {
        phone: u8,
        old: OldToken,
    },
    /// The token dies.
    TokenDies {
        phone: u8,
    },
    /// The dead token lives again, and the phone registers all passes anew.
    TokenLives {
        phone: u8,
    },
    /// The phone is wiped.
    Wiped {
        phone: u8,
    },
    Weather(Weather),
    /// Time goes on by milliseconds.
    Turn(u64),
    /// An actor's clock is set wrong by so many seconds.
    SetClock {
        actor: Actor,
        seconds: i8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldToken {
    Dead,
    Silent,
    Unknown,
}

impl OldToken {
    pub(super) fn standing(self, now: u64) -> Standing {
        match self {
            Self::Dead => Standing::Dead { since: now },
            Self::Silent => Standing::Silent,
            Self::Unknown => Standing::Unknown,
        }
    }
}

/// Whoever publishes templates at the same time.
const DESIGNERS: u8 = 2;

/// Out of 100 calls, how many stall their actor. What was read before a write may be true no
/// more when it is carried out: that is where most rules stand.
fn stalls(ask: &Ask) -> u8 {
    match ask {
        Ask::Database(call) => match call.action.as_str() {
            "GetItem" | "Query" | "BatchGetItem" => 4,
            _ => 16,
        },
        Ask::Push { .. } => 8,
        Ask::Send(_) => 16,
        Ask::File { .. } => 8,
        Ask::Travel { .. } | Ask::Pause => 2,
    }
}

/// Draws one step after another, from what is possible at the time.
pub(super) struct Plan {
    rng: fastrand::Rng,
    /// An actor that gets nowhere, and for how many steps yet: others overtake it.
    stalled: Option<(Actor, u32)>,
}

impl Plan {
    pub fn new(rng: fastrand::Rng) -> Self {
        Self { rng, stalled: None }
    }

    /// The next step; `None` when the draw is something that cannot happen now.
    pub fn draw(&mut self, world: &World) -> Option<Step> {
        let rng = &mut self.rng;
        if !world.waiting.is_empty() && rng.u32(..1000) >= world.setup.events {
            return self.call(world);
        }
        let weights = world.setup.weights;
        let mut at = rng.u32(..weights.iter().sum::<u32>());
        let kind = ALL
            .into_iter()
            .zip(weights)
            .find(|(_, weight)| match at.checked_sub(*weight) {
                Some(rest) => {
                    at = rest;
                    false
                }
                None => true,
            });
        self.event(world, kind?.0)
    }

    /// Something about a call that waits.
    fn call(&mut self, world: &World) -> Option<Step> {
        let rng = &mut self.rng;
        let stalled = self.stalled.map(|(actor, _)| actor);
        self.stalled = self
            .stalled
            .and_then(|(actor, left)| Some((actor, left.checked_sub(1)?)));
        let going = || world.waiting.iter().filter(|waiting| Some(waiting.actor) != stalled);
        let waiting = going().nth(rng.usize(..going().count().max(1)))?;
        let actor = waiting.actor;
        if stalled.is_none() && rng.u8(..100) < stalls(&waiting.ask) {
            self.stalled = Some((actor, rng.u32(5..=50)));
            return None;
        }
        let nth = world
            .waiting
            .iter()
            .filter(|other| other.actor == actor)
            .position(|other| other.gate == waiting.gate)
            .unwrap_or(0) as u8;
        if world.setup.silent && matches!(waiting.ask, Ask::Push { .. }) {
            let flight = Flight::Lost;
            return Some(Step::Push { actor, nth, flight });
        }
        if rng.u32(..1000) >= world.setup.faults {
            return Some(Step::Go { actor, nth });
        }
        Some(match &waiting.ask {
            Ask::Pause => Step::Go { actor, nth },
            Ask::Travel { .. } => Step::LoseAnswer { actor },
            Ask::Push { .. } => match rng.u8(..8) {
                0 => Step::Kill { actor },
                1 => Step::KillAfter { actor, nth },
                n => Step::Push {
                    actor,
                    nth,
                    flight: match n {
                        2 | 3 => Flight::Lost,
                        4 | 5 => Flight::AnswerLost,
                        6 => Flight::Unavailable,
                        _ => Flight::TooMany {
                            retry_after: rng.u8(1..=60),
                        },
                    },
                },
            },
            Ask::Database(_) | Ask::Send(_) | Ask::File { .. } => match rng.u8(..8) {
                0 | 1 => Step::Kill { actor },
                2 => Step::KillAfter { actor, nth },
                n => Step::Fault {
                    actor,
                    nth,
                    fault: [
                        Fault::Throttled,
                        Fault::Conflict,
                        Fault::AnswerLost,
                        Fault::NotCarriedOut,
                        Fault::Repeated,
                    ][usize::from(n) - 3],
                },
            },
        })
    }

    fn event(&mut self, world: &World, kind: Kind) -> Option<Step> {
        let rng = &mut self.rng;
        let setup = &world.setup;
        let pass = rng.u8(..setup.passes);
        let phone = rng.u8(..setup.phones);
        Some(match kind {
            Kind::Write => Step::Write {
                pass,
                row: match rng.u8(..12) {
                    0..=4 if setup.ending => Row::Absent,
                    5..=6 if setup.ending => Row::Voided(rng.u8(..setup.balances)),
                    0 => Row::Absent,
                    1 => Row::Spoilt,
                    n => Row::Balance(n % setup.balances),
                },
            },
            Kind::Touch => Step::Touch { pass },
            Kind::Template => Step::MoveTemplate {
                version: rng.usize(..super::material::VERSIONS),
            },
            Kind::Deliver => Step::Deliver {
                pass: *rng.choice(world.hints.iter())?,
                publisher: rng.u8(..setup.publishers),
                all: rng.u8(..3) > 0,
            },
            Kind::Repeat => Step::Repeat {
                pass,
                publisher: rng.u8(..setup.publishers),
            },
            Kind::Schedule => Step::Schedule {
                schedule: rng.u8(..setup.schedules),
            },
            Kind::Stale => Step::Stale {
                schedule: rng.u8(..setup.schedules),
                phone,
            },
            Kind::Install => Step::Phone {
                phone,
                pass,
                act: match rng.u8(..8) {
                    0..=4 if setup.copies => Act::AddSaved,
                    0 => Act::AddSaved,
                    1 => Act::SwitchOn,
                    2 => Act::RegisterAgain,
                    _ => Act::Install,
                },
            },
            Kind::Remove => Step::Phone {
                phone,
                pass,
                act: match rng.u8(..5) {
                    0 | 1 if setup.copies => Act::Save,
                    2 | 3 if setup.copies => Act::Remove { silently: true },
                    0 => Act::SwitchOff,
                    1 => Act::Save,
                    2 => Act::Remove { silently: true },
                    _ => Act::Remove { silently: false },
                },
            },
            Kind::Refresh => Step::Phone {
                phone,
                pass,
                act: Act::Refresh,
            },
            Kind::Curious => Step::Curious { phone },
            Kind::PushArrives => Step::PushArrives { phone },
            Kind::Begin => Step::Begin {
                actor: *rng.choice(world.beginnings().iter())?,
            },
            Kind::Token => match rng.u8(..6) {
                1..=5 if setup.reviving && world.token_is_dead(phone) => Step::TokenLives { phone },
                _ if setup.reviving => Step::TokenDies { phone },
                0 => Step::TokenDies { phone },
                1..=3 if world.token_is_dead(phone) => Step::TokenLives { phone },
                _ => Step::NewToken {
                    phone,
                    old: [OldToken::Dead, OldToken::Silent, OldToken::Unknown][rng.usize(..3)],
                },
            },
            Kind::Wiped => Step::Wiped { phone },
            Kind::Weather => Step::Weather(match rng.u8(..4) {
                0 => Weather::Outage,
                1 => Weather::Forbidden,
                _ => Weather::Fine,
            }),
            Kind::Turn => Step::Turn(match setup.pace {
                Pace::Standing => rng.u64(100..=1200),
                Pace::Seconds => rng.u64(500..=20_000),
                Pace::Minutes => rng.u64(1000..=400_000),
                Pace::Days => rng.u64(1000..=150_000_000),
                Pace::Weeks => rng.u64(1000..=1_500_000_000),
            }),
            Kind::TakeKey => Step::TakeKey {
                publisher: rng.u8(..setup.publishers),
                nth: rng.u8(..u8::try_from(world.keys.len()).ok().filter(|len| *len > 0)?),
                stays: rng.u8(..8) == 0,
            },
            Kind::TakePage => Step::TakePage {
                pager: rng.u8(..setup.schedules),
                nth: rng.u8(..u8::try_from(world.pages.len()).ok().filter(|len| *len > 0)?),
                stays: rng.u8(..8) == 0,
                looks: (rng.u8(..6) == 0).then(|| rng.u8(..3)),
            },
            Kind::Upload => Step::Upload {
                version: (rng.u8(..6) > 0).then(|| rng.usize(..super::material::UPLOADED)),
            },
            Kind::TakeUpload => Step::TakeUpload {
                designer: rng.u8(..DESIGNERS),
                stays: rng.u8(..4) == 0,
            },
            Kind::Design => Step::Design {
                designer: rng.u8(..DESIGNERS),
                design: match rng.u8(..3) {
                    0 => Design::Put {
                        version: rng.usize(..super::material::UPLOADED),
                    },
                    _ => Design::RollBack,
                },
            },
            Kind::TakeSweep => Step::TakeSweep {
                publisher: rng.u8(..setup.publishers),
                nth: rng.u8(..u8::try_from(world.designs.sweeps.len()).ok().filter(|len| *len > 0)?),
                stays: rng.u8(..8) == 0,
                looks: (rng.u8(..6) == 0).then(|| rng.u8(..2)),
            },
            Kind::BackUp => Step::BackUp,
            Kind::Restore => Step::Restore,
            Kind::SetClock => Step::SetClock {
                actor: match rng.u8(..3) {
                    0 => Actor::Publisher(rng.u8(..setup.publishers)),
                    1 => Actor::Schedule(rng.u8(..setup.schedules)),
                    _ => Actor::List(phone),
                },
                seconds: rng.i8(-WRONG..=WRONG),
            },
        })
    }
}
