//! What should be published: the sources, read and rendered.

use std::sync::Arc;

use pkpass::{Sha1Digest, Template};

use super::{PublishMaterial, PublishStore, Publisher};
use crate::deletion::GRACE_SECONDS;
use crate::ids::{PassKey, TemplateId};
use crate::ports::{IdentityFault, ReadSources, SendPage, StoreError, StoreResult};
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
    Refused(Problem),
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
    pub(super) async fn want(
        &self,
        key: &PassKey,
        current: Option<&Revision>,
    ) -> StoreResult<(Seen, Result<Wanted, NotWanted>)> {
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
        let record = match PassRecord::parse(attributes) {
            Ok(record) => record,
            Err(problem) => return Ok((seen, Err(NotWanted::Refused(problem)))),
        };
        seen.template = Some(record.template.clone());
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
            begins_grace: false,
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
