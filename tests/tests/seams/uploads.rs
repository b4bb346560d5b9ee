//! An upload is a hint too: late, twice and out of order it leads to what lies there now, and never
//! back behind what was published since.

use std::path::PathBuf;

use aws::files::{FileStore, Folder, Uploads};
use passes::ports::{MovePointer as _, NoteUpload as _, StoreResult};
use passes::revision::{PublishedTemplate, TemplatePointer};
use passes::sweep::SEGMENTS;
use passes::template::{RollBackOutcome, roll_back};
use passes::upload::{UploadOutcome, take_in};
use tempfile::TempDir;
use tests::{Workbench, loyalty_of};

struct Scene {
    bench: Workbench,
    incoming: TempDir,
}

async fn scene() -> Scene {
    Scene {
        bench: Workbench::start().await,
        incoming: tempfile::tempdir().unwrap(),
    }
}

impl Scene {
    fn place(&self) -> PathBuf {
        self.incoming.path().join("card.zip")
    }

    fn upload(&self, company: &str) {
        std::fs::write(self.place(), loyalty_of(company).to_bundle()).unwrap();
    }

    async fn take_in(&self) -> StoreResult<UploadOutcome> {
        self.take_in_by(&self.bench).await
    }

    async fn take_in_by(&self, bench: &Workbench) -> StoreResult<UploadOutcome> {
        let folder = |path| FileStore::Folder(Folder::new(path));
        let uploads = Uploads::new(
            folder(self.incoming.path().to_owned()),
            folder(self.bench.templates_dir()),
        );
        let id = "card".parse().unwrap();
        take_in(&bench.registry, &uploads, &bench.queue, &bench.clock.wall_clock(), &id).await
    }

    async fn published(&self) -> Option<PublishedTemplate> {
        let id = "card".parse().unwrap();
        self.bench.registry.pointer(&id).await.unwrap()
    }

    async fn rolled_back(&self) {
        let (id, clock) = ("card".parse().unwrap(), self.bench.clock.wall_clock());
        let outcome = roll_back(&self.bench.registry, &self.bench.queue, &clock, &id).await;
        assert!(matches!(outcome.unwrap(), RollBackOutcome::RolledBack(_)));
    }
}

fn pointer(company: &str, seq: u64) -> TemplatePointer {
    TemplatePointer {
        id: "card".parse().unwrap(),
        version: loyalty_of(company).version().to_owned(),
        seq,
    }
}

/// Published without anything to warn of.
fn published(pointer: TemplatePointer) -> UploadOutcome {
    UploadOutcome::Published {
        pointer,
        warnings: Vec::new(),
    }
}

#[tokio::test]
async fn an_upload_moves_the_pointer_once_and_begins_one_sweep_however_often_it_is_brought() {
    let scene = scene().await;
    scene.upload("A");
    assert_eq!(scene.take_in().await.unwrap(), published(pointer("A", 1)));
    let segments: Vec<_> = scene
        .bench
        .queue
        .take_sweeps()
        .into_iter()
        .map(|page| page.segment)
        .collect();
    assert_eq!(segments, (0..SEGMENTS).collect::<Vec<_>>());
    // Nothing has been noted of the sweep yet, so a repetition may send it once more; after its
    // first page it does not.
    scene.bench.sweep_all().await;
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Known);
    scene.bench.sweep_all().await;
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Known);
    assert!(scene.bench.queue.take_sweeps().is_empty());
    assert_eq!(scene.published().await.unwrap().pointer, pointer("A", 1));
}

#[tokio::test]
async fn an_upload_that_is_brought_again_after_a_rollback_stays_rolled_back() {
    let scene = scene().await;
    for company in ["A", "B"] {
        scene.upload(company);
        scene.take_in().await.unwrap();
    }
    scene.rolled_back().await;
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Known);
    assert_eq!(scene.published().await.unwrap().pointer, pointer("A", 3));
    // Somebody who uploads it anew means it.
    std::fs::remove_file(scene.place()).unwrap();
    scene.upload("B");
    assert_eq!(scene.take_in().await.unwrap(), published(pointer("B", 4)));
}

/// The same for files that were published already when they were uploaded.
#[tokio::test]
async fn an_upload_that_changed_nothing_is_known_too() {
    let scene = scene().await;
    for company in ["A", "B"] {
        scene.upload(company);
        scene.take_in().await.unwrap();
    }
    std::fs::remove_file(scene.place()).unwrap();
    scene.upload("B");
    assert_eq!(
        scene.take_in().await.unwrap(),
        UploadOutcome::Unchanged(pointer("B", 2))
    );
    scene.rolled_back().await;
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Known);
    assert_eq!(scene.published().await.unwrap().pointer, pointer("A", 3));
}

#[tokio::test]
async fn of_two_uploads_the_newer_one_is_published_in_the_end_although_the_older_was_read_first() {
    let scene = scene().await;
    scene.upload("A");
    let tapped = scene.bench.tapped().await;
    let (place, newer) = (scene.place(), loyalty_of("B").to_bundle());
    scene.bench.tap.before("UpdateItem", "version", async move {
        std::fs::write(place, newer).unwrap();
    });
    let outcome = scene.take_in_by(&tapped).await.unwrap();
    scene.bench.tap.assert_all_acted();
    assert_eq!(outcome, published(pointer("B", 2)));
    assert_eq!(scene.published().await.unwrap().pointer, pointer("B", 2));
}

#[tokio::test]
async fn an_upload_under_an_old_pointer_does_not_move_it_back() {
    let scene = scene().await;
    scene.upload("A");
    let tapped = scene.bench.tapped().await;
    let other = scene.bench.clone();
    scene.bench.tap.before("UpdateItem", "version", async move {
        let moved = other
            .registry
            .move_pointer(&pointer("C", 1), None, None, other.clock.now())
            .await;
        assert_eq!(moved.unwrap(), passes::ports::Conditional::Done);
    });
    // Its second turn sees C, and A is what lies there: it was uploaded, and nobody has taken it in.
    let outcome = scene.take_in_by(&tapped).await.unwrap();
    scene.bench.tap.assert_all_acted();
    assert_eq!(outcome, published(pointer("A", 2)));
}

#[tokio::test]
async fn a_crash_between_pointer_and_sweep_is_made_up_for_when_the_upload_is_brought_again() {
    let scene = scene().await;
    scene.upload("A");
    scene.bench.queue.refuse(true);
    assert!(scene.take_in().await.is_err());
    assert_eq!(scene.published().await.unwrap().pointer, pointer("A", 1));
    scene.bench.queue.refuse(false);
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Known);
    assert_eq!(scene.bench.queue.take_sweeps().len(), usize::from(SEGMENTS));
}

/// The first call takes ten messages, and some of them are worked off before the upload is brought again.
#[tokio::test]
async fn a_sweep_that_was_begun_in_part_is_completed_when_the_upload_is_brought_again() {
    let scene = scene().await;
    scene.upload("A");
    scene.bench.queue.refuse_after(1);
    assert!(scene.take_in().await.is_err());
    scene.bench.queue.refuse(false);
    let begun = scene.bench.queue.take_sweeps();
    for page in &begun {
        scene.bench.sweep(page, || false).await.unwrap();
    }
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Known);
    let mut segments: Vec<_> = begun.iter().map(|page| page.segment).collect();
    segments.extend(scene.bench.queue.take_sweeps().iter().map(|page| page.segment));
    assert_eq!(segments, (0..SEGMENTS).collect::<Vec<_>>(), "each once");
}

/// As by a pipeline that tidies up behind itself: nothing else tells of the version that it published.
#[tokio::test]
async fn an_upload_that_is_gone_once_the_pointer_has_moved_is_swept_all_the_same() {
    let scene = scene().await;
    scene.upload("A");
    let tapped = scene.bench.tapped().await;
    let place = scene.place();
    scene.bench.tap.before("UpdateItem", "version", async move {
        std::fs::remove_file(place).unwrap();
    });
    assert_eq!(scene.take_in_by(&tapped).await.unwrap(), UploadOutcome::Gone);
    scene.bench.tap.assert_all_acted();
    assert_eq!(scene.published().await.unwrap().pointer, pointer("A", 1));
    assert_eq!(scene.bench.queue.take_sweeps().len(), usize::from(SEGMENTS));
}

#[tokio::test]
async fn a_move_whose_answer_is_lost_is_not_made_twice() {
    let scene = scene().await;
    scene.upload("A");
    // The SDK tries again by itself, and then finds that the pointer has moved.
    scene.bench.tap.lose_answer("UpdateItem", "version");
    let outcome = scene.take_in_by(&scene.bench.tapped().await).await.unwrap();
    scene.bench.tap.assert_all_acted();
    assert_eq!(outcome, UploadOutcome::Known);
    assert_eq!(scene.published().await.unwrap().pointer, pointer("A", 1));
    assert_eq!(scene.bench.queue.take_sweeps().len(), usize::from(SEGMENTS));
}

#[tokio::test]
async fn what_is_no_template_leaves_everything_and_says_why() {
    let scene = scene().await;
    scene.upload("A");
    scene.take_in().await.unwrap();
    let before = scene.published().await;
    scene.bench.queue.take_sweeps();
    for bad in [b"".to_vec(), b"PK".to_vec(), vec![0; 7 * 1024 * 1024]] {
        std::fs::write(scene.place(), bad).unwrap();
        let UploadOutcome::Refused(reason) = scene.take_in().await.unwrap() else {
            panic!("refused")
        };
        assert!(!reason.is_empty());
        let note = scene
            .bench
            .registry
            .upload_note(&"card".parse().unwrap())
            .await
            .unwrap();
        assert_eq!(note.unwrap().refused.as_ref(), Some(&reason));
        // Brought again, it is not read again, and says the same.
        assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Refused(reason));
    }
    assert_eq!(scene.published().await, before);
    assert!(scene.bench.queue.take_sweeps().iter().all(|page| page.seq == 1));
    std::fs::remove_file(scene.place()).unwrap();
    assert_eq!(scene.take_in().await.unwrap(), UploadOutcome::Gone);
}
