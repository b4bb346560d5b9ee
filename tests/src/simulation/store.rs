//! The adapters as the domain sees them: the real ones, with a rule taken out where a mutation
//! says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws::dynamodb::{Client, Registry, Sources as RealSources};
use passes::burst::Deletions;
use passes::device::{Device, Lease};
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, Registration, SerialNumber};
use passes::ports::{
    Advance, AdvanceDevices, Advanced, AnswerList, Answered, Answering, Conditional, CountDeletions, CountDevices,
    Counted, DevicePage, Expecting, KeepGrace, KeepLeases, Locked, ReadDevice, ReadRevision, ReadSources as _,
    RegisterDevice, Registering, RegistrationCount, StoreResult, UncountDevice, UnregisterDevice, WriteRevision,
};
use passes::problem::Problem;
use passes::record::Attributes;
use passes::revision::{Revision, TemplatePointer};
use passes::tag::{RevisionNumber, UpdateTag};
use passes::time::{Clock as _, Timestamp};
use passes::tokens::PushToken;

use super::actors::ActorClock;
use super::engine::{PASSES, REGISTRY};
use super::material::Content;
use super::mutations::Mutation;
use super::wire::Shared;
use super::world::{Actor, pass_of};

#[derive(Clone)]
pub(super) struct Store {
    pub registry: Registry,
    sources: RealSources,
    clock: ActorClock,
    pub shared: Shared,
    pub actor: Actor,
    mutation: Option<Mutation>,
    seen: Arc<Mutex<Seen>>,
}

/// What a function with a rule taken out remembers.
#[derive(Default)]
pub(super) struct Seen {
    pub record: Option<Option<Attributes>>,
    pub pointer: Option<Option<TemplatePointer>>,
    edges: Option<Vec<DeviceLibraryIdentifier>>,
    replaced: BTreeMap<PassKey, RevisionNumber>,
    pub wrote: bool,
    tokens: BTreeMap<DeviceKey, PushToken>,
    /// The revision that this page's message was sent for.
    page_of: Option<RevisionNumber>,
    /// Pages had been handed on for the revision that is replaced.
    chained: bool,
    /// Stamp and bytes of an upload that was read before the pointer.
    pub upload: Option<(String, Vec<u8>)>,
    /// The stamp that was read first.
    pub stamp: Option<Option<String>>,
}

impl Store {
    pub fn new(shared: Shared, client: Client, clock: ActorClock, actor: Actor) -> Self {
        let mutation = shared.lock().mutation;
        Self {
            registry: Registry::new(client.clone(), REGISTRY),
            sources: RealSources::new(client, PASSES, REGISTRY),
            clock,
            shared,
            actor,
            mutation,
            seen: Arc::default(),
        }
    }

    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn reads_source_first(&self) -> bool {
        self.has(Mutation::SourceBeforeLock) || self.has(Mutation::SourceFirstNotVerified)
    }

    pub fn verifies_nothing(&self) -> bool {
        self.has(Mutation::RecordNotVerified) || self.has(Mutation::SourceFirstNotVerified)
    }

    /// For `ChainedBeforeMessage`.
    pub async fn mark_newest_chained(&self, key: &PassKey) -> StoreResult<()> {
        if let Some(revision) = self.registry.revision(key).await? {
            let _ = self.registry.mark_chained(key, revision.number).await?;
        }
        Ok(())
    }

    /// For `PageOfOldRevision`.
    pub fn takes_page_of(&self, revision: u64) {
        self.seen().page_of = Some(RevisionNumber::new(revision));
    }

    /// For `UploadReadBeforePointer`.
    pub fn upload_read_before(&self) -> Option<String> {
        self.seen().upload.as_ref().map(|(stamp, _)| stamp.clone())
    }

    /// As above; from then on the upload is looked at as it is.
    pub fn take_upload_read_before(&self) -> Option<Vec<u8>> {
        self.seen().upload.take().map(|(_, bytes)| bytes)
    }

    /// For `UploadNotLookedAtAgain`: the stamp that was read first since the pointer was.
    pub fn stamp_read_first(&self, stamp: Option<String>) -> Option<String> {
        match self.has(Mutation::UploadNotLookedAtAgain) {
            true => self.seen().stamp.get_or_insert(stamp).clone(),
            false => stamp,
        }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tag as the list call sees it.
    pub fn listed_since(&self, since: Option<u64>) -> Option<u64> {
        match self.mutation {
            Some(Mutation::TagComparedInclusively) => since.map(|since| since - 1),
            _ => since,
        }
    }
}

impl ReadRevision for Store {
    async fn revision(&self, key: &PassKey) -> StoreResult<Option<Revision>> {
        let mut revision = self.registry.revision(key).await?;
        if let Some(revision) = &mut revision
            && self.has(Mutation::PageOfOldRevision)
            && let Some(old) = self.seen().page_of
        {
            revision.number = old;
        }
        Ok(revision)
    }
}

impl WriteRevision for Store {
    async fn lock(&self, key: &PassKey) -> StoreResult<Locked> {
        if self.reads_source_first() {
            let record = self.sources.record(key).await?;
            self.seen().record = Some(record);
        }
        if self.has(Mutation::EdgesBeforeWrite) {
            let page = self.registry.devices_with(key, None, 100).await?;
            self.seen().edges = Some(page.devices);
        }
        let mut locked = self.registry.lock(key).await?;
        self.seen().wrote = false;
        self.seen().chained = locked.chained.is_some();
        if let Some(revision) = &mut locked.revision
            && self.has(Mutation::ManifestNotCompared)
        {
            revision.fingerprint.clear();
        }
        if let Some(revision) = &mut locked.revision
            && self.has(Mutation::RevisionIsTimeAlone)
        {
            self.seen().replaced.insert(key.clone(), revision.number);
            let before_now = self.clock.now().seconds() - 1;
            revision.number = revision.number.min(RevisionNumber::new(before_now));
        }
        Ok(locked)
    }

    async fn replace_revision(
        &self,
        key: &PassKey,
        revision: &Revision,
        replaced: Option<&Revision>,
    ) -> StoreResult<Conditional> {
        let true_one = self.seen().replaced.get(key).copied();
        let pass = pass_of(key.serial.as_str()).expect("a pass");
        {
            // What an earlier turn did not get through counts no more.
            let letting_go = &mut self.shared.lock().watch.letting_go;
            match Content::of(&revision.pass_json).let_go {
                true => letting_go.insert((self.actor, pass)),
                false => letting_go.remove(&(self.actor, pass)),
            };
        }
        let counted;
        let revision = match replaced {
            Some(before) if self.has(Mutation::RevisionIsCounter) => {
                counted = Revision {
                    number: RevisionNumber::new(before.number.value() + 1),
                    ..revision.clone()
                };
                &counted
            }
            _ => revision,
        };
        let replaced = replaced.map(|replaced| Revision {
            number: true_one.unwrap_or(replaced.number),
            ..replaced.clone()
        });
        let done = self.registry.replace_revision(key, revision, replaced.as_ref()).await;
        if matches!(done, Ok(Conditional::Done)) {
            self.seen().wrote = true;
            if self.has(Mutation::ChainedKept) && self.seen().chained {
                let _ = self.registry.mark_chained(key, revision.number).await?;
            }
        }
        done
    }

    async fn mark_chained(&self, key: &PassKey, revision: RevisionNumber) -> StoreResult<Conditional> {
        self.registry.mark_chained(key, revision).await
    }

    async fn put_problem(&self, key: &PassKey, problem: &Problem, now: Timestamp) -> StoreResult<()> {
        self.registry.put_problem(key, problem, now).await
    }

    async fn clear_problem(&self, key: &PassKey) -> StoreResult<()> {
        self.registry.clear_problem(key).await
    }
}

impl KeepGrace for Store {
    async fn set_grace(
        &self,
        key: &PassKey,
        revision: RevisionNumber,
        grace_ends: Option<u64>,
    ) -> StoreResult<Conditional> {
        let true_one = self.seen().replaced.get(key).copied();
        self.registry
            .set_grace(key, true_one.unwrap_or(revision), grace_ends)
            .await
    }

    async fn hold_pass(&self, key: &PassKey, revision: RevisionNumber, by: u64, next: u64) -> StoreResult<Conditional> {
        let true_one = self.seen().replaced.get(key).copied();
        self.registry
            .hold_pass(key, true_one.unwrap_or(revision), by, next)
            .await
    }

    async fn remind(&self, key: &PassKey, due_at: u64, next: u64) -> StoreResult<Conditional> {
        self.registry.remind(key, due_at, next).await
    }
}

/// No schedule deletes so much that it pauses, so nothing is counted: each call more would only
/// lengthen the schedules.
impl CountDeletions for Store {
    async fn deletions(&self) -> StoreResult<Deletions> {
        Ok(Deletions::default())
    }

    async fn count_in_hour(&self, _: u64, _: u64) -> StoreResult<Conditional> {
        Ok(Conditional::Done)
    }

    async fn begin_hour(&self, _: u64, _: Option<u64>) -> StoreResult<Conditional> {
        Ok(Conditional::Done)
    }

    async fn pause_deletions(&self, paused_at: u64, hour: Option<u64>) -> StoreResult<Conditional> {
        self.registry.pause_deletions(paused_at, hour).await
    }

    async fn release_deletions(&self, paused_at: u64, released_at: u64) -> StoreResult<Conditional> {
        self.registry.release_deletions(paused_at, released_at).await
    }
}

impl ReadDevice for Store {
    async fn device(&self, key: &DeviceKey) -> StoreResult<Option<Device>> {
        let device = self.registry.device(key).await?;
        if let Some(device) = &device
            && self.has(Mutation::DueTokenReadBefore)
        {
            self.seen().tokens.insert(key.clone(), device.push_token.clone());
        }
        Ok(device)
    }
}

impl AdvanceDevices for Store {
    async fn devices_with(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
        limit: u32,
    ) -> StoreResult<DevicePage> {
        // DynamoDB ends a page where it likes, so a page may be smaller than was asked for.
        let limit = limit.min(self.shared.lock().setup.page);
        let page = |devices| DevicePage { devices, after: None };
        if self.has(Mutation::NoCatchUp) && !self.seen().wrote {
            return Ok(page(Vec::new()));
        }
        if self.has(Mutation::EdgesBeforeWrite)
            && let Some(edges) = self.seen().edges.clone()
        {
            return Ok(page(edges));
        }
        let page = self.registry.devices_with(key, after, limit).await?;
        if self.has(Mutation::TokenReadBefore) && !page.devices.is_empty() {
            let pass_type = &key.pass_type;
            let keys = page.devices.iter().cloned().map(|device| DeviceKey {
                device,
                pass_type: pass_type.clone(),
            });
            let devices = self.registry.devices(&keys.collect::<Vec<_>>()).await?;
            let tokens = devices.into_iter().map(|device| (device.key, device.push_token));
            self.seen().tokens.extend(tokens);
        }
        Ok(page)
    }

    async fn devices(&self, keys: &[DeviceKey]) -> StoreResult<Vec<Device>> {
        self.registry.devices(keys).await
    }

    async fn advance(&self, device: &DeviceKey, serial: &SerialNumber, mut advance: Advance) -> StoreResult<Advanced> {
        if self.has(Mutation::TagWithoutBump) {
            let now = UpdateTag::new(self.clock.now().seconds());
            if let Expecting::NoLease { tag } | Expecting::TakingOver { tag, .. } | Expecting::UnderLease { tag, .. } =
                advance.expecting
            {
                advance.mark.tag = tag.max(now);
            }
        }
        if let Expecting::TakingOver { tag, due_at } = advance.expecting
            && self.has(Mutation::AnyLeaseServes)
        {
            advance.expecting = Expecting::UnderLease { tag, due_at };
        }
        let mut advanced = self.registry.advance(device, serial, advance).await?;
        if let Advanced::Done(done) = &mut advanced
            && self.has(Mutation::TokenReadBefore)
            && let Some(token) = self.seen().tokens.get(device)
        {
            done.push_token = token.clone();
        }
        Ok(advanced)
    }

    async fn remove_orphan(&self, registration: &Registration) -> StoreResult<()> {
        AdvanceDevices::remove_orphan(&self.registry, registration).await
    }
}

impl KeepLeases for Store {
    async fn renew_lease(&self, device: &DeviceKey, due_at: u64, next: Lease) -> StoreResult<Option<Device>> {
        let mut renewed = self.registry.renew_lease(device, due_at, next).await?;
        if let Some(renewed) = &mut renewed
            && self.has(Mutation::DueTokenReadBefore)
            && let Some(token) = self.seen().tokens.get(device)
        {
            renewed.push_token = token.clone();
        }
        Ok(renewed)
    }

    async fn drop_lease(
        &self,
        device: &DeviceKey,
        due_at: u64,
        given_up: Option<Timestamp>,
    ) -> StoreResult<Conditional> {
        self.registry.drop_lease(device, due_at, given_up).await
    }

    async fn refuse_token(
        &self,
        device: &DeviceKey,
        due_at: u64,
        token: &PushToken,
        reason: &str,
    ) -> StoreResult<Conditional> {
        self.registry.refuse_token(device, due_at, token, reason).await
    }

    async fn end_device(
        &self,
        device: &DeviceKey,
        token: &PushToken,
        since_ms: u64,
        expires_at: u64,
    ) -> StoreResult<Option<Vec<SerialNumber>>> {
        self.registry.end_device(device, token, since_ms, expires_at).await
    }
}

/// No schedule fills a pass, so nothing is counted here either.
impl UncountDevice for Store {
    async fn uncount_device(&self, _: &PassKey) -> StoreResult<Conditional> {
        Ok(Conditional::Done)
    }
}

impl CountDevices for Store {
    async fn count_device(&self, _: &PassKey, _: u64) -> StoreResult<Counted> {
        Ok(Counted::OneMore)
    }

    async fn count_registrations(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
    ) -> StoreResult<RegistrationCount> {
        self.registry.count_registrations(key, after).await
    }

    async fn begin_device_count(&self, key: &PassKey, now: u64, ends_by: u64) -> StoreResult<Conditional> {
        self.registry.begin_device_count(key, now, ends_by).await
    }

    async fn note_device_count(
        &self,
        key: &PassKey,
        devices: u64,
        counted_at: u64,
        before: Option<u64>,
    ) -> StoreResult<Conditional> {
        self.registry.note_device_count(key, devices, counted_at, before).await
    }
}

impl RegisterDevice for Store {
    async fn register(&self, registration: &Registration, registering: Registering<'_>) -> StoreResult<Conditional> {
        if self.has(Mutation::RegisterWithoutRetag) {
            let device = self.registry.device(&registration.device_key()).await?;
            let is_there = device.is_some_and(|device| {
                device.serials.contains_key(&registration.key.serial)
                    && device.push_token.expose() == registering.push_token.expose()
            });
            if is_there {
                return Ok(Conditional::Done);
            }
        }
        self.registry.register(registration, registering).await
    }
}

impl UnregisterDevice for Store {
    async fn unregister(&self, registration: &Registration) -> StoreResult<Conditional> {
        self.registry.unregister(registration).await
    }

    async fn remove_orphan(&self, registration: &Registration) -> StoreResult<()> {
        UnregisterDevice::remove_orphan(&self.registry, registration).await
    }

    async fn retire_if_empty(&self, device: &DeviceKey, expires_at: u64) -> StoreResult<Conditional> {
        self.registry.retire_if_empty(device, expires_at).await
    }
}

impl AnswerList for Store {
    async fn answer(&self, device: &DeviceKey, answering: Answering) -> StoreResult<Answered> {
        self.registry.answer(device, answering).await
    }
}
