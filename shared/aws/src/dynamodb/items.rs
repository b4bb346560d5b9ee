//! Items of the Registry, read and written whole.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use passes::burst::{CountedHour, Deletions};
use passes::device::{Device, Lease, Mark};
use passes::ports::{StoreError, StoreResult, UploadNote};
use passes::problem::{Problem, ProblemKind};
use passes::record::{Attribute, Attributes, UpdateUrgency};
use passes::revision::{PinnedImage, PublishedTemplate, Revision, TemplatePointer, TokenOrigin};
use passes::sweep::{SegmentProgress, SweepProgress, Tally};
use passes::tag::{RevisionNumber, UpdateTag};
use passes::time::Timestamp;
use pkpass::pass_json::MAX_PASS_JSON_BYTES;

use super::expression::{n, s};
use super::keys::{due_shard, parse_device_pk};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The item's key for the log: a device's id is cut, being the secret of the list call.
fn item_name(pk: &AttributeValue) -> String {
    match pk.as_s().map(String::as_str) {
        Ok(pk) => match parse_device_pk(pk) {
            Some(device) => format!("DEVICE#{}#{}", device.device.redacted(), device.pass_type),
            None => pk.to_owned(),
        },
        Err(_) => "an item without key".to_owned(),
    }
}

/// Reads attributes and remembers for which call, for the error's sake.
struct Reader<'a> {
    call: &'static str,
    item: &'a Item,
}

impl<'a> Reader<'a> {
    fn unreadable(&self, name: &str) -> StoreError {
        StoreError::Unreadable {
            call: self.call,
            reason: format!(
                "{}: attribute `{name}` is missing or not as livepass writes it",
                self.item.get("PK").map_or("an entry".to_owned(), item_name)
            ),
        }
    }

    fn text(&self, name: &str) -> StoreResult<&'a str> {
        self.item
            .get(name)
            .and_then(|value| value.as_s().ok())
            .map(String::as_str)
            .ok_or_else(|| self.unreadable(name))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> StoreResult<T> {
        self.text(name)?.parse().map_err(|_| self.unreadable(name))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> StoreResult<T> {
        self.optional_number(name)?.ok_or_else(|| self.unreadable(name))
    }

    fn optional_number<T: std::str::FromStr>(&self, name: &str) -> StoreResult<Option<T>> {
        match self.item.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => digits.parse().map(Some).map_err(|_| self.unreadable(name)),
            Some(_) => Err(self.unreadable(name)),
        }
    }

    fn map(&self, name: &str) -> StoreResult<&'a Item> {
        self.item
            .get(name)
            .and_then(|value| value.as_m().ok())
            .ok_or_else(|| self.unreadable(name))
    }
}

// ---- devices

pub(super) fn mark(mark: Mark) -> AttributeValue {
    AttributeValue::M(Item::from([("t".into(), n(mark.tag)), ("r".into(), n(mark.revision))]))
}

pub(super) fn read_device(item: &Item) -> StoreResult<Device> {
    let reader = Reader { call: "device", item };
    let key = parse_device_pk(reader.text("PK")?).ok_or_else(|| reader.unreadable("PK"))?;
    let serials = reader
        .map("serials")?
        .iter()
        .map(|(serial, entry)| {
            let entry = Reader {
                call: "device",
                item: entry.as_m().map_err(|_| reader.unreadable("serials"))?,
            };
            let mark = Mark {
                tag: UpdateTag::new(entry.number("t")?),
                revision: RevisionNumber::new(entry.number("r")?),
            };
            let serial = serial.parse().map_err(|_| reader.unreadable("serials"))?;
            Ok((serial, mark))
        })
        .collect::<StoreResult<BTreeMap<_, _>>>()?;
    let lease = reader
        .optional_number("due_at")?
        .map(|due_at| {
            Ok::<_, StoreError>(Lease {
                due_at,
                attempts: reader.optional_number("attempts")?.unwrap_or(0),
            })
        })
        .transpose()?;
    Ok(Device {
        key,
        tag: UpdateTag::new(reader.number("tag")?),
        serials,
        push_token: reader.parsed("push_token")?,
        lease,
        asked_at: reader.optional_number("asked_at")?.map(Timestamp::from_millis),
    })
}

// ---- revisions

/// The value of `urgency`; absent is "now".
const RELAXED: &str = "relaxed";

pub(super) fn write_revision(revision: &Revision, mut item: Item) -> StoreResult<Item> {
    let pointer = &revision.template;
    item.extend([
        ("revision".into(), n(revision.number)),
        (
            "body".into(),
            AttributeValue::B(Blob::new(deflate(&revision.pass_json)?)),
        ),
        ("manifest_hash".into(), s(&revision.fingerprint)),
        ("template".into(), s(pointer.id.as_str())),
        ("template_version".into(), s(&pointer.version)),
        ("template_seq".into(), n(pointer.seq)),
        ("token".into(), s(revision.token.expose())),
    ]);
    if let TokenOrigin::Derived { key } = &revision.token_origin {
        item.insert("token_key".into(), s(key));
    }
    if revision.urgency == UpdateUrgency::Relaxed {
        item.insert("urgency".into(), s(RELAXED));
    }
    if let Some(grace_ends) = revision.grace_ends {
        let pass = item.get("PK").and_then(|pk| pk.as_s().ok()).map(|pk| due_shard(pk));
        item.insert("grace_ends".into(), n(grace_ends));
        item.insert("due_at".into(), n(grace_ends));
        item.extend(pass.map(|shard| ("due_shard".into(), n(shard))));
    }
    if !revision.images.is_empty() {
        let images = revision.images.iter().map(write_image).collect();
        item.insert("images".into(), AttributeValue::L(images));
    }
    Ok(item)
}

fn write_image(image: &PinnedImage) -> AttributeValue {
    AttributeValue::M(Item::from([
        ("name".into(), s(&image.name)),
        ("key".into(), s(&image.key)),
        ("version".into(), s(&image.version)),
        ("sha1".into(), s(&image.sha1)),
        ("size".into(), n(image.size)),
    ]))
}

pub(super) fn read_revision(item: &Item) -> StoreResult<Revision> {
    let reader = Reader { call: "revision", item };
    let body = item
        .get("body")
        .and_then(|value| value.as_b().ok())
        .ok_or_else(|| reader.unreadable("body"))?;
    let images = match item.get("images") {
        None => Vec::new(),
        Some(images) => images
            .as_l()
            .map_err(|_| reader.unreadable("images"))?
            .iter()
            .map(|image| {
                let image = Reader {
                    call: "revision",
                    item: image.as_m().map_err(|_| reader.unreadable("images"))?,
                };
                Ok(PinnedImage {
                    name: image.text("name")?.to_owned(),
                    key: image.text("key")?.to_owned(),
                    version: image.text("version")?.to_owned(),
                    sha1: image.text("sha1")?.to_owned(),
                    size: image.number("size")?,
                })
            })
            .collect::<StoreResult<_>>()?,
    };
    Ok(Revision {
        number: RevisionNumber::new(reader.number("revision")?),
        pass_json: inflate(body.as_ref()).ok_or_else(|| reader.unreadable("body"))?,
        fingerprint: reader.text("manifest_hash")?.to_owned(),
        template: TemplatePointer {
            id: reader.parsed("template")?,
            version: reader.text("template_version")?.to_owned(),
            seq: reader.number("template_seq")?,
        },
        images,
        token: reader.parsed("token")?,
        token_origin: match item.get("token_key") {
            Some(_) => TokenOrigin::Derived {
                key: reader.text("token_key")?.to_owned(),
            },
            None => TokenOrigin::Record,
        },
        urgency: match item.get("urgency") {
            None => UpdateUrgency::Now,
            Some(_) if reader.text("urgency")? == RELAXED => UpdateUrgency::Relaxed,
            Some(_) => return Err(reader.unreadable("urgency")),
        },
        grace_ends: reader.optional_number("grace_ends")?,
    })
}

/// The revision whose further pages have been handed on.
pub(super) fn read_chained(item: &Item) -> StoreResult<Option<RevisionNumber>> {
    let reader = Reader { call: "revision", item };
    Ok(reader.optional_number("chained")?.map(RevisionNumber::new))
}

/// The pause by which a pass without record is held.
pub(super) fn read_held_by(item: &Item) -> StoreResult<Option<u64>> {
    Reader { call: "revision", item }.optional_number("held_by")
}

/// A voided pass has `"voided":true` more than was rendered; what inflates beyond that was not
/// written by us.
const MAX_INFLATED: u64 = MAX_PASS_JSON_BYTES as u64 + 64;

fn deflate(bytes: &[u8]) -> StoreResult<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|error| StoreError::Unreadable {
            call: "revision",
            reason: format!("its body cannot be deflated: {error}"),
        })
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut decoder = DeflateDecoder::new(bytes).take(MAX_INFLATED + 1);
    decoder.read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 <= MAX_INFLATED).then_some(inflated)
}

// ---- counts of devices

/// When the devices of a pass were really counted.
pub(super) fn read_counted_at(item: &Item) -> StoreResult<Option<u64>> {
    Reader {
        call: "device-count",
        item,
    }
    .optional_number("counted_at")
}

// ---- problems

const KINDS: [ProblemKind; 11] = [
    ProblemKind::TemplateMissing,
    ProblemKind::TemplateUnknown,
    ProblemKind::AttributeType,
    ProblemKind::FieldUnknown,
    ProblemKind::PatchTouchesFields,
    ProblemKind::WalletWouldRefuse,
    ProblemKind::Image,
    ProblemKind::Certificate,
    ProblemKind::TokenChanged,
    ProblemKind::Warning,
    ProblemKind::Key,
];

pub(super) fn write_problem(problem: &Problem, since: u64, mut item: Item) -> Item {
    item.extend([
        ("kind".into(), s(problem.kind.label())),
        ("sentence".into(), s(&problem.sentence)),
        ("since".into(), n(since)),
    ]);
    item
}

pub(super) fn read_problem(item: &Item) -> StoreResult<Problem> {
    let reader = Reader { call: "problem", item };
    let label = reader.text("kind")?;
    let kind = KINDS
        .into_iter()
        .find(|kind| kind.label() == label)
        .ok_or_else(|| reader.unreadable("kind"))?;
    Ok(Problem {
        kind,
        sentence: reader.text("sentence")?.to_owned(),
    })
}

// ---- deletions

pub(super) fn read_deletions(item: &Item) -> StoreResult<Deletions> {
    let reader = Reader {
        call: "deletions",
        item,
    };
    let hour = match reader.optional_number("hour")? {
        None => None,
        Some(began_at) => Some(CountedHour {
            began_at,
            count: reader.number("count")?,
        }),
    };
    Ok(Deletions {
        hour,
        paused_at: reader.optional_number("paused_at")?,
        released_at: reader.optional_number("released_at")?,
    })
}

// ---- template pointers

pub(super) fn read_pointer(item: &Item) -> StoreResult<TemplatePointer> {
    let reader = Reader { call: "template", item };
    let id = reader
        .text("PK")?
        .strip_prefix("TEMPLATE#")
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| reader.unreadable("PK"))?;
    Ok(TemplatePointer {
        id,
        version: reader.text("version")?.to_owned(),
        seq: reader.number("seq")?,
    })
}

pub(super) fn read_published(item: &Item) -> StoreResult<PublishedTemplate> {
    let reader = Reader { call: "template", item };
    Ok(PublishedTemplate {
        pointer: read_pointer(item)?,
        published_at: Timestamp::from_seconds(reader.optional_number("published_at")?.unwrap_or(0)),
        previous: match item.get("previous_version") {
            None => None,
            Some(_) => Some(reader.text("previous_version")?.to_owned()),
        },
        upload: match item.get("upload") {
            None => None,
            Some(_) => Some(reader.text("upload")?.to_owned()),
        },
        sweep: match item.get("sweep") {
            None => None,
            Some(_) => Some(read_sweep(reader.map("sweep")?)?),
        },
    })
}

fn read_sweep(segments: &Item) -> StoreResult<SweepProgress> {
    let unreadable = |segment: &str| StoreError::Unreadable {
        call: "template",
        reason: format!("attribute `sweep`, segment `{segment}`: not as livepass writes it"),
    };
    segments
        .iter()
        .map(|(name, value)| {
            let segment = name.strip_prefix('s').and_then(|number| number.parse().ok());
            let (Some(segment), Ok(progress)) = (segment, value.as_m()) else {
                return Err(unreadable(name));
            };
            let reader = Reader {
                call: "template",
                item: progress,
            };
            let finished = progress.get("finished").and_then(|value| value.as_bool().ok());
            let progress = SegmentProgress {
                done: Tally {
                    passes: reader.number("passes")?,
                    // Not counted before.
                    refused: reader.optional_number("refused")?.unwrap_or(0),
                    handed_over: reader.optional_number("handed_over")?.unwrap_or(0),
                },
                finished: *finished.ok_or_else(|| unreadable(name))?,
            };
            Ok((segment, progress))
        })
        .collect()
}

pub(super) fn write_segment(progress: SegmentProgress) -> AttributeValue {
    AttributeValue::M(Item::from([
        ("passes".into(), n(progress.done.passes)),
        ("refused".into(), n(progress.done.refused)),
        ("handed_over".into(), n(progress.done.handed_over)),
        ("finished".into(), AttributeValue::Bool(progress.finished)),
    ]))
}

// ---- uploads

pub(super) fn write_upload(note: &UploadNote, key: Item) -> Item {
    let mut item = key;
    item.insert("stamp".into(), s(&note.stamp));
    item.insert("noted_at".into(), n(note.noted_at.seconds()));
    if let Some(refused) = &note.refused {
        item.insert("refused".into(), s(refused));
    }
    item
}

pub(super) fn read_upload(item: &Item) -> StoreResult<UploadNote> {
    let reader = Reader { call: "upload", item };
    Ok(UploadNote {
        stamp: reader.text("stamp")?.to_owned(),
        noted_at: Timestamp::from_seconds(reader.number("noted_at")?),
        refused: match item.get("refused") {
            None => None,
            Some(_) => Some(reader.text("refused")?.to_owned()),
        },
    })
}

// ---- pass records

pub(super) fn read_record(item: &Item) -> Attributes {
    item.iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(value: &AttributeValue) -> Attribute {
    match value {
        AttributeValue::S(text) => Attribute::Text(text.clone()),
        AttributeValue::N(literal) => Attribute::Number(literal.clone()),
        AttributeValue::Bool(value) => Attribute::Bool(*value),
        AttributeValue::Null(_) => Attribute::Null,
        AttributeValue::L(items) => Attribute::List(items.iter().map(attribute).collect()),
        AttributeValue::M(entries) => Attribute::Map(read_record(entries)),
        AttributeValue::B(_) => Attribute::Unsupported("B"),
        AttributeValue::Ss(_) => Attribute::Unsupported("SS"),
        AttributeValue::Ns(_) => Attribute::Unsupported("NS"),
        AttributeValue::Bs(_) => Attribute::Unsupported("BS"),
        _ => Attribute::Unsupported("unknown to this version of livepass"),
    }
}
