//! Faults between functions and DynamoDB.

use passes::ids::PassKey;
use serde_json::{Value, json};

use crate::Error;
use crate::control::Acted;
use crate::stage::Stage;

/// What the first fault has done, and takes it back.
async fn taken_back(stage: &Stage<'_>) -> Result<Acted, Error> {
    let acted = stage.control.acted().await?;
    stage.control.take_faults_back().await?;
    let first = acted.into_iter().next();
    first.ok_or_else(|| Error::Control("somebody else took the fault back".to_owned()))
}

fn of(card: &PassKey, mut fault: Value) -> Value {
    fault["mentions"] = card.serial.as_str().into();
    fault
}

/// Far above the calls that one publish makes for one device.
const MOST_STEPS: u32 = 30;
/// The lock, the row, the write of the revision, its verification, the list of devices, the advance of
/// one: a situation that dies less often breaks nothing any more.
const FEWEST_STEPS: u32 = 6;

pub(super) async fn crash_during_publish(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say(
        "publish-changes dies right after its first call to DynamoDB for a pass, then after its second, and so on.",
    );
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    for step in 0..MOST_STEPS {
        let crash = json!({"fault": "crash", "skip": step, "times": 1});
        stage.control.fault(of(&card, crash)).await?;
        let balance = 20 + step;
        stage.change(&card, balance).await?;
        let Acted { acted, last, .. } = taken_back(stage).await?;
        if let Some(call) = last {
            stage.event(format!("publish-changes died after {call}"));
        }
        let heard = stage.hear(phone).await?;
        if heard.tried == 0 {
            // The device was advanced and not yet pushed: only its lease knows.
            stage.turn(300).await?;
            stage.hear_one(phone).await?;
        }
        stage.expect_shown(phone, &card, balance)?;
        if acted == 0 {
            stage.expect(step >= FEWEST_STEPS, || {
                format!("publish-changes died {step} times, where it takes {FEWEST_STEPS} steps or more")
            })?;
            stage.say(format!(
                "{step} steps, {step} deaths, and each time the next run went on from there."
            ));
            // The crash that never came was a change too.
            return Ok(step as usize + 1);
        }
    }
    Err(Error::NotHealed(format!(
        "publish-changes made more than {MOST_STEPS} calls"
    )))
}

pub(super) async fn throttled_table(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("DynamoDB throttles every call for a pass.");
    let card = stage.card("card", 10).await?;
    let phone = stage.install(&card).await?;
    let throttle = json!({"fault": "error", "reason": "ProvisionedThroughputExceededException"});
    stage.control.fault(of(&card, throttle)).await?;
    stage.change(&card, 20).await?;
    let throttled = taken_back(stage).await?;
    stage.expect(throttled.acted > 1, || "nothing was throttled".to_owned())?;
    stage.event(format!("DynamoDB throttled {} calls", throttled.acted));
    stage.hear_nothing(phone).await?;
    stage.say("The stream goes on; the pass rests in the queue for 30 seconds, and DynamoDB recovers.");
    stage.turn(30).await?;
    stage.control.worked_off().await?;
    stage.hear_one(phone).await?;
    Ok(1)
}

pub(super) async fn transaction_conflict(stage: &mut Stage<'_>) -> Result<usize, Error> {
    stage.say("While a phone registers, another writer is at its item: DynamoDB cancels the transaction, twice.");
    let card = stage.card("card", 10).await?;
    let conflict = json!({"fault": "cancel", "reason": "TransactionConflict", "times": 2});
    stage.control.fault(of(&card, conflict)).await?;
    let phone = stage.install(&card).await?;
    let cancelled = taken_back(stage).await?;
    stage.expect(cancelled.acted == 2, || {
        format!("{} transactions were cancelled instead of 2", cancelled.acted)
    })?;
    stage.say("It is registered. The same happens to the write that tells the phone of a change.");
    let conflict =
        json!({"fault": "error", "reason": "TransactionConflictException", "action": "UpdateItem", "times": 1});
    stage.control.fault(of(&card, conflict)).await?;
    stage.change(&card, 20).await?;
    let refused = taken_back(stage).await?;
    stage.expect(refused.acted == 1, || "no write was in conflict".to_owned())?;
    stage.hear_one(phone).await?;
    Ok(1)
}
