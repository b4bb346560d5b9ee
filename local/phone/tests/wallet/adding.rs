use phone::PhoneError;
use serde_json::{Value, json};

use crate::passes_made::*;
use crate::server::{Answer, Server};

#[tokio::test]
async fn a_link_is_followed_by_registration_list_and_download() {
    let server = Server::start().await;
    let package = package(&server, "A-1", 10);
    let link = format!("/add/{TYPE}/A-1?e=1795255300&k=k1&s=mac");
    server.expect(&format!("GET {link}"), Answer::package(package.clone()));
    server.expect(&registration("POST", "A-1"), Answer::status(201));
    server.expect(&list(None), Answer::list(&["A-1"], "100"));
    server.expect(&pass("A-1"), Answer::package(package.clone()).modified(MONDAY));

    let mut phone = phone();
    let added = phone.add_from_link(&format!("{}{link}", server.url)).await.unwrap();

    assert_eq!(added, key("A-1"));
    let installed = phone.pass(&added).unwrap();
    assert_eq!(installed.shown("balance").unwrap(), "10");
    assert_eq!(installed.package(), package);
    assert!(installed.is_registered());
    assert_eq!(installed.last_modified(), Some(MONDAY));
    assert_eq!(phone.update_tag(&topic(), &server.url), Some("100"));
    assert!(phone.complaints().is_empty());

    let seen = server.take_seen();
    let [download, register, list, pass] = seen.as_slice() else {
        panic!("{seen:?}")
    };
    assert_eq!(download.header("authorization"), None);
    assert_eq!(register.header("authorization"), Some("ApplePass 0123456789abcdef"));
    assert_eq!(register.header("content-type"), Some("application/json"));
    assert_eq!(
        serde_json::from_str::<Value>(&register.body).unwrap(),
        json!({"pushToken": phone.push_token().expose()})
    );
    assert_eq!(list.header("authorization"), None);
    assert_eq!(list.device, register.device);
    assert_eq!(pass.header("authorization"), Some("ApplePass 0123456789abcdef"));
    assert_eq!(pass.header("if-modified-since"), None);
    assert!(
        seen.iter()
            .all(|request| request.header("user-agent") == Some("passd/1.0"))
    );
}

#[tokio::test]
async fn a_link_must_answer_200_itself_with_the_type_of_a_package() {
    let server = Server::start().await;
    let package = package(&server, "A-1", 10);
    let page = Answer::status(200).header("content-type", "text/html").body(package);
    let elsewhere = Answer::status(302).header("location", &server.url);
    let mut phone = phone();
    for (answer, reason) in [
        (Answer::status(403), "it answered 403"),
        (elsewhere, "it answered 302"),
        (
            page,
            "the content type is 'text/html', not application/vnd.apple.pkpass",
        ),
    ] {
        server.expect("GET /add", answer);
        let error = phone.add_from_link(&format!("{}/add", server.url)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the link gave no pass: {reason}"));
    }
    assert_eq!(phone.passes().count(), 0);
}

#[tokio::test]
async fn a_package_that_was_altered_is_refused() {
    let server = Server::start().await;
    let mut package = package(&server, "A-1", 10);
    let middle = package.len() / 2;
    package[middle] ^= 1;
    let mut phone = phone();
    assert!(matches!(phone.add(package).await, Err(PhoneError::Package { .. })));
    assert_eq!(phone.passes().count(), 0);
}

#[tokio::test]
async fn a_web_service_without_encryption_is_taken_on_loopback_hosts_only() {
    let refused = phone()
        .add(signed(&card("http://passes.example.com", "A-1", 10)))
        .await
        .unwrap_err();
    assert!(matches!(refused, PhoneError::Package { .. }));
}

#[tokio::test]
async fn a_pass_without_web_service_is_installed_and_never_asked_for() {
    let mut pass = card("", "A-1", 10);
    let object = pass.as_object_mut().unwrap();
    object.remove("webServiceURL");
    object.remove("authenticationToken");
    let mut phone = phone();
    let added = phone.add(signed(&pass)).await.unwrap();
    assert!(!phone.pass(&added).unwrap().is_registered());
    assert!(phone.exchanges().is_empty());
    assert!(matches!(phone.register(&added).await, Err(PhoneError::NoWebService(_))));
}

#[tokio::test]
async fn an_installation_forgets_the_date_of_the_pass_it_replaces() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let package = package(&server, "A-1", 10);
    server.expect(&registration("POST", "A-1"), Answer::status(200));
    server.expect(&list(Some("100")), Answer::list(&["A-1"], "101"));
    server.expect(&pass("A-1"), Answer::package(package.clone()).modified(MONDAY));
    phone.add(package).await.unwrap();
    assert_eq!(server.take_seen()[2].header("if-modified-since"), None);
    assert!(phone.complaints().is_empty());
}
