//! Push tokens that APNs calls dead.

use passes::ports::ReadDevice as _;
use serde_json::json;

use crate::Error;
use crate::stage::Stage;

pub(super) async fn dead_token_old(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("A push is under way when its phone gets a new token and registers it. Then APNs answers 410.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    let old = stage.token(phone);
    stage.control.pause_apns().await?;
    stage.write(&card, 20).await?;
    stage.control.push_is_held().await?;
    let died = stage.control.clock().await?.now_ms;
    let dead = json!({"status": 410, "reason": "Unregistered", "timestamp": died, "once": true});
    stage.answer(&old, dead).await?;
    stage.holder(phone).change_push_token();
    let registered = stage.holder(phone).phone.register_all().await;
    stage.show(phone);
    registered?;
    stage.control.resume_apns().await?;
    stage.control.published().await?;
    stage.hear(phone).await?;
    stage.say("The 410 was for a token that the phone no longer has, so it ends nothing: the next change arrives.");
    stage.change(&card, 30).await?;
    stage.hear_one(phone).await?;
    Ok(2)
}

pub(super) async fn dead_token_new(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("APNs answers 410 for the phone's own token: the pass was deleted, or the phone was erased.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    let died = stage.control.clock().await?.now_ms;
    let dead = json!({"status": 410, "reason": "Unregistered", "timestamp": died});
    stage.answer(&stage.token(phone), dead).await?;
    stage.change(&card, 20).await?;
    stage.hear(phone).await?;
    let device = stage.device(phone).expect("a phone that has registered has an id");
    let device = stage.registry.device(&device).await?;
    stage.expect(device.is_some_and(|device| device.serials.is_empty()), || {
        "the device still holds the pass".to_owned()
    })?;
    stage.say("livepass has ended the device: nothing is pushed to it any more.");
    stage.change(&card, 30).await?;
    stage.turn(3600).await?;
    stage.hear_nothing(phone).await?;
    stage.say("The phone gets a new token and registers again, which is a life of its own.");
    stage.holder(phone).change_push_token();
    let registered = stage.holder(phone).phone.register_all().await;
    stage.show(phone);
    registered?;
    stage.expect_shown(phone, &card, 30)?;
    stage.change(&card, 40).await?;
    stage.hear_one(phone).await?;
    Ok(2)
}
