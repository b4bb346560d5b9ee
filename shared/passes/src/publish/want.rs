//! What should be published: the sources, read and rendered.

use std::sync::Arc;

use pkpass::pass_json::{Context, EXPIRED_ALREADY};
use pkpass::{Sha1Digest, Template};

use super::{PublishMaterial, PublishStore, Publisher};
use crate::deletion::GRACE_SECONDS;
use crate::ids::{PassKey, TeamIdentifier, TemplateId};
use crate::ports::{IdentityFault, Locked, ReadSources, SendPage, StoreError, StoreResult};
use crate::problem::{Problem, ProblemKind};
use crate::push::SendPush;
use crate::record::{Attributes, PassRecord, UpdateUrgency};
use crate::render::{Injected, is_bound, render, render_ended, render_voided};
use crate::revision::{PinnedImage, Revision, TemplatePointer, TokenOrigin};
use crate::tag::RevisionNumber;
use crate::time::Clock;
use crate::tokens::AuthenticationToken;

/// A rendering that could become a revision.
pub(super) struct Wanted {
    pass_json: Vec<u8>,
    pub fingerprint: String,
    template: TemplatePointer,
    images: Vec<PinnedImage>,
    token: AuthenticationToken,
    token_origin: TokenOrigin,
    urgency: UpdateUrgency,
    pub grace_ends: Option<u64>,
    /// The record is gone, and the pass has not been voided for that before.
    pub begins_grace: bool,
    /// Something to tell the backend team that does not stop publishing.
    pub notice: Option<Problem>,
}

/// Why there is nothing that could be published.
pub(super) enum NotWanted {
    Nothing,
    Refused {
        problem: Problem,
        /// Something that the record names is not there yet, and may come without a write to the record.
        look_again: bool,
    },
}

/// The sources that a rendering was made from, to be compared after the write.
pub(super) struct Seen {
    pub record: Option<Attributes>,
    /// The template that the record names, where it can be read. A pass without record keeps the version
    /// that it was made from, whatever the pointer says.
    pub template: Option<TemplateId>,
    pub pointer: Option<TemplatePointer>,
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
    /// Reads the sources and renders what should be published.
    pub(super) async fn want(&self, key: &PassKey, locked: &Locked) -> StoreResult<(Seen, Result<Wanted, NotWanted>)> {
        let current = locked.revision.as_ref();
        let attributes = self.sources.record(key).await?;
        let mut seen = Seen {
            record: attributes,
            template: None,
            pointer: None,
        };
        let Some(attributes) = &seen.record else {
            let wanted = match current {
                Some(revision) => self.void(revision).await?,
                None => Err(NotWanted::Nothing),
            };
            return Ok((seen, wanted));
        };
        let record = PassRecord::read(attributes);
        let refused = |more: Option<Problem>| {
            let problems = record.faults.iter().cloned().chain(more);
            // A slip is often what led to the fault.
            let problems = problems.chain(record.warnings.iter().cloned());
            Err(NotWanted::Refused {
                problem: Problem::all(problems).unwrap_or_else(unknown_template),
                look_again: false,
            })
        };
        seen.template = record.template.clone();
        let Some(id) = &record.template else {
            return Ok((seen, refused(None)));
        };
        seen.pointer = self.sources.template_pointer(id).await?;
        let Some(pointer) = seen.pointer.clone() else {
            return Ok((seen, refused(Some(unknown_template()))));
        };
        let wanted = self.want_record(key, &record, pointer, locked).await?;
        Ok((seen, wanted))
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
        let begins_grace = current.grace_ends.is_none() && grace_ends.is_some();
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
            begins_grace,
            notice: None,
        }))
    }

    /// Goes on after a fault, so that one look names all that has to be mended in a row.
    async fn want_record(
        &self,
        key: &PassKey,
        record: &PassRecord,
        pointer: TemplatePointer,
        locked: &Locked,
    ) -> StoreResult<Result<Wanted, NotWanted>> {
        let current = locked.revision.as_ref();
        let template = self.material.template(&pointer.id, &pointer.version).await?;
        let mut faults = record.faults.clone();
        let mut warnings = Vec::new();
        let signer = match self.signer(key).await? {
            Ok(signer) => Some(signer),
            Err(problem) => {
                faults.push(problem);
                None
            }
        };
        let pinned = self.pin_images(record, current).await?;
        faults.extend(pinned.faults);
        let token = match self.token(key, record, current).await? {
            Ok((token, origin, notice)) => {
                warnings.extend(notice);
                Some((token, origin))
            }
            Err(problem) => {
                faults.push(problem);
                None
            }
        };
        let allows_nfc = signer.as_ref().map(|signer| signer.allows_nfc);
        if template.has_personalization() && allows_nfc == Some(false) {
            faults.push(Problem::new(
                ProblemKind::Certificate,
                "personalization.json: the certificate of this pass type is not one for NFC, and phones refuse the \
                 pass; ask Apple for an NFC certificate, or take the file out of the template",
            ));
        }
        let context = Context {
            texts: Some(template.texts()),
            nfc_certificate: allows_nfc,
            now: i64::try_from(self.clock.now().seconds()).ok(),
            is_new: current.is_none() || was_expired_already(locked),
        };
        let injected = Injected {
            key,
            team: signer.as_ref().map_or(STAND_IN, |signer| signer.team.as_str()),
            web_service_url: self.web_service_url,
            token: token.as_ref().map_or(STAND_IN, |(token, _)| token.expose()),
        };
        let rendering = match render(record, template.skeleton(), &injected, &context) {
            Ok(rendering) => Some(rendering),
            Err(problems) => {
                faults.extend(problems);
                None
            }
        };
        let sizes: Vec<_> = pinned
            .images
            .iter()
            .map(|image| (image.name.clone(), image.size))
            .collect();
        if let Some(rendering) = &rendering {
            // Found out now, the last good pass stays in service; found out when it is sent, none would.
            if let Err(error) = template.check_size(&rendering.pass_json, &sizes) {
                faults.push(Problem::new(ProblemKind::Image, format!("images: {error}")));
            }
        }
        let token = token.filter(|_| faults.is_empty());
        let (Some(rendering), Some((token, token_origin))) = (&rendering, token) else {
            faults.extend(warnings);
            faults.extend(record.warnings.iter().cloned());
            faults.extend(rendering.into_iter().flat_map(|rendering| rendering.warnings));
            return Ok(Err(NotWanted::Refused {
                problem: Problem::all(faults).unwrap_or_else(unknown_template),
                look_again: pinned.missing,
            }));
        };
        warnings.extend(record.warnings.iter().cloned());
        warnings.extend(rendering.warnings.iter().cloned());
        Ok(Ok(Wanted {
            fingerprint: fingerprint(&template, &rendering.pass_json, &pinned.images)?,
            pass_json: rendering.pass_json.clone(),
            template: pointer,
            images: pinned.images,
            token,
            token_origin,
            urgency: record.urgency,
            grace_ends: None,
            begins_grace: false,
            notice: Problem::all(warnings),
        }))
    }

    /// Who signs passes of this type, as its certificate says.
    async fn signer(&self, key: &PassKey) -> StoreResult<Result<Signer, Problem>> {
        let unusable = |sentence: String| {
            let sentence = format!("passTypeIdentifier: {sentence}");
            Ok(Err(Problem::new(ProblemKind::Certificate, sentence)))
        };
        let certificate = match self.material.certificate(&key.pass_type, self.clock.now()).await {
            Ok(certificate) => certificate,
            Err(IdentityFault::Store(error)) => return Err(error),
            Err(IdentityFault::Unusable(sentence)) => return unusable(sentence),
        };
        match certificate.team_identifier().parse() {
            Ok(team) => Ok(Ok(Signer {
                team,
                allows_nfc: certificate.allows_nfc(),
            })),
            Err(error) => unusable(error.to_string()),
        }
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
                    Some(Problem::new(ProblemKind::TokenChanged, problem.sentence)),
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
    async fn pin_images(&self, record: &PassRecord, current: Option<&Revision>) -> StoreResult<PinnedImages> {
        let mut pinned = PinnedImages::default();
        for (name, asset_key) in &record.images {
            let known = current.and_then(|revision| {
                revision
                    .images
                    .iter()
                    .find(|image| image.name == *name && image.key == *asset_key)
            });
            if let Some(known) = known {
                pinned.images.push(known.clone());
                continue;
            }
            let mut fault = |reason: &str| {
                let sentence = format!("images.{name}: {reason}");
                pinned.faults.push(Problem::new(ProblemKind::Image, sentence));
            };
            let named = pkpass::check_image_name(name);
            if let Err(reason) = &named {
                fault(reason);
            }
            let asset = match self.material.newest_asset(asset_key).await {
                Ok(Some(asset)) => asset,
                Ok(None) => {
                    fault("there is no object of this key in the assets bucket; upload it, or name one that is there");
                    pinned.missing |= named.is_ok();
                    continue;
                }
                // Of a size that no package can hold: it will never be readable.
                Err(StoreError::Unreadable { .. }) => {
                    fault("it is larger than a package may be; make it smaller");
                    continue;
                }
                Err(error) => return Err(error),
            };
            if named.is_err() {
                continue;
            }
            if let Err(reason) = pkpass::check_image(name, &asset.bytes) {
                fault(&reason);
                continue;
            }
            pinned.images.push(PinnedImage {
                name: name.clone(),
                key: asset_key.clone(),
                version: asset.version,
                sha1: Sha1Digest::of(&asset.bytes).to_string(),
                size: asset.bytes.len() as u64,
            });
        }
        Ok(pinned)
    }
}

/// Where certificate or token are at fault, the rest is judged with this in their place; nothing with it
/// is published. Sixteen characters, as a token needs.
const STAND_IN: &str = "0000000000000000";

/// What of the certificate decides what a pass may be.
struct Signer {
    team: TeamIdentifier,
    allows_nfc: bool,
}

/// The record's images as far as they can be used.
#[derive(Default)]
struct PinnedImages {
    images: Vec<PinnedImage>,
    faults: Vec<Problem>,
    /// One of them is not there, or not there yet.
    missing: bool,
}

/// Whether the first publish has noted that the pass was expired by then. A second look at the same row must
/// not take that back.
fn was_expired_already(locked: &Locked) -> bool {
    let noted = locked.problem.as_ref();
    noted.is_some_and(|problem| problem.sentence.contains(EXPIRED_ALREADY))
}

fn unknown_template() -> Problem {
    Problem::new(
        ProblemKind::TemplateUnknown,
        "template: no template of this id has been published; publish it with `livepass template put`, or name one \
         that is",
    )
}

impl Wanted {
    pub fn into_revision(self, number: RevisionNumber) -> Revision {
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
