//! Every wrong answer, and what the phone writes to the web service's log about it.

use passes::device_log;
use phone::{Grievance, Phone};
use serde_json::json;

use crate::passes_made::*;
use crate::server::{Answer, Server};

fn grievances(phone: &Phone) -> Vec<String> {
    let complaints = phone.complaints().iter();
    complaints.map(|complaint| complaint.grievance.to_string()).collect()
}

/// A push that is listed as `listing`, then downloaded as `download`.
async fn pushed(phone: &mut Phone, server: &Server, listing: Answer, download: Answer) {
    server.expect(&list(Some("100")), listing);
    server.expect(&pass("A-1"), download);
    phone.on_push(&topic()).await.unwrap();
}

fn changed(server: &Server) -> Answer {
    Answer::package(package(server, "A-1", 20)).modified(TUESDAY)
}

#[tokio::test]
async fn a_refused_registration_is_posted_to_the_log_word_for_word() {
    let server = Server::start().await;
    let mut phone = phone();
    for _ in 0..3 {
        server.expect(&registration("POST", "A-1"), Answer::status(401));
    }
    phone.add(package(&server, "A-1", 10)).await.unwrap_err();
    let device = phone.device_id(&topic(), &server.url).unwrap().as_str();
    let line = format!(
        "[2026-11-21 10:00:00 +0000] Register task (for device {device}, pass type {TYPE}, serial number A-1; with \
         web service url {}) encountered error: Authentication failure",
        server.url
    );
    assert_eq!(server.take_logs(), [line.as_str(); 3]);
    assert_eq!(phone.complaints()[0].to_string(), line);
}

#[tokio::test]
async fn a_contradiction_is_posted_as_a_web_service_error() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    pushed(&mut phone, &server, Answer::list(&["A-1"], "101"), Answer::status(304)).await;
    assert_eq!(
        server.take_logs(),
        [format!(
            "[2026-11-21 10:00:00 +0000] Web service error for {TYPE} ({}): Server requested update to serial number \
             'A-1', but the pass was unchanged.",
            server.url
        )]
    );
}

#[tokio::test]
async fn a_list_of_the_wrong_form_is_a_failure_that_keeps_the_tag() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    for answer in [
        Answer::json(json!({"serialNumbers": ["A-1"], "lastUpdated": 101})),
        Answer::json(json!({"serialNumbers": [1], "lastUpdated": "101"})),
        Answer::status(200),
    ] {
        server.expect(&list(Some("100")), answer);
    }
    phone.on_push(&topic()).await.unwrap_err();
    assert_eq!(
        grievances(&phone),
        [
            "Server response was malformed (lastUpdated is no string)",
            "Server response was malformed (serialNumbers holds something else than strings)",
            "Server response was malformed (Missing response data)",
        ]
    );
    let line = &server.take_logs()[0];
    assert!(line.contains("Get serial #s task (for device "), "{line}");
    assert!(
        line.contains(&format!("pass type {TYPE}, last updated 100; with")),
        "{line}"
    );
    assert_eq!(phone.update_tag(&topic(), &server.url), Some("100"));
}

#[tokio::test]
async fn a_list_succeeds_with_200_and_204_alone() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    for status in [304, 404, 500] {
        server.expect(&list(Some("100")), Answer::status(status));
    }
    phone.check_for_updates(&topic()).await.unwrap_err();
    assert_eq!(
        grievances(&phone),
        [
            "Unexpected response code 304",
            "Unexpected response code 404",
            "Unexpected response code 500"
        ]
    );
}

#[tokio::test]
async fn a_failure_that_passes_leaves_the_update_in_place() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.expect(&list(Some("100")), Answer::status(503));
    pushed(&mut phone, &server, Answer::list(&["A-1"], "101"), changed(&server)).await;
    assert_eq!(grievances(&phone), ["Unexpected response code 503"]);
    assert_eq!(phone.pass(&key("A-1")).unwrap().shown("balance").unwrap(), "20");
}

#[tokio::test]
async fn a_list_without_tag_and_one_whose_tag_stood_still() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let without = Answer::json(json!({"serialNumbers": ["A-1"]}));
    pushed(&mut phone, &server, without, changed(&server)).await;
    let newer = Answer::package(package(&server, "A-1", 30)).modified(TUESDAY);
    pushed(&mut phone, &server, Answer::list(&["A-1"], "100"), newer).await;
    assert_eq!(
        grievances(&phone),
        [
            "Response to 'What changed?' request included 1 serial numbers but omitted a lastUpdated tag.",
            "Response to 'What changed?' request included 1 serial numbers but the lastUpdated tag (100) remained the \
             same.",
        ]
    );
}

#[tokio::test]
async fn a_pass_that_is_not_registered_is_not_fetched() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let listing = Answer::list(&["B 9", "A-2", "A-1"], "101");
    pushed(&mut phone, &server, listing, changed(&server)).await;
    assert_eq!(
        grievances(&phone),
        [
            "Update requested for unregistered serial number B 9",
            "Update requested for unregistered serial number A-2",
        ]
    );
}

#[tokio::test]
async fn a_push_with_nothing_to_list_is_spurious() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.expect(&list(Some("100")), Answer::status(204));
    phone.on_push(&topic()).await.unwrap();
    let device = phone.device_id(&topic(), &server.url).unwrap().as_str();
    assert_eq!(
        grievances(&phone),
        [format!(
            "Device received spurious push. Request for passesUpdatedSince '100' returned no serial numbers. (Device \
             = {device})"
        )]
    );
}

#[tokio::test]
async fn the_whole_unchanged_package_in_place_of_a_304() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let same = Answer::package(package(&server, "A-1", 10)).modified(MONDAY);
    pushed(&mut phone, &server, Answer::list(&["A-1"], "101"), same).await;
    assert_eq!(
        grievances(&phone),
        [
            "Server ignored the 'if-modified-since' header (Mon, 16 Nov 2026 08:00:00 GMT) and returned the full \
             unchanged pass data for serial number 'A-1'.",
            "Server requested update to serial number 'A-1', but the pass was unchanged.",
        ]
    );
}

#[tokio::test]
async fn a_pass_listed_twice_is_unchanged_the_second_time() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let twice = Answer::list(&["A-1", "A-1"], "101");
    server.expect(&list(Some("100")), twice);
    server.expect(&pass("A-1"), changed(&server));
    server.expect(&pass("A-1"), Answer::status(304));
    phone.on_push(&topic()).await.unwrap();
    assert_eq!(
        grievances(&phone),
        ["Server requested update to serial number 'A-1', but the pass was unchanged."]
    );
}

#[tokio::test]
async fn a_package_without_date_is_installed_and_asked_for_without_condition() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let dateless = Answer::package(package(&server, "A-1", 20));
    pushed(&mut phone, &server, Answer::list(&["A-1"], "101"), dateless).await;
    assert_eq!(phone.pass(&key("A-1")).unwrap().shown("balance").unwrap(), "20");

    // An answer of a program that writes its dates otherwise.
    let milliseconds = Answer::package(package(&server, "A-1", 30)).modified("2026-11-21T10:00:00.000Z");
    server.expect(&pass("A-1"), milliseconds);
    phone.pull_to_refresh(&key("A-1")).await.unwrap();
    server.expect(&pass("A-1"), changed(&server));
    phone.pull_to_refresh(&key("A-1")).await.unwrap();

    let expected =
        "Server returned the pass data for serial number 'A-1' but did not provide a 'last-modified' header.";
    assert_eq!(grievances(&phone), [expected; 2]);
    assert!(
        server.take_seen()[2..]
            .iter()
            .all(|request| request.header("if-modified-since").is_none())
    );
}

#[tokio::test]
async fn a_download_that_is_not_the_pass_is_repeated_and_never_installed() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let page = Answer::status(200)
        .header("content-type", "text/html")
        .body(package(&server, "A-1", 20));
    let elsewhere = Answer::status(302).header("location", &server.url);
    let other = Answer::package(package(&server, "A-2", 20)).modified(TUESDAY);
    let garbage = Answer::package(b"PK".to_vec()).modified(TUESDAY);
    for answers in [
        [page, elsewhere, other],
        [garbage.clone(), garbage, Answer::status(401)],
    ] {
        for answer in answers {
            server.expect(&pass("A-1"), answer);
        }
        phone.pull_to_refresh(&key("A-1")).await.unwrap_err();
    }
    let grievances = grievances(&phone);
    assert_eq!(
        grievances[..3],
        [
            "Received invalid pass data (the content type is 'text/html', not application/vnd.apple.pkpass)",
            "Unexpected response code 302",
            "Received invalid pass data (Requested serial number A-1, received serial number A-2)",
        ]
    );
    assert!(grievances[3].starts_with("Received invalid pass data ("));
    assert_eq!(grievances[5], "Authentication failure");
    assert_eq!(phone.pass(&key("A-1")).unwrap().shown("balance").unwrap(), "10");
    let line = &server.take_logs()[5];
    assert!(
        line.contains(&format!(
            "Get pass task (pass type {TYPE}, serial number A-1, if-modified-since {MONDAY}; with"
        )),
        "{line}"
    );
}

#[tokio::test]
async fn lines_that_the_log_refused_come_again_with_the_next() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    server.answer_log(503);
    server.expect(&list(Some("100")), Answer::status(500));
    server.expect(&list(Some("100")), Answer::status(502));
    server.expect(&list(Some("100")), Answer::status(204));
    phone.check_for_updates(&topic()).await.unwrap();
    let logs = server.take_logs();
    assert_eq!(logs.len(), 2);
    assert!(logs[0].ends_with("code 500") && logs[1].ends_with("code 502"));
}

#[tokio::test]
async fn a_web_service_that_cannot_be_reached_is_a_complaint_too() {
    let mut phone = phone();
    // Port 1 is privileged and unused: nothing answers there.
    let package = signed(&card("http://127.0.0.1:1", "A-1", 10));
    phone.add(package).await.unwrap_err();
    assert_eq!(phone.complaints().len(), 3);
    assert!(matches!(phone.complaints()[2].grievance, Grievance::NoAnswer(_)));
    let last = phone.exchanges().last().unwrap();
    assert_eq!((last.path.as_str(), last.status), ("/v1/log", None));
    assert!(last.note.is_some());
}

#[test]
fn the_web_service_tells_its_operator_the_cause_of_each() {
    use device_log::Cause;
    let serial = || "A-1".to_owned();
    let device = "d1".parse().unwrap();
    for (grievance, cause) in [
        (Grievance::AuthenticationFailure, Cause::Authentication),
        (Grievance::UnexpectedResponseCode(404), Cause::UnexpectedStatus),
        (Grievance::Malformed(String::new()), Cause::MalformedList),
        (Grievance::TagOmitted { count: 1 }, Cause::TagMissing),
        (
            Grievance::TagRemained {
                count: 1,
                tag: serial(),
            },
            Cause::TagStoodStill,
        ),
        (
            Grievance::LastModifiedMissing { serial: serial() },
            Cause::LastModifiedMissing,
        ),
        (
            Grievance::ConditionIgnored {
                serial: serial(),
                if_modified_since: MONDAY.to_owned(),
            },
            Cause::NotModifiedExpected,
        ),
        (Grievance::Unchanged { serial: serial() }, Cause::UnchangedPassListed),
        (
            Grievance::Unregistered { serial: serial() },
            Cause::UnregisteredPassListed,
        ),
        (Grievance::SpuriousPush { tag: None, device }, Cause::SpuriousPush),
        (
            Grievance::OtherPass {
                requested: serial(),
                received: serial(),
            },
            Cause::WrongPass,
        ),
        (Grievance::InvalidPassData(String::new()), Cause::WrongPass),
    ] {
        assert_eq!(Cause::of(&grievance.to_string()), Some(cause), "{grievance}");
    }
}
