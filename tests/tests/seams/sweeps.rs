//! A sweep: every pass of a template follows, whatever becomes of the messages, and no sweep outlives
//! its pointer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ports::{Conditional, KeepSweep as _, MovePointer as _};
use passes::revision::TemplatePointer;
use passes::sweep::{SEGMENTS, SegmentProgress, SweepEnd, SweepPage, SweepProgress, Tally, begin};
use serde_json::json;
use tap::Tap;
use tests::workbench::REGISTRY;
use tests::{LOYALTY, Workbench, loyalty_of};

/// Cards that a template's version must reach, and passes of another template between them.
const CARDS: usize = 20;

async fn scene() -> Workbench {
    let bench = Workbench::start().await;
    for number in 0..CARDS {
        bench.card(&format!("CARD-{number}"), 1).await;
        let other = json!({"template": "ticket", "fields": {"seat": "1"}});
        bench.backend.put(LOYALTY, &format!("OTHER-{number}"), other).await;
    }
    bench
}

/// A version of the loyalty template with this company on it, stored.
fn stored(bench: &Workbench, company: &str) -> String {
    let template = loyalty_of(company);
    let folder = bench.templates_dir().join("loyalty");
    std::fs::write(folder.join(format!("{}.zip", template.version())), template.to_bundle()).unwrap();
    template.version().to_owned()
}

/// Moves the pointer as a publisher does, and begins the sweep.
async fn published(bench: &Workbench, company: &str) -> TemplatePointer {
    let id = "loyalty".parse().unwrap();
    let before = bench.registry.pointer(&id).await.unwrap().unwrap().pointer;
    let pointer = TemplatePointer {
        version: stored(bench, company),
        seq: before.seq + 1,
        id,
    };
    let now = bench.clock.now();
    let moved = bench.registry.move_pointer(&pointer, Some(&before), None, now).await;
    assert_eq!(moved.unwrap(), Conditional::Done);
    begin(&bench.queue, &pointer).await.unwrap();
    pointer
}

async fn companies(bench: &Workbench) -> Vec<String> {
    let mut companies = Vec::new();
    for number in 0..CARDS {
        let pass = bench.revision(&format!("CARD-{number}")).await.pass_json;
        let pass: serde_json::Value = serde_json::from_slice(&pass).unwrap();
        companies.push(pass["organizationName"].as_str().unwrap().to_owned());
    }
    companies.sort();
    companies.dedup();
    companies
}

async fn progress(bench: &Workbench) -> SweepProgress {
    let id = "loyalty".parse().unwrap();
    let published = bench.registry.pointer(&id).await.unwrap().unwrap();
    published.sweep.expect("a sweep is noted")
}

fn swept(progress: &SweepProgress) -> u64 {
    progress.values().map(|segment| segment.done.passes).sum()
}

#[tokio::test]
async fn every_pass_of_the_template_follows_and_the_progress_says_so() {
    let bench = scene().await;
    published(&bench, "A").await;
    bench.sweep_all().await;
    assert_eq!(companies(&bench).await, ["A"]);
    let progress = progress(&bench).await;
    assert_eq!(progress.len(), usize::from(SEGMENTS));
    assert!(progress.values().all(|segment| segment.finished));
    assert_eq!(swept(&progress), CARDS as u64);
}

/// A record that names a field which the template does not have is refused, and holds up nobody.
#[tokio::test]
async fn passes_that_cannot_follow_are_counted_across_pages() {
    let bench = scene().await;
    const REFUSED: u64 = 3;
    for number in 0..REFUSED {
        let wrong = json!({"template": "loyalty", "fields": {"points": 1}});
        bench.backend.put(LOYALTY, &format!("WRONG-{number}"), wrong).await;
    }
    published(&bench, "A").await;
    let mut pages = bench.queue.take_sweeps();
    while let Some(page) = pages.pop() {
        // Time for two passes of each page.
        let begun = AtomicUsize::new(0);
        let time_is_up = || begun.fetch_add(1, Ordering::Relaxed) >= 2;
        bench.sweep(&page, time_is_up).await.unwrap();
        pages.extend(bench.queue.take_sweeps());
    }
    let done: Tally = progress(&bench).await.values().map(|segment| segment.done).sum();
    let expected = Tally {
        passes: CARDS as u64 + REFUSED,
        refused: REFUSED,
        handed_over: 0,
    };
    assert_eq!(done, expected);
    assert_eq!(done.followed(), CARDS as u64);
}

#[tokio::test]
async fn pages_that_come_twice_and_out_of_order_change_nothing_more() {
    let bench = scene().await;
    published(&bench, "A").await;
    let pages = bench.queue.take_sweeps();
    for page in pages.iter().rev().chain(&pages) {
        let report = bench.sweep(page, || false).await.unwrap();
        assert_eq!(report.end, SweepEnd::SegmentFinished);
    }
    assert_eq!(companies(&bench).await, ["A"]);
    assert_eq!(swept(&progress(&bench).await), CARDS as u64);
}

#[tokio::test]
async fn a_newer_version_ends_the_sweep_of_the_older_one() {
    let bench = scene().await;
    published(&bench, "A").await;
    let older = bench.queue.take_sweeps();
    published(&bench, "B").await;
    for page in &older {
        let report = bench.sweep(page, || false).await.unwrap();
        assert_eq!((report.end, report.done.passes), (SweepEnd::Overtaken, 0));
    }
    assert!(progress(&bench).await.is_empty(), "nothing of the older one is noted");
    bench.sweep_all().await;
    assert_eq!(companies(&bench).await, ["B"]);
}

#[tokio::test]
async fn what_is_not_begun_in_time_is_handed_on_from_the_last_pass_that_was_done() {
    let bench = scene().await;
    published(&bench, "A").await;
    let mut pages = bench.queue.take_sweeps();
    let mut cuts = 0;
    while let Some(page) = pages.pop() {
        // Time for two passes of each page.
        let begun = AtomicUsize::new(0);
        let report = bench
            .sweep(&page, || begun.fetch_add(1, Ordering::Relaxed) >= 2)
            .await
            .unwrap();
        assert!(report.done.passes <= 2);
        cuts += usize::from(report.end == SweepEnd::HandedOn);
        pages.extend(bench.queue.take_sweeps());
    }
    assert!(cuts > 0, "some segment holds more than two cards");
    assert_eq!(companies(&bench).await, ["A"]);
    assert_eq!(swept(&progress(&bench).await), CARDS as u64);
}

#[tokio::test]
async fn a_page_of_which_nothing_could_be_done_is_not_handed_on() {
    let bench = scene().await;
    published(&bench, "A").await;
    let pages = bench.queue.take_sweeps();
    let mut stuck = 0;
    for page in &pages {
        let report = bench.sweep(page, || true).await.unwrap();
        match report.end {
            SweepEnd::Stuck => stuck += 1,
            // A segment without cards.
            end => assert_eq!((end, report.done.passes), (SweepEnd::SegmentFinished, 0)),
        }
    }
    assert!(stuck > 0);
    assert!(bench.queue.take_sweeps().is_empty());
}

#[tokio::test]
async fn a_page_whose_successor_cannot_be_sent_comes_again() {
    let bench = scene().await;
    published(&bench, "A").await;
    let pages = bench.queue.take_sweeps();
    bench.queue.refuse(true);
    let mut failed = 0;
    for page in &pages {
        let begun = AtomicUsize::new(0);
        let time_is_up = || begun.fetch_add(1, Ordering::Relaxed) >= 1;
        failed += usize::from(bench.sweep(page, time_is_up).await.is_err());
    }
    assert!(failed > 0);
    bench.queue.refuse(false);
    for page in &pages {
        bench.sweep(page, || false).await.unwrap();
    }
    assert_eq!(companies(&bench).await, ["A"]);
}

/// Were the next page sent first, each fault of the note would leave one more chain of pages behind.
#[tokio::test]
async fn a_page_whose_progress_cannot_be_noted_hands_nothing_on() {
    let bench = scene().await;
    let pointer = published(&bench, "A").await;
    let pages = bench.queue.take_sweeps();
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "#sweep", "AccessDeniedException");
    let cut = AtomicUsize::new(0);
    let one_each = || cut.fetch_add(1, Ordering::Relaxed) % 2 == 1;
    let mut failed = 0;
    for page in &pages {
        cut.store(0, Ordering::Relaxed);
        let sent_before = bench.queue.take_sweeps().len();
        assert!(sent_before <= 1);
        if tapped.sweep(page, one_each).await.is_err() {
            failed += 1;
            assert!(bench.queue.take_sweeps().is_empty());
        }
    }
    bench.tap.assert_all_acted();
    assert_eq!(failed, 1, "{pointer:?}");
}

/// A sweep's pushes wait at the pace: before the device moves, not after it.
#[tokio::test]
async fn a_push_has_its_turn_before_its_device_is_advanced_and_without_one_the_schedule_has_it() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.turn(1);
    bench.list("d1", None).await.unwrap();
    let tapped = bench.tapped().await;
    let advances = |tap: &Tap| tap.calls().iter().filter(|call| call.mentions("DEVICE#d1")).count();
    for (balance, has_turn, pushed) in [(2, true, 1), (3, false, 1)] {
        bench.turn(1);
        bench.tap.forget();
        let tap = bench.tap.clone();
        bench.pushes.at_turn(move || {
            assert_eq!(advances(&tap), 0);
            has_turn
        });
        tapped.write_balance("A", balance).await;
        let report = tapped.publish("A").await.unwrap().fan_out;
        assert_eq!((report.advanced, report.left), (1, u32::from(!has_turn)));
        assert!(advances(&bench.tap) > 0);
        assert_eq!(bench.pushes.sent().len(), pushed);
        assert!(bench.device("d1").await.unwrap().lease.is_some());
        if has_turn {
            bench.list("d1", None).await.unwrap();
        }
    }
    bench.turn(300);
    bench.push_if_due("d1").await;
    assert_eq!(bench.pushes.sent().len(), 2);
}

#[tokio::test]
async fn progress_is_noted_for_the_pointers_own_sweep_and_never_goes_back() {
    let bench = scene().await;
    let pointer = published(&bench, "A").await;
    let note = async |seq, passes, finished| {
        let done = Tally {
            passes,
            ..Tally::default()
        };
        let progress = SegmentProgress { done, finished };
        bench
            .registry
            .note_segment(&pointer.id, seq, 3, progress)
            .await
            .unwrap()
    };
    assert_eq!(note(pointer.seq, 500, false).await, Conditional::Done);
    assert_eq!(note(pointer.seq, 400, false).await, Conditional::Overtaken);
    assert_eq!(note(pointer.seq - 1, 900, false).await, Conditional::Overtaken);
    assert_eq!(note(pointer.seq, 700, true).await, Conditional::Done);
    assert_eq!(note(pointer.seq, 700, false).await, Conditional::Overtaken);
    let expected = SegmentProgress {
        done: Tally {
            passes: 700,
            ..Tally::default()
        },
        finished: true,
    };
    assert_eq!(progress(&bench).await, SweepProgress::from([(3, expected)]));
}

#[tokio::test]
async fn progress_that_was_noted_before_there_were_counts_has_none() {
    let bench = scene().await;
    let pointer = published(&bench, "A").await;
    let noted = AttributeValue::M(HashMap::from([
        ("passes".to_owned(), AttributeValue::N("7".into())),
        ("finished".to_owned(), AttributeValue::Bool(true)),
    ]));
    bench
        .client()
        .update_item()
        .table_name(REGISTRY)
        .key("PK", AttributeValue::S(format!("TEMPLATE#{}", pointer.id)))
        .key("SK", AttributeValue::S("TEMPLATE".into()))
        .update_expression("SET #sweep.s3 = :noted")
        .expression_attribute_names("#sweep", "sweep")
        .expression_attribute_values(":noted", noted)
        .send()
        .await
        .unwrap();
    let done = Tally {
        passes: 7,
        ..Tally::default()
    };
    let expected = SegmentProgress { done, finished: true };
    assert_eq!(progress(&bench).await, SweepProgress::from([(3, expected)]));
}

/// Seeds and stacks of before write pointers without it.
#[tokio::test]
async fn a_pointer_of_before_has_no_sweep_to_note() {
    let bench = Workbench::start().await;
    let id = "loyalty".parse().unwrap();
    let published = bench.registry.pointer(&id).await.unwrap().unwrap();
    assert_eq!(published.sweep, None);
    let page = SweepPage {
        template: id,
        seq: published.pointer.seq,
        segment: 0,
        after: None,
        done: Tally::default(),
    };
    assert_eq!(
        bench.sweep(&page, || false).await.unwrap().end,
        SweepEnd::SegmentFinished
    );
}
