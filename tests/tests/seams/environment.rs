//! Refusals of single devices that are too many to be the devices' own.

use passes::due::{DueOutcome, push_if_due};
use passes::fan_out::FanOutReport;
use passes::push::{PushOutcome, Refusal, RefusalKind, UndeliveredCause};
use passes::settle::Breaker;
use passes::work::Hint;
use tests::Workbench;
use tests::workbench::device_key;

fn bad_token() -> PushOutcome {
    PushOutcome::Refused(Refusal {
        reason: "BadDeviceToken".into(),
        kind: RefusalKind::Device,
    })
}

/// Card A on so many devices, the first `refused` of which APNs does not know; published.
async fn published_to(devices: usize, refused: usize) -> (Workbench, FanOutReport) {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for number in 0..devices {
        let (device, token) = (format!("d{number:02}"), format!("{number:04}"));
        bench.register(&device, "A", &token).await;
        bench.list(&device, None).await;
        if number < refused {
            bench.pushes.answer(&token, bad_token());
        }
    }
    bench.turn(1);
    bench.write_balance("A", 2).await;
    let report = bench.publish("A").await.unwrap().fan_out;
    (bench, report)
}

/// How many devices have a lease, and how many a note of their refusal.
async fn leases_and_notes(bench: &Workbench, devices: usize) -> (usize, usize) {
    let (mut leases, mut notes) = (0, 0);
    for number in 0..devices {
        let pk = format!("DEVICE#d{number:02}#{}", tests::LOYALTY);
        let item = bench.item(&pk, "DEVICE").await.unwrap();
        leases += usize::from(item.contains_key("due_at"));
        notes += usize::from(item.contains_key("last_refusal"));
    }
    (leases, notes)
}

#[tokio::test]
async fn where_most_devices_are_refused_none_loses_its_lease() {
    let (bench, report) = published_to(12, 12).await;
    assert_eq!((report.refused, bench.doubted()), (12, 12));
    assert_eq!(leases_and_notes(&bench, 12).await, (12, 0));
    let mut put_off = 0;
    for number in 0..12 {
        let lease = bench.device(&format!("d{number:02}")).await.unwrap().lease.unwrap();
        assert_eq!(lease.attempts, 0, "no attempt is used up");
        put_off += u32::from(lease.due_at == bench.clock.now().seconds() + 900);
    }
    assert_eq!(put_off, bench.doubted(), "they come again");
    // Once the environment is right, they are pushed.
    bench.turn(900);
    for number in 0..12 {
        bench.pushes.answer(&format!("{number:04}"), PushOutcome::Accepted);
        bench.push_if_due(&format!("d{number:02}")).await;
    }
    assert_eq!(leases_and_notes(&bench, 12).await, (12, 0));
    assert_eq!(bench.list("d00", None).await.unwrap().0, ["A"]);
}

#[tokio::test]
async fn where_half_or_fewer_are_refused_it_is_the_devices() {
    // Five: half of the first ten answers at most, in whichever order they come.
    let (bench, report) = published_to(12, 5).await;
    assert_eq!((report.refused, bench.doubted()), (5, 0));
    assert_eq!(leases_and_notes(&bench, 12).await, (7, 5));
}

#[tokio::test]
async fn fewer_than_ten_answers_prove_nothing_and_take_no_lease() {
    let (bench, report) = published_to(9, 9).await;
    assert_eq!((report.refused, bench.doubted()), (9, 0));
    assert_eq!(leases_and_notes(&bench, 9).await, (9, 0));
}

/// The ordinary card is on one phone, so that its publish has one answer to judge by.
#[tokio::test]
async fn a_wrong_environment_costs_no_phone_its_change_however_few_hold_the_pass() {
    let bench = Workbench::start().await;
    let phones: Vec<_> = (0..12)
        .map(|n| (format!("d{n:02}"), format!("CARD-{n}"), format!("{n:04}")))
        .collect();
    for (device, serial, token) in &phones {
        bench.card(serial, 1).await;
        bench.register(device, serial, token).await;
        bench.list(device, None).await;
        bench.pushes.answer(token, bad_token());
    }
    bench.turn(1);
    for (_, serial, _) in &phones {
        bench.write_balance(serial, 2).await;
        bench.publish(serial).await.unwrap();
    }
    // The schedule asks too, before somebody has mended the address.
    bench.turn(300);
    for (device, _, token) in &phones {
        bench.push_if_due(device).await;
        bench.pushes.answer(token, PushOutcome::Accepted);
    }
    bench.turn(1800);
    for (device, serial, _) in &phones {
        assert!(
            matches!(bench.push_if_due(device).await, DueOutcome::Pushed(report) if report.pushed == 1),
            "{device} is pushed once the environment is right"
        );
        assert_eq!(bench.list(device, None).await.unwrap().0, [serial.as_str()]);
    }
}

#[tokio::test]
async fn a_token_that_is_truly_wrong_is_given_up_after_its_attempts() {
    let (bench, _) = published_to(1, 1).await;
    let mut pushes = 1;
    for _ in 0..20 {
        bench.turn(48 * 3600);
        match bench.push_if_due("d00").await {
            DueOutcome::Pushed(_) => pushes += 1,
            DueOutcome::GivenUp => {
                assert_eq!(pushes, 6);
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("pushed for ever");
}

#[tokio::test]
async fn what_never_reached_apns_is_no_answer() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for number in 0..12 {
        let (device, token) = (format!("d{number:02}"), format!("{number:04}"));
        bench.register(&device, "A", &token).await;
        bench.list(&device, None).await;
        let undelivered = PushOutcome::Undelivered {
            retry_after: None,
            cause: UndeliveredCause::Network,
        };
        let outcome = if number < 9 { bad_token() } else { undelivered };
        bench.pushes.answer(&token, outcome);
    }
    bench.turn(1);
    bench.write_balance("A", 2).await;
    let report = bench.publish("A").await.unwrap().fan_out;
    assert_eq!((report.refused, bench.doubted()), (9, 0));
}

/// Somebody may have registered tokens that he made up: whoever else is due must not wait for those.
#[tokio::test]
async fn others_are_pushed_however_many_are_refused_before_them() {
    let (bench, _) = published_to(13, 0).await;
    bench.turn(300);
    let (clock, breaker) = (bench.clock.wall_clock(), Breaker::default());
    for number in 0..12 {
        bench.pushes.answer(&format!("{number:04}"), bad_token());
    }
    let mut pushed = 0;
    for number in 0..13 {
        let device = device_key(&format!("d{number:02}"));
        assert!(!breaker.is_open_for(&device.pass_type));
        let outcome = push_if_due(&bench.registry, &bench.pushes, &clock, &device, &breaker).await;
        match outcome.unwrap() {
            DueOutcome::Pushed(report) => pushed += report.pushed,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pushed, 1);
    let conclusion = breaker.conclude(&bench.registry, bench.clock.now()).await;
    assert_eq!(conclusion.doubted, 12);
    assert!(conclusion.fault.is_none());
    assert_eq!(leases_and_notes(&bench, 13).await, (13, 0));
    // APNs takes pushes, so it is not the environment, and the made-up tokens use their attempts up.
    for number in 0..12 {
        let lease = bench.device(&format!("d{number:02}")).await.unwrap().lease;
        assert_eq!(lease.unwrap().attempts, 1);
    }
}

/// Also beyond the first page.
#[tokio::test]
async fn a_page_whose_devices_are_mostly_refused_keeps_their_leases() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for number in 0..115 {
        let (device, token) = (format!("d{number:03}"), format!("{number:04}"));
        bench.register(&device, "A", &token).await;
        bench.list(&device, None).await;
        if number >= 100 {
            bench.pushes.answer(&token, bad_token());
        }
    }
    bench.turn(1);
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    assert_eq!(bench.doubted(), 0);
    let taken = bench.take_up(&bench.queue.take().unwrap()).await.unwrap().fan_out;
    assert_eq!((taken.advanced, bench.doubted()), (15, taken.refused));
    assert!(taken.refused >= 10, "{taken:?}");
    assert!(bench.device("d114").await.unwrap().lease.is_some());
}

/// Twenty cards, each on a phone of its own that APNs answers so; changed, and published in one batch.
async fn one_batch(answer: &PushOutcome) -> (Workbench, FanOutReport) {
    let bench = Workbench::start().await;
    for number in 0..20 {
        let (device, card, token) = (format!("d{number:02}"), format!("C{number}"), format!("{number:04}"));
        bench.card(&card, 1).await;
        bench.register(&device, &card, &token).await;
        bench.list(&device, None).await;
        bench.pushes.answer(&token, answer.clone());
    }
    bench.turn(1);
    let (breaker, mut all) = (Breaker::default(), FanOutReport::default());
    for number in 0..20 {
        let card = format!("C{number}");
        bench.write_balance(&card, 2).await;
        let key = tests::workbench::key(&card);
        let report = bench.publish_in_batch(&key, Hint::default(), &breaker).await.unwrap();
        all.add(&report.fan_out);
    }
    bench.conclude(&breaker).await.unwrap();
    (bench, all)
}

/// A pass type of another team: the key is right for all the others.
#[tokio::test]
async fn an_answer_that_concerns_a_pass_type_ends_pushing_for_that_one_alone() {
    let disallowed = PushOutcome::Refused(Refusal {
        reason: "TopicDisallowed".into(),
        kind: RefusalKind::PassType,
    });
    let bench = Workbench::start().await;
    let (theirs, ours) = (
        "pass.com.example.theirs".parse().unwrap(),
        tests::LOYALTY.parse().unwrap(),
    );
    let breaker = Breaker::default();
    for (serial, device, token) in [("A", "d1", "aa"), ("B", "d2", "bb"), ("C", "d3", "cc")] {
        bench.card(serial, 1).await;
        bench.register(device, serial, token).await;
        bench.list(device, None).await;
        bench.pushes.answer(token, disallowed.clone());
    }
    bench.turn(1);
    let mut left = Vec::new();
    for serial in ["A", "B", "C"] {
        bench.write_balance(serial, 2).await;
        let key = tests::workbench::key(serial);
        let report = bench.publish_in_batch(&key, Hint::default(), &breaker).await.unwrap();
        left.push((report.fan_out.refused, report.fan_out.left));
    }
    assert_eq!(left, [(1, 0), (0, 1), (0, 1)]);
    assert!(breaker.is_open_for(&ours) && !breaker.is_open_for(&theirs) && !breaker.is_open());
    for device in ["d1", "d2", "d3"] {
        assert!(bench.device(device).await.unwrap().lease.is_some(), "nothing is lost");
    }
}

/// Each further push would wait for its own time-outs, and what is to be published for them.
#[tokio::test]
async fn pushes_that_cannot_reach_apns_do_not_hold_up_publishing() {
    let unreachable = PushOutcome::Undelivered {
        retry_after: None,
        cause: UndeliveredCause::Network,
    };
    let (bench, report) = one_batch(&unreachable).await;
    assert_eq!((report.advanced, report.undelivered, report.left), (20, 1, 19));
    assert_eq!(leases_and_notes(&bench, 20).await, (20, 0));
}

#[tokio::test]
async fn what_concerns_one_device_ends_nothing() {
    for outcome in [
        bad_token(),
        PushOutcome::Undelivered {
            retry_after: None,
            cause: UndeliveredCause::Server,
        },
        PushOutcome::Undelivered {
            retry_after: None,
            cause: UndeliveredCause::TooManyRequests,
        },
    ] {
        let (_, report) = one_batch(&outcome).await;
        assert_eq!(report.left, 0, "{outcome:?}");
    }
}

/// A device that fails must not keep the others from what was said of them.
#[tokio::test]
async fn a_write_that_fails_at_the_end_of_a_batch_leaves_the_others() {
    let (bench, _) = published_to(12, 0).await;
    bench.turn(300);
    let (clock, breaker) = (bench.clock.wall_clock(), Breaker::default());
    for number in 0..12 {
        let (device, token) = (device_key(&format!("d{number:02}")), format!("{number:04}"));
        if number < 4 {
            bench.pushes.answer(&token, bad_token());
        }
        push_if_due(&bench.registry, &bench.pushes, &clock, &device, &breaker)
            .await
            .unwrap();
    }
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "last_refusal", "AccessDeniedException");
    let conclusion = breaker.conclude(&tapped.registry, bench.clock.now()).await;
    bench.tap.assert_all_acted();
    assert!(conclusion.fault.is_some());
    assert_eq!(leases_and_notes(&bench, 12).await, (9, 3));
}

#[tokio::test]
async fn one_answer_that_concerns_all_pushes_ends_pushing_for_the_whole_batch() {
    let expired = PushOutcome::Refused(Refusal {
        reason: "InvalidProviderToken".into(),
        kind: RefusalKind::Everything,
    });
    let (bench, report) = one_batch(&expired).await;
    assert_eq!((report.advanced, report.refused, report.left), (20, 1, 19));
    assert_eq!(leases_and_notes(&bench, 20).await, (20, 0));
}

#[tokio::test]
async fn a_wrong_environment_is_noticed_over_the_passes_of_a_batch() {
    let (bench, report) = one_batch(&bad_token()).await;
    assert_eq!((report.refused, report.left), (20, 0));
    assert_eq!(bench.doubted(), 20);
    assert_eq!(leases_and_notes(&bench, 20).await, (20, 0));
}
