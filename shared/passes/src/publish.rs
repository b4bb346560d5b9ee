//! publish: brings a pass's revision, its devices' tags and its pushes in line with its record
//! and template as they are now.
//!
//! It may be called by anyone, any number of times, late and out of order: the end is the same.
//! Three rules carry that: the lock is read before the source, the source is read once more
//! after the write, and devices are looked up only after the write.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pkpass::{Sha1Digest, Template};

use crate::deletion::GRACE_SECONDS;
use crate::fan_out::{FanOut, FanOutReport, FurtherPages, Pushing};
use crate::ids::PassKey;
use crate::ports::{
    AdvanceDevices, Conditional, IdentityFault, KeepGrace, KeepLeases, Locked, ReadAssets, ReadCertificates,
    ReadSources, ReadTemplates, ReadTokenKeys, SendPage, StoreError, StoreResult, WriteRevision,
};
use crate::problem::{Problem, ProblemKind};
use crate::push::SendPush;
use crate::record::{Attributes, PassRecord, UpdateUrgency};
use crate::render::{Injected, is_bound, render, render_ended, render_voided};
use crate::revision::{PinnedImage, Revision, TemplatePointer, TokenOrigin};
use crate::settle::Refusals;
use crate::tag::RevisionNumber;
use crate::time::Clock;
use crate::tokens::AuthenticationToken;
use crate::work::Hint;

/// Turns before a publish gives way: each turn means that another publisher got on.
const TURNS: u32 = 8;

/// What publish needs of the Registry.
pub trait PublishStore: WriteRevision + KeepGrace + AdvanceDevices + KeepLeases {}
impl<T: WriteRevision + KeepGrace + AdvanceDevices + KeepLeases> PublishStore for T {}

/// What publish needs of files and secrets.
pub trait PublishMaterial: ReadTemplates + ReadAssets + ReadCertificates + ReadTokenKeys {}
impl<T: ReadTemplates + ReadAssets + ReadCertificates + ReadTokenKeys> PublishMaterial for T {}

/// Publishes passes. Cheap to make; holds nothing of its own.
pub struct Publisher<'a, R, S, M, P, Q, C> {
    pub sources: &'a R,
    pub store: &'a S,
    pub material: &'a M,
    pub pushing: Pushing<'a, P>,
    pub further_pages: FurtherPages<'a, Q>,
    pub clock: &'a C,
    /// Baked into every pass.
    pub web_service_url: &'a str,
}

/// What one publish found and did.
#[derive(Debug)]
pub struct PublishReport {
    pub outcome: PublishOutcome,
    /// Something to tell the backend team that does not stop publishing.
    pub notice: Option<Problem>,
    pub fan_out: FanOutReport,
}

#[derive(Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// Neither record nor revision: nothing to do.
    Nothing,
    /// The pass that a person sees has changed.
    Published(RevisionNumber),
    /// It has not; devices that had fallen behind were advanced all the same.
    Unchanged(RevisionNumber),
    /// The record cannot be published; the last good revision, if any, stays in service.
    Refused {
        problem: Problem,
        serving: Option<RevisionNumber>,
    },
}

/// A rendering that could become a revision.
struct Wanted {
    pass_json: Vec<u8>,
    fingerprint: String,
    template: TemplatePointer,
    images: Vec<PinnedImage>,
    token: AuthenticationToken,
    token_origin: TokenOrigin,
    urgency: UpdateUrgency,
    grace_ends: Option<u64>,
    /// Something to tell the backend team that does not stop publishing.
    notice: Option<Problem>,
}

/// Why there is nothing that could be published.
enum NotWanted {
    Nothing,
    Refused(Problem),
}

/// The sources that a rendering was made from, to be compared after the write.
struct Seen {
    record: Option<Attributes>,
    pointer: Option<TemplatePointer>,
}

impl<R, S, M, P, Q, C> Publisher<'_, R, S, M, P, Q, C>
where
    R: ReadSources,
    S: PublishStore,
    M: PublishMaterial,
    P: SendPush,
    Q: SendPage,
    C: Clock,
{
    /// Publishes one pass. An error means that the caller's queue or stream must bring the key
    /// again; nothing is lost by that.
    pub async fn publish(&self, key: &PassKey, hint: Hint) -> StoreResult<PublishReport> {
        for turn in 0..TURNS {
            if turn > 0 {
                self.clock.back_off(turn - 1).await;
            }
            let locked = self.store.lock(key).await?;
            let (seen, wanted) = self.want(key, locked.revision.as_ref()).await?;
            let wanted = match wanted {
                Ok(wanted) => wanted,
                Err(NotWanted::Nothing) => {
                    self.settle_problem(key, locked.problem.as_ref(), None).await?;
                    return Ok(PublishReport {
                        outcome: PublishOutcome::Nothing,
                        notice: None,
                        fan_out: FanOutReport::default(),
                    });
                }
                Err(NotWanted::Refused(problem)) => {
                    self.settle_problem(key, locked.problem.as_ref(), Some(&problem))
                        .await?;
                    // Somebody may have mended the record and found no note to clear yet.
                    if self.record_differs(self.sources.record(key).await?.as_ref(), &seen) {
                        continue;
                    }
                    return self.refuse(key, locked, problem, hint).await;
                }
            };
            let notice = wanted.notice.clone();
            if let Some(current) = &locked.revision
                && current.fingerprint == wanted.fingerprint
            {
                // A pass that its record had voided before looks the same without the record.
                if current.grace_ends != wanted.grace_ends {
                    match self.store.set_grace(key, current.number, wanted.grace_ends).await {
                        Ok(Conditional::Done) => {}
                        Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => continue,
                        Err(error) => return Err(error),
                    }
                    if self.changed_since(key, &seen, current).await? {
                        continue;
                    }
                }
                self.settle_problem(key, locked.problem.as_ref(), notice.as_ref())
                    .await?;
                return Ok(PublishReport {
                    outcome: PublishOutcome::Unchanged(current.number),
                    notice,
                    fan_out: self.catch_up(key, current, locked.chained, hint).await?,
                });
            }
            let replaced = locked.revision.map(|revision| revision.number);
            let revision = wanted.into_revision(RevisionNumber::following(replaced, self.clock.now()));
            match self.store.replace_revision(key, &revision, replaced).await {
                Ok(Conditional::Done) => {}
                // Another publisher was first, or perhaps we were and did not hear of it: the
                // next turn sees which.
                Ok(Conditional::Overtaken) | Err(StoreError::OutcomeUnknown { .. }) => continue,
                Err(error) => return Err(error),
            }
            self.settle_problem(key, locked.problem.as_ref(), notice.as_ref())
                .await?;
            if self.changed_since(key, &seen, &revision).await? {
                continue;
            }
            return Ok(PublishReport {
                outcome: PublishOutcome::Published(revision.number),
                notice,
                fan_out: self
                    .fan_out(revision.urgency)
                    .announce(key, revision.number, self.further_pages)
                    .await?,
            });
        }
        Err(StoreError::Contended {
            call: "publish",
            turns: TURNS,
        })
    }

    /// Further pages are handed on once for a revision, and again when somebody asks for it by
    /// hand: their message may have been lost, which no mark of the pass tells.
    async fn catch_up(
        &self,
        key: &PassKey,
        current: &Revision,
        chained: Option<RevisionNumber>,
        hint: Hint,
    ) -> StoreResult<FanOutReport> {
        let chained = chained == Some(current.number) && !hint.explicit;
        self.fan_out(current.urgency)
            .catch_up(key, current.number, self.further_pages, chained)
            .await
    }

    fn fan_out(&self, urgency: UpdateUrgency) -> FanOut<'_, S, P, C> {
        FanOut {
            store: self.store,
            pushing: self.pushing,
            clock: self.clock,
            urgency,
            stopped: AtomicBool::new(false),
            refusals: Refusals::default(),
        }
    }

    /// The last good revision stays in service, and whoever has not got it yet still gets it.
    async fn refuse(&self, key: &PassKey, locked: Locked, problem: Problem, hint: Hint) -> StoreResult<PublishReport> {
        let fan_out = match &locked.revision {
            Some(revision) => self.catch_up(key, revision, locked.chained, hint).await?,
            None => FanOutReport::default(),
        };
        let serving = locked.revision.map(|revision| revision.number);
        Ok(PublishReport {
            outcome: PublishOutcome::Refused { problem, serving },
            notice: None,
            fan_out,
        })
    }

    /// Writes, replaces or clears the note of what is wrong, where it differs.
    async fn settle_problem(&self, key: &PassKey, noted: Option<&Problem>, now: Option<&Problem>) -> StoreResult<()> {
        match now {
            Some(problem) if noted != Some(problem) => self.store.put_problem(key, problem, self.clock.now()).await,
            None if noted.is_some() => self.store.clear_problem(key).await,
            _ => Ok(()),
        }
    }

    /// Attributes that do not concern the pass may change as they like.
    fn record_differs(&self, record: Option<&Attributes>, seen: &Seen) -> bool {
        match (record, &seen.record) {
            (None, None) => false,
            (Some(now), Some(then)) => PassRecord::parse(now) != PassRecord::parse(then),
            _ => true,
        }
    }

    /// Whether record or template pointer differ from what the revision was made from. Without
    /// this second look, a publisher that saw "no change" beside us would have the last word.
    async fn changed_since(&self, key: &PassKey, seen: &Seen, revision: &Revision) -> StoreResult<bool> {
        let (record, pointer) = self.sources.record_and_pointer(key, &revision.template.id).await?;
        let record_differs = self.record_differs(record.as_ref(), seen);
        // A voided pass keeps its template's version, so the pointer does not concern it.
        Ok(record_differs || (record.is_some() && pointer != seen.pointer))
    }

    /// Reads the sources and renders what should be published.
    async fn want(&self, key: &PassKey, current: Option<&Revision>) -> StoreResult<(Seen, Result<Wanted, NotWanted>)> {
        let attributes = self.sources.record(key).await?;
        let mut seen = Seen {
            record: attributes,
            pointer: None,
        };
        let Some(attributes) = &seen.record else {
            let wanted = match current {
                Some(revision) => self.void(revision).await?,
                None => Err(NotWanted::Nothing),
            };
            return Ok((seen, wanted));
        };
        let record = match PassRecord::parse(attributes) {
            Ok(record) => record,
            Err(problem) => return Ok((seen, Err(NotWanted::Refused(problem)))),
        };
        seen.pointer = self.sources.template_pointer(&record.template).await?;
        let Some(pointer) = seen.pointer.clone() else {
            let problem = Problem::new(
                ProblemKind::TemplateUnknown,
                format!("template: no template `{}` has been published", record.template),
            );
            return Ok((seen, Err(NotWanted::Refused(problem))));
        };
        let wanted = self.want_record(key, &record, pointer, current).await?;
        Ok((seen, wanted.map_err(NotWanted::Refused)))
    }

    /// Without its record a pass is voided, and let go when its grace is over.
    async fn void(&self, current: &Revision) -> StoreResult<Result<Wanted, NotWanted>> {
        let unreadable = |error: serde_json::Error| StoreError::Unreadable {
            call: "revision",
            reason: format!("its pass.json: {error}"),
        };
        let now = self.clock.now().seconds();
        let (pass_json, grace_ends) = match current.grace_ends {
            Some(ends) if ends <= now => (render_ended(&current.pass_json), None),
            Some(ends) => (render_voided(&current.pass_json), Some(ends)),
            None if is_bound(&current.pass_json).map_err(unreadable)? => {
                (render_voided(&current.pass_json), Some(now + GRACE_SECONDS))
            }
            None => (render_ended(&current.pass_json), None),
        };
        let pass_json = pass_json.map_err(unreadable)?;
        let template = self
            .material
            .template(&current.template.id, &current.template.version)
            .await?;
        Ok(Ok(Wanted {
            fingerprint: fingerprint(&template, &pass_json, &current.images)?,
            pass_json,
            template: current.template.clone(),
            images: current.images.clone(),
            token: current.token.clone(),
            token_origin: current.token_origin.clone(),
            urgency: UpdateUrgency::Now,
            grace_ends,
            notice: None,
        }))
    }

    async fn want_record(
        &self,
        key: &PassKey,
        record: &PassRecord,
        pointer: TemplatePointer,
        current: Option<&Revision>,
    ) -> StoreResult<Result<Wanted, Problem>> {
        let template = self.material.template(&pointer.id, &pointer.version).await?;
        let certificate = match self.material.certificate(&key.pass_type, self.clock.now()).await {
            Ok(certificate) => certificate,
            Err(IdentityFault::Store(error)) => return Err(error),
            Err(IdentityFault::Unusable(sentence)) => {
                return Ok(Err(Problem::new(ProblemKind::Certificate, sentence)));
            }
        };
        let images = match self.pin_images(record, current).await? {
            Ok(images) => images,
            Err(problem) => return Ok(Err(problem)),
        };
        let (token, token_origin, notice) = match self.token(key, record, current).await? {
            Ok(token) => token,
            Err(problem) => return Ok(Err(problem)),
        };
        let team = match certificate.team_identifier().parse() {
            Ok(team) => team,
            Err(error) => return Ok(Err(Problem::new(ProblemKind::Certificate, format!("{error}")))),
        };
        let injected = Injected {
            key,
            team: &team,
            web_service_url: self.web_service_url,
            token: &token,
        };
        let pass_json = match render(record, template.skeleton(), template.style(), &injected) {
            Ok(pass_json) => pass_json,
            Err(problem) => return Ok(Err(problem)),
        };
        let sizes: Vec<_> = images.iter().map(|image| (image.name.clone(), image.size)).collect();
        // Found out now, the last good pass stays in service; found out when it is sent, none would.
        if let Err(error) = template.check_size(&pass_json, &sizes) {
            return Ok(Err(Problem::new(ProblemKind::Image, format!("images: {error}"))));
        }
        Ok(Ok(Wanted {
            fingerprint: fingerprint(&template, &pass_json, &images)?,
            pass_json,
            template: pointer,
            images,
            token,
            token_origin,
            urgency: record.urgency,
            grace_ends: None,
            notice,
        }))
    }

    /// The token is derived or taken from the record once, then frozen in the revision.
    async fn token(
        &self,
        key: &PassKey,
        record: &PassRecord,
        current: Option<&Revision>,
    ) -> StoreResult<Result<(AuthenticationToken, TokenOrigin, Option<Problem>), Problem>> {
        let own = match (record.own_token(), current) {
            (Ok(own), _) => own,
            // Ignored from the first publish on, so what it looks like is no reason to refuse.
            (Err(problem), Some(revision)) => {
                return Ok(Ok((
                    revision.token.clone(),
                    revision.token_origin.clone(),
                    Some(problem),
                )));
            }
            (Err(problem), None) => return Ok(Err(problem)),
        };
        if let Some(revision) = current {
            let notice = own.filter(|own| !own.matches(&revision.token)).map(|_| {
                Problem::new(
                    ProblemKind::TokenChanged,
                    "authenticationToken: differs from the token that the pass was first published with, \
                     which installed passes keep using; it is ignored, remove it from the record",
                )
            });
            return Ok(Ok((revision.token.clone(), revision.token_origin.clone(), notice)));
        }
        if let Some(own) = own {
            return Ok(Ok((own, TokenOrigin::Record, None)));
        }
        let keys = self.material.token_keys().await?;
        let token = AuthenticationToken::derive(keys.current(), key);
        let origin = TokenOrigin::Derived {
            key: keys.current().name().to_owned(),
        };
        Ok(Ok((token, origin, None)))
    }

    /// Images keep the bytes they were published with until the record names another key.
    async fn pin_images(
        &self,
        record: &PassRecord,
        current: Option<&Revision>,
    ) -> StoreResult<Result<Vec<PinnedImage>, Problem>> {
        let mut images = Vec::with_capacity(record.images.len());
        for (name, asset_key) in &record.images {
            let pinned = current.and_then(|revision| {
                revision
                    .images
                    .iter()
                    .find(|image| image.name == *name && image.key == *asset_key)
            });
            if let Some(pinned) = pinned {
                images.push(pinned.clone());
                continue;
            }
            let Some(asset) = self.material.newest_asset(asset_key).await? else {
                return Ok(Err(Problem::new(
                    ProblemKind::Image,
                    format!("images.{name}: there is no object `{asset_key}` in the assets bucket"),
                )));
            };
            if let Err(reason) = pkpass::check_image(name, &asset.bytes) {
                return Ok(Err(Problem::new(
                    ProblemKind::Image,
                    format!("images.{name}: {reason}"),
                )));
            }
            images.push(PinnedImage {
                name: name.clone(),
                key: asset_key.clone(),
                version: asset.version,
                sha1: Sha1Digest::of(&asset.bytes).to_string(),
                size: asset.bytes.len() as u64,
            });
        }
        Ok(Ok(images))
    }
}

impl Wanted {
    fn into_revision(self, number: RevisionNumber) -> Revision {
        Revision {
            number,
            pass_json: self.pass_json,
            fingerprint: self.fingerprint,
            template: self.template,
            images: self.images,
            token: self.token,
            token_origin: self.token_origin,
            urgency: self.urgency,
            grace_ends: self.grace_ends,
        }
    }
}

/// What decides whether a person sees another pass: the manifest over every file's hash.
fn fingerprint(template: &Arc<Template>, pass_json: &[u8], images: &[PinnedImage]) -> StoreResult<String> {
    let images = images
        .iter()
        .map(|image| {
            let digest = image.sha1.parse().map_err(|_| StoreError::Unreadable {
                call: "revision",
                reason: format!("image {}: its hash is no SHA-1", image.name),
            })?;
            Ok((image.name.clone(), digest))
        })
        .collect::<StoreResult<Vec<_>>>()?;
    Ok(template.manifest_with(pass_json, &images).fingerprint())
}
