//! A template's pointer: moved by one at a time, and back again.

use passes::ports::MovePointer as _;
use passes::revision::TemplatePointer;
use passes::template::{RollBackError, RollBackOutcome, roll_back};
use tests::Workbench;

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
        assert_eq!(moved, passes::ports::Conditional::Done);
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

/// Whoever reads "failed" rolls back once more, and would publish the bad version again.
#[tokio::test]
async fn a_rollback_that_no_sweep_follows_says_that_the_pointer_has_moved() {
    let bench = moved().await;
    bench.queue.refuse(true);
    let (id, clock) = ("card".parse().unwrap(), bench.clock.wall_clock());
    let failed = roll_back(&bench.registry, &bench.queue, &clock, &id).await.unwrap_err();
    assert!(matches!(failed, RollBackError::NotSwept { pointer: at, .. } if at == pointer("a", 3)));
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
        assert_eq!(moved.unwrap(), passes::ports::Conditional::Done);
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
