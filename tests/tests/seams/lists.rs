//! Conditions of the list answer, and what a tag means.

use passes::ports::{AnswerList as _, Answered, Answering};
use passes::tag::UpdateTag;
use tests::Workbench;
use tests::workbench::device_key;

async fn answer(bench: &Workbench, answering: Answering) -> Answered {
    bench.registry.answer(&device_key("d1"), answering).await.unwrap()
}

#[tokio::test]
async fn a_lease_is_cleared_only_for_the_tag_that_is_answered() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let device = bench.device("d1").await.unwrap();
    let due_at = device.lease.unwrap().due_at;
    let right = Answering {
        expected_tag: device.tag,
        expected_due_at: Some(due_at),
        tag: device.tag,
        now: bench.clock.now(),
    };
    let earlier = UpdateTag::new(device.tag.value() - 1);
    for wrong in [
        Answering {
            expected_tag: earlier,
            tag: earlier,
            ..right
        },
        Answering {
            expected_due_at: Some(due_at + 1),
            ..right
        },
        Answering {
            expected_due_at: None,
            ..right
        },
    ] {
        match answer(&bench, wrong).await {
            Answered::Overtaken(found) => assert_eq!(found.as_ref(), Some(&device)),
            Answered::Done => panic!("cleared by {wrong:?}"),
        }
        assert_eq!(bench.device("d1").await.as_ref(), Some(&device));
    }
    assert!(matches!(answer(&bench, right).await, Answered::Done));
    assert_eq!(bench.device("d1").await.unwrap().lease, None);
}

#[tokio::test]
async fn an_answer_never_creates_a_device() {
    let bench = Workbench::start().await;
    let tag = UpdateTag::new(1);
    let answering = Answering {
        expected_tag: tag,
        expected_due_at: None,
        tag,
        now: bench.clock.now(),
    };
    assert!(matches!(answer(&bench, answering).await, Answered::Overtaken(None)));
    assert_eq!(bench.device("d1").await, None);
}

#[tokio::test]
async fn a_tag_from_the_future_means_everything_and_is_left_behind() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let (_, tag) = bench.list("d1", None).await.unwrap();
    let (serials, next) = bench.list("d1", Some(tag + 500)).await.unwrap();
    assert_eq!(serials, ["A"]);
    assert_eq!(next, tag + 501, "past both tags, so that it never means two states");
    assert_eq!(bench.list("d1", Some(next)).await, None);
}

#[tokio::test]
async fn a_tag_from_the_far_future_cannot_carry_ours_away() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let (serials, next) = bench.list("d1", Some(9_999_999_999_999_999_999)).await.unwrap();
    assert_eq!(serials, ["A"]);
    assert_eq!(next, bench.clock.now().seconds() + 86_401);
}

#[tokio::test]
async fn the_devices_own_tag_means_everything_while_it_was_never_answered() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let (_, tag) = bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    let unanswered = bench.device("d1").await.unwrap().tag.value();
    assert!(unanswered > tag);
    // Only a restored table can bring this about: the phone was given the tag by another life.
    let (serials, next) = bench.list("d1", Some(unanswered)).await.unwrap();
    assert_eq!(serials, ["A"]);
    assert!(next > unanswered);
}

#[tokio::test]
async fn what_has_been_answered_is_not_listed_again() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    let (serials, tag) = bench.list("d1", None).await.unwrap();
    assert_eq!(serials, ["A", "B"]);
    assert_eq!(bench.list("d1", Some(tag)).await, None);
    bench.write_balance("B", 2).await;
    bench.publish("B").await.unwrap();
    let (serials, tag) = bench.list("d1", Some(tag)).await.unwrap();
    assert_eq!(serials, ["B"]);
    assert_eq!(bench.list("d1", Some(tag)).await, None);
}
