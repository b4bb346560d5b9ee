//! The adapters as the domain sees them: the real ones, with a rule taken out where a mutation
//! says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws::dynamodb::{Client, Registry, Sources as RealSources};
use passes::device::{Device, Lease};
use passes::ids::{DeviceKey, DeviceLibraryIdentifier, PassKey, Registration, SerialNumber, TemplateId};
use passes::ports::{
    Advance, AdvanceDevices, Advanced, AnswerList, Answered, Answering, Conditional, DevicePage, Expecting, KeepGrace,
    KeepLeases, Locked, ReadDevice, ReadRevision, ReadSources, RegisterDevice, Registering, StoreResult,
    UnregisterDevice, WriteRevision,
};
use passes::problem::Problem;
use passes::record::Attributes;
use passes::revision::{Revision, TemplatePointer};
use passes::tag::{RevisionNumber, UpdateTag};
use passes::time::{Clock as _, Timestamp};
use passes::tokens::PushToken;

use super::actors::ActorClock;
use super::engine::{PASSES, REGISTRY};
use super::mutations::Mutation;
use super::wire::Shared;

#[derive(Clone)]
pub(super) struct Store {
    pub registry: Registry,
    sources: RealSources,
    clock: ActorClock,
    mutation: Option<Mutation>,
    seen: Arc<Mutex<Seen>>,
}

/// What a function with a rule taken out remembers.
#[derive(Default)]
struct Seen {
    record: Option<Option<Attributes>>,
    pointer: Option<Option<TemplatePointer>>,
    edges: Option<Vec<DeviceLibraryIdentifier>>,
    replaced: BTreeMap<PassKey, RevisionNumber>,
    wrote: bool,
    tokens: BTreeMap<DeviceKey, PushToken>,
}

impl Store {
    pub fn new(shared: Shared, client: Client, clock: ActorClock) -> Self {
        let mutation = shared.lock().mutation;
        Self {
            registry: Registry::new(client.clone(), REGISTRY),
            sources: RealSources::new(client, PASSES, REGISTRY),
            clock,
            mutation,
            seen: Arc::default(),
        }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
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
        self.registry.revision(key).await
    }
}

impl WriteRevision for Store {
    async fn lock(&self, key: &PassKey) -> StoreResult<Locked> {
        if self.has(Mutation::SourceBeforeLock) {
            let record = self.sources.record(key).await?;
            self.seen().record = Some(record);
        }
        if self.has(Mutation::EdgesBeforeWrite) {
            let page = self.registry.devices_with(key, None, 100).await?;
            self.seen().edges = Some(page.devices);
        }
        let mut locked = self.registry.lock(key).await?;
        self.seen().wrote = false;
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
        replaced: Option<RevisionNumber>,
    ) -> StoreResult<Conditional> {
        let true_one = self.seen().replaced.get(key).copied();
        let done = self
            .registry
            .replace_revision(key, revision, true_one.or(replaced))
            .await;
        if matches!(done, Ok(Conditional::Done)) {
            self.seen().wrote = true;
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

    async fn remind_of_grace(&self, key: &PassKey, due_at: u64, next: u64) -> StoreResult<Conditional> {
        self.registry.remind_of_grace(key, due_at, next).await
    }
}

impl ReadDevice for Store {
    async fn device(&self, key: &DeviceKey) -> StoreResult<Option<Device>> {
        self.registry.device(key).await
    }
}

impl AdvanceDevices for Store {
    async fn devices_with(
        &self,
        key: &PassKey,
        after: Option<&DeviceLibraryIdentifier>,
        limit: u32,
    ) -> StoreResult<DevicePage> {
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
        let mut advanced = self.registry.advance(device, serial, advance).await?;
        if let Advanced::Done(done) = &mut advanced
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
        self.registry.renew_lease(device, due_at, next).await
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
        now: Timestamp,
    ) -> StoreResult<Option<Vec<SerialNumber>>> {
        self.registry.end_device(device, token, since_ms, now).await
    }
}

impl RegisterDevice for Store {
    async fn register(&self, registration: &Registration, registering: Registering<'_>) -> StoreResult<Conditional> {
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

/// What a publish reads of the world.
#[derive(Clone)]
pub(super) struct Sources {
    store: Store,
    real: RealSources,
}

impl Sources {
    pub fn new(client: Client, store: Store) -> Self {
        Self {
            real: RealSources::new(client, PASSES, REGISTRY),
            store,
        }
    }
}

impl ReadSources for Sources {
    async fn record(&self, key: &PassKey) -> StoreResult<Option<Attributes>> {
        if self.store.has(Mutation::SourceBeforeLock)
            && let Some(record) = self.store.seen().record.take()
        {
            return Ok(record);
        }
        let record = self.real.record(key).await?;
        if self.store.has(Mutation::RecordNotVerified) {
            self.store.seen().record = Some(record.clone());
        }
        Ok(record)
    }

    async fn template_pointer(&self, id: &TemplateId) -> StoreResult<Option<TemplatePointer>> {
        let pointer = self.real.template_pointer(id).await?;
        self.store.seen().pointer = Some(pointer.clone());
        Ok(pointer)
    }

    async fn record_and_pointer(
        &self,
        key: &PassKey,
        id: &TemplateId,
    ) -> StoreResult<(Option<Attributes>, Option<TemplatePointer>)> {
        let (mut record, mut pointer) = self.real.record_and_pointer(key, id).await?;
        if self.store.has(Mutation::RecordNotVerified)
            && let Some(seen) = self.store.seen().record.clone()
        {
            record = seen;
        }
        if self.store.has(Mutation::PointerNotVerified)
            && let Some(seen) = self.store.seen().pointer.clone()
        {
            pointer = seen;
        }
        Ok((record, pointer))
    }
}
