//! What a situation is played with: passes and phones of its own, the clock, and the check at the end.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws::dynamodb::Registry;
use aws::files::{FileStore, Folder, Templates};
use aws::queues::{Queue, QueueFolder};
use edge::WallClock;
use passes::ids::{DeviceKey, PassKey, TemplateId};
use passes::link::LinkSignature;
use passes::ports::ReadRevision as _;
use passes::tag::RevisionNumber;
use passes::time::{Clock as _, Timestamp};

use crate::backend::{Backend, FIELD, TEMPLATE, TYPE};
use crate::control::Control;
use crate::holder::Holder;
use crate::leftovers::Leftovers;
use crate::{Error, Healed, Line, Situation, Target, taking_back};

/// For how long a download link holds, in seconds.
const LINK_HOLDS: u64 = 600;

/// Above any `DeletionsPerHour` that a stack may have.
const MANY_DELETIONS: u64 = 1_000_000_000;

pub(crate) struct Stage<'a> {
    target: &'a Target,
    tell: &'a mut (dyn FnMut(Line) + Send),
    pub control: Control,
    pub backend: Backend,
    pub registry: Registry,
    /// What has to be taken back of this run.
    leftovers: Leftovers,
    /// The stack's clock, as phones and designers have it.
    pub clock: WallClock,
    /// How far it is ahead of the machine's.
    ahead_ms: Arc<AtomicI64>,
    turned_seconds: u64,
    holders: Vec<Holder>,
    /// The rows written, with the balance that their phones should show.
    newest: BTreeMap<PassKey, u32>,
    /// Held to the end: two situations would turn one clock.
    _lock: File,
}

/// One of the stage's phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who(usize);

/// Pushes to one phone since the last look.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    pub tried: usize,
    /// Those that reached it; it has asked what has changed after each.
    pub arrived: usize,
}

impl<'a> Stage<'a> {
    /// Takes back what an earlier run has left, and begins. Refuses where this one could not be taken back.
    pub async fn set(
        target: &'a Target,
        situation: Situation,
        tell: &'a mut (dyn FnMut(Line) + Send),
    ) -> Result<Self, Error> {
        let control = Control::reach(target).await?;
        let lock = lock(&target.dir)?;
        let backend = Backend::of(&target.endpoints).await;
        let registry = Registry::new(backend.client.clone(), &backend.registry_table);
        if let Some(mut earlier) = Leftovers::of_earlier_run(&target.dir)? {
            let serials = earlier.serials();
            tell(Line::Sentence(format!(
                "What an earlier situation has left is taken back: {serials}..."
            )));
            take_back(target, &control, &backend, &mut earlier).await?;
        }
        taking_back::expect_usual(target, &control, &registry, situation).await?;
        // What others have written is not to be mistaken for ours.
        control.published().await?;
        let ahead = control.clock().await?.ahead_ms;
        let ahead_ms = Arc::new(AtomicI64::new(ahead));
        let run = format!("{:06x}", fastrand::u32(..1 << 24));
        Ok(Self {
            leftovers: Leftovers::begin(&target.dir, run, ahead)?,
            target,
            tell,
            control,
            registry,
            backend,
            clock: clock_ahead(ahead_ms.clone()),
            ahead_ms,
            turned_seconds: 0,
            holders: Vec::new(),
            newest: BTreeMap::new(),
            _lock: lock,
        })
    }

    // ---- the story

    pub fn say(&mut self, sentence: impl Into<String>) {
        (self.tell)(Line::Sentence(sentence.into()));
    }

    pub fn event(&mut self, event: impl Into<String>) {
        (self.tell)(Line::Event(event.into()));
    }

    // ---- rows

    /// The serial of one of this run's rows.
    pub fn serial(&self, name: &str) -> String {
        format!("{}{name}", self.leftovers.serials())
    }

    /// Writes a row and waits until it is published.
    pub async fn card(&mut self, name: &str, balance: u32) -> Result<PassKey, Error> {
        self.card_of(name, TEMPLATE, balance).await
    }

    /// The same with a template of one's own.
    pub async fn card_of(&mut self, name: &str, template: &str, balance: u32) -> Result<PassKey, Error> {
        let key = PassKey::parse(TYPE, &self.serial(name)).expect("letters, digits and hyphens");
        self.newest.insert(key.clone(), balance);
        self.event(format!("backend -> PutItem {}: {FIELD} = {balance}", key.serial));
        self.backend.put(key.serial.as_str(), template, balance).await?;
        self.control.published().await?;
        Ok(key)
    }

    /// Writes a row that no pass can come of. It is deleted at the end as the others are.
    pub async fn odd_row(&mut self, serial: String) -> Result<(), Error> {
        self.event(format!("backend -> PutItem {serial:?}"));
        self.backend.put(&serial, TEMPLATE, 1).await
    }

    /// Changes a row, and does not wait for anything.
    pub async fn write(&mut self, key: &PassKey, balance: u32) -> Result<(), Error> {
        self.newest.insert(key.clone(), balance);
        self.event(format!("backend -> UpdateItem {}: {FIELD} = {balance}", key.serial));
        self.backend.set_field(key, FIELD, balance).await
    }

    /// Changes a row and waits until publish-changes is done with it.
    pub async fn change(&mut self, key: &PassKey, balance: u32) -> Result<(), Error> {
        self.write(key, balance).await?;
        self.control.published().await
    }

    /// Deletes a row, and does not wait for anything.
    pub async fn delete(&mut self, key: &PassKey) -> Result<(), Error> {
        self.event(format!("backend -> DeleteItem {}", key.serial));
        self.backend.delete(key.serial.as_str()).await
    }

    /// As if the hour had seen more deletions already than are usual.
    pub async fn fill_hour_of_deletions(&mut self) -> Result<(), Error> {
        let before = self.backend.deletions().await?;
        self.leftovers.note(|settings| settings.deletions = Some(before))?;
        self.backend
            .count_deletions(self.clock.now().seconds(), MANY_DELETIONS)
            .await
    }

    pub async fn revision(&self, key: &PassKey) -> Result<RevisionNumber, Error> {
        let revision = self.registry.revision(key).await?;
        let revision = revision.ok_or_else(|| Error::NotHealed(format!("{} was never published", key.serial)))?;
        Ok(revision.number)
    }

    // ---- templates

    /// The id of a template of this run; what is published under it is erased at the end.
    pub fn template(&self) -> TemplateId {
        self.leftovers.template().parse().expect("letters and digits")
    }

    /// Where the stack keeps templates.
    fn templates(&self) -> PathBuf {
        self.target.dir.join("templates")
    }

    pub fn versions(&self) -> Templates<FileStore> {
        Templates::new(FileStore::Folder(Folder::new(self.templates())))
    }

    /// Where sweeps are sent.
    pub fn sweeps(&self) -> Queue<QueueFolder> {
        let folder = stack::queue_folder(&self.target.dir, "SweepQueue");
        Queue::new(QueueFolder::new(folder, self.clock.as_fn()))
    }

    // ---- phones

    /// A new phone downloads the pass by its link and registers.
    pub async fn install(&mut self, key: &PassKey) -> Result<Who, Error> {
        let clock = self.clock.clone();
        self.holders
            .push(Holder::new(self.target, move || clock.now().system_time())?);
        let who = Who(self.holders.len() - 1);
        self.install_on(who, key).await?;
        Ok(who)
    }

    /// One more pass on a phone.
    pub async fn install_on(&mut self, who: Who, key: &PassKey) -> Result<(), Error> {
        let expires_at = self.control.clock().await?.now_ms / 1000 + LINK_HOLDS;
        let signature = LinkSignature::sign(self.target.link_keys.current(), key, expires_at);
        let link = format!(
            "{}{}",
            self.target.endpoints.web_service_url,
            signature.path_and_query(key)
        );
        let added = self.holders[who.0].phone.add_from_link(&link).await;
        self.show(who);
        added?;
        if let Some(device) = self.holders[who.0].device(&self.target.endpoints.web_service_url) {
            self.leftovers.add_device(device.as_str())?;
        }
        Ok(())
    }

    pub fn holder(&mut self, who: Who) -> &mut Holder {
        &mut self.holders[who.0]
    }

    pub fn token(&self, who: Who) -> String {
        self.holders[who.0].token()
    }

    /// Tells what the phone has done since the last look.
    pub fn show(&mut self, who: Who) {
        for line in self.holders[who.0].done() {
            (self.tell)(line);
        }
    }

    /// Looks at the pushes to a phone since the last look, and lets it answer those that reach it.
    pub async fn hear(&mut self, who: Who) -> Result<Heard, Error> {
        let pushes = self.holders[who.0].fresh_pushes(&self.control).await?;
        let mut heard = Heard::default();
        for alike in pushes.chunk_by(|one, next| one == next) {
            let push = &alike[0];
            let times = match alike.len() {
                1 => String::new(),
                times => format!("   {times} times"),
            };
            self.event(format!("livepass -> APNs push {push}{times}"));
            heard.tried += alike.len();
            for _ in alike.iter().filter(|push| push.arrives()) {
                heard.arrived += 1;
                let topic = TYPE.parse().expect("a pass type");
                let answered = self.holders[who.0].phone.on_push(&topic).await;
                self.show(who);
                answered?;
            }
        }
        Ok(heard)
    }

    /// As [`hear`](Self::hear), where exactly one push must have reached the phone.
    pub async fn hear_one(&mut self, who: Who) -> Result<(), Error> {
        let heard = self.hear(who).await?;
        self.expect(heard.arrived == 1, || {
            format!("{} pushes reached the phone instead of one", heard.arrived)
        })
    }

    /// As [`hear`](Self::hear), where nothing may have been pushed.
    pub async fn hear_nothing(&mut self, who: Who) -> Result<(), Error> {
        let heard = self.hear(who).await?;
        self.expect(heard.tried == 0, || format!("{} pushes for nothing", heard.tried))
    }

    /// Whether the pass on a phone is voided.
    pub fn expect_voided(&mut self, who: Who, key: &PassKey, voided: bool) -> Result<(), Error> {
        let shown = self.holders[who.0].phone.pass(key);
        let is_voided = shown.is_some_and(|pass| pass.json()["voided"] == true);
        let is = |voided| if voided { "voided" } else { "as it was" };
        self.event(format!("phone    {} is {}", key.serial, is(is_voided)));
        self.expect(is_voided == voided, || {
            format!("{} should be {}", key.serial, is(voided))
        })
    }

    /// The balance that a phone shows.
    pub fn expect_shown(&mut self, who: Who, key: &PassKey, balance: u32) -> Result<(), Error> {
        let shown = self.holders[who.0].phone.pass(key).and_then(|pass| pass.shown(FIELD));
        self.expect(shown.as_deref() == Some(&*balance.to_string()), || {
            format!(
                "the phone shows {FIELD} {} instead of {balance}",
                shown.as_deref().unwrap_or("nothing")
            )
        })
    }

    /// The Registry's name of a phone.
    pub fn device(&self, who: Who) -> Option<DeviceKey> {
        let device = self.holders[who.0].device(&self.target.endpoints.web_service_url)?;
        let pass_type = TYPE.parse().ok()?;
        Some(DeviceKey { device, pass_type })
    }

    // ---- faults and time

    pub async fn answer(&mut self, token: &str, answer: serde_json::Value) -> Result<(), Error> {
        self.leftovers.note(|settings| {
            settings.tokens.insert(token.to_owned());
        })?;
        self.control.answer(token, answer).await
    }

    /// Turns the stack's clock on, or back, and lets the schedule run.
    pub async fn turn(&mut self, seconds: i64) -> Result<(), Error> {
        self.event(match seconds {
            0.. => format!("clock    {} on", span(seconds.unsigned_abs())),
            _ => format!("clock    {} back", span(seconds.unsigned_abs())),
        });
        self.turned_seconds += seconds.unsigned_abs();
        let before = self.ahead_ms.load(Ordering::SeqCst);
        self.leftovers.note(|settings| {
            settings.clock.before = before;
            settings.clock.after = before + seconds * 1000;
        })?;
        let clock = self.control.turn_clock(seconds * 1000).await?;
        self.ahead_ms.store(clock.ahead_ms, Ordering::SeqCst);
        self.control.run_schedule().await
    }

    pub fn expect(&self, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Error> {
        match holds {
            true => Ok(()),
            false => Err(Error::NotHealed(otherwise())),
        }
    }

    // ---- the end

    /// Whether everything is as livepass promises.
    pub async fn judge(&mut self, situation: Situation, most_pushes: usize) -> Result<Healed, Error> {
        for number in 0..self.holders.len() {
            self.hear_nothing(Who(number)).await?;
            let holder = &self.holders[number];
            if let Some(complaint) = holder.phone.complaints().first() {
                return Err(Error::NotHealed(format!(
                    "Wallet would have complained: {}",
                    complaint.summary()
                )));
            }
            let keys: Vec<_> = holder.phone.passes().map(|pass| pass.key().clone()).collect();
            for key in keys {
                self.expect_shown(Who(number), &key, self.newest[&key])?;
            }
        }
        let pushes = self.holders.iter().map(|holder| holder.pushes).sum();
        self.expect(pushes <= most_pushes, || {
            format!("{pushes} pushes were tried, where {most_pushes} would have been enough")
        })?;
        Ok(Healed {
            situation,
            phones: self.holders.len(),
            pushes,
            most_pushes,
            updates: self.holders.iter().map(|holder| holder.updates).sum(),
            turned_seconds: self.turned_seconds,
        })
    }

    /// Leaves the stack as it was found. Where the situation has not healed, its passes stay to be looked at;
    /// what cannot be taken back now, the next run takes back.
    pub async fn end(&mut self, judged: Result<Healed, Error>) -> Result<Healed, Error> {
        let ended = match judged {
            Ok(healed) => self.remove_passes().await.map(|()| healed),
            Err(cause) => Err(cause),
        };
        match ended {
            // Of what was interrupted, nobody has found anything to look at.
            Ok(_) | Err(Error::Interrupted) => {
                self.take_back().await?;
                ended
            }
            Err(cause) => {
                // What fails here is tried again by the next run; the cause is what has to be told.
                let _ = take_settings_back(&self.control, &self.backend, &mut self.leftovers).await;
                Err(self.left_to_be_looked_at(cause))
            }
        }
    }

    async fn take_back(&mut self) -> Result<(), Error> {
        take_back(self.target, &self.control, &self.backend, &mut self.leftovers).await
    }

    /// As owners do, who have no further use for them.
    async fn remove_passes(&mut self) -> Result<(), Error> {
        if let Some(settings) = &self.leftovers.content().settings {
            taking_back::faults(&self.control, &self.backend, settings).await?;
        }
        for holder in &mut self.holders {
            let keys: Vec<_> = holder.phone.passes().map(|pass| pass.key().clone()).collect();
            for key in keys {
                holder.phone.remove(&key).await?;
            }
        }
        Ok(())
    }

    fn left_to_be_looked_at(&self, cause: Error) -> Error {
        let passes: Vec<_> = self.newest.keys().map(|key| key.serial.to_string()).collect();
        match passes.is_empty() {
            true => cause,
            false => Error::Left {
                cause: Box::new(cause),
                passes: passes.join(", "),
            },
        }
    }
}

/// Takes everything of a run back: first what breaks things, last the clock, by which queues go.
async fn take_back(
    target: &Target,
    control: &Control,
    backend: &Backend,
    leftovers: &mut Leftovers,
) -> Result<(), Error> {
    if let Some(settings) = &leftovers.content().settings {
        taking_back::faults(control, backend, settings).await?;
    }
    let cleared = taking_back::passes(&target.dir, control, backend, leftovers).await;
    take_settings_back(control, backend, leftovers).await?;
    cleared?;
    leftovers.remove()
}

async fn take_settings_back(control: &Control, backend: &Backend, leftovers: &mut Leftovers) -> Result<(), Error> {
    let Some(settings) = &leftovers.content().settings else {
        return Ok(());
    };
    let faults = taking_back::faults(control, backend, settings).await;
    taking_back::clock(control, settings).await?;
    faults?;
    leftovers.settings_are_back()
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("trigger.lock");
    let failed = |error: std::io::Error| Error::File {
        path: path.clone(),
        reason: error.to_string(),
    };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn clock_ahead(ahead_ms: Arc<AtomicI64>) -> WallClock {
    let machine = WallClock::system();
    WallClock::from_fn(move || {
        let millis = machine.now().millis();
        Timestamp::from_millis(millis.saturating_add_signed(ahead_ms.load(Ordering::SeqCst)))
    })
}

/// `90 s`, `5 min`, `1 h`.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}
