//! Time that runs backwards.

use serde_json::json;

use crate::Error;
use crate::stage::Stage;

pub(super) async fn clock_set_back(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("A pass changes, and a phone shows it. A second change is pushed, and the push gets lost.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    stage.change(&card, 20).await?;
    stage.hear_one(phone).await?;
    let lost = json!({"status": 200, "lost": true, "once": true});
    stage.answer(&stage.token(phone), lost).await?;
    stage.change(&card, 30).await?;
    stage.hear(phone).await?;
    stage.say("Now every clock is set back by an hour. The lease of that push lies far ahead, and so do tag and date.");
    let before = stage.revision(&card).await?;
    stage.turn(-3600).await?;
    for balance in [40, 50] {
        stage.change(&card, balance).await?;
        stage.hear_one(phone).await?;
        stage.expect_shown(phone, &card, balance)?;
    }
    let after = stage.revision(&card).await?;
    stage.expect(after > before, || "a later revision has an earlier date".to_owned())?;
    stage.say("Both changes were pushed at once and count as newer. The clock is set right again.");
    stage.turn(3600).await?;
    stage.change(&card, 60).await?;
    stage.hear_one(phone).await?;
    Ok(5)
}
