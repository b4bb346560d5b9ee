//! Refusals of single devices that are too many to be the devices' own.

use passes::due::push_if_due;
use passes::fan_out::FanOutReport;
use passes::push::{PushOutcome, Refusal, RefusalKind, UndeliveredCause};
use passes::settle::Refusals;
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
    // After ten such answers the rest is left to the schedule.
    assert!((10..=12).contains(&report.refused), "{report:?}");
    assert_eq!(report.doubted, report.refused);
    assert_eq!(leases_and_notes(&bench, 12).await, (12, 0));
    let mut put_off = 0;
    for number in 0..12 {
        let lease = bench.device(&format!("d{number:02}")).await.unwrap().lease.unwrap();
        assert_eq!(lease.attempts, 0, "no attempt is used up");
        put_off += u32::from(lease.due_at == bench.clock.now().seconds() + 900);
    }
    assert_eq!(put_off, report.doubted, "they come again");
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
    assert_eq!((report.refused, report.doubted), (5, 0));
    assert_eq!(leases_and_notes(&bench, 12).await, (7, 5));
}

#[tokio::test]
async fn fewer_than_ten_answers_prove_nothing() {
    let (bench, report) = published_to(9, 9).await;
    assert_eq!((report.refused, report.doubted), (9, 0));
    assert_eq!(leases_and_notes(&bench, 9).await, (0, 9));
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
    assert_eq!((report.refused, report.doubted), (9, 0));
}

/// The schedule's run is one batch: after ten such answers the rest is not even asked.
#[tokio::test]
async fn a_run_of_the_schedule_stops_where_most_are_refused() {
    let (bench, _) = published_to(12, 0).await;
    bench.turn(300);
    let (clock, refusals) = (bench.clock.wall_clock(), Refusals::default());
    let mut stopped_after = None;
    for number in 0..12 {
        bench.pushes.answer(&format!("{number:04}"), bad_token());
        let device = device_key(&format!("d{number:02}"));
        let outcome = push_if_due(&bench.registry, &bench.pushes, &clock, &device, &refusals).await;
        if let passes::due::DueOutcome::Pushed { stop: true, .. } = outcome.unwrap() {
            stopped_after.get_or_insert(number + 1);
        }
    }
    assert_eq!(stopped_after, Some(10));
    let kept = refusals.conclude(&bench.registry, bench.clock.now()).await.unwrap();
    assert_eq!(kept, 12);
    assert_eq!(leases_and_notes(&bench, 12).await, (12, 0));
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
    assert_eq!(bench.publish("A").await.unwrap().fan_out.doubted, 0);
    let taken = bench.take_up(&bench.queue.take().unwrap()).await.unwrap().fan_out;
    assert_eq!((taken.advanced, taken.doubted), (15, taken.refused));
    assert!(taken.doubted >= 10, "{taken:?}");
    assert!(bench.device("d114").await.unwrap().lease.is_some());
}
