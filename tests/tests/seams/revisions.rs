//! Conditions of the revision's write.

use passes::ports::{Conditional, WriteRevision as _};
use passes::tag::RevisionNumber;
use tests::Workbench;
use tests::workbench::key;

#[tokio::test]
async fn a_first_revision_is_written_only_where_there_is_none() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let there = bench.revision("A").await;
    let mut other = there.clone();
    other.number = RevisionNumber::new(there.number.value() + 100);
    let written = bench.registry.replace_revision(&key("A"), &other, None).await.unwrap();
    assert_eq!(written, Conditional::Overtaken);
    assert_eq!(bench.revision("A").await.number, there.number);
}

#[tokio::test]
async fn a_revision_is_replaced_only_where_it_is_the_one_that_was_read() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let read = bench.revision("A").await;
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    let newer = bench.revision("A").await;
    let mut late = newer.clone();
    late.number = RevisionNumber::new(newer.number.value() + 100);
    let written = bench
        .registry
        .replace_revision(&key("A"), &late, Some(&read))
        .await
        .unwrap();
    assert_eq!(written, Conditional::Overtaken);
    assert_eq!(bench.revision("A").await.number, newer.number);
    let written = bench
        .registry
        .replace_revision(&key("A"), &late, Some(&newer))
        .await
        .unwrap();
    assert_eq!(written, Conditional::Done);
}

#[tokio::test]
async fn a_revision_comes_back_from_the_registry_as_it_was_written() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let written = bench.revision("A").await;
    let mut expected = written.clone();
    expected.number = RevisionNumber::new(written.number.value() + 1);
    expected.images = vec![passes::revision::PinnedImage {
        name: "thumbnail.png".into(),
        key: "members/1.png".into(),
        version: "v1".into(),
        sha1: "da39a3ee5e6b4b0d3255bfef95601890afd80709".into(),
        size: 17,
    }];
    expected.token_origin = passes::revision::TokenOrigin::Record;
    let replaced = bench
        .registry
        .replace_revision(&key("A"), &expected, Some(&written))
        .await;
    assert_eq!(replaced.unwrap(), Conditional::Done);
    let read = bench.revision("A").await;
    assert!(read.token.matches(&expected.token));
    assert_eq!(
        (
            read.number,
            read.pass_json,
            read.fingerprint,
            read.template,
            read.images,
            read.token_origin
        ),
        (
            expected.number,
            expected.pass_json,
            expected.fingerprint,
            expected.template,
            expected.images,
            expected.token_origin
        )
    );
}

#[tokio::test]
async fn the_clock_may_go_back_but_a_revision_does_not() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let first = bench.revision("A").await.number;
    bench.clock.turn_back(std::time::Duration::from_secs(3600));
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.revision("A").await.number.value(), first.value() + 1);
}
