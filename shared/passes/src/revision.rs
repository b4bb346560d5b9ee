//! The revision: one published rendering of one pass, the thing that devices download.

use std::fmt;

use crate::ids::TemplateId;
use crate::record::UpdateUrgency;
use crate::sweep::SweepProgress;
use crate::tag::RevisionNumber;
use crate::time::Timestamp;
use crate::tokens::AuthenticationToken;

/// The Registry's pointer to a template's published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePointer {
    pub id: TemplateId,
    /// Content address of the template's files: hex SHA-256.
    pub version: String,
    /// Rises by one each time the pointer moves; a rollback moves it too.
    pub seq: u64,
}

/// What the Registry knows of a published template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedTemplate {
    pub pointer: TemplatePointer,
    /// When the pointer was moved, in whole seconds.
    pub published_at: Timestamp,
    /// The version that the pointer named before; `None` before its second move.
    pub previous: Option<String>,
    /// The stamp of the upload that moved the pointer last; `None` where none ever has.
    pub upload: Option<String>,
    /// How far its passes have followed; `None` where nobody has noted that a sweep was to begin.
    pub sweep: Option<SweepProgress>,
}

/// An image of one pass, pinned to the bytes it had when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedImage {
    /// File name in the package, e.g. `thumbnail@2x.png`.
    pub name: String,
    /// Key in the assets bucket.
    pub key: String,
    /// The object's version there.
    pub version: String,
    /// Hex SHA-1 of the bytes.
    pub sha1: String,
    /// How many there are.
    pub size: u64,
}

/// Where a pass's authentication token came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Derived with the key of this name.
    Derived { key: String },
    /// The record's own `authenticationToken`.
    Record,
}

/// One published rendering. Content and Last-Modified are one item, so that no reader can see
/// the one without the other.
#[derive(Clone)]
pub struct Revision {
    pub number: RevisionNumber,
    /// pass.json in canonical form, without signature.
    pub pass_json: Vec<u8>,
    /// Hex SHA-256 over the manifest: equal means that the person sees the same pass.
    pub fingerprint: String,
    pub template: TemplatePointer,
    pub images: Vec<PinnedImage>,
    /// Fixed at the first publish; compared as stored.
    pub token: AuthenticationToken,
    pub token_origin: TokenOrigin,
    /// How soon devices are told of it, by the record that it was made from. Kept here because its
    /// devices may be advanced long after, page by page.
    pub urgency: UpdateUrgency,
    /// The record is gone. Until this second (since the epoch) the voided pass keeps its web
    /// service, and writing the record again brings it back.
    pub grace_ends: Option<u64>,
}

/// Without pass.json, which holds the token and what a person's card shows.
impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision")
            .field("number", &self.number)
            .field("fingerprint", &self.fingerprint)
            .field("template", &self.template)
            .field("token_origin", &self.token_origin)
            .finish_non_exhaustive()
    }
}
