//! What phones of different systems and languages show of one package.

use phone::{Event, Ios, Phone};
use serde_json::{Value, json};

use crate::passes_made::*;
use crate::server::{Answer, Server};

/// A card that nobody updates.
fn still_card(balance: u32) -> Value {
    let mut card = card("", "A-1", balance);
    let keys = card.as_object_mut().unwrap();
    keys.remove("webServiceURL");
    keys.remove("authenticationToken");
    card
}

async fn holding(ios: Ios, language: &str, package: Vec<u8>) -> Phone {
    let mut phone = phone_of(ios, language);
    phone.add(package).await.unwrap();
    phone
}

#[tokio::test]
async fn a_phone_shows_the_texts_of_its_language() {
    let mut card = still_card(10);
    card["storeCard"]["headerFields"][0]["value"] = "none".into();
    let package = signed_with(
        &card,
        &[
            ("de.lproj/pass.strings", b"none = \"nichts\";"),
            (
                "en.lproj/pass.strings",
                b"\xff\xfe\"\0n\0o\0n\0e\0\"\0=\0\"\0-\0\"\0;\0",
            ),
        ],
    );
    for (language, shown) in [("de-AT", "nichts"), ("en", "-"), ("fr", "-")] {
        let phone = holding(Ios::Ios27, language, package.clone()).await;
        assert_eq!(phone.pass(&key("A-1")).unwrap().shown("tier").unwrap(), shown);
    }
}

#[tokio::test]
async fn each_ios_shows_the_style_that_it_prefers() {
    let mut card = still_card(10);
    card["posterGeneric"] = json!({"footerFields": [{"key": "balance", "label": "BALANCE", "value": 11}]});
    let package = signed_with(&card, &[]);
    for (ios, style, shown) in [(Ios::Ios26, "storeCard", "10"), (Ios::Ios27, "posterGeneric", "11")] {
        let phone = holding(ios, "en", package.clone()).await;
        let pass = phone.pass(&key("A-1")).unwrap();
        assert_eq!(pass.style(), Some(style));
        assert_eq!(pass.shown("balance").unwrap(), shown);
    }
}

#[tokio::test]
async fn an_update_tells_of_texts_and_images_too() {
    let server = Server::start().await;
    let mut phone = with_card(&server).await;
    let mut voided = card(&server.url, "A-1", 10);
    voided["voided"] = true.into();
    voided["storeCard"]["primaryFields"][0]["changeMessage"] = "now %@".into();
    let icon = icon();
    let package = signed_with(
        &voided,
        &[
            ("logo.png", &icon),
            ("de.lproj/strip.png", &icon),
            ("de.lproj/pass.strings", b"\"now %@\" = \"Neuer Stand: %@\";"),
        ],
    );
    server.expect(&pass("A-1"), Answer::package(package.clone()).modified(TUESDAY));
    let mut events = phone.subscribe();
    phone.pull_to_refresh(&key("A-1")).await.unwrap();
    let updated = std::iter::from_fn(|| events.try_recv().ok()).find(|event| matches!(event, Event::Updated(_)));
    // Where there is no English, a phone takes what there is.
    assert_eq!(
        updated.unwrap().to_string(),
        "phone    A-1   voided: no longer valid   logo.png added   strip.png added   \
         balance changeMessage changed"
    );

    voided["storeCard"]["primaryFields"][0]["value"] = 20.into();
    let texts: &[u8] = b"\"now %@\" = \"Neuer Stand: %@\";";
    let package = signed_with(
        &voided,
        &[
            ("logo.png", &icon),
            ("strip.png", &icon),
            ("de.lproj/pass.strings", texts),
        ],
    );
    server.expect(&pass("A-1"), Answer::package(package).modified(MONDAY));
    let update = phone.pull_to_refresh(&key("A-1")).await.unwrap().unwrap();
    // The same picture in another place is the same picture.
    assert_eq!(
        update.to_string(),
        "phone    A-1   balance: 10 -> 20   \"Neuer Stand: 20\""
    );
}
