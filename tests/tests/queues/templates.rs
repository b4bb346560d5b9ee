//! Templates that change while passes are installed: uploaded, drafted, refused, rolled back.

use std::time::Duration;

use passes::ids::{PassKey, TemplateId};
use passes::ports::{MovePointer as _, NoteUpload as _};
use passes::revision::PublishedTemplate;
use passes::sweep::{SEGMENTS, Tally};
use passes::template::{RollBackOutcome, roll_back};
use serde_json::json;
use tests::{DEMO, LOYALTY, Site, TICKET, loyalty_of};

fn loyalty() -> TemplateId {
    "loyalty".parse().unwrap()
}

fn bundle(company: &str) -> Vec<u8> {
    loyalty_of(company).to_bundle()
}

/// Uploads, and waits until the passes have followed.
async fn upload(site: &Site, bundle: &[u8]) {
    site.upload("loyalty", bundle);
    site.followed().await;
}

async fn published(site: &Site) -> PublishedTemplate {
    site.registry.pointer(&loyalty()).await.unwrap().unwrap()
}

/// Whose card the pass is, as its phone would download it.
async fn company(site: &Site, serial: &str) -> String {
    let who = site.registrant("whoever", LOYALTY, serial).await;
    let pass = site.opened(&site.caller.pass(&who, None).await);
    pass["organizationName"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_template_reaches_every_installed_pass_with_one_push() {
    let site = Site::start().await;
    for number in 0..20 {
        site.card(&format!("CARD-{number}"), number).await;
    }
    let (who, tag) = site.installed("8a1f0e9c", LOYALTY, "CARD-7").await;
    let ticket = PassKey::parse(TICKET, "TICKET-1").unwrap();
    let before = site.revision(&ticket).await.number;

    upload(&site, &bundle("Eveningside Coffee")).await;
    assert_eq!(site.pushes_to(&who.push_token).len(), 1);
    let list = site.caller.list(&who, Some(&tag)).await;
    assert_eq!(list.serials(), ["CARD-7"]);
    for number in 0..20 {
        assert_eq!(company(&site, &format!("CARD-{number}")).await, "Eveningside Coffee");
    }
    let sweep = published(&site).await.sweep.expect("a sweep is noted");
    assert_eq!(sweep.len(), usize::from(SEGMENTS));
    assert!(sweep.values().all(|segment| segment.finished));
    assert_eq!(
        sweep.values().map(|segment| segment.done.followed()).sum::<u64>(),
        21,
        "and the demo's own"
    );
    let after = site.revision(&ticket).await.number;
    assert_eq!(after, before, "passes of another template stay as they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_fails_in_a_sweep_is_counted_and_follows_by_way_of_the_queue() {
    let site = Site::start().await;
    site.card("CARD-1", 1).await;
    let client = reqwest::Client::new();
    let faults = format!("{}/dynamodb", site.stack.endpoints().control_url);
    let refused = json!({"fault": "error", "reason": "AccessDeniedException", "mentions": "CARD-1"});
    let set = client.post(&faults).json(&refused).send().await.unwrap();
    assert!(set.status().is_success());
    upload(&site, &bundle("Eveningside Coffee")).await;
    let done: Tally = published(&site)
        .await
        .sweep
        .unwrap()
        .values()
        .map(|segment| segment.done)
        .sum();
    let expected = Tally {
        passes: 2,
        refused: 0,
        handed_over: 1,
    };
    assert_eq!(done, expected);

    client.delete(&faults).send().await.unwrap();
    site.clock.turn(Duration::from_secs(30));
    site.worked_off().await;
    assert_eq!(company(&site, "CARD-1").await, "Eveningside Coffee");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_files_zipped_anew_change_nothing() {
    let site = Site::start().await;
    let (who, tag) = site.installed("8a1f0e9c", LOYALTY, DEMO).await;
    let before = published(&site).await.pointer;
    upload(&site, &bundle("Morningside Coffee")).await;
    assert_eq!(published(&site).await.pointer, before);
    assert!(site.pushes_to(&who.push_token).is_empty());
    assert_eq!(site.caller.list(&who, Some(&tag)).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_upload_leaves_everything_as_it_was_and_says_why() {
    let site = Site::start().await;
    let before = published(&site).await;
    upload(&site, b"no archive at all").await;
    assert_eq!(published(&site).await, before);
    assert_eq!(company(&site, DEMO).await, "Morningside Coffee");
    let note = site.registry.upload_note(&loyalty()).await.unwrap().expect("noted");
    let reason = note.refused.expect("refused");
    assert!(reason.contains("it is not a ZIP archive"), "{reason}");

    upload(&site, &bundle("Eveningside Coffee")).await;
    assert_eq!(company(&site, DEMO).await, "Eveningside Coffee");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_edited_is_published_and_a_broken_one_is_refused() {
    let site = Site::start().await;
    let draft = site.stack.folder().drafts_dir().join("loyalty").join("pass.json");
    let text = std::fs::read_to_string(&draft).unwrap();
    std::fs::write(&draft, text.replace("Morningside Coffee", "Noonside Coffee")).unwrap();
    site.followed().await;
    assert_eq!(company(&site, DEMO).await, "Noonside Coffee");

    std::fs::write(&draft, text.replace("\"storeCard\"", "\"scoreCard\"")).unwrap();
    site.followed().await;
    assert_eq!(company(&site, DEMO).await, "Noonside Coffee");
    let note = site.registry.upload_note(&loyalty()).await.unwrap().expect("noted");
    assert!(note.refused.expect("refused").contains("pass.json"));

    std::fs::write(&draft, text).unwrap();
    site.followed().await;
    assert_eq!(company(&site, DEMO).await, "Morningside Coffee");
}

/// Each as an editor leaves it while a file is open: a backup, a swap file, a lock that leads nowhere,
/// a test of whether the folder may be written to.
#[tokio::test(flavor = "multi_thread")]
async fn what_editors_leave_beside_a_draft_is_neither_published_nor_in_the_way() {
    let site = Site::start().await;
    let folder = site.stack.folder().drafts_dir().join("loyalty");
    let before = published(&site).await.pointer;
    for name in [".DS_Store", "pass.json~", ".pass.json.swp", "4913", "#pass.json#"] {
        std::fs::write(folder.join(name), "scratch").unwrap();
    }
    std::os::unix::fs::symlink("me@host.4711:1", folder.join(".#pass.json")).unwrap();
    site.followed().await;
    assert_eq!(published(&site).await.pointer, before);
    assert!(
        site.registry.upload_note(&loyalty()).await.unwrap().is_none(),
        "nothing was uploaded"
    );

    let text = std::fs::read_to_string(folder.join("pass.json")).unwrap();
    std::fs::write(
        folder.join("pass.json"),
        text.replace("Morningside Coffee", "Noonside Coffee"),
    )
    .unwrap();
    site.followed().await;
    assert_eq!(published(&site).await.pointer.seq, before.seq + 1);
    assert_eq!(company(&site, DEMO).await, "Noonside Coffee");
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_that_nobody_has_touched_are_not_uploaded_at_any_start() {
    let site = Site::start().await;
    site.followed().await;
    let incoming = site.stack.folder().incoming_dir();
    assert_eq!(std::fs::read_dir(&incoming).unwrap().count(), 0);
    let draft = site.stack.folder().drafts_dir().join("loyalty").join("pass.json");
    let text = std::fs::read_to_string(&draft).unwrap();
    std::fs::write(&draft, text.replace("Morningside Coffee", "Noonside Coffee")).unwrap();
    site.followed().await;
    let seq = published(&site).await.pointer.seq;

    let site = Site::start_again(site.shut_down().await).await;
    site.followed().await;
    assert_eq!(published(&site).await.pointer.seq, seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_brings_all_passes_back_and_an_old_upload_does_not_undo_it() {
    let site = Site::start().await;
    upload(&site, &bundle("Eveningside Coffee")).await;
    let (who, tag) = site.installed("8a1f0e9c", LOYALTY, DEMO).await;
    let (sweeps, clock) = (site.sweep_queue(), site.clock.wall_clock());
    let outcome = roll_back(&site.registry, &sweeps, &clock, &loyalty()).await.unwrap();
    assert!(matches!(outcome, RollBackOutcome::RolledBack(_)), "{outcome:?}");
    site.worked_off().await;
    assert_eq!(company(&site, DEMO).await, "Morningside Coffee");
    assert_eq!(site.pushes_to(&who.push_token).len(), 1);
    assert_eq!(site.caller.list(&who, Some(&tag)).await.serials(), [DEMO]);

    // EventBridge may bring an event twice, and a restart of the local stack does.
    let site = Site::start_again(site.shut_down().await).await;
    site.followed().await;
    assert_eq!(company(&site, DEMO).await, "Morningside Coffee");
}
