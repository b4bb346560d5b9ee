//! What has been seen of a schedule so far: what the invariants compare with.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Item, marks, number, text};
use super::graces::Grace;
use super::world::{Actor, pass_of};

/// What is known of the items as they are: a restore takes it back with them.
#[derive(Debug, Default, Clone)]
pub(super) struct Noted {
    pub devices: BTreeMap<u8, Device>,
    /// Registrations that were committed and not taken back: (phone, pass).
    pub registered: BTreeSet<(u8, u8)>,
    /// Phones whose lease was used up when it was dropped, and has not been set since.
    pub given_up: BTreeSet<u8>,
    pub graces: BTreeMap<u8, Grace>,
    /// Passes that have got their last revision.
    pub let_go: BTreeSet<u8>,
}

/// What has been seen so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub noted: Noted,
    pub revisions: BTreeMap<u8, (u64, String)>,
    /// The highest tag or revision that was ever given.
    pub highest: u64,
    /// Revisions that a restore has put back, until they are replaced.
    pub put_back: BTreeMap<u8, u64>,
    /// Whether the revision that a function is about to write lets its pass go.
    pub letting_go: BTreeSet<(Actor, u8)>,
    /// How many registrations were committed, by (phone, pass).
    pub registrations: BTreeMap<(u8, u8), u64>,
    /// Revisions that a phone was told of since its last registration.
    pub named: BTreeSet<(u8, u8, u64)>,
    pub leases: BTreeMap<(Actor, u8), LeaseWrite>,
    /// Each state that a tag has stood for: by phone and tag, the marks.
    pub states: BTreeMap<(u8, u64), BTreeMap<String, (u64, u64)>>,
    /// Pushes that APNs took while a device had this tag: by phone and tag.
    pub taken: BTreeMap<(u8, u64), u64>,
    /// Tokens whose 410 a running function has met, and the time that it gave in milliseconds: the
    /// token may have lived and died again since.
    pub told_dead: BTreeSet<(Actor, String, u64)>,
    pub pushes: u64,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Device {
    pub tag: u64,
    pub marks: BTreeMap<String, (u64, u64)>,
    pub lease: Option<(u64, u32)>,
}

impl Device {
    pub fn read(item: &Item) -> Self {
        Self {
            tag: number(item, "tag").unwrap_or_default(),
            marks: marks(item),
            lease: number(item, "due_at").map(|due_at| (due_at, number(item, "attempts").unwrap_or(0) as u32)),
        }
    }
}

/// A lease as one function wrote it.
#[derive(Debug)]
pub(super) struct LeaseWrite {
    pub replaced: Option<(u64, u32)>,
    pub due_at: u64,
    /// When, by the writer's clock.
    pub at: u64,
}

/// An answer to a list call, on its way.
#[derive(Debug, Clone)]
pub(super) struct ListAnswer {
    pub tag: u64,
    /// Made without clearing the lease, because others got on at every turn.
    pub repeats: bool,
    pub named: Vec<Named>,
}

#[derive(Debug, Clone)]
pub(super) struct Named {
    pub pass: u8,
    pub revision: Option<u64>,
    pub registrations: u64,
}

impl Watch {
    /// What livepass has on record as this phone's.
    pub fn registered_passes(&self, phone: u8) -> BTreeSet<u8> {
        let of_phone = self
            .noted
            .registered
            .iter()
            .filter(|(registered, _)| *registered == phone);
        of_phone.map(|(_, pass)| *pass).collect()
    }

    /// The Registry's items are what they were when this was noted.
    pub fn restored(&mut self, noted: Noted, items: &[Item]) {
        self.noted = noted;
        self.named.clear();
        self.leases.clear();
        self.told_dead.clear();
        self.letting_go.clear();
        // Answers that are on their way were made from what is no more.
        for count in self.registrations.values_mut() {
            *count += 1;
        }
        // A number never comes again; what it shows may.
        for (_, manifest) in self.revisions.values_mut() {
            manifest.clear();
        }
        let revisions = items.iter().filter(|item| text(item, "SK") == Some("REVISION"));
        self.put_back = revisions
            .filter_map(|item| Some((pass_in(text(item, "PK")?)?, number(item, "revision")?)))
            .collect();
    }
}

/// The pass in a key.
pub(super) fn pass_in(pk: &str) -> Option<u8> {
    pass_of(pk.rsplit('#').next()?)
}
