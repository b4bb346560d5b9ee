//! What must hold, during a schedule and at its end.
//!
//! - **(a) Newest.** At rest, every phone holds each pass that it is registered for as it would be
//!   rendered from the row and the template's pointer as they are now: voided where the row is
//!   gone, in the revision in service where the row cannot be rendered. Rest is reached twice:
//!   after the faults, and once more after another change of every row, which finds registrations
//!   and push tokens that were lost without being missed. Exempt: phones that were wiped, and
//!   devices whose lease was used up when the schedule gave them up, and what was registered after
//!   the backup that was restored. No change and no registration relies on a lease that is used up.
//! - **(b) Not listed for nothing.** A list answer names only passes that the device is registered
//!   for, or was when the call began; and in the answers that a phone receives, the same revision
//!   of a pass is named once, and once more for each registration that was committed since. (An answer
//!   that could not clear the lease, because others got on at each of its turns, is repeated.) That
//!   leaves the three windows which no server can close: the answer that was lost, the early
//!   download (which makes the naming answer a 304), and the registration itself.
//! - **(c) Not downloaded for nothing.** A 200 brings a later revision than the one that the phone
//!   asked with; and each revision of a pass has another manifest and a higher number than the one
//!   before.
//! - **(d) A tag is one state.** A device's tag never goes back. Two states of a device's item with
//!   the same tag have the same marks, but for serials that were taken off, also where a restore came
//!   between. A list answer's tag is above the one that the phone asked with.
//! - **(e) Pushes are bounded.** Each push follows a lease of its own: the write before it, by the
//!   same function, replaced a lease that was due, or, by a publisher, set one where none stood or
//!   replaced one that was further off than 300 seconds or used up. So there are no more pushes
//!   than leases. Clocks that disagree make this wrong by as much. And of one state of a device APNs
//!   takes no more pushes than one of each publisher, and those that a lease has.
//! - **(f) Old tokens rest.** No push begins to a token after a registration with another one has
//!   been answered, unless it was registered again; nor to a dead one, once a function that met
//!   the 410 has returned, and the token was stored before it died.
//! - **(h) No end too soon.** A pass gets its last revision when, and only when, a publish has found its record gone a
//!   whole grace ago, and none has found it there since. The schedule hands a pass on only when its grace
//!   is over. At rest, a pass without record has a grace or its last revision, and no other has one.
//! - **(i) Notes are true.** At rest, a pass has a problem exactly where its row cannot be rendered, and no
//!   device that holds passes expires.
//! - **(j) A template is what was last asked for.** An upload moves the pointer once, and so does a command, by one
//!   `seq`, to a version that is stored; a rollback of which it is said that nothing moved has moved nothing.
//!   A sweep's progress is its own and never goes back. At rest, the last upload is published or refused, and every segment has followed.
//! - **(g) No fault.** Nothing is refused or unreadable that the scheduler did not make so, and
//!   everything comes to rest.

use std::collections::BTreeSet;
use std::fmt;

use passes::device::MAX_ATTEMPTS;

use super::apns::Standing;
use super::engine::{Call, REGISTRY, marks, number, text};
use super::material::Content;
use super::report::since_start;
use super::watch::{Device, LeaseWrite, ListAnswer, Named, pass_in};
use super::world::{Actor, Row, World, device_key, phone_name, phone_of_pk, problem_key, revision_key, serial};

/// Which invariant does not hold, and how that showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: char,
    pub sentence: String,
}

impl Violation {
    fn new(invariant: char, sentence: String) -> Self {
        Self { invariant, sentence }
    }

    pub(super) fn fault(sentence: String) -> Self {
        Self::new('g', sentence)
    }

    pub(super) fn grace(sentence: String) -> Self {
        Self::new('h', sentence)
    }

    fn note(sentence: String) -> Self {
        Self::new('i', sentence)
    }

    pub(super) fn design(sentence: String) -> Self {
        Self::new('j', sentence)
    }

    pub(super) fn download(sentence: String) -> Self {
        Self::new('c', sentence)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) VIOLATED: {}", self.invariant, self.sentence)
    }
}

impl World {
    /// After a write has been carried out.
    pub fn observe(&mut self, actor: Actor, call: &Call) {
        match call.action.as_str() {
            "PutItem" => self.observe_revision(actor, &call.body["Item"]),
            "UpdateItem" | "DeleteItem" => {
                let pk = call.body["Key"]["PK"]["S"].as_str().unwrap_or_default();
                if pk.starts_with("PASS#") {
                    self.observe_grace(actor, pass_in(pk).expect("a pass"), call);
                } else if pk.starts_with("TEMPLATE#") {
                    self.observe_pointer(actor, call);
                } else if let Some(phone) = phone_of_pk(pk) {
                    self.observe_device(actor, phone);
                    let update = call.body["UpdateExpression"].as_str().unwrap_or_default();
                    if update.contains("#serials = :none") {
                        self.watch
                            .noted
                            .registered
                            .retain(|(registered, _)| *registered != phone);
                    }
                }
            }
            "TransactWriteItems" => self.observe_transaction(actor, call),
            _ => {}
        }
    }

    fn observe_revision(&mut self, actor: Actor, item: &serde_json::Value) {
        let Some(item) = item.as_object() else {
            return;
        };
        let (Some("REVISION"), Some(pk)) = (text(item, "SK"), text(item, "PK")) else {
            return;
        };
        let pass = pass_in(pk).expect("a pass");
        let revision = number(item, "revision").unwrap_or_default();
        let manifest = text(item, "manifest_hash").unwrap_or_default().to_owned();
        self.watch.highest = self.watch.highest.max(revision);
        self.watch.put_back.remove(&pass);
        self.observe_end(actor, pass, item);
        let earlier = self.watch.revisions.insert(pass, (revision, manifest.clone()));
        let Some((before, same)) = earlier else {
            return;
        };
        let (name, old, new) = (serial(pass), since_start(Some(before)), since_start(Some(revision)));
        if revision <= before {
            let sentence = format!("{name}: revision {new} follows {old}");
            self.violate(Violation::new('c', sentence));
        } else if manifest == same {
            let sentence = format!("{name}: revision {new} shows the same as {old}");
            self.violate(Violation::new('c', sentence));
        }
    }

    fn observe_transaction(&mut self, actor: Actor, call: &Call) {
        let items = call.body["TransactItems"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let key = |kind: &str, of: &str, name: &str| {
            items
                .iter()
                .find_map(|item| item.get(kind)?.get(of)?.get(name)?["S"].as_str())
                .map(str::to_owned)
        };
        let Some(phone) = key("Update", "Key", "PK").as_deref().and_then(phone_of_pk) else {
            return;
        };
        self.observe_device(actor, phone);
        let pass_in = |pk: Option<String>| pk.as_deref().and_then(pass_in);
        if let Some(pass) = pass_in(key("Put", "Item", "PK")) {
            let token = items.iter().find_map(|item| {
                let values = item.get("Update")?.get("ExpressionAttributeValues")?;
                values.get(":push_token")?["S"].as_str()
            });
            if let Some(known) = token.and_then(|token| self.apns.tokens.get_mut(token)) {
                known.stored = Some(self.now);
                known.ended = false;
            }
            self.watch.noted.registered.insert((phone, pass));
            *self.watch.registrations.entry((phone, pass)).or_default() += 1;
            self.watch.named.retain(|(p, s, _)| (*p, *s) != (phone, pass));
        } else if let Some(pass) = pass_in(key("Delete", "Key", "PK")) {
            self.watch.noted.registered.remove(&(phone, pass));
        }
    }

    fn observe_device(&mut self, actor: Actor, phone: u8) {
        let Some(item) = self.engine.peek(REGISTRY, device_key(phone)) else {
            return;
        };
        let now = Device::read(&item);
        self.watch.highest = self.watch.highest.max(now.tag);
        let before = self.watch.noted.devices.insert(phone, now.clone());
        let known = before.is_some();
        let before = before.unwrap_or_default();
        if now.lease != before.lease
            && let Some((due_at, _)) = now.lease
        {
            let write = LeaseWrite {
                replaced: before.lease,
                due_at,
                at: self.clock(actor) / 1000,
            };
            self.watch.leases.insert((actor, phone), write);
            self.watch.noted.given_up.remove(&phone);
        }
        if item.contains_key("given_up_at") && before.lease.is_some_and(|(_, attempts)| attempts >= MAX_ATTEMPTS) {
            self.watch.noted.given_up.insert(phone);
        }
        let name = phone_name(phone);
        let tag = since_start(Some(now.tag));
        if before.lease.is_some_and(|(_, attempts)| attempts >= MAX_ATTEMPTS)
            && now.lease == before.lease
            && now.tag > before.tag
        {
            let sentence = format!("phone {name}'s tag {tag} relies on a lease that is used up");
            self.violate(Violation::new('a', sentence));
        }
        if known && now.tag < before.tag {
            let sentence = format!(
                "phone {name}'s tag goes back from {} to {tag}",
                since_start(Some(before.tag))
            );
            self.violate(Violation::new('d', sentence));
        }
        // What it stood for first: serials that are taken off leave it smaller.
        let state = self
            .watch
            .states
            .entry((phone, now.tag))
            .or_insert_with(|| now.marks.clone());
        let mut marks = now.marks.iter();
        let differs = marks
            .find(|(serial, mark)| state.get(*serial) != Some(mark))
            .map(|(serial, _)| serial.clone());
        if let Some(serial) = differs {
            let sentence = format!("phone {name}'s tag {tag} stands for two states of {serial}");
            self.violate(Violation::new('d', sentence));
        }
    }

    /// A list call is answered by the server; `before` are the passes that the device was
    /// registered for when the call began.
    pub fn list_answered(
        &mut self,
        phone: u8,
        since: Option<u64>,
        tag: u64,
        named: Vec<(u8, Option<u64>)>,
        before: &BTreeSet<u8>,
    ) -> ListAnswer {
        let name = phone_name(phone);
        if since.is_some_and(|since| tag <= since) {
            let (since, tag) = (since_start(since), since_start(Some(tag)));
            let sentence = format!("phone {name} lists since {since} and is answered tag {tag}");
            self.violate(Violation::new('d', sentence));
        }
        let named = named
            .into_iter()
            .map(|(pass, revision)| {
                if !self.watch.noted.registered.contains(&(phone, pass)) && !before.contains(&pass) {
                    let sentence = format!("phone {name} is named {}, which it is not registered for", serial(pass));
                    self.violate(Violation::new('b', sentence));
                }
                Named {
                    pass,
                    revision,
                    registrations: self.watch.registrations.get(&(phone, pass)).copied().unwrap_or(0),
                }
            })
            .collect();
        ListAnswer {
            tag,
            repeats: false,
            named,
        }
    }

    /// The answer has reached the phone.
    pub fn list_received(&mut self, phone: u8, answer: &ListAnswer) {
        for named in &answer.named {
            let registrations = self.watch.registrations.get(&(phone, named.pass)).copied().unwrap_or(0);
            let Some(revision) = named.revision.filter(|_| registrations == named.registrations) else {
                continue;
            };
            if !answer.repeats && !self.watch.named.insert((phone, named.pass, revision)) {
                let sentence = format!(
                    "phone {} is named {} for revision {} twice",
                    phone_name(phone),
                    serial(named.pass),
                    since_start(Some(revision))
                );
                self.violate(Violation::new('b', sentence));
            }
        }
    }

    /// A function that sends pushes begins one.
    pub fn push_begins(&mut self, actor: Actor, token: &str) {
        let Some(known) = self.apns.tokens.get(token).cloned() else {
            return self.violate(Violation::fault(format!(
                "{actor} pushes to {token}, which no phone has"
            )));
        };
        self.watch.pushes += 1;
        let name = phone_name(known.phone);
        if known.replaced {
            let sentence = format!("{actor} pushes to phone {name}'s token {token}, which has been replaced");
            self.violate(Violation::new('f', sentence));
        }
        if known.ended && matches!(known.standing, Standing::Dead { .. }) {
            let sentence = format!("{actor} pushes to phone {name}'s token {token}, which APNs has called dead");
            self.violate(Violation::new('f', sentence));
        }
        let slack = self.disagreement().div_ceil(1000);
        let fits = self.watch.leases.remove(&(actor, known.phone)).is_some_and(|write| {
            let publishes = matches!(actor, Actor::Publisher(_) | Actor::Pager(_));
            let Some((due_at, attempts)) = write.replaced else {
                return publishes;
            };
            // A publisher takes the time once, for its decision and for the lease.
            let taken_over = publishes && (due_at > write.due_at - slack || attempts >= MAX_ATTEMPTS);
            due_at <= write.at + slack || taken_over
        });
        if !fits {
            let sentence = format!("{actor} pushes phone {name} without a lease of its own");
            self.violate(Violation::new('e', sentence));
        }
    }

    /// APNs has taken a push, and the function hears of it.
    pub fn push_taken(&mut self, token: &str) {
        let Some(phone) = self.apns.tokens.get(token).map(|token| token.phone) else {
            return;
        };
        let tag = self.watch.noted.devices.get(&phone).map_or(0, |device| device.tag);
        let taken = self.watch.taken.entry((phone, tag)).or_default();
        *taken += 1;
        // A publisher may be at work on a tag that another has moved, and so may a run of the schedule.
        let setup = &self.setup;
        let at_most = u64::from(MAX_ATTEMPTS) + u64::from(setup.publishers) + 2 * u64::from(setup.schedules);
        if *taken > at_most {
            let sentence = format!(
                "phone {} was pushed {taken} times for tag {}",
                phone_name(phone),
                since_start(Some(tag))
            );
            self.violate(Violation::new('e', sentence));
        }
    }

    /// A function has done what followed from the answers that it met.
    pub fn function_returned(&mut self, actor: Actor) {
        let disagreement = self.disagreement();
        let told = std::mem::take(&mut self.watch.told_dead);
        for (of, token, since) in told {
            if of != actor {
                self.watch.told_dead.insert((of, token, since));
                continue;
            }
            if let Some(known) = self.apns.tokens.get_mut(&token)
                && matches!(known.standing, Standing::Dead { .. })
                && known.stored.is_some_and(|stored| stored + disagreement < since)
            {
                known.ended = true;
            }
        }
    }

    /// A function is over, or its first attempt, however it went: what it failed to deal with is not dealt
    /// with because the next one succeeds.
    pub fn attempt_ended(&mut self, actor: Actor) {
        self.watch.told_dead.retain(|(of, ..)| *of != actor);
        self.watch.leases.retain(|(of, _), _| *of != actor);
        self.watch.letting_go.retain(|(of, _)| *of != actor);
    }

    /// A registration with this push token has been answered.
    pub fn token_stored(&mut self, phone: u8, token: &str) {
        for (name, known) in &mut self.apns.tokens {
            if name == token {
                known.replaced = false;
            } else if known.phone == phone && known.stored.is_some() {
                known.replaced = true;
            }
        }
    }

    /// (a), once everything has come to rest.
    pub fn check_at_rest(&mut self) {
        self.check_graces();
        self.check_notes();
        self.check_designs();
        let known = self.known_phones();
        for phone in 0..self.setup.phones {
            if self.phones[usize::from(phone)].gone || self.watch.noted.given_up.contains(&phone) {
                continue;
            }
            if self.was_restored && !known.contains(&phone) {
                continue;
            }
            let held = self.phones[usize::from(phone)].passes.clone();
            for (pass, held) in held.into_iter().filter(|(_, held)| held.registered) {
                if self.was_restored && !self.watch.noted.registered.contains(&(phone, pass)) {
                    continue;
                }
                let shown = &held.content;
                let (is_right, wanted) = match self.rows[usize::from(pass)] {
                    Row::Absent if self.watch.noted.let_go.contains(&pass) => (shown.let_go, "let go".to_owned()),
                    Row::Absent => (shown.voided && !shown.let_go, "voided".to_owned()),
                    Row::Balance(balance) | Row::Voided(balance) => {
                        let wanted = Content {
                            voided: matches!(self.rows[usize::from(pass)], Row::Voided(_)),
                            ..Content::expected(self.template.0, balance)
                        };
                        (*shown == wanted, wanted.to_string())
                    }
                    Row::Spoilt => {
                        let item = self.engine.peek(REGISTRY, revision_key(pass)).unwrap_or_default();
                        let in_service = number(&item, "revision") == Some(held.revision);
                        (in_service, "as it is in service".to_owned())
                    }
                };
                if !is_right {
                    let sentence = format!(
                        "at rest, phone {} holds {} with {} (revision {}), and it should be {wanted}",
                        phone_name(phone),
                        serial(pass),
                        held.content,
                        since_start(Some(held.revision)),
                    );
                    return self.violate(Violation::new('a', sentence));
                }
            }
        }
    }

    fn check_notes(&mut self) {
        for pass in 0..self.setup.passes {
            let noted = self.engine.peek(REGISTRY, problem_key(pass)).is_some();
            let row = self.rows[usize::from(pass)];
            if noted != (row == Row::Spoilt) {
                let sentence = format!("at rest, {} = {row:?} has a problem: {noted}", serial(pass));
                return self.violate(Violation::note(sentence));
            }
        }
        for phone in 0..self.setup.phones {
            let item = self.engine.peek(REGISTRY, device_key(phone)).unwrap_or_default();
            if item.contains_key("expires_at") && !marks(&item).is_empty() {
                let sentence = format!("at rest, phone {} holds passes and expires", phone_name(phone));
                return self.violate(Violation::note(sentence));
            }
        }
    }
}
