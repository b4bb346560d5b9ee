//! Published template versions, opened once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use passes::ids::TemplateId;
use passes::ports::{ReadTemplates, StoreError, StoreResult, StoreTemplate};
use pkpass::Template;

use super::{ReadFiles, WriteFiles};

/// Prepared templates held in memory: at 4 MiB unpacked each, 64 of the largest fill 256 MiB.
/// When one more is opened all are dropped, which is rare and costs one read each.
const CACHED: usize = 64;

/// Templates by id and version, from `{id}/{version}.zip`. Versions are immutable, so what was
/// opened once stays right for ever.
#[derive(Debug)]
pub struct Templates<F> {
    files: F,
    opened: Mutex<HashMap<String, Arc<Template>>>,
}

impl<F> Templates<F> {
    pub fn new(files: F) -> Self {
        Self {
            files,
            opened: Mutex::default(),
        }
    }
}

impl<F: ReadFiles> ReadTemplates for Templates<F> {
    async fn template(&self, id: &TemplateId, version: &str) -> StoreResult<Arc<Template>> {
        const CALL: &str = "read-template";
        let key = file_of(id, version);
        let cached = self
            .opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(template) = cached {
            return Ok(template);
        }
        let unreadable = |reason: String| StoreError::Unreadable { call: CALL, reason };
        let bytes = self
            .files
            .bytes(&key)
            .await?
            .ok_or_else(|| unreadable(format!("{key} is published but its file is missing")))?;
        let template = Template::from_zip(&bytes).map_err(|error| unreadable(format!("{key}: {error}")))?;
        if template.version() != version {
            return Err(unreadable(format!("{key} holds version {}", template.version())));
        }
        let template = Arc::new(template);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= CACHED {
            opened.clear();
        }
        opened.insert(key, template.clone());
        Ok(template)
    }
}

impl<F: WriteFiles> StoreTemplate for Templates<F> {
    async fn store_template(&self, id: &TemplateId, version: &str, bundle: Vec<u8>) -> StoreResult<()> {
        self.files.write(&file_of(id, version), bundle).await
    }
}

fn file_of(id: &TemplateId, version: &str) -> String {
    format!("{id}/{version}.zip")
}
