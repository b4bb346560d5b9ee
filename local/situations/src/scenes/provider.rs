//! The token by which APNs knows livepass.

use serde_json::json;

use crate::Error;
use crate::stage::Stage;

/// All functions sign at the same multiples of 40 minutes.
const WINDOW: u64 = 2400;
/// APNs takes a new token after 20 minutes at the earliest; so far into a window all tokens are as old.
const OLD_ENOUGH: u64 = 1500;

pub(super) async fn expired_provider_token(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("APNs calls every provider token expired that was signed until now: 403 ExpiredProviderToken.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    // To the middle of the next window, where the token in use may be replaced.
    let now = stage.control.clock().await?.now_ms / 1000;
    let turn = WINDOW - now % WINDOW + OLD_ENOUGH;
    stage.turn(i64::try_from(turn).expect("an hour or so")).await?;
    let now = stage.control.clock().await?.now_ms / 1000;
    stage.control.expire_provider_tokens(now).await?;
    stage.change(&card, 20).await?;
    stage.hear_one(phone).await?;
    stage.expect_shown(phone, &card, 20)?;
    stage.say("A new token was signed, and the same push went through at once. Now APNs refuses every token.");
    stage
        .answer("*", json!({"status": 403, "reason": "ExpiredProviderToken"}))
        .await?;
    stage.change(&card, 30).await?;
    let heard = stage.hear(phone).await?;
    stage.expect(heard.tried == 1, || format!("{} pushes instead of one", heard.tried))?;
    stage.say("A token this young is not replaced. It is not the phone's fault, so the phone keeps its lease.");
    stage.answer("*", json!({"status": 200})).await?;
    stage.control.expire_provider_tokens(0).await?;
    stage.turn(900).await?;
    stage.hear_one(phone).await?;
    Ok(4)
}
