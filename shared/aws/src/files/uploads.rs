//! Bundles that wait to be published, and where they are stored then.

use passes::ids::TemplateId;
use passes::ports::{ReadUploads, StoreResult, StoreTemplate};

use super::{ReadFiles, Templates, WriteFiles};

/// Uploads by template id, from `{id}.zip`.
#[derive(Debug)]
pub struct Uploads<F> {
    incoming: F,
    templates: Templates<F>,
}

impl<F> Uploads<F> {
    /// `incoming` is where bundles are uploaded, `templates` where published versions stand.
    pub fn new(incoming: F, templates: F) -> Self {
        Self {
            incoming,
            templates: Templates::new(templates),
        }
    }
}

/// An upload's place. Ids keep within `[A-Za-z0-9._-]`, so none leads elsewhere.
fn file_of(id: &TemplateId) -> String {
    format!("{id}.zip")
}

impl<F: ReadFiles> ReadUploads for Uploads<F> {
    async fn upload_stamp(&self, id: &TemplateId) -> StoreResult<Option<String>> {
        self.incoming.stamp(&file_of(id)).await
    }

    async fn upload(&self, id: &TemplateId) -> StoreResult<Option<Vec<u8>>> {
        self.incoming.bytes(&file_of(id)).await
    }
}

impl<F: WriteFiles> StoreTemplate for Uploads<F> {
    async fn store_template(&self, id: &TemplateId, version: &str, bundle: Vec<u8>) -> StoreResult<()> {
        self.templates.store_template(id, version, bundle).await
    }
}
