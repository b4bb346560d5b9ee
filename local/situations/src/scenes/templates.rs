//! Templates that change while rows do.

use passes::ids::TemplateId;
use passes::template::{publish_template, roll_back};
use pkpass::Template;
use serde_json::Value;

use crate::Error;
use crate::stage::{Stage, Who};

const FIRST: &str = "First design";
const SECOND: &str = "Second design";

/// The demo's loyalty card with another text beside its logo.
fn design(logo_text: &str) -> Result<Template, Error> {
    let unusable = |error: String| Error::Template(error);
    let mut files = seed::templates::loyalty();
    let skeleton = files.get("pass.json").map(Vec::as_slice).unwrap_or_default();
    let mut skeleton: Value = serde_json::from_slice(skeleton).map_err(|error| unusable(error.to_string()))?;
    skeleton["logoText"] = logo_text.into();
    files.insert("pass.json".to_owned(), skeleton.to_string().into_bytes());
    Template::from_files(files).map_err(|error| unusable(error.to_string()))
}

fn expect_design(stage: &mut Stage<'_>, who: Who, logo_text: &str) -> Result<(), Error> {
    let mut passes = stage.holder(who).phone.passes();
    let shown = passes.next().map(|pass| pass.json()["logoText"].clone());
    drop(passes);
    stage.event(format!("phone    {}", shown.clone().unwrap_or_default()));
    stage.expect(shown == Some(logo_text.into()), || {
        format!("the phone shows another design than {logo_text:?}")
    })
}

async fn put(stage: &mut Stage<'_>, id: &TemplateId, logo_text: &str) -> Result<(), Error> {
    stage.event(format!("designer -> template put {id}: {logo_text:?}"));
    let (versions, sweeps) = (stage.versions(), stage.sweeps());
    publish_template(
        &stage.registry,
        &versions,
        &sweeps,
        &stage.clock,
        id,
        &design(logo_text)?,
    )
    .await?;
    stage.control.worked_off().await
}

pub(super) async fn template_rolled_back(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("Two passes share a template, which gets a second design. Both follow by themselves.");
    let id = stage.template();
    put(stage, &id, FIRST).await?;
    let (a, b) = (
        stage.card_of("a", id.as_str(), 10).await?,
        stage.card_of("b", id.as_str(), 10).await?,
    );
    let (one, two) = (stage.install(&a).await?, stage.install(&b).await?);
    put(stage, &id, SECOND).await?;
    for phone in [one, two] {
        stage.hear_one(phone).await?;
        expect_design(stage, phone, SECOND)?;
    }
    stage.say("While both rows change, the template is rolled back.");
    stage.write(&a, 30).await?;
    stage.event(format!("designer -> template rollback {id}"));
    let sweeps = stage.sweeps();
    roll_back(&stage.registry, &sweeps, &stage.clock, &id).await?;
    stage.write(&b, 30).await?;
    stage.control.published().await?;
    stage.control.worked_off().await?;
    for phone in [one, two] {
        stage.hear_one(phone).await?;
        expect_design(stage, phone, FIRST)?;
    }
    Ok(4)
}
