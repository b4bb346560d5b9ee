//! Rows that are deleted.

use passes::burst::{ReleaseOutcome, release};

use crate::Error;
use crate::stage::Stage;

pub(super) async fn deletion_burst(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("The hour has seen as many deletions as are usual. Then the rows of two more cards are deleted.");
    let (a, b) = (stage.card("a", 10).await?, stage.card("b", 20).await?);
    let (one, two) = (stage.install(&a).await?, stage.install(&b).await?);
    stage.fill_hour_of_deletions().await?;
    stage.delete(&a).await?;
    stage.delete(&b).await?;
    stage.control.published().await?;
    stage.control.worked_off().await?;
    for (phone, key) in [(one, &a), (two, &b)] {
        stage.hear_nothing(phone).await?;
        stage.expect_voided(phone, key, false)?;
    }
    stage.say(
        "The first was a mistake: its row comes back. The second is meant, and an operator releases the deletions.",
    );
    stage.card("a", 10).await?;
    stage.hear_nothing(one).await?;
    stage.event("operator -> deletions release");
    let outcome = release(&stage.registry, &stage.clock).await?;
    stage.expect(matches!(outcome, ReleaseOutcome::Released { .. }), || {
        "there was no pause to release".to_owned()
    })?;
    stage.turn(3660).await?;
    stage.control.worked_off().await?;
    stage.hear_one(two).await?;
    stage.expect_voided(two, &b, true)?;
    stage.hear_nothing(one).await?;
    stage.expect_voided(one, &a, false)?;
    Ok(1)
}
