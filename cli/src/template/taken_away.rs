//! Fields that a new version of a template takes away, and the rows that write them.

use passes::field_keys::taken_away;
use passes::ids::TemplateId;
use passes::ports::{CountFieldUse as _, FIELDS_AT_A_TIME, MovePointer as _, ReadTemplates as _, StoreError};
use pkpass::Template;

use crate::failure::Failure;
use crate::place::Place;
use crate::progress::Progress;

/// Refuses a version without a field that rows write: each of them would be refused once the sweep comes to it.
/// Rows that are written meanwhile are not seen.
pub async fn expect_unused(template: &Template, id: &TemplateId, place: &Place) -> Result<(), Failure> {
    let registry = place.registry().await?;
    let Some(published) = place.patiently(async || registry.pointer(id).await).await? else {
        return Ok(());
    };
    let version = &published.pointer.version;
    if version == template.version() {
        return Ok(());
    }
    let (versions, _) = place.templates()?;
    let before = match versions.template(id, version).await {
        Ok(before) => before,
        // To put it anew is what mends this.
        Err(StoreError::Unreadable { reason, .. }) => {
            eprintln!(
                "whether fields are taken away is not known, since the published version cannot be read: {reason}"
            );
            return Ok(());
        }
        Err(error) => return Err(unknown(&place.failure(&error))),
    };
    let fields = taken_away(before.skeleton(), template.skeleton());
    let mut used = Vec::new();
    for some in fields.chunks(FIELDS_AT_A_TIME) {
        let rows = count(id, some, place).await.map_err(|failure| unknown(&failure))?;
        used.extend(some.iter().zip(rows).filter(|(_, rows)| *rows > 0));
    }
    if used.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<_> = used.into_iter().map(|(field, rows)| sentence(field, rows)).collect();
    lines.push(
        "Nothing was published. Keep the field, or take it out of the rows first; or put with --yes to go ahead: their \
         passes then stay as they are until the rows are mended."
            .to_owned(),
    );
    Err(Failure::new(lines.join("\n")))
}

fn sentence(field: &str, rows: u64) -> String {
    let field = field.escape_debug();
    match rows {
        1 => format!(
            "1 row writes `fields.{field}`, which this template no longer has: it would be refused with field-unknown"
        ),
        rows => format!(
            "{rows} rows write `fields.{field}`, which this template no longer has: they would be refused with field-unknown"
        ),
    }
}

fn unknown(failure: &Failure) -> Failure {
    Failure::new(format!(
        "{failure}\nSo it is not known whether rows write a field that this version takes away. With --yes it is put without \
         looking."
    ))
}

/// How many rows of a template write each of these fields.
async fn count(id: &TemplateId, fields: &[String], place: &Place) -> Result<Vec<u64>, Failure> {
    let (records, _) = place.records_and_queue().await?;
    let progress = Progress::of_rows(records.about_how_many().await);
    let (mut rows, mut looked_at, mut after) = (vec![0; fields.len()], 0, None);
    loop {
        let page = place
            .patiently(async || records.count_field_use(id, fields, after.as_ref()).await)
            .await?;
        for (all, these) in rows.iter_mut().zip(page.rows) {
            *all += these;
        }
        looked_at += page.looked_at;
        progress.rows_looked_at(looked_at);
        if page.after.is_none() {
            return Ok(rows);
        }
        after = page.after;
    }
}
