//! How a changed pass reaches the phone: "What changed?", then each pass that was named.

use std::collections::VecDeque;

use passes::ids::{PassKey, PassTypeIdentifier, SerialNumber};
use reqwest::header::HeaderValue;

use crate::change::Update;
use crate::complaint::{Grievance, Task};
use crate::error::PhoneError;
use crate::exchange::Event;
use crate::pass::{self, InstalledPass};
use crate::phone::{Phone, PhoneConfig, ServiceKey};
use crate::web_service::{self, Download};

/// Why the phone asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion<'a> {
    /// A push: an empty answer means that it came for nothing.
    Push,
    /// This pass was registered just now, so that it is listed is no claim that it has changed.
    Registration(&'a PassKey),
    /// Of its own accord.
    Own,
}

/// What a round of requests came to. The first failure does not stop the others.
#[derive(Default)]
struct Round {
    updates: Vec<Update>,
    failure: Option<PhoneError>,
    /// Passes that name another web service than before, still to be registered there.
    moved: Vec<PassKey>,
}

impl Round {
    fn fail(&mut self, error: PhoneError) {
        self.failure.get_or_insert(error);
    }

    fn absorb(&mut self, other: Self) {
        self.updates.extend(other.updates);
        self.moved.extend(other.moved);
        if let Some(error) = other.failure {
            self.fail(error);
        }
    }
}

/// What one download came to.
struct Fetched {
    update: Option<Update>,
    moved: bool,
}

impl Phone {
    /// A push arrived for a pass type: asks each web service of that type what has changed, and
    /// fetches it. Gives the passes that show something new.
    ///
    /// # Errors
    /// [`PhoneError::GaveUp`] with the first request that failed for good; what could be updated is
    /// updated all the same. A pass that was listed but could not be fetched is fetched by the next
    /// call.
    pub async fn on_push(&mut self, topic: &PassTypeIdentifier) -> Result<Vec<Update>, PhoneError> {
        let now = self.now();
        self.wire.tell(&Event::Pushed {
            at: now,
            topic: topic.clone(),
        });
        let installed = self.passes.keys().filter(|key| key.pass_type == *topic).count();
        self.patience.entry(topic.clone()).or_default().pushed(now, installed);
        self.ask_all(topic, Occasion::Push).await
    }

    /// Asks without a push, as Wallet does now and then and after a restart.
    ///
    /// # Errors
    /// As [`on_push`](Self::on_push).
    pub async fn check_for_updates(&mut self, pass_type: &PassTypeIdentifier) -> Result<Vec<Update>, PhoneError> {
        self.ask_all(pass_type, Occasion::Own).await
    }

    /// The owner pulls the back of the pass down: fetches this pass without a list call.
    pub async fn pull_to_refresh(&mut self, pass: &PassKey) -> Result<Option<Update>, PhoneError> {
        let fetched = self.fetch(pass, false).await?;
        if fetched.moved {
            self.register_and_ask(vec![pass.clone()]).await?;
        }
        Ok(fetched.update)
    }

    async fn ask_all(&mut self, topic: &PassTypeIdentifier, occasion: Occasion<'_>) -> Result<Vec<Update>, PhoneError> {
        let mut round = Round::default();
        for service in self.active_services(topic) {
            round.absorb(self.ask(&service, occasion).await);
        }
        self.settle(round).await
    }

    /// Registers these passes, each followed by a list call.
    pub(crate) async fn register_and_ask(&mut self, passes: Vec<PassKey>) -> Result<Vec<Update>, PhoneError> {
        let round = Round {
            moved: passes,
            ..Round::default()
        };
        self.settle(round).await
    }

    /// Registers what still has to be, which may bring further passes to light, and gives the
    /// result.
    async fn settle(&mut self, mut round: Round) -> Result<Vec<Update>, PhoneError> {
        let mut waiting: VecDeque<PassKey> = round.moved.drain(..).collect();
        while let Some(pass) = waiting.pop_front() {
            match self.send_register(&pass).await {
                Ok(service) => round.absorb(self.ask(&service, Occasion::Registration(&pass)).await),
                Err(error) => round.fail(error),
            }
            waiting.extend(round.moved.drain(..));
        }
        match round.failure {
            None => Ok(round.updates),
            Some(error) => Err(error),
        }
    }

    /// The web services of a type at which something is registered.
    fn active_services(&self, topic: &PassTypeIdentifier) -> Vec<ServiceKey> {
        self.services
            .keys()
            .filter(|key| key.0 == *topic)
            .filter(|key| self.passes.values().any(|pass| is_registered_at(pass, key)))
            .cloned()
            .collect()
    }

    /// One list call, and a download for each pass that it names.
    async fn ask(&mut self, key: &ServiceKey, occasion: Occasion<'_>) -> Round {
        let mut round = Round::default();
        let service = &self.services[key];
        let request = service.list();
        let sent = service.tag.clone();
        let task = Task::GetSerials {
            device: service.device.clone(),
            pass_type: service.pass_type.clone(),
            tag: sent.clone(),
        };
        let list = match self.insist(key, task, &request, web_service::listed).await {
            Ok(list) => list,
            Err(error) => {
                round.fail(error);
                return round;
            }
        };
        let mut serials = Vec::new();
        if let Some(list) = list {
            self.judge_tag(key, list.serials.len(), &sent, &list.tag).await;
            self.remember_tag(key, list.tag);
            serials = list.serials;
        }
        if serials.is_empty() && occasion == Occasion::Push {
            let device = self.services[key].device.clone();
            let grievance = Grievance::SpuriousPush { tag: sent, device };
            self.complain(key, None, grievance).await;
        }
        for pass in self.worth_fetching(key, serials).await {
            let claims_change = occasion != Occasion::Registration(&pass);
            match self.fetch(&pass, claims_change).await {
                Ok(fetched) => {
                    round.updates.extend(fetched.update);
                    if fetched.moved {
                        round.moved.push(pass);
                    }
                }
                Err(error) => round.fail(error),
            }
        }
        round
    }

    async fn judge_tag(&mut self, key: &ServiceKey, count: usize, sent: &Option<String>, received: &Option<String>) {
        let grievance = match received {
            None => Grievance::TagOmitted { count },
            Some(tag) if count > 0 && Some(tag) == sent.as_ref() => Grievance::TagRemained {
                count,
                tag: tag.clone(),
            },
            Some(_) => return,
        };
        self.complain(key, None, grievance).await;
    }

    /// Only a 200 with a tag changes it: 204 keeps the old one.
    fn remember_tag(&mut self, key: &ServiceKey, tag: Option<String>) {
        if let (Some(service), Some(tag)) = (self.services.get_mut(key), tag) {
            service.tag = Some(tag);
        }
    }

    /// The listed passes and those still pending, without those that this phone has not registered.
    /// A serial that is listed twice is fetched twice.
    async fn worth_fetching(&mut self, key: &ServiceKey, listed: Vec<String>) -> Vec<PassKey> {
        let mut passes = Vec::new();
        for text in listed {
            let registered = text
                .parse::<SerialNumber>()
                .map(|serial| self.services[key].key(&serial))
                .ok()
                .filter(|pass| {
                    let installed = self.passes.get(pass);
                    installed.is_some_and(|installed| is_registered_at(installed, key))
                });
            match registered {
                Some(pass) => passes.push(pass),
                None => {
                    let grievance = Grievance::Unregistered { serial: text };
                    self.complain(key, None, grievance).await;
                }
            }
        }
        if let Some(service) = self.services.get_mut(key) {
            let earlier = std::mem::take(&mut service.pending);
            service.pending.extend(passes.iter().map(|pass| pass.serial.clone()));
            for serial in earlier {
                let pass = service.key(&serial);
                let installed = self.passes.get(&pass);
                let still_there = installed.is_some_and(|installed| is_registered_at(installed, key));
                if still_there && service.pending.insert(serial) {
                    passes.push(pass);
                }
            }
        }
        passes
    }

    /// Downloads one pass and installs it if it has changed. With `claims_change` the web service
    /// said that it has.
    async fn fetch(&mut self, pass: &PassKey, claims_change: bool) -> Result<Fetched, PhoneError> {
        let (key, keys) = self.web_service_of(pass)?;
        let condition = self.installed_mut(pass)?.last_modified.clone();
        let service = &self.services[&key];
        let request = service.pass(&pass.serial, &keys.token, condition.clone());
        let task = Task::GetPass {
            pass: pass.clone(),
            if_modified_since: condition.as_ref().map(text),
        };
        let config = self.config.clone();
        let now = self.now();
        let conditional = condition.is_some();
        let answer = self
            .insist(&key, task, &request, |response| {
                match web_service::downloaded(response, conditional)? {
                    Download::NotModified => Ok(None),
                    Download::Package { bytes, last_modified } => {
                        let mut new = verified(pass, bytes, &config, now)?;
                        new.last_modified = last_modified;
                        Ok(Some(new))
                    }
                }
            })
            .await?;
        if let Some(service) = self.services.get_mut(&key) {
            service.pending.remove(&pass.serial);
        }

        let unchanged = match &answer {
            None => true,
            Some(new) => new.manifest == self.installed_mut(pass)?.manifest,
        };
        let serial = pass.serial.to_string();
        // Without a condition the phone never told what it holds.
        if let Some(condition) = condition.filter(|_| unchanged) {
            if answer.is_some() {
                let grievance = Grievance::ConditionIgnored {
                    serial: serial.clone(),
                    if_modified_since: text(&condition),
                };
                self.complain(&key, None, grievance).await;
            }
            if claims_change {
                let grievance = Grievance::Unchanged { serial: serial.clone() };
                self.complain(&key, None, grievance).await;
            }
        }
        let Some(new) = answer else {
            return Ok(Fetched {
                update: None,
                moved: false,
            });
        };
        if new.last_modified.is_none() {
            self.complain(&key, None, Grievance::LastModifiedMissing { serial })
                .await;
        }
        self.replace(pass, new, unchanged)
    }

    fn replace(&mut self, pass: &PassKey, mut new: InstalledPass, unchanged: bool) -> Result<Fetched, PhoneError> {
        let installed = self.installed_mut(pass)?;
        let url = |pass: &InstalledPass| pass.web_service().map(|keys| keys.url);
        let (before, after) = (url(installed), url(&new));
        let was_registered = installed.registered;
        new.registered = was_registered && before == after;
        let old = std::mem::replace(installed, new);
        let update = (!unchanged).then(|| Update {
            pass: pass.clone(),
            old: old.pass,
            new: installed.pass.clone(),
            old_reading: old.reading,
            new_reading: installed.reading.clone(),
        });
        if let Some(update) = &update {
            self.wire.tell(&Event::Updated(update.clone()));
        }
        Ok(Fetched {
            update,
            moved: was_registered && after.is_some() && before != after,
        })
    }
}

fn is_registered_at(pass: &InstalledPass, (pass_type, url): &ServiceKey) -> bool {
    pass.registered && pass.key.pass_type == *pass_type && pass.json()["webServiceURL"] == url.as_str()
}

/// The package, if it is valid and of the pass that was asked for.
fn verified(
    requested: &PassKey,
    bytes: Vec<u8>,
    config: &PhoneConfig,
    now: std::time::SystemTime,
) -> Result<InstalledPass, Grievance> {
    let opened = pkpass::verify(&bytes, &config.root_certificate_der, now)
        .map_err(|error| Grievance::InvalidPassData(one_line(&error.to_string())))?;
    let new = pass::opened(opened, bytes, config).map_err(Grievance::InvalidPassData)?;
    if new.key.serial != requested.serial {
        return Err(Grievance::OtherPass {
            requested: requested.serial.to_string(),
            received: new.key.serial.to_string(),
        });
    }
    if new.key.pass_type != requested.pass_type {
        let reason = format!(
            "Requested pass type {}, received pass type {}",
            requested.pass_type, new.key.pass_type
        );
        return Err(Grievance::InvalidPassData(reason));
    }
    Ok(new)
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("; ")
}
