//! The round trip through HTTP, streams and APNs, as phones live it.

mod posters;
mod rotation;

use std::time::Duration;

use apns_simulator::Answer;
use passes::ids::PassKey;
use phone::{Grievance, Phone};
use serde_json::json;
use tests::{DEMO, LOYALTY, Site, TICKET};

/// A phone that holds these passes.
async fn phone_with(site: &Site, keys: &[&PassKey]) -> Phone {
    let mut phone = site.phone();
    for key in keys {
        phone.add_from_link(&site.link(key)).await.expect("installed");
    }
    phone
}

/// Topics of the pushes that reached a phone since the last look.
fn arrived(site: &Site, phone: &Phone, seen: &mut usize) -> Vec<String> {
    let pushes = site.pushes_to(phone.push_token().expose());
    let fresh = pushes.iter().skip(*seen).filter(|push| push.status == 200);
    let topics = fresh.map(|push| push.topic.clone()).collect();
    *seen = pushes.len();
    topics
}

fn shown(phone: &Phone, key: &PassKey) -> String {
    phone.pass(key).expect("installed").shown("balance").expect("a balance")
}

fn assert_content(phone: &Phone) {
    assert!(phone.complaints().is_empty(), "{:?}", phone.complaints());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_phone_with_one_push() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let (mut phone, mut seen) = (phone_with(&site, &[&key]).await, 0);
    site.clock.turn(Duration::from_secs(5));
    site.set_balance(DEMO, 99).await;
    assert_eq!(arrived(&site, &phone, &mut seen), [LOYALTY]);
    let updates = phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(updates.len(), 1);
    assert_eq!(shown(&phone, &key), "99");
    site.clock.turn(Duration::from_secs(600));
    site.push_due_devices().await;
    assert!(
        arrived(&site, &phone, &mut seen).is_empty(),
        "it has asked, so nobody pushes again"
    );
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_in_one_second_end_with_the_second() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let mut phone = phone_with(&site, &[&key]).await;
    // The clock stands: both changes, both fetches and both tags fall into one second.
    site.set_balance(DEMO, 1).await;
    phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &key), "1");
    site.set_balance(DEMO, 2).await;
    phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &key), "2");
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_passes_of_a_phone_changed_at_once_both_arrive() {
    let site = Site::start().await;
    let (a, b) = (site.card("A", 1).await, site.card("B", 1).await);
    let (mut phone, mut seen) = (phone_with(&site, &[&a, &b]).await, 0);
    let (one, two) = (site.backend.clone(), site.backend.clone());
    tokio::join!(
        one.set_field(LOYALTY, "A", "balance", json!(7)),
        two.set_field(LOYALTY, "B", "balance", json!(8))
    );
    site.published().await;
    assert_eq!(arrived(&site, &phone, &mut seen).len(), 1, "one push serves both");
    phone.on_push(&a.pass_type).await.unwrap();
    assert_eq!((shown(&phone, &a), shown(&phone, &b)), ("7".into(), "8".into()));
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_types_on_one_phone_are_pushed_apart() {
    let site = Site::start().await;
    let card = PassKey::parse(LOYALTY, DEMO).unwrap();
    let ticket = PassKey::parse(TICKET, "TICKET-1").unwrap();
    let (mut phone, mut seen) = (phone_with(&site, &[&card, &ticket]).await, 0);
    site.backend.set_field(TICKET, "TICKET-1", "seat", json!("14C")).await;
    site.published().await;
    assert_eq!(arrived(&site, &phone, &mut seen), [TICKET]);
    let updates = phone.on_push(&ticket.pass_type).await.unwrap();
    assert_eq!(updates.len(), 1);
    assert_eq!(phone.pass(&ticket).unwrap().shown("seat").unwrap(), "14C");
    site.set_balance(DEMO, 3).await;
    assert_eq!(arrived(&site, &phone, &mut seen), [LOYALTY]);
    phone.on_push(&card.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &card), "3");
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_push_token_gets_nothing_after_its_replacement() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let (mut phone, mut seen) = (phone_with(&site, &[&key]).await, 0);
    let old = phone.push_token().expose().to_owned();
    phone.change_push_token();
    phone.register_all().await.unwrap();
    site.set_balance(DEMO, 5).await;
    assert!(site.pushes_to(&old).is_empty());
    assert_eq!(arrived(&site, &phone, &mut seen), [LOYALTY]);
    phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &key), "5");
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_replaced_while_updates_run_is_the_only_one_pushed_from_then_on() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let mut phone = phone_with(&site, &[&key]).await;
    for round in 0..5_u32 {
        let backend = site.backend.clone();
        let writing = tokio::spawn(async move {
            for step in 0..5 {
                let balance = json!(1000 + 10 * round + step);
                backend.set_field(LOYALTY, DEMO, "balance", balance).await;
            }
        });
        let old = phone.push_token().expose().to_owned();
        phone.change_push_token();
        phone.register_all().await.unwrap();
        // The call has been answered: from here on the old token is dead to us.
        let pushed_before = site.pushes_to(&old).len();
        writing.await.unwrap();
        site.published().await;
        // A push whose lease was taken before the answer may still have been on its way.
        let late = site.pushes_to(&old).len() - pushed_before;
        assert!(late <= 1, "{late} pushes to a replaced token");
        phone.check_for_updates(&key.pass_type).await.unwrap();
        assert_eq!(shown(&phone, &key), (1004 + 10 * round).to_string());
    }
    // While updates run, a phone may fetch a revision before its device is advanced, and be listed
    // once more: the one window that stays open.
    for complaint in phone.complaints() {
        assert!(
            matches!(complaint.grievance, Grievance::Unchanged { .. }),
            "{complaint:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_push_is_repeated_until_the_phone_asks() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let (mut phone, mut seen) = (phone_with(&site, &[&key]).await, 0);
    site.set_balance(DEMO, 5).await;
    assert_eq!(arrived(&site, &phone, &mut seen).len(), 1);
    // The phone never saw it.
    site.push_due_devices().await;
    assert!(arrived(&site, &phone, &mut seen).is_empty(), "not before its time");
    site.clock.turn(Duration::from_secs(300));
    site.push_due_devices().await;
    assert_eq!(arrived(&site, &phone, &mut seen).len(), 1);
    phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &key), "5");
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_apns_delays_and_loses_nothing() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let (mut phone, mut seen) = (phone_with(&site, &[&key]).await, 0);
    let token = phone.push_token().expose().to_owned();
    let outage = Answer::refused(503, "ServiceUnavailable");
    site.stack.simulator().answer(&token, outage);
    site.set_balance(DEMO, 5).await;
    for _ in 0..4 {
        site.clock.turn(Duration::from_secs(900));
        site.push_due_devices().await;
    }
    assert!(arrived(&site, &phone, &mut seen).is_empty());
    site.stack.simulator().answer(&token, Answer::accepted());
    site.clock.turn(Duration::from_secs(7200));
    site.push_due_devices().await;
    assert_eq!(arrived(&site, &phone, &mut seen).len(), 1);
    phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &key), "5");
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_breaks_keeps_the_phone_on_its_last_good_pass_and_heals() {
    let site = Site::start().await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let (mut phone, mut seen) = (phone_with(&site, &[&key]).await, 0);
    site.backend.set_field(LOYALTY, DEMO, "no-such-field", json!(1)).await;
    site.published().await;
    assert!(arrived(&site, &phone, &mut seen).is_empty());
    assert_eq!(phone.pull_to_refresh(&key).await.unwrap(), None);
    assert_eq!(shown(&phone, &key), "25");
    let healed = json!({"template": "loyalty", "fields": {"balance": 26}});
    site.backend.put(LOYALTY, DEMO, healed).await;
    site.published().await;
    assert_eq!(arrived(&site, &phone, &mut seen).len(), 1);
    phone.on_push(&key.pass_type).await.unwrap();
    assert_eq!(shown(&phone, &key), "26");
    assert_content(&phone);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_phones_of_one_pass_are_all_woken_over_all_pages() {
    let site = Site::start().await;
    let key = site.card("SHARED", 1).await;
    // The first page is gone through in place, the others by way of the queue.
    let mut phones = Vec::new();
    for number in 0..230 {
        let who = site.registrant(&format!("{number:032x}"), LOYALTY, "SHARED").await;
        assert_eq!(site.caller.register(&who).await.status, 201);
        site.caller.list(&who, None).await;
        phones.push(who);
    }
    site.clock.turn(Duration::from_secs(1));
    site.set_balance("SHARED", 2).await;
    site.worked_off().await;
    for who in &phones {
        assert_eq!(site.pushes_to(&who.push_token).len(), 1, "{}", who.device);
    }
    let revision = site.revision(&key).await.number;
    let behind = site.device(&phones[229]).await.unwrap();
    assert_eq!(behind.serials[&key.serial].revision, revision);
}
