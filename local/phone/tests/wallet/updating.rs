use phone::{Event, Phone, PhoneError};

use crate::passes_made::*;
use crate::server::{Answer, Server};

#[tokio::test]
async fn a_push_brings_the_changed_pass() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let mut events = phone.subscribe();
    let new = package(&server, "A-1", 20);
    server.expect(&list(Some("100")), Answer::list(&["A-1"], "101"));
    server.expect(&pass("A-1"), Answer::package(new.clone()).modified(TUESDAY));

    let updates = phone.on_push(&topic()).await.unwrap();

    let [update] = updates.as_slice() else {
        panic!("{updates:?}")
    };
    assert_eq!(update.pass, key("A-1"));
    assert_eq!(update.old, card(&server.url, "A-1", 10));
    assert_eq!(update.new, card(&server.url, "A-1", 20));
    assert_eq!(update.notification().unwrap(), "Your balance is now 20");
    let installed = phone.pass(&key("A-1")).unwrap();
    assert_eq!(installed.shown("balance").unwrap(), "20");
    assert_eq!(installed.package(), new);
    assert_eq!(installed.last_modified(), Some(TUESDAY));
    assert_eq!(phone.update_tag(&topic(), &server.url), Some("101"));
    assert_eq!(phone.push_score(&topic()), 0.0);
    assert!(phone.complaints().is_empty());

    let seen = server.take_seen();
    assert_eq!(seen[0].header("authorization"), None);
    assert_eq!(seen[1].header("if-modified-since"), Some(MONDAY));

    let mut kinds = Vec::new();
    while let Ok(event) = events.try_recv() {
        kinds.push(match event {
            Event::Pushed { .. } => "push".to_owned(),
            Event::Exchanged(exchange) => format!("{} {}", exchange.method, exchange.status.unwrap()),
            event @ Event::NotShown { .. } => event.to_string(),
            Event::Updated(update) => update.to_string(),
            Event::Complained(complaint) => complaint.to_string(),
        });
    }
    assert_eq!(
        kinds,
        [
            "push",
            "GET 200",
            "GET 200",
            "phone    A-1   balance: 10 -> 20   \"Your balance is now 20\""
        ]
    );
}

#[tokio::test]
async fn the_date_is_echoed_byte_for_byte() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    // The obsolete form of RFC 850 is an HTTP date too; writing it anew would change it.
    let obsolete = "Monday, 16-Nov-26 08:00:00 GMT";
    server.expect(
        &pass("A-1"),
        Answer::package(package(&server, "A-1", 11)).modified(obsolete),
    );
    phone.pull_to_refresh(&key("A-1")).await.unwrap();
    server.expect(&pass("A-1"), Answer::status(304));
    phone.pull_to_refresh(&key("A-1")).await.unwrap();
    assert_eq!(server.take_seen()[1].header("if-modified-since"), Some(obsolete));
}

#[tokio::test]
async fn a_204_keeps_the_tag_and_an_empty_list_stores_its_own() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.expect(&list(Some("100")), Answer::status(204));
    phone.check_for_updates(&topic()).await.unwrap();
    assert_eq!(phone.update_tag(&topic(), &server.url), Some("100"));
    server.expect(&list(Some("100")), Answer::list(&[], "150"));
    phone.check_for_updates(&topic()).await.unwrap();
    assert_eq!(phone.update_tag(&topic(), &server.url), Some("150"));
    // Nobody had pushed.
    assert!(phone.complaints().is_empty());
}

#[tokio::test]
async fn every_listed_pass_is_fetched() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let second = package(&server, "A-2", 10);
    server.expect(&registration("POST", "A-2"), Answer::status(201));
    server.expect(&list(Some("100")), Answer::list(&["A-2"], "101"));
    server.expect(&pass("A-2"), Answer::package(second.clone()).modified(MONDAY));
    phone.add(second).await.unwrap();

    server.expect(&list(Some("101")), Answer::list(&["A-2", "A-1"], "102"));
    server.expect(
        &pass("A-2"),
        Answer::package(package(&server, "A-2", 22)).modified(TUESDAY),
    );
    server.expect(
        &pass("A-1"),
        Answer::package(package(&server, "A-1", 11)).modified(TUESDAY),
    );
    let updates = phone.on_push(&topic()).await.unwrap();
    assert_eq!(updates.len(), 2);
    assert!(phone.complaints().is_empty());
}

#[tokio::test]
async fn a_pass_that_could_not_be_fetched_is_fetched_at_the_next_occasion() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.expect(&list(Some("100")), Answer::list(&["A-1"], "101"));
    for _ in 0..3 {
        server.expect(&pass("A-1"), Answer::status(500));
    }
    let error = phone.on_push(&topic()).await.unwrap_err();
    assert!(matches!(error, PhoneError::GaveUp { attempts: 3, .. }));

    // The tag has moved on, so the web service names it no more.
    server.expect(&list(Some("101")), Answer::status(204));
    server.expect(
        &pass("A-1"),
        Answer::package(package(&server, "A-1", 20)).modified(TUESDAY),
    );
    let updates = phone.check_for_updates(&topic()).await.unwrap();
    assert_eq!(updates.len(), 1);

    server.expect(&list(Some("101")), Answer::status(204));
    phone.check_for_updates(&topic()).await.unwrap();
}

#[tokio::test]
async fn pulling_a_pass_down_fetches_it_alone_and_may_find_nothing() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.expect(&pass("A-1"), Answer::status(304));
    assert_eq!(phone.pull_to_refresh(&key("A-1")).await.unwrap(), None);
    server.expect(
        &pass("A-1"),
        Answer::package(package(&server, "A-1", 20)).modified(TUESDAY),
    );
    let update = phone.pull_to_refresh(&key("A-1")).await.unwrap().unwrap();
    assert_eq!(update.notification().unwrap(), "Your balance is now 20");
    assert!(phone.complaints().is_empty());
}

#[tokio::test]
async fn the_same_content_signed_again_is_no_update() {
    let server = Server::start().await;
    let mut phone = phone();
    let package = package(&server, "A-1", 10);
    server.expect(&registration("POST", "A-1"), Answer::status(201));
    server.expect(&list(None), Answer::list(&["A-1"], "100"));
    server.expect(&pass("A-1"), Answer::package(package.clone()).modified(MONDAY));
    let mut events = phone.subscribe();
    phone.add(package).await.unwrap();
    while let Ok(event) = events.try_recv() {
        assert!(matches!(event, Event::Exchanged(_)));
    }
}

#[tokio::test]
async fn pushes_in_a_row_cost_patience() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    for (since, tag, balance) in [("100", "101", 1), ("101", "102", 2)] {
        server.expect(&list(Some(since)), Answer::list(&["A-1"], tag));
        server.expect(
            &pass("A-1"),
            Answer::package(package(&server, "A-1", balance)).modified(TUESDAY),
        );
        phone.on_push(&topic()).await.unwrap();
    }
    assert_eq!(phone.push_score(&topic()), 1.0);
}

#[test]
fn a_phone_can_live_on_any_thread() {
    fn send<T: Send>(_: T) {}
    fn futures(phone: &mut Phone) {
        send(phone.add_from_link(""));
        send(phone.on_push(&topic()));
        send(phone.pull_to_refresh(&key("A-1")));
        send(phone.remove(&key("A-1")));
    }
    let _ = futures;
}
