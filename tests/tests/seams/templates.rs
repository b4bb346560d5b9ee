//! A template's pointer: moved by one at a time, and back again.

use aws::dynamodb::Registry;
use aws::files::{FileStore, Folder, Templates};
use passes::ids::TemplateId;
use passes::ports::{Conditional, MovePointer, StoreError, StoreResult};
use passes::revision::{PublishedTemplate, TemplatePointer};
use passes::sweep::SEGMENTS;
use passes::template::{MoveError, RollBackOutcome, TemplateOutcome, publish_template, roll_back};
use passes::time::Timestamp;
use tests::{Workbench, loyalty_of};

fn pointer(version: &str, seq: u64) -> TemplatePointer {
    TemplatePointer {
        id: "card".parse().unwrap(),
        version: version.to_owned(),
        seq,
    }
}

/// Version `a`, and then `b`.
async fn moved() -> Workbench {
    let bench = Workbench::start().await;
    let (a, b) = (pointer("a", 1), pointer("b", 2));
    let now = bench.clock.now();
    for (to, from) in [(&a, None), (&b, Some(&a))] {
        let moved = bench.registry.move_pointer(to, from, None, now).await.unwrap();
        assert_eq!(moved, Conditional::Done);
    }
    bench
}

async fn rolled_back(bench: &Workbench) -> RollBackOutcome {
    let id = "card".parse().unwrap();
    roll_back(&bench.registry, &bench.queue, &bench.clock.wall_clock(), &id)
        .await
        .unwrap()
}

async fn published(bench: &Workbench) -> TemplatePointer {
    let id = "card".parse().unwrap();
    bench.registry.pointer(&id).await.unwrap().unwrap().pointer
}

#[tokio::test]
async fn a_rollback_publishes_the_version_before_under_a_new_seq_and_twice_is_where_one_was() {
    let bench = moved().await;
    assert_eq!(rolled_back(&bench).await, RollBackOutcome::RolledBack(pointer("a", 3)));
    assert_eq!(rolled_back(&bench).await, RollBackOutcome::RolledBack(pointer("b", 4)));
    assert_eq!(published(&bench).await, pointer("b", 4));
}

#[tokio::test]
async fn a_rollback_whose_answer_is_lost_is_not_rolled_back_again() {
    let bench = moved().await;
    // The SDK tries again by itself, and then finds that the pointer has moved.
    bench.tap.lose_answer("UpdateItem", "previous_version");
    assert_eq!(
        rolled_back(&bench.tapped().await).await,
        RollBackOutcome::RolledBack(pointer("a", 3))
    );
    bench.tap.assert_all_acted();
    assert_eq!(published(&bench).await, pointer("a", 3));
}

/// As below: "failed" would be rolled back once more.
#[tokio::test]
async fn a_rollback_that_cannot_hear_whether_it_moved_the_pointer_says_so() {
    for sent_again in [None, Some(Again::PointerHasMoved), Some(Again::Throttled)] {
        let bench = moved().await;
        let (id, clock) = ("card".parse().unwrap(), bench.clock.wall_clock());
        let store = Unheard(&bench.registry, sent_again);
        let failed = roll_back(&store, &bench.queue, &clock, &id).await.unwrap_err();
        assert!(matches!(failed, MoveError::MayHaveMoved { pointer: at, .. } if at == pointer("a", 3)));
        assert_eq!(published(&bench).await, pointer("a", 3));
    }
}

/// The pointer is moved, and neither that nor what follows is heard. The SDK may have sent the request again.
struct Unheard<'a>(&'a Registry, Option<Again>);

/// What becomes of it then.
enum Again {
    PointerHasMoved,
    Throttled,
}

impl MovePointer for Unheard<'_> {
    async fn pointer(&self, id: &TemplateId) -> StoreResult<Option<PublishedTemplate>> {
        let published = self.0.pointer(id).await?;
        match &published {
            Some(published) if published.pointer.seq > 2 => Err(unheard("read-pointer")),
            _ => Ok(published.clone()),
        }
    }

    async fn move_pointer(
        &self,
        pointer: &TemplatePointer,
        replaced: Option<&TemplatePointer>,
        upload: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<Conditional> {
        let _ = self.0.move_pointer(pointer, replaced, upload, now).await?;
        match self.1 {
            Some(Again::PointerHasMoved) => self.0.move_pointer(pointer, replaced, upload, now).await,
            Some(Again::Throttled) => Err(StoreError::Throttled {
                call: "move-pointer",
                source: "slow down".into(),
            }),
            None => Err(unheard("move-pointer")),
        }
    }
}

fn unheard(call: &'static str) -> StoreError {
    StoreError::OutcomeUnknown {
        call,
        source: "lost".into(),
    }
}

/// Whoever reads "failed" rolls back once more, and would publish the bad version again.
#[tokio::test]
async fn a_rollback_that_no_sweep_follows_says_that_the_pointer_has_moved() {
    let bench = moved().await;
    bench.queue.refuse(true);
    let (id, clock) = ("card".parse().unwrap(), bench.clock.wall_clock());
    let failed = roll_back(&bench.registry, &bench.queue, &clock, &id).await.unwrap_err();
    assert!(matches!(failed, MoveError::NotSwept { pointer: at, .. } if at == pointer("a", 3)));
    assert_eq!(published(&bench).await, pointer("a", 3));
}

#[tokio::test]
async fn a_version_published_meanwhile_is_not_rolled_back() {
    let bench = moved().await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "previous_version", async move {
        let (third, second) = (pointer("c", 3), pointer("b", 2));
        let now = other.clock.now();
        let moved = other.registry.move_pointer(&third, Some(&second), None, now).await;
        assert_eq!(moved.unwrap(), Conditional::Done);
    });
    assert_eq!(
        rolled_back(&bench.tapped().await).await,
        RollBackOutcome::Overtaken(pointer("c", 3))
    );
    bench.tap.assert_all_acted();
    assert_eq!(published(&bench).await, pointer("c", 3));
}

#[tokio::test]
async fn what_was_published_once_or_never_cannot_be_rolled_back() {
    let bench = Workbench::start().await;
    assert_eq!(rolled_back(&bench).await, RollBackOutcome::Unknown);
    let first = pointer("a", 1);
    let _ = bench
        .registry
        .move_pointer(&first, None, None, bench.clock.now())
        .await
        .unwrap();
    assert_eq!(rolled_back(&bench).await, RollBackOutcome::NoEarlierVersion);
}

async fn put(bench: &Workbench, company: &str) -> Result<TemplateOutcome, MoveError> {
    let (id, clock) = ("card".parse().unwrap(), bench.clock.wall_clock());
    let files = Templates::new(FileStore::Folder(Folder::new(bench.templates_dir())));
    publish_template(&bench.registry, &files, &bench.queue, &clock, &id, &loyalty_of(company)).await
}

#[tokio::test]
async fn a_put_that_no_sweep_follows_says_so_and_put_again_tells_the_passes() {
    let bench = Workbench::start().await;
    bench.queue.refuse(true);
    let failed = put(&bench, "A").await.unwrap_err();
    assert!(matches!(failed, MoveError::NotSwept { pointer, .. } if pointer.seq == 1));
    let failed = put(&bench, "A").await.unwrap_err();
    assert!(
        matches!(failed, MoveError::NotSwept { pointer, .. } if pointer.seq == 1),
        "nor is that nothing to do"
    );

    bench.queue.refuse(false);
    let pointer = published(&bench).await;
    assert_eq!(
        put(&bench, "A").await.unwrap(),
        TemplateOutcome::ToldAgain(pointer.clone())
    );
    assert_eq!(bench.queue.take_sweeps().len(), usize::from(SEGMENTS));
}

#[tokio::test]
async fn files_that_are_put_again_tell_those_segments_alone_of_which_nothing_is_noted() {
    let bench = Workbench::start().await;
    assert!(matches!(put(&bench, "A").await.unwrap(), TemplateOutcome::Published(_)));
    let pages = bench.queue.take_sweeps();
    for page in &pages[1..] {
        bench.sweep(page, || false).await.unwrap();
    }
    let pointer = published(&bench).await;
    assert_eq!(
        put(&bench, "A").await.unwrap(),
        TemplateOutcome::ToldAgain(pointer.clone())
    );
    assert_eq!(bench.queue.take_sweeps(), pages[..1]);
    bench.sweep(&pages[0], || false).await.unwrap();
    assert_eq!(put(&bench, "A").await.unwrap(), TemplateOutcome::Unchanged(pointer));
    assert!(bench.queue.take_sweeps().is_empty());
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_was_published_and_not_there_before() {
    let bench = Workbench::start().await;
    bench.tap.lose_answer("UpdateItem", "published_at");
    let outcome = put(&bench.tapped().await, "A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(outcome, TemplateOutcome::Published(published(&bench).await));
    assert_eq!(bench.queue.take_sweeps().len(), usize::from(SEGMENTS));
}
