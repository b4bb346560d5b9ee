//! What happens in the world at a step: calls carried out, rows written, phones used.

use super::apns::{Flight, Standing};
use super::engine::{Answer, Call};
use super::plan::{Act, Step};
use super::report::{describe, outcome};
use super::world::{Actor, Row, World, phone_name, serial};

impl World {
    pub fn nth_waiting(&self, actor: Actor, nth: u8) -> Option<usize> {
        let of_actor = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, waiting)| waiting.actor == actor);
        of_actor.map(|(index, _)| index).nth(usize::from(nth))
    }

    pub fn carry_out(&mut self, actor: Actor, mut call: Call) -> Answer {
        self.calls += 1;
        if let Some(mutation) = self.mutation {
            super::mutations::rewrite(mutation, &mut call);
        }
        let answer = self.engine.carry_out(&call);
        self.log
            .note(|| format!("{actor}: {}{}", describe(&call), outcome(&answer)));
        if answer.is_ok() {
            self.observe(actor, &call);
        }
        answer
    }

    pub fn take_push(&mut self, actor: Actor, token: &str, flight: Flight) -> passes::push::PushOutcome {
        self.calls += 1;
        let outcome = self.apns.take(token, flight);
        if outcome == passes::push::PushOutcome::Accepted {
            self.push_taken(token);
        }
        let lost = if flight == Flight::Lost { ", and lost" } else { "" };
        self.log
            .note(|| format!("{actor}: pushes to token {token} -> {outcome:?}{lost}"));
        outcome
    }

    /// Steps that need nothing but the world.
    pub fn apply(&mut self, step: Step) -> bool {
        match step {
            Step::Write { pass, row } => {
                let note = self.now;
                self.log.note(|| format!("backend: writes {} = {row:?}", serial(pass)));
                self.write(pass, row, note);
            }
            Step::Touch { pass } => {
                let (row, note) = (self.rows[usize::from(pass)], self.now + 1);
                if row == Row::Absent {
                    return false;
                }
                self.log
                    .note(|| format!("backend: changes {} where nobody sees it", serial(pass)));
                self.write(pass, row, note);
            }
            Step::MoveTemplate { version } => {
                self.log
                    .note(|| format!("backend: the template is now design {}", version + 1));
                self.point_template(version);
            }
            Step::Upload { version } => self.upload(version),
            Step::Curious { phone } => {
                let curious = &mut self.phones[usize::from(phone)];
                if curious.gone {
                    return false;
                }
                curious.wants_list = true;
            }
            Step::PushArrives { phone } => {
                if !self.apns.under_way.remove(&phone) {
                    return false;
                }
                self.push_arrives(phone);
            }
            Step::NewToken { phone, old } => {
                let index = usize::from(phone);
                if self.phones[index].gone {
                    return false;
                }
                let standing = old.standing(self.now);
                let new = self.apns.issue(phone);
                let before = std::mem::replace(&mut self.phones[index].push_token, new.clone());
                if let Some(before) = self.apns.tokens.get_mut(&before)
                    && before.standing == Standing::Live
                {
                    before.standing = standing;
                }
                let name = phone_name(phone);
                self.log
                    .note(|| format!("phone {name}: its push token is {new} now, {before} is {standing:?}"));
                self.registers_all(phone);
            }
            Step::TokenDies { phone } => {
                let (now, token) = (self.now, self.phones[usize::from(phone)].push_token.clone());
                match self.apns.tokens.get_mut(&token) {
                    Some(known) if known.standing == Standing::Live => known.standing = Standing::Dead { since: now },
                    _ => return false,
                }
                self.log.note(|| format!("APNs: token {token} is dead"));
            }
            Step::TokenLives { phone } => {
                if self.phones[usize::from(phone)].gone || !self.token_is_dead(phone) {
                    return false;
                }
                self.revive(phone);
            }
            Step::BackUp => self.back_up(),
            Step::Weather(weather) => {
                if self.apns.weather == weather {
                    return false;
                }
                self.apns.weather = weather;
                self.log.note(|| format!("APNs {weather}"));
            }
            Step::Turn(millis) => {
                self.now += millis;
                self.log.note(|| format!("time goes on by {millis} ms"));
            }
            Step::SetClock { actor, seconds } => {
                self.skews.insert(actor, i64::from(seconds) * 1000);
                self.log
                    .note(|| format!("{actor}: its clock is set wrong by {seconds} s"));
            }
            _ => return false,
        }
        true
    }

    pub fn push_arrives(&mut self, phone: u8) {
        self.log.note(|| format!("phone {}: a push arrives", phone_name(phone)));
        self.phones[usize::from(phone)].wants_list = true;
    }

    pub fn token_is_dead(&self, phone: u8) -> bool {
        let token = self.apns.tokens.get(&self.phones[usize::from(phone)].push_token);
        token.is_some_and(|token| matches!(token.standing, Standing::Dead { .. }))
    }

    /// A dead token lives again, and the phone tells livepass: by any clock, later than it died.
    pub fn revive(&mut self, phone: u8) {
        let token = self.phones[usize::from(phone)].push_token.clone();
        let pause = 2 * self.disagreement() + 1000;
        if let Some(known) = self.apns.tokens.get_mut(&token) {
            if let Standing::Dead { since } = known.standing {
                self.now = self.now.max(since + pause);
            }
            known.standing = Standing::Live;
        }
        let name = phone_name(phone);
        self.log
            .note(|| format!("APNs: phone {name}'s token {token} lives again, {pause} ms after it died"));
        self.registers_all(phone);
    }

    fn registers_all(&mut self, phone: u8) {
        let phone = &mut self.phones[usize::from(phone)];
        let registered = phone.passes.iter().filter(|(_, held)| held.registered);
        phone.to_register.extend(registered.map(|(pass, _)| *pass));
    }

    /// Phones that have something to send.
    pub fn beginnings(&self) -> Vec<Actor> {
        let mut actors = Vec::new();
        for phone in &self.phones {
            if phone.has_to_list() {
                actors.push(Actor::List(phone.name));
            }
            let passes = (0..self.setup.passes).filter(|pass| phone.has_to_tend(*pass));
            actors.extend(passes.map(|pass| Actor::Card(phone.name, pass)));
        }
        actors
    }

    pub fn act(&mut self, phone: u8, pass: u8, act: Act) -> bool {
        let name = phone_name(phone);
        let phone = &mut self.phones[usize::from(phone)];
        if phone.gone {
            return false;
        }
        let held = phone.passes.get_mut(&pass);
        let what = match (act, held) {
            (Act::Install, None) => {
                phone.to_install.insert(pass);
                return true;
            }
            (Act::AddSaved, None) => match phone.saved.get(&pass) {
                Some(saved) => {
                    phone.passes.insert(pass, saved.clone());
                    phone.to_register.insert(pass);
                    "adds an old copy of"
                }
                None => return false,
            },
            (Act::Save, Some(held)) => {
                let mut copy = held.clone();
                copy.registered = false;
                phone.saved.insert(pass, copy);
                "keeps a copy of"
            }
            (Act::Remove { silently: true }, Some(_)) => {
                phone.passes.remove(&pass);
                "removes, without a DELETE that arrives,"
            }
            (Act::Remove { silently: false }, Some(held)) => {
                phone.to_unregister.insert(pass, held.token.clone());
                phone.passes.remove(&pass);
                "removes"
            }
            (Act::SwitchOff, Some(held)) if held.registered => {
                held.registered = false;
                phone.to_unregister.insert(pass, held.token.clone());
                "switches updates off for"
            }
            (Act::SwitchOn, Some(held)) if !held.registered && !held.content.let_go => {
                phone.to_register.insert(pass);
                "switches updates on for"
            }
            (Act::RegisterAgain, Some(held)) if held.registered => {
                phone.to_register.insert(pass);
                "has to register again"
            }
            (Act::Refresh, Some(held)) if !held.content.let_go => {
                phone.to_refresh.insert(pass);
                return true;
            }
            _ => return false,
        };
        if !phone.passes.contains_key(&pass) {
            phone.to_register.remove(&pass);
            phone.to_install.remove(&pass);
            phone.to_refresh.remove(&pass);
        }
        self.log.note(|| format!("phone {name}: {what} {}", serial(pass)));
        true
    }
}
