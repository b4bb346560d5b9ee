//! Designers and operators: templates are uploaded, put, rolled back, and followed by their passes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use passes::fan_out::FurtherPages;
use passes::ids::{PassKey, TemplateId};
use passes::ports::{ReadUploads, StoreError, StoreResult, StoreTemplate};
use passes::publish::PublishOutcome;
use passes::sweep::{SEGMENTS, Sweep, SweepEnd, SweepPass, Swept};
use passes::template::{MoveError, RollBackOutcome, TemplateOutcome, publish_template, roll_back};
use passes::upload::{UploadOutcome, take_in};
use passes::work::Hint;

use super::actors::{Hands, Killed, publish};
use super::engine::{Call, Item, REGISTRY, number, text};
use super::invariants::Violation;
use super::material;
use super::queues::{Message, Queues, Taken, hand_over, take_up, up_after};
use super::wire::{Ask, Verdict};
use super::world::{Actor, TEMPLATE, World, pass_of, template_key, upload_key};

/// What a designer or an operator begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// publish-template is told of an upload.
    TakeIn,
    /// `livepass template put`.
    Put { version: usize },
    /// `livepass template rollback`.
    RollBack,
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakeIn => f.write_str("is told of an upload"),
            Self::Put { version } => write!(f, "puts design {}", version + 1),
            Self::RollBack => f.write_str("rolls the template back"),
        }
    }
}

/// Templates as they lie in files, and what has been seen of their pointer.
#[derive(Debug, Default)]
pub(super) struct Designs {
    /// What lies under `incoming/`: a version, or what is none; and how many uploads there were.
    upload: Option<(Option<usize>, u64)>,
    stored: BTreeSet<usize>,
    /// Messages about uploads that wait for publish-template.
    pub told: u32,
    /// Commands that failed, and are given again once faults have stopped.
    pub again: VecDeque<Design>,
    pub sweeps: VecDeque<Message>,
    /// The uploads that actors are about to move the pointer for.
    moving_for: BTreeMap<Actor, Option<String>>,
    moved_for: BTreeSet<String>,
    /// What an actor is at, and whether it has moved the pointer.
    at_work: BTreeMap<Actor, (Design, bool)>,
    /// The change whose sweep an actor takes a page of.
    sweeping: BTreeMap<Actor, u64>,
    /// How far each segment has come under the pointer as it stands: passes, and whether it is finished.
    progress: BTreeMap<String, (u64, bool)>,
    /// A command died or failed after it had moved the pointer, so that its sweep may lack segments.
    sweep_may_lack: bool,
}

impl Designs {
    /// The first version is there before a schedule begins.
    pub fn begin(&mut self) {
        self.stored.insert(0);
    }

    fn stamp(&self) -> Option<String> {
        self.upload.map(|(_, stamp)| format!("upload {stamp}"))
    }

    pub fn moves_for(&mut self, actor: Actor, upload: Option<&str>) {
        self.moving_for.insert(actor, upload.map(str::to_owned));
    }
}

impl World {
    /// A designer uploads a version, or something that is none.
    pub fn upload(&mut self, version: Option<usize>) {
        let stamp = self.designs.upload.map_or(1, |(_, stamp)| stamp + 1);
        self.designs.upload = Some((version, stamp));
        self.designs.told += 1;
        self.log.note(|| match version {
            Some(version) => format!("designer: upload {stamp} is design {}", version + 1),
            None => format!("designer: upload {stamp} is no template"),
        });
    }

    /// After the pointer's item was written.
    pub fn observe_pointer(&mut self, actor: Actor, call: &Call) {
        let item = self.engine.peek(REGISTRY, template_key()).unwrap_or_default();
        let update = call.body["UpdateExpression"].as_str().unwrap_or_default();
        if !update.contains("#version") {
            return self.observe_progress(actor, &item);
        }
        let seq = number(&item, "seq").unwrap_or_default();
        let version = text(&item, "version").and_then(material::version_of);
        let violated = |sentence: String| Violation::design(format!("{actor}: {sentence}"));
        let moving_for = self.designs.moving_for.remove(&actor).flatten();
        let Some(version) = version else {
            return self.violate(violated("the pointer names no version".into()));
        };
        if seq != self.template.1 + 1 {
            let sentence = format!("change {seq} of the template follows {}", self.template.1);
            return self.violate(violated(sentence));
        }
        if !self.designs.stored.contains(&version) {
            let sentence = format!("design {} is published before it is stored", version + 1);
            return self.violate(violated(sentence));
        }
        self.template = (version, seq);
        self.designs.sweep_may_lack = false;
        self.designs.progress.clear();
        match moving_for {
            Some(stamp) => {
                if !self.designs.moved_for.insert(stamp.clone()) {
                    self.violate(violated(format!("the pointer moves for {stamp} twice")));
                }
            }
            None => {
                let moved = self
                    .designs
                    .at_work
                    .get_mut(&actor)
                    .map(|(_, moved)| std::mem::replace(moved, true));
                if moved == Some(true) {
                    self.violate(violated("one command moves the pointer twice".into()));
                }
            }
        }
        // Whoever puts a template and did not hear that it has moved the pointer cannot know that it was not
        // somebody else, and puts it once more.
        for (other, (design, moved)) in &mut self.designs.at_work {
            *moved &= *other == actor || *design == Design::RollBack;
        }
    }

    fn observe_progress(&mut self, actor: Actor, pointer: &Item) {
        let (sweeping, seq) = (self.designs.sweeping.get(&actor).copied(), self.template.1);
        if sweeping != Some(seq) {
            let sentence = format!("{actor}: progress of change {sweeping:?} is noted for change {seq}");
            return self.violate(Violation::design(sentence));
        }
        let segments = pointer.get("sweep").and_then(|sweep| sweep["M"].as_object());
        for (segment, progress) in segments.into_iter().flatten() {
            let Some(progress) = progress["M"].as_object() else {
                continue;
            };
            let now = (number(progress, "passes").unwrap_or(0), is_finished(progress));
            let before = self.designs.progress.insert(segment.clone(), now);
            if before.is_some_and(|(passes, finished)| now.0 < passes || (finished && !now.1)) {
                let sentence = format!("{actor}: segment {segment} goes back from {before:?} to {now:?}");
                return self.violate(Violation::design(sentence));
            }
        }
    }

    /// (j), once everything has come to rest.
    pub fn check_designs(&mut self) {
        let pointer = self.engine.peek(REGISTRY, template_key()).unwrap_or_default();
        let note = self.engine.peek(REGISTRY, upload_key()).unwrap_or_default();
        if let (Some(stamp), Some((content, _))) = (self.designs.stamp(), self.designs.upload) {
            let noted = text(&note, "stamp") == Some(&stamp);
            let is_right = match content {
                Some(_) => text(&pointer, "upload") == Some(&stamp) || (noted && !note.contains_key("refused")),
                None => noted && note.contains_key("refused"),
            };
            if !is_right {
                return self.violate(Violation::design(format!("at rest, {stamp} was not dealt with")));
            }
        }
        let Some(sweep) = pointer.get("sweep").and_then(|sweep| sweep["M"].as_object()) else {
            return;
        };
        let segments = sweep.values().filter_map(|segment| segment["M"].as_object());
        let finished = segments.filter(|segment| is_finished(segment)).count();
        if finished < usize::from(SEGMENTS) && !self.designs.sweep_may_lack {
            let sentence = format!("at rest, {finished} of {SEGMENTS} segments have followed the template");
            self.violate(Violation::design(sentence));
        }
    }
}

fn is_finished(segment: &Item) -> bool {
    segment.get("finished").is_some_and(|finished| finished["BOOL"] == true)
}

/// Uploads and versions, as a function reaches them.
struct Files<'a>(&'a Hands);

impl Files<'_> {
    /// Goes through when the scheduler says so.
    async fn call(&self, call: &'static str, what: String) -> StoreResult<()> {
        let Verdict::File { heard } = self.0.shared.ask(Ask::File { what }).await else {
            unreachable!("files are answered by files");
        };
        match heard {
            true => Ok(()),
            false => Err(StoreError::OutcomeUnknown {
                call,
                source: "injected".into(),
            }),
        }
    }
}

impl ReadUploads for Files<'_> {
    async fn upload_stamp(&self, _: &TemplateId) -> StoreResult<Option<String>> {
        if let Some(stamp) = self.0.store.upload_read_before() {
            return Ok(Some(stamp));
        }
        self.call("read-upload-stamp", "asks which upload lies there".into())
            .await?;
        let stamp = self.0.shared.lock().designs.stamp();
        Ok(self.0.store.stamp_read_first(stamp))
    }

    async fn upload(&self, _: &TemplateId) -> StoreResult<Option<Vec<u8>>> {
        if let Some(bytes) = self.0.store.take_upload_read_before() {
            return Ok(Some(bytes));
        }
        self.call("read-upload", "reads the upload".into()).await?;
        Ok(self.0.shared.lock().uploaded().map(|(_, bytes)| bytes))
    }
}

impl World {
    /// Stamp and bytes of what lies there.
    pub fn uploaded(&self) -> Option<(String, Vec<u8>)> {
        let (content, _) = self.designs.upload?;
        let bytes = content.map_or_else(|| b"no template".to_vec(), |version| material::bundle(version).to_vec());
        Some((self.designs.stamp()?, bytes))
    }
}

impl StoreTemplate for Files<'_> {
    async fn store_template(&self, _: &TemplateId, version: &str, _: Vec<u8>) -> StoreResult<()> {
        let version = material::version_of(version).expect("a version that was made");
        self.call("store-template", format!("stores design {}", version + 1))
            .await?;
        self.0.shared.lock().designs.stored.insert(version);
        Ok(())
    }
}

fn id() -> TemplateId {
    TEMPLATE.parse().expect("a template's id")
}

/// publish-template with one message, or a command.
pub(super) async fn designer(hands: Hands, design: Design) {
    hands.shared.lock().designs.at_work.insert(hands.actor, (design, false));
    let (queues, files) = (Queues(&hands), Files(&hands));
    let run = async {
        match design {
            Design::TakeIn => {
                let outcome = take_in(&hands.store, &files, &queues, &hands.clock, &id()).await?;
                Ok(match outcome {
                    UploadOutcome::Published { .. } => "publishes the upload",
                    UploadOutcome::Unchanged(_) => "finds the upload published already",
                    UploadOutcome::Known => "knows the upload",
                    UploadOutcome::Refused(_) => "refuses the upload",
                    UploadOutcome::Gone => "finds no upload",
                })
            }
            Design::Put { version } => {
                let template = material::template(version);
                let outcome = publish_template(&hands.store, &files, &queues, &hands.clock, &id(), template).await;
                Ok(match outcome.map_err(fault)? {
                    TemplateOutcome::ToldAgain(_) => "tells its passes once more",
                    TemplateOutcome::Published(_) => "has published it",
                    TemplateOutcome::Unchanged(_) => "finds it published already",
                })
            }
            Design::RollBack => match roll_back(&hands.store, &queues, &hands.clock, &id()).await {
                Ok(RollBackOutcome::RolledBack(_)) => Ok("has rolled back"),
                Ok(RollBackOutcome::Overtaken(_)) => Ok("leaves what somebody else has published"),
                Ok(RollBackOutcome::NoEarlierVersion | RollBackOutcome::Unknown) => Ok("finds nothing to go back to"),
                Err(error) => {
                    if matches!(error, MoveError::NotMoved(_)) {
                        hands.shared.lock().check_not_moved(hands.actor);
                    }
                    Err(fault(error))
                }
            },
        }
    };
    let failed = match hands.serve(run).await {
        Ok(Ok(end)) => {
            hands.note(|| end.into());
            false
        }
        Ok(Err(error)) => {
            hands.failed(&design.to_string(), &error);
            true
        }
        Err(Killed) => {
            hands.note(|| format!("dies: {design}"));
            true
        }
    };
    if failed {
        hands.shared.lock().design_failed(hands.actor, design);
    }
}

fn fault(error: MoveError) -> StoreError {
    match error {
        MoveError::NotMoved(source) | MoveError::MayHaveMoved { source, .. } | MoveError::NotSwept { source, .. } => {
            source
        }
    }
}

impl World {
    fn has_moved(&self, actor: Actor) -> bool {
        self.designs.at_work.get(&actor).is_some_and(|(_, moved)| *moved)
    }

    /// Whoever is told so rolls back once more.
    fn check_not_moved(&mut self, actor: Actor) {
        if self.has_moved(actor) {
            let sentence = format!("{actor}: is told that nothing has moved, and it has");
            self.violate(Violation::design(sentence));
        }
    }

    /// What people do then.
    fn design_failed(&mut self, actor: Actor, design: Design) {
        match design {
            Design::TakeIn => self.designs.told += 1,
            // A second rollback would undo the first: `livepass publish --template` serves instead. Whether it
            // has moved, `livepass template status` tells.
            Design::RollBack if self.has_moved(actor) => {
                self.designs.sweep_may_lack = true;
                self.ask_for(Hint::EXPLICIT);
            }
            Design::Put { .. } | Design::RollBack => self.designs.again.push_back(design),
        }
    }
}

/// Publishes the passes of a page.
struct Passes<'a>(&'a Hands);

impl SweepPass for Passes<'_> {
    async fn sweep_pass(&self, key: &PassKey) -> Swept {
        let hands = self.0;
        let pass = pass_of(key.serial.as_str()).expect("a pass");
        let queues = Queues(hands);
        match publish(hands, pass, Hint::default(), true, FurtherPages::Sent(&queues)).await {
            Ok(report) if matches!(report.outcome, PublishOutcome::Refused { .. }) => Swept::Refused,
            Ok(_) => Swept::Followed,
            Err(error) => {
                hands.failed(&format!("publishing {}", key.serial), &error);
                match hand_over(hands, pass).await {
                    Ok(()) => Swept::HandedOver,
                    Err(_) => Swept::NotDone,
                }
            }
        }
    }
}

/// publish-changes with one page of a sweep. After so many `looks` at the clock its time is up.
pub(super) async fn sweeper(hands: Hands, message: Message, looks: Option<u8>) {
    let Message::Sweep(page) = &message else {
        unreachable!("sweeps lie in a queue of their own");
    };
    hands.shared.lock().designs.sweeping.insert(hands.actor, page.seq);
    let queues = Queues(&hands);
    let sweep = Sweep {
        store: &hands.store,
        records: &hands.sources,
        queue: &queues,
    };
    let passes = Passes(&hands);
    let run = async {
        let report = sweep.sweep_page(page, &passes, up_after(looks)).await?;
        Ok(match report.end {
            SweepEnd::Overtaken => Taken::done("another version is published"),
            SweepEnd::SegmentFinished => Taken::done("the last page"),
            SweepEnd::HandedOn => Taken::done("handed on"),
            SweepEnd::Stuck => Taken::not_done("nothing could be done"),
        })
    };
    take_up(&hands, &message, run).await;
}
