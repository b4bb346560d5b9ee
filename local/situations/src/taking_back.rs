//! The stack as it was found: settings, and what a run has written.

use std::path::Path;

use passes::ports::CountDeletions as _;
use serde_json::json;

use crate::backend::{Backend, TYPE};
use crate::control::Control;
use crate::leftovers::{Leftovers, Settings};
use crate::{Error, Situation, Target};

/// Refuses where a situation could not be taken back: what somebody else has set, it would set back with
/// its own.
pub(crate) async fn expect_usual(
    target: &Target,
    control: &Control,
    registry: &aws::dynamodb::Registry,
    situation: Situation,
) -> Result<(), Error> {
    let (apns, url) = (control.apns().await?, &target.endpoints.control_url);
    let post = |path: &str, body: &str| format!("curl -s {url}{path} -H 'content-type: application/json' -d '{body}'");
    let unusual = |what: &str, back: String| Err(Error::NotUsual(format!("{what}; take that back first:\n  {back}")));
    if apns.to_all.is_some() {
        let back = post("/apns", r#"{"device_token": "*", "status": 200}"#);
        return unusual(
            "APNs answers all pushes of this stack in another way than it usually does",
            back,
        );
    }
    if apns.paused {
        return unusual(
            "APNs answers no push of this stack",
            format!("curl -s -X POST {url}/apns/resume"),
        );
    }
    if apns.expired_before > 0 {
        let back = post("/apns/provider-tokens", r#"{"expired_before": 0}"#);
        return unusual("APNs calls provider tokens of this stack expired", back);
    }
    if control.acted().await?.iter().any(|fault| !fault.spent) {
        return unusual(
            "calls of this stack to DynamoDB are broken on purpose",
            format!("curl -s -X DELETE {url}/dynamodb"),
        );
    }
    let paused = registry.deletions().await?.paused_at;
    if situation == Situation::DeletionBurst && paused.is_some() {
        let dir = target.dir.display();
        return Err(Error::NotUsual(format!(
            "deletions of {dir} are paused, and this situation would release them: the passes that are held would be \
             voided. Release them yourself first, if they are meant:\n  livepass deletions status --dir {dir}"
        )));
    }
    Ok(())
}

/// Takes everything back that was set, but the clock. Goes on where something fails, and gives the first failure.
pub(crate) async fn faults(control: &Control, backend: &Backend, settings: &Settings) -> Result<(), Error> {
    let mut outcomes = Vec::new();
    let normal = || json!({"status": 200});
    outcomes.push(control.answer("*", normal()).await);
    for token in &settings.tokens {
        outcomes.push(control.answer(token, normal()).await);
    }
    outcomes.push(control.resume_apns().await);
    outcomes.push(control.expire_provider_tokens(0).await);
    outcomes.push(control.take_faults_back().await);
    if let Some(before) = &settings.deletions {
        outcomes.push(backend.put_deletions(before).await);
    }
    outcomes.into_iter().collect()
}

/// Turns the clock back to where it was.
pub(crate) async fn clock(control: &Control, settings: &Settings) -> Result<(), Error> {
    let back = settings.clock.back_from(control.clock().await?.ahead_ms);
    control.turn_clock(back).await.map(drop)
}

/// Deletes a run's rows, and erases what livepass has kept of them.
pub(crate) async fn passes(
    dir: &Path,
    control: &Control,
    backend: &Backend,
    leftovers: &Leftovers,
) -> Result<(), Error> {
    // Before the rows are deleted: a pass that nobody knows is neither counted as a deletion nor pushed.
    erase(backend, leftovers).await?;
    for serial in backend.serials_from(&leftovers.serials()).await? {
        backend.delete(&serial).await?;
    }
    control.published().await?;
    control.worked_off().await?;
    erase(backend, leftovers).await?;
    let folder = dir.join("templates").join(leftovers.template());
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::File {
            path: folder,
            reason: error.to_string(),
        }),
        _ => Ok(()),
    }
}

async fn erase(backend: &Backend, leftovers: &Leftovers) -> Result<(), Error> {
    let devices = leftovers.content().devices.iter();
    let own: Vec<_> = devices.map(|device| format!("DEVICE#{device}#{TYPE}")).collect();
    let (pass, template) = (
        format!("PASS#{TYPE}#{}", leftovers.serials()),
        format!("TEMPLATE#{}", leftovers.template()),
    );
    let of_the_run = |partition: &str, serials: &[String]| {
        partition.starts_with(&pass)
            || partition == template
            || own.iter().any(|device| device == partition)
            // Its phone was registered and not noted yet.
            || serials.iter().any(|serial| serial.starts_with(&leftovers.serials()))
    };
    for (partition, sort) in backend.registry_items(of_the_run).await? {
        backend.erase(&partition, &sort).await?;
    }
    Ok(())
}
