//! Pushes that do not arrive.

use serde_json::json;

use crate::Error;
use crate::stage::Stage;

pub(super) async fn lost_push(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("A phone holds a pass. The next push to it gets lost, and APNs says 200 all the same.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    let lost = json!({"status": 200, "lost": true, "once": true});
    stage.answer(&stage.token(phone), lost).await?;
    stage.change(&card, 20).await?;
    let heard = stage.hear(phone).await?;
    stage.expect(heard.tried == 1, || {
        format!("{} pushes were sent instead of one", heard.tried)
    })?;
    stage.expect_shown(phone, &card, 10)?;
    stage.say("Nobody can know of it. But the phone has not asked, and it has a lease: 5 minutes.");
    stage.turn(240).await?;
    stage.hear_nothing(phone).await?;
    stage.turn(60).await?;
    stage.hear_one(phone).await?;
    stage.say("It has asked, which ends the lease: no further push.");
    stage.turn(3600).await?;
    Ok(2)
}

pub(super) async fn too_many_requests(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("APNs answers pushes to a phone with 429 TooManyRequests, and asks for 2 minutes of patience.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    let patience = json!({"status": 429, "reason": "TooManyRequests", "retry_after": "120"});
    stage.answer(&stage.token(phone), patience).await?;
    stage.change(&card, 20).await?;
    stage.hear(phone).await?;
    stage.say("The phone's lease now ends when the 2 minutes do; before that nothing is pushed.");
    stage.turn(60).await?;
    stage.hear_nothing(phone).await?;
    stage.answer(&stage.token(phone), json!({"status": 200})).await?;
    stage.turn(60).await?;
    stage.hear_one(phone).await?;
    Ok(2)
}

const PHONES: usize = 3;
const CHANGES: [u32; 3] = [20, 30, 40];
/// The row changes so often during the outage, and the clock goes on so far each time.
const BETWEEN_CHANGES: i64 = 1200;
/// A push that APNs cannot take is tried once more at once, and then rests for this long.
const REST: i64 = 900;
const TRIES: usize = 2;

pub(super) async fn apns_outage(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say(format!(
        "{PHONES} phones hold one pass. APNs answers everything with 503, for an hour."
    ));
    let card = stage.card("card", 10).await?;
    let mut phones = Vec::new();
    for _ in 0..PHONES {
        phones.push(stage.install(&card).await?);
    }
    stage
        .answer("*", json!({"status": 503, "reason": "ServiceUnavailable"}))
        .await?;
    let mut tried = 0;
    for balance in CHANGES {
        stage.change(&card, balance).await?;
        for _ in 0..4 {
            stage.turn(BETWEEN_CHANGES / 4).await?;
        }
        for phone in &phones {
            let heard = stage.hear(*phone).await?;
            stage.expect(heard.arrived == 0, || "a push arrived during the outage".to_owned())?;
            tried += heard.tried;
        }
    }
    // Each change is announced at once, and each rest ends with a further push.
    let rests = CHANGES.len() as i64 * BETWEEN_CHANGES / REST;
    let most = PHONES * TRIES * (CHANGES.len() + rests as usize);
    stage.say(format!(
        "{tried} pushes were tried in that hour; {most} would be the most. APNs is back."
    ));
    stage.expect(tried <= most, || format!("{tried} pushes were tried during the outage"))?;
    stage.answer("*", json!({"status": 200})).await?;
    stage.turn(REST).await?;
    for phone in &phones {
        stage.hear_one(*phone).await?;
    }
    stage.say("Each phone was pushed once, and shows the newest value.");
    stage.turn(3600).await?;
    Ok(most + PHONES)
}
