//! The shortest ways to a stale phone, played step by step: each ends well because of one rule.

use passes::ports::MovePointer as _;
use passes::publish::PublishOutcome;
use std::future::Future;
use tests::Workbench;

use tests::workbench::serial;

/// Writes a balance and publishes it, as another publisher does meanwhile.
fn publishes(bench: &Workbench, name: &'static str, balance: u32) -> impl Future<Output = ()> + Send + 'static {
    let other = bench.clone();
    async move {
        other.write_balance(name, balance).await;
        other.publish(name).await.unwrap();
    }
}

/// What a phone that has asked and fetched would show: the published pass, if it was told of it.
async fn assert_told(bench: &Workbench, device: &str, name: &str, since: u64) {
    let (serials, _) = bench.list(device, Some(since)).await.expect("something is listed");
    assert!(serials.contains(&name.to_owned()), "{serials:?}");
}

#[tokio::test]
async fn lock_before_source_so_that_an_older_reader_writes_nothing() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    // Between the publisher's two reads, whichever comes first, another one publishes 3.
    let tapped = bench.tapped().await;
    let overtaking = publishes(&bench, "A", 3);
    bench.tap.before("GetItem", "Passes", overtaking);
    bench.tap.forget();
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.published_balance("A").await, 3);
    let calls = bench.tap.calls();
    let position = |action: &str, text: &str| {
        calls
            .iter()
            .position(|call| call.action == action && call.mentions(text))
            .unwrap()
    };
    assert!(
        position("Query", "PROBLEM") < position("GetItem", "Passes"),
        "the lock comes first"
    );
    assert!(
        !calls.iter().any(|call| call.mentions("REVISION")
            && call.action == "PutItem"
            && call.body["ConditionExpression"].is_null()),
        "no revision without condition"
    );
}

#[tokio::test]
async fn a_publisher_that_read_an_older_record_is_stopped_by_its_lock() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    // The publisher has read 2 and is about to write it when another one publishes 3.
    let tapped = bench.tapped().await;
    bench.tap.before("PutItem", "REVISION", publishes(&bench, "A", 3));
    let report = tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(
        matches!(report.outcome, PublishOutcome::Unchanged(_)),
        "{:?}",
        report.outcome
    );
    assert_eq!(bench.published_balance("A").await, 3);
}

#[tokio::test]
async fn the_source_is_read_once_more_after_the_write() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    // A -> B -> A: the record goes back to 1 while 2 is about to be written. The other publisher
    // sees no difference and leaves; only the second look can notice.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("PutItem", "REVISION", async move {
        other.write_balance("A", 1).await;
        let report = other.publish("A").await.unwrap();
        assert!(matches!(report.outcome, PublishOutcome::Unchanged(_)));
    });
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.published_balance("A").await, 1);
}

#[tokio::test]
async fn the_templates_pointer_is_read_once_more_after_the_write() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    let before = bench.revision("A").await.template;
    let tapped = bench.tapped().await;
    let other = bench.clone();
    let version = before.version.clone();
    bench.tap.before("PutItem", "REVISION", async move {
        other.point_template("loyalty", &version, 2).await;
    });
    bench.tap.forget();
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    let locks = bench.tap.calls().iter().filter(|call| call.mentions("PROBLEM")).count();
    assert_eq!(locks, 2, "the publisher took a second turn");
}

#[tokio::test]
async fn an_attribute_that_the_pass_does_not_show_costs_no_second_turn() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("PutItem", "REVISION", async move {
        other.backend.set(tests::LOYALTY, "A", "internal", "x".into()).await;
    });
    bench.tap.forget();
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    let locks = bench.tap.calls().iter().filter(|call| call.mentions("PROBLEM")).count();
    assert_eq!(locks, 1);
}

#[tokio::test]
async fn devices_are_looked_up_only_after_the_write() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    // A phone installs the old pass and registers right before the new revision is written.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("PutItem", "REVISION", async move {
        other.register("d1", "A", "aa").await;
        other.list("d1", None).await.unwrap();
    });
    let since = bench.clock.now().seconds();
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.pushes.sent(), ["aa"]);
    assert_told(&bench, "d1", "A", since).await;
}

#[tokio::test]
async fn a_change_between_a_lists_read_and_its_clear_keeps_its_push() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    let (_, since) = bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    // The phone asks because of A; B changes before the lease is cleared.
    let tapped = bench.tapped().await;
    bench.tap.before("UpdateItem", "asked_at", publishes(&bench, "B", 2));
    let (serials, tag) = tapped.list("d1", Some(since)).await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(serials, ["A", "B"], "the answer is made anew");
    assert_eq!(bench.device("d1").await.unwrap().tag.value(), tag);
    assert_eq!(bench.device("d1").await.unwrap().lease, None);
}

#[tokio::test]
async fn a_change_right_after_a_lists_clear_gets_a_push_of_its_own() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    let (_, since) = bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    bench.write_balance("B", 2).await;
    // The publisher of B has seen A's lease and counts on its push; the phone asks before it writes.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", ":old_due", async move {
        assert_eq!(other.list("d1", Some(since)).await.unwrap().0, ["A"]);
    });
    tapped.publish("B").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.pushes.sent(), ["aa", "aa"]);
}

#[tokio::test]
async fn an_unregistered_pass_is_not_brought_back_by_an_advance_under_way() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "#serials.#k", async move {
        other.unregister("d1", "A").await;
    });
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(!bench.device("d1").await.unwrap().serials.contains_key(&serial("A")));
    assert!(bench.pushes.sent().is_empty());
    assert!(!bench.is_registered("d1", "A").await);
}

#[tokio::test]
async fn two_publishers_of_one_change_advance_a_device_once() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    // The second publisher is about to advance when the first has done so and the phone has asked.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "#serials.#k", async move {
        other.publish("A").await.unwrap();
        other.list("d1", None).await.unwrap();
    });
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.pushes.sent(), ["aa"]);
    assert_eq!(bench.device("d1").await.unwrap().lease, None, "nothing is left to say");
}

#[tokio::test]
async fn a_crash_after_the_revision_is_made_good_by_the_next_publish() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    let (_, since) = bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("BatchGetItem", "TEMPLATE#", "AccessDeniedException");
    tapped.publish("A").await.unwrap_err();
    bench.tap.assert_all_acted();
    assert_eq!(bench.published_balance("A").await, 2);
    assert!(bench.pushes.sent().is_empty());
    let report = bench.publish("A").await.unwrap();
    assert!(matches!(report.outcome, PublishOutcome::Unchanged(_)));
    assert_eq!(bench.pushes.sent(), ["aa"]);
    assert_told(&bench, "d1", "A", since).await;
}

#[tokio::test]
async fn a_crash_amid_the_fan_out_is_made_good_by_the_next_publish() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for (device, token) in [("d1", "aa"), ("d2", "bb"), ("d3", "cc")] {
        bench.register(device, "A", token).await;
        bench.list(device, None).await.unwrap();
    }
    bench.write_balance("A", 2).await;
    let tapped = bench.tapped().await;
    bench.tap.refuse("UpdateItem", "DEVICE#d2", "AccessDeniedException");
    tapped.publish("A").await.unwrap_err();
    bench.tap.assert_all_acted();
    let mut sent = bench.pushes.sent();
    sent.sort();
    assert_eq!(
        sent,
        ["aa", "cc"],
        "one device's fault does not keep the others waiting"
    );
    bench.publish("A").await.unwrap();
    assert_eq!(bench.pushes.sent().last().unwrap(), "bb");
    assert_eq!(bench.pushes.sent().len(), 3, "nobody is woken twice");
}

#[tokio::test]
async fn a_pass_that_is_added_again_after_a_lost_unregister_is_listed() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    bench.publish("A").await.unwrap();
    let (_, since) = bench.list("d1", None).await.unwrap();
    // The DELETE never arrives; an old copy of the pass is added, and Wallet registers it.
    bench.register("d1", "A", "aa").await;
    assert_told(&bench, "d1", "A", since).await;
}

#[tokio::test]
async fn a_registration_that_meets_a_change_is_pushed_even_if_the_phone_does_not_ask() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.write_balance("A", 2).await;
    // The phone has downloaded 1, then 2 is published, then the phone registers and never lists.
    bench.publish("A").await.unwrap();
    bench.register("d1", "A", "aa").await;
    bench.turn(300);
    bench.push_if_due("d1").await;
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn two_passes_of_a_device_that_change_at_once_are_both_listed_after_one_push() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    let (_, since) = bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    // Both publishers meet at the device.
    let tapped = bench.tapped().await;
    bench.tap.before("UpdateItem", "#serials.#k", publishes(&bench, "B", 2));
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    let (serials, _) = bench.list("d1", Some(since)).await.unwrap();
    assert_eq!(serials, ["A", "B"]);
    assert_eq!(bench.pushes.sent(), ["aa"]);
}

#[tokio::test]
async fn a_token_that_is_replaced_in_mid_flight_gets_nothing_after() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.list("d1", None).await.unwrap();
    bench.write_balance("A", 2).await;
    // The publisher has found the device; its token changes before the advance.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("UpdateItem", "#serials.#k", async move {
        other.register("d1", "A", "bb").await;
        other.list("d1", None).await.unwrap();
    });
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert!(
        !bench.pushes.sent().contains(&"aa".to_owned()),
        "{:?}",
        bench.pushes.sent()
    );
}

#[tokio::test]
async fn two_registrations_at_once_both_stand() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("TransactWriteItems", "DEVICE#d1", async move {
        other.register("d1", "B", "aa").await;
    });
    tapped.register("d1", "A", "aa").await;
    bench.tap.assert_all_acted();
    let (serials, _) = bench.list("d1", None).await.unwrap();
    assert_eq!(serials, ["A", "B"]);
}

#[tokio::test]
async fn a_registration_in_between_is_no_orphan() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.card("B", 1).await;
    bench.register("d1", "A", "aa").await;
    bench.register("d1", "B", "aa").await;
    bench.unregister("d1", "A").await;
    // An unregister that comes again; while it cleans up, the pass is registered anew.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench
        .tap
        .before("TransactWriteItems", "attribute_not_exists(#serials.#k)", async move {
            other.register("d1", "A", "aa").await;
        });
    tapped.unregister("d1", "A").await;
    bench.tap.assert_all_acted();
    assert!(bench.is_registered("d1", "A").await);
}

#[tokio::test]
async fn a_device_that_cannot_be_read_keeps_no_other_page_waiting() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    for number in 0..130 {
        let device = format!("d{number:03}");
        bench.register(&device, "A", &format!("{number:04}")).await;
        bench.list(&device, None).await;
    }
    bench
        .client()
        .update_item()
        .table_name("Registry")
        .key(
            "PK",
            aws_sdk_dynamodb::types::AttributeValue::S(format!("DEVICE#d005#{}", tests::LOYALTY)),
        )
        .key("SK", aws_sdk_dynamodb::types::AttributeValue::S("DEVICE".into()))
        .update_expression("REMOVE push_token")
        .send()
        .await
        .unwrap();
    bench.write_balance("A", 2).await;
    for _ in 0..2 {
        let error = bench.publish("A").await.unwrap_err().to_string();
        assert!(
            error.contains("DEVICE#d005...#pass.com.example.loyalty: attribute `push_token`"),
            "{error}"
        );
        while let Some(page) = bench.queue.take() {
            bench.take_up(&page).await.unwrap();
        }
        assert_eq!(bench.pushes.sent().len(), 129, "all others, each once");
    }
}

#[tokio::test]
async fn a_record_that_is_mended_while_its_fault_is_noted_leaves_no_note() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    bench.backend.set_field(tests::LOYALTY, "A", "points", 5.into()).await;
    // The slower publisher has seen the fault; a faster one publishes the mended record first.
    let tapped = bench.tapped().await;
    bench.tap.before("PutItem", "PROBLEM", publishes(&bench, "A", 2));
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.item(&format!("PASS#{}#A", tests::LOYALTY), "PROBLEM").await, None);
    assert_eq!(bench.published_balance("A").await, 2);
}

#[tokio::test]
async fn a_template_that_is_published_while_its_lack_is_noted_leaves_no_note() {
    let bench = Workbench::start().await;
    let (pk, id) = ("TEMPLATE#loyalty", "loyalty".parse().unwrap());
    let version = bench.registry.pointer(&id).await.unwrap().unwrap().pointer.version;
    bench.delete_item(pk, "TEMPLATE").await;
    bench.write_balance("A", 1).await;
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("PutItem", "PROBLEM", async move {
        other.point_template("loyalty", &version, 1).await;
        other.publish("A").await.unwrap();
    });
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    assert_eq!(bench.item(&format!("PASS#{}#A", tests::LOYALTY), "PROBLEM").await, None);
    assert_eq!(bench.published_balance("A").await, 1);
}

#[tokio::test]
async fn a_record_that_is_spoilt_while_its_note_is_cleared_is_noted_again() {
    let bench = Workbench::start().await;
    bench.card("A", 1).await;
    let (problem, fault) = (format!("PASS#{}#A", tests::LOYALTY), ("points", 5));
    bench
        .backend
        .set_field(tests::LOYALTY, "A", fault.0, fault.1.into())
        .await;
    bench.publish("A").await.unwrap();
    let noted = bench.item(&problem, "PROBLEM").await.unwrap();
    bench.write_balance("A", 1).await;
    // Mended, so the slower publisher clears the note; the faster one finds it there, and right.
    let tapped = bench.tapped().await;
    let other = bench.clone();
    bench.tap.before("DeleteItem", "PROBLEM", async move {
        other
            .backend
            .set_field(tests::LOYALTY, "A", fault.0, fault.1.into())
            .await;
        other.publish("A").await.unwrap();
    });
    tapped.publish("A").await.unwrap();
    bench.tap.assert_all_acted();
    let noted_again = bench.item(&problem, "PROBLEM").await.unwrap();
    assert_eq!(noted_again["sentence"], noted["sentence"]);
}
