//! A phone: what Wallet remembers. What it does stands in `conversations`.

use std::collections::{BTreeMap, BTreeSet};

use passes::tokens::AuthenticationToken;

use super::apns::token_name;
use super::material::Content;

/// A pass on a phone.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub revision: u64,
    pub content: Content,
    pub token: AuthenticationToken,
    /// Its registration was answered, and no unregistration since.
    pub registered: bool,
}

#[derive(Debug)]
pub(super) struct Phone {
    pub name: u8,
    pub push_token: String,
    /// `lastUpdated` of the newest answer.
    pub tag: Option<u64>,
    pub passes: BTreeMap<u8, Held>,
    /// Copies that were once saved elsewhere and can be added again.
    pub saved: BTreeMap<u8, Held>,
    /// Passes still to be added.
    pub to_install: BTreeSet<u8>,
    /// Passes to be downloaded by hand.
    pub to_refresh: BTreeSet<u8>,
    /// Passes whose registration is still to be sent.
    pub to_register: BTreeSet<u8>,
    /// Passes whose removal is still to be sent.
    pub to_unregister: BTreeMap<u8, AuthenticationToken>,
    /// A push has come, or Wallet is curious.
    pub wants_list: bool,
    /// Downloads still to be made because of list answers.
    pub to_fetch: BTreeSet<u8>,
    /// Wiped: asks nothing any more.
    pub gone: bool,
}

impl Phone {
    pub fn new(name: u8) -> Self {
        Self {
            name,
            push_token: token_name(name, 0),
            tag: None,
            passes: BTreeMap::new(),
            saved: BTreeMap::new(),
            to_install: BTreeSet::new(),
            to_refresh: BTreeSet::new(),
            to_register: BTreeSet::new(),
            to_unregister: BTreeMap::new(),
            wants_list: false,
            to_fetch: BTreeSet::new(),
            gone: false,
        }
    }

    /// Whether it has something to ask, or to download because of an answer.
    pub fn has_to_list(&self) -> bool {
        !self.gone && (!self.to_fetch.is_empty() || (self.wants_list && !self.passes.is_empty()))
    }

    /// Whether it has something to do with this pass.
    pub fn has_to_tend(&self, pass: u8) -> bool {
        !self.gone
            && (self.to_install.contains(&pass)
                || self.to_refresh.contains(&pass)
                || self.to_register.contains(&pass)
                || self.to_unregister.contains_key(&pass))
    }
}
