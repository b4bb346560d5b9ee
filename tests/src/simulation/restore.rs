//! The Registry is lost and restored from a backup, as docs/runbook.md has it; phones keep what they have.

use std::collections::BTreeSet;

use super::engine::{Item, REGISTRY, text};
use super::mutations::Mutation;
use super::run::Run;
use super::watch::Noted;
use super::world::{TEMPLATE, World, phone_of_pk};

/// All items of the Registry at one moment, and what was noted of them.
#[derive(Debug, Clone)]
pub(super) struct Backup {
    items: Vec<Item>,
    noted: Noted,
    template: (usize, u64),
}

impl Run {
    /// Everything that writes is stopped, the table replaced, the clock has passed what was given,
    /// and everything is published again.
    pub fn restore(&mut self) -> bool {
        let Some(backup) = self.shared.lock().backup.clone() else {
            return false;
        };
        self.kill_functions();
        self.shared.lock().restore(&backup);
        true
    }
}

impl World {
    pub fn back_up(&mut self) {
        self.log.note(|| "the Registry is backed up".into());
        self.backup = Some(Backup {
            items: self.engine.scan(REGISTRY),
            noted: self.watch.noted.clone(),
            template: self.template,
        });
    }

    fn restore(&mut self, backup: &Backup) {
        for item in self.engine.scan(REGISTRY) {
            let key = serde_json::json!({"PK": item["PK"], "SK": item["SK"]});
            self.engine.delete(REGISTRY, key);
        }
        for item in &backup.items {
            self.engine.put(REGISTRY, item);
        }
        if self.mutation != Some(Mutation::RestoreWithoutWait) {
            // By every clock.
            let passed = (self.watch.highest + 1) * 1000 + self.disagreement();
            self.now = self.now.max(passed);
        }
        self.log.note(|| {
            format!(
                "the Registry is restored, {TEMPLATE} is design {} again",
                backup.template.0 + 1
            )
        });
        self.template = backup.template;
        self.was_restored = true;
        self.watch.restored(backup.noted.clone(), &backup.items);
        // Tokens that were stored meanwhile are forgotten.
        for token in self.apns.tokens.values_mut() {
            (token.replaced, token.ended) = (false, false);
        }
        if self.mutation != Some(Mutation::RestoreWithoutPublish) {
            self.ask_for_all();
        }
    }

    /// Phones whose device is on record as it is: what came after the backup is lost, and no server
    /// can know of it.
    pub fn known_phones(&self) -> BTreeSet<u8> {
        let items = self.engine.scan(REGISTRY);
        let devices = items.iter().filter(|item| text(item, "SK") == Some("DEVICE"));
        devices
            .filter_map(|item| {
                let phone = phone_of_pk(text(item, "PK")?)?;
                let current = text(item, "push_token")? == self.phones[usize::from(phone)].push_token;
                current.then_some(phone)
            })
            .collect()
    }
}
