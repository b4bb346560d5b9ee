use phone::{Grievance, PhoneError};

use crate::passes_made::*;
use crate::server::{Answer, Server};

#[tokio::test]
async fn a_new_push_token_arrives_as_a_repeated_registration_of_the_same_device() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let device = phone.device_id(&topic(), &server.url).unwrap().as_str().to_owned();
    let old = phone.push_token().clone();
    phone.change_push_token();
    assert_ne!(*phone.push_token(), old);
    assert_eq!(phone.push_token().expose().len(), 64);

    server.expect(&registration("POST", "A-1"), Answer::status(200));
    server.expect(&list(Some("100")), Answer::list(&["A-1"], "101"));
    server.expect(&pass("A-1"), Answer::status(304));
    let updates = phone.register_all().await.unwrap();

    assert!(updates.is_empty());
    let seen = server.take_seen();
    assert_eq!(seen[0].device.as_deref(), Some(device.as_str()));
    assert!(seen[0].body.contains(phone.push_token().expose()));
    // It was registered just now: that it is listed again is no claim that it has changed.
    assert!(phone.complaints().is_empty());
}

#[tokio::test]
async fn each_pass_type_and_web_service_knows_the_phone_by_another_id() {
    let (one, two) = (Server::start().await, Server::start().await);
    let mut phone = phone();
    add_card(&mut phone, &one).await;

    let mut ticket = card(&one.url, "T-1", 1);
    ticket["passTypeIdentifier"] = OTHER_TYPE.into();
    one.expect(
        &format!("POST /v1/devices/*/registrations/{OTHER_TYPE}/T-1"),
        Answer::status(201),
    );
    one.expect(
        &format!("GET /v1/devices/*/registrations/{OTHER_TYPE}"),
        Answer::status(204),
    );
    phone.add(signed(&ticket)).await.unwrap();

    two.expect(&registration("POST", "B-1"), Answer::status(201));
    two.expect(&list(None), Answer::status(204));
    phone.add(package(&two, "B-1", 1)).await.unwrap();

    let other = OTHER_TYPE.parse().unwrap();
    let ids = [
        phone.device_id(&topic(), &one.url),
        phone.device_id(&other, &one.url),
        phone.device_id(&topic(), &two.url),
    ]
    .map(|id| id.unwrap().as_str());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    let tokens = [one.take_seen(), two.take_seen()].map(|seen| seen[0].body.clone());
    assert_eq!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn switching_updates_off_and_on_unregisters_and_registers() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;

    server.expect(&registration("DELETE", "A-1"), Answer::status(200));
    phone.unregister(&key("A-1")).await.unwrap();
    assert!(!phone.pass(&key("A-1")).unwrap().is_registered());
    let authorization = server.take_seen()[0].header("authorization").map(str::to_owned);
    assert_eq!(authorization.unwrap(), "ApplePass 0123456789abcdef");

    // Nothing is registered, so nothing is asked.
    assert!(phone.on_push(&topic()).await.unwrap().is_empty());

    server.expect(&registration("POST", "A-1"), Answer::status(201));
    server.expect(&list(Some("100")), Answer::status(204));
    phone.register(&key("A-1")).await.unwrap();
    assert!(phone.pass(&key("A-1")).unwrap().is_registered());
}

#[tokio::test]
async fn a_removed_pass_is_unregistered_and_204_is_no_success() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.expect(&registration("DELETE", "A-1"), Answer::status(204));
    server.expect(&registration("DELETE", "A-1"), Answer::status(200));
    phone.remove(&key("A-1")).await.unwrap();
    assert!(phone.pass(&key("A-1")).is_none());
    let grievances: Vec<_> = phone.complaints().iter().map(|found| &found.grievance).collect();
    assert_eq!(grievances, [&Grievance::UnexpectedResponseCode(204)]);
    assert!(server.take_logs()[0].contains("Unregister task (for device "));
    assert!(matches!(
        phone.remove(&key("A-1")).await,
        Err(PhoneError::NotInstalled(_))
    ));
}

#[tokio::test]
async fn a_registration_is_repeated_a_bounded_number_of_times_and_can_be_made_later() {
    let server = Server::start().await;
    let mut phone = phone();
    for _ in 0..3 {
        server.expect(&registration("POST", "A-1"), Answer::status(503));
    }
    let error = phone.add(package(&server, "A-1", 10)).await.unwrap_err();
    assert!(matches!(error, PhoneError::GaveUp { attempts: 3, .. }));
    assert!(!phone.pass(&key("A-1")).unwrap().is_registered());

    server.expect(&registration("POST", "A-1"), Answer::status(201));
    server.expect(&list(None), Answer::status(204));
    phone.register(&key("A-1")).await.unwrap();
    assert!(phone.pass(&key("A-1")).unwrap().is_registered());
}

#[tokio::test]
async fn a_pass_that_names_another_web_service_is_registered_there_without_a_tag() {
    let (old, new) = (Server::start().await, Server::start().await);
    let mut phone = with_card(&old).await;
    let moved = package(&new, "A-1", 10);
    old.expect(&list(Some("100")), Answer::list(&["A-1"], "101"));
    old.expect(&pass("A-1"), Answer::package(moved.clone()).modified(TUESDAY));
    new.expect(&registration("POST", "A-1"), Answer::status(201));
    new.expect(&list(None), Answer::status(204));
    let updates = phone.on_push(&topic()).await.unwrap();
    assert_eq!(updates[0].new["webServiceURL"], new.url.as_str());
    assert!(phone.pass(&key("A-1")).unwrap().is_registered());
    assert!(phone.complaints().is_empty());
}

#[tokio::test]
async fn a_pass_that_loses_its_web_service_is_not_asked_for_again() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let mut last = card(&server.url, "A-1", 10);
    last["voided"] = true.into();
    let object = last.as_object_mut().unwrap();
    object.remove("webServiceURL");
    object.remove("authenticationToken");
    server.expect(&list(Some("100")), Answer::list(&["A-1"], "101"));
    server.expect(&pass("A-1"), Answer::package(signed(&last)).modified(TUESDAY));
    phone.on_push(&topic()).await.unwrap();
    assert!(phone.pass(&key("A-1")).unwrap().is_voided());
    assert!(phone.on_push(&topic()).await.unwrap().is_empty());
}
