//! Everything that exists in one schedule: tables, time, hints, phones, APNs, and who waits for what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use serde_json::{Value, json};

use super::apns::Apns;
use super::designs::Designs;
use super::engine::{Engine, PASSES, REGISTRY};
use super::invariants::Violation;
use super::mutations::Mutation;
use super::phone::Phone;
use super::queues::Message;
use super::report::Log;
use super::restore::Backup;
use super::setup::Setup;
use super::watch::Watch;
use super::wire::Waiting;
use crate::LOYALTY;

/// When every schedule begins: an arbitrary second, far from any wrap.
pub(super) const START: u64 = 1_800_000_000;
pub(super) const TEMPLATE: &str = "card";

/// Whoever makes external calls. Each runs at most one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// publish-changes with one hint.
    Publisher(u8),
    /// push-devices, once, by the schedule.
    Schedule(u8),
    /// A phone's list call and the downloads that follow.
    List(u8),
    /// What a phone has to do with one pass: install, register, unregister, refresh.
    Card(u8, u8),
    /// push-devices with one page of a fan-out.
    Pager(u8),
    /// publish-template, or a command about templates.
    Designer(u8),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publisher(n) => write!(f, "publisher {}", n + 1),
            Self::Schedule(n) => write!(f, "schedule {}", n + 1),
            Self::Pager(n) => write!(f, "pager {}", n + 1),
            Self::Designer(n) => write!(f, "designer {}", n + 1),
            Self::List(n) | Self::Card(n, _) => write!(f, "phone {}", phone_name(*n)),
        }
    }
}

pub(super) fn phone_name(phone: u8) -> char {
    char::from(b'A' + phone)
}

pub(super) fn serial(pass: u8) -> String {
    format!("CARD-{}", pass + 1)
}

/// The pass with this serial.
pub(super) fn pass_of(serial: &str) -> Option<u8> {
    serial.strip_prefix("CARD-")?.parse::<u8>().ok()?.checked_sub(1)
}

/// The row of a pass, as the backend last wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    Absent,
    /// Shows this balance.
    Balance(u8),
    /// Cannot be rendered: names a field that the template lacks.
    Spoilt,
    /// Shows this balance, and is voided by the row itself.
    Voided(u8),
}

pub(super) struct World {
    pub engine: Engine,
    pub setup: Setup,
    pub mutation: Option<Mutation>,
    /// True time, in milliseconds.
    pub now: u64,
    /// How far each actor's clock is off.
    pub skews: BTreeMap<Actor, i64>,
    pub running: Option<Actor>,
    pub waiting: Vec<Waiting>,
    pub next_gate: u64,
    /// Actors whose function dies at its next turn.
    pub killed: BTreeSet<Actor>,
    /// Functions that are being carried out, by their actor.
    pub serving: BTreeSet<Actor>,
    /// Rows as they are.
    pub rows: Vec<Row>,
    /// Which of the templates the pointer names, and its `seq`.
    pub template: (usize, u64),
    /// Hints that wait for a publisher.
    pub hints: VecDeque<u8>,
    /// Passes of copies that failed: hints once faults have stopped.
    late: Vec<u8>,
    /// What lies in `PublishQueue`.
    pub keys: VecDeque<Message>,
    /// What lies in `PushQueue`.
    pub pages: VecDeque<Message>,
    /// The newest backup of the Registry.
    pub backup: Option<Backup>,
    pub was_restored: bool,
    pub designs: Designs,
    pub phones: Vec<Phone>,
    pub apns: Apns,
    pub watch: Watch,
    /// Faults have stopped, and everything comes to rest.
    pub settling: bool,
    pub violation: Option<Violation>,
    pub log: Log,
    /// Calls to DynamoDB and pushes.
    pub calls: u64,
}

impl World {
    pub fn new(engine: Engine, setup: Setup, mutation: Option<Mutation>, log: Log) -> Self {
        let phones = (0..setup.phones).map(Phone::new).collect();
        let skews = setup.skews.iter().copied().collect();
        let rows = vec![Row::Absent; usize::from(setup.passes)];
        let mut world = Self {
            engine,
            mutation,
            now: START * 1000 + 500,
            skews,
            running: None,
            waiting: Vec::new(),
            next_gate: 0,
            killed: BTreeSet::new(),
            serving: BTreeSet::new(),
            rows,
            template: (0, 0),
            hints: VecDeque::new(),
            late: Vec::new(),
            keys: VecDeque::new(),
            pages: VecDeque::new(),
            backup: None,
            was_restored: false,
            designs: Designs::default(),
            phones,
            apns: Apns::default(),
            watch: Watch::default(),
            settling: false,
            violation: None,
            log,
            calls: 0,
            setup,
        };
        for phone in 0..world.setup.phones {
            world.apns.issue(phone);
        }
        world.point_template(0);
        world.designs.begin();
        world
    }

    /// The clock of one actor, in milliseconds.
    pub fn clock(&self, actor: Actor) -> u64 {
        let skew = match actor {
            _ if self.settling => None,
            // One function serves all of a phone's calls about passes.
            Actor::Card(phone, _) => self.skews.get(&Actor::List(phone)),
            Actor::Pager(n) => self.skews.get(&Actor::Schedule(n)),
            _ => self.skews.get(&actor),
        }
        .copied()
        .unwrap_or(0);
        self.now.saturating_add_signed(skew)
    }

    /// Whether pushes are held: publishing goes on, and leases collect.
    pub fn holds_pushes(&self) -> bool {
        self.setup.holds && !self.settling
    }

    /// How far two clocks may have been apart, at most, in milliseconds.
    pub fn disagreement(&self) -> u64 {
        self.setup.disagreement
    }

    pub fn violate(&mut self, violation: Violation) {
        if self.violation.is_none() {
            let line = violation.to_string();
            self.log.note(|| line);
            self.violation = Some(violation);
        }
    }

    // ---- what backends do

    /// Writes a pass's row. `note` is an attribute that the pass does not show.
    pub fn write(&mut self, pass: u8, row: Row, note: u64) {
        let key = row_key(pass);
        match row {
            Row::Absent => self.engine.delete(PASSES, key),
            Row::Balance(_) | Row::Spoilt | Row::Voided(_) => {
                let (field, balance) = match row {
                    Row::Balance(balance) | Row::Voided(balance) => ("balance", balance),
                    _ => ("unknown", 0),
                };
                let Value::Object(mut item) = key else {
                    unreachable!("a key is an object");
                };
                item.insert("template".into(), json!({"S": TEMPLATE}));
                item.insert("fields".into(), json!({"M": {field: {"N": balance.to_string()}}}));
                item.insert("note".into(), json!({"N": note.to_string()}));
                if matches!(row, Row::Balance(balance) if self.setup.relaxed && balance % 2 == 1) {
                    item.insert("updateUrgency".into(), json!({"S": "relaxed"}));
                }
                if matches!(row, Row::Voided(_)) {
                    item.insert("pass".into(), json!({"M": {"voided": {"BOOL": true}}}));
                }
                self.engine.put(PASSES, &item);
            }
        }
        self.rows[usize::from(pass)] = row;
        self.hints.push_back(pass);
    }

    /// Whoever wrote a revision and died before it looked once more has to come again: nobody else can
    /// know of it.
    pub fn copy_comes_again(&mut self, pass: u8) {
        match self.settling {
            true => self.hints.push_back(pass),
            false => self.late.push(pass),
        }
    }

    /// Faults stop.
    pub fn settle(&mut self) {
        self.settling = true;
        self.hints.extend(std::mem::take(&mut self.late));
    }

    /// Moves the template's pointer, as publish-template does, and asks for a publish of each pass.
    pub fn point_template(&mut self, version: usize) {
        let seq = self.template.1 + 1;
        self.template = (version, seq);
        let Value::Object(item) = json!({
            "PK": {"S": format!("TEMPLATE#{TEMPLATE}")},
            "SK": {"S": "TEMPLATE"},
            "version": {"S": super::material::version(version)},
            "seq": {"N": seq.to_string()},
        }) else {
            unreachable!("an item is an object");
        };
        self.engine.put(REGISTRY, &item);
        if seq > 1 {
            self.hints.extend(0..self.setup.passes);
        }
    }
}

fn row_key(pass: u8) -> Value {
    json!({"serialNumber": {"S": serial(pass)}, "passTypeIdentifier": {"S": LOYALTY}})
}

/// The key of a phone's device item.
pub(super) fn device_key(phone: u8) -> Value {
    json!({"PK": {"S": device_pk(phone)}, "SK": {"S": "DEVICE"}})
}

pub(super) fn device_pk(phone: u8) -> String {
    format!("DEVICE#{}#{LOYALTY}", phone_name(phone))
}

/// The phone whose device item this is.
pub(super) fn phone_of_pk(pk: &str) -> Option<u8> {
    let name = pk.strip_prefix("DEVICE#")?.chars().next()?;
    (name as u8).checked_sub(b'A')
}

/// The key of the note of what is wrong with a pass's row.
pub(super) fn problem_key(pass: u8) -> Value {
    json!({"PK": {"S": format!("PASS#{LOYALTY}#{}", serial(pass))}, "SK": {"S": "PROBLEM"}})
}

/// The key of the template's pointer.
pub(super) fn template_key() -> Value {
    json!({"PK": {"S": format!("TEMPLATE#{TEMPLATE}")}, "SK": {"S": "TEMPLATE"}})
}

/// The key of the note of the last upload.
pub(super) fn upload_key() -> Value {
    json!({"PK": {"S": format!("TEMPLATE#{TEMPLATE}")}, "SK": {"S": "UPLOAD"}})
}

/// The key of a pass's revision.
pub(super) fn revision_key(pass: u8) -> Value {
    json!({"PK": {"S": format!("PASS#{LOYALTY}#{}", serial(pass))}, "SK": {"S": "REVISION"}})
}
