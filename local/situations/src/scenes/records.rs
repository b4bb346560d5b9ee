//! Stream records that come again or out of order, and rows that cannot be published.

use passes::ports::WriteRevision as _;

use crate::Error;
use crate::stage::Stage;

pub(super) async fn redelivered_records(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("The stream gives publish-changes the same records again and again.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    let before = stage.control.position().await?;
    stage.change(&card, 20).await?;
    stage.hear_one(phone).await?;
    let revision = stage.revision(&card).await?;
    for _ in 0..3 {
        stage.event("stream   the records again");
        stage.control.redeliver(&before, false).await?;
    }
    let same = stage.revision(&card).await? == revision;
    stage.expect(same, || "a record that came again made a new revision".to_owned())?;
    stage.say("The pass is as its row says: nothing was published, and nobody pushed.");
    Ok(1)
}

pub(super) async fn reordered_records(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("A phone holds two passes, whose rows change. Then the records come again, the newest first.");
    let (a, b) = (stage.card("a", 10).await?, stage.card("b", 10).await?);
    let phone = stage.install(&a).await?;
    stage.install_on(phone, &b).await?;
    let before = stage.control.position().await?;
    for balance in [20, 30] {
        stage.write(&a, balance).await?;
        stage.write(&b, balance).await?;
    }
    stage.control.published().await?;
    stage.hear_one(phone).await?;
    let revisions = (stage.revision(&a).await?, stage.revision(&b).await?);
    stage.event("stream   the records again, in reverse");
    stage.control.redeliver(&before, true).await?;
    let same = (stage.revision(&a).await?, stage.revision(&b).await?) == revisions;
    stage.expect(same, || "an old record made a new revision".to_owned())?;
    stage.say("A record only says which pass to look at. What counts is the row as it is now.");
    Ok(1)
}

pub(super) async fn poison_record(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("Two phones hold a pass each. One row gets a field that its template lacks, and a third row has a key that no pass can have.");
    let (good, bad) = (stage.card("good", 10).await?, stage.card("bad", 10).await?);
    let (lucky, unlucky) = (stage.install(&good).await?, stage.install(&bad).await?);
    stage.event(format!("backend -> UpdateItem {}: no-such-field = 1", bad.serial));
    stage.backend.set_field(&bad, "no-such-field", 1).await?;
    stage.odd_row(stage.serial("no pass")).await?;
    stage.change(&good, 20).await?;
    stage.hear_one(lucky).await?;
    stage.say("The good row was not held up. The bad one has kept its last good pass, and a problem with a name:");
    stage.hear_nothing(unlucky).await?;
    let refreshed = stage.holder(unlucky).phone.pull_to_refresh(&bad).await;
    stage.show(unlucky);
    stage.expect(refreshed?.is_none(), || "the bad row changed its pass".to_owned())?;
    stage.expect_shown(unlucky, &bad, 10)?;
    let problem = stage.registry.lock(&bad).await?.problem;
    let problem = problem.ok_or_else(|| Error::NotHealed("nobody has noted the problem".to_owned()))?;
    stage.event(format!("problem  {}: {}", problem.kind.label(), problem.sentence));
    stage.say("The row is mended.");
    stage.card("bad", 20).await?;
    stage.hear_one(unlucky).await?;
    let problem = stage.registry.lock(&bad).await?.problem;
    stage.expect(problem.is_none(), || "the problem is still noted".to_owned())?;
    Ok(2)
}
