//! A pass with the poster of iOS 27 beside a classic style: one row, and each phone sees its change.

use passes::ids::PassKey;
use phone::{Ios, Phone};
use serde_json::{Value, json};
use tests::{LOYALTY, Site};

use crate::assert_content;

/// The demo's card, changed.
fn card(change: impl FnOnce(&mut Value)) -> pkpass::Template {
    let mut files = seed::templates::loyalty();
    let mut pass: Value = serde_json::from_slice(&files["pass.json"]).unwrap();
    change(&mut pass);
    files.insert("pass.json".into(), pass.to_string().into_bytes());
    pkpass::Template::from_files(files).unwrap()
}

/// With the balance and a footer of its own.
fn poster() -> Value {
    json!({
        "headerFields": [{"key": "tier", "value": "Bronze"}],
        "primaryFields": [{"key": "balance", "value": 0, "changeMessage": "Your balance is now %@"}],
        "footerFields": [{"key": "since", "label": "SINCE", "value": "2019"}],
    })
}

async fn phone(site: &Site, ios: Ios, key: &PassKey) -> Phone {
    let mut phone = site.phone_with(|config| config.ios = ios);
    phone.add_from_link(&site.link(key)).await.expect("installed");
    phone
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_reaches_the_poster_and_the_classic_style() {
    let site = Site::start().await;
    let template = card(|pass| pass["posterGeneric"] = poster());
    site.upload("member", &template.to_bundle());
    site.followed().await;
    let row = json!({"template": "member", "fields": {"balance": 25, "since": "2019"}});
    site.backend.put(LOYALTY, "M-1", row).await;
    site.published().await;
    let key = PassKey::parse(LOYALTY, "M-1").unwrap();
    let mut old = phone(&site, Ios::Ios26, &key).await;
    let mut new = phone(&site, Ios::Ios27, &key).await;

    site.set_balance("M-1", 42).await;
    site.backend.set_field(LOYALTY, "M-1", "since", json!("2020")).await;
    site.published().await;
    for phone in [&mut old, &mut new] {
        let updates = phone.on_push(&key.pass_type).await.unwrap();
        assert_eq!(updates.len(), 1);
        assert!(updates[0].to_string().contains("balance: 25 -> 42"), "{}", updates[0]);
        assert_eq!(phone.pass(&key).unwrap().shown("balance").as_deref(), Some("42"));
        assert_content(phone);
    }
    assert_eq!(new.pass(&key).unwrap().shown("since").as_deref(), Some("2020"));
    assert_eq!(
        old.pass(&key).unwrap().shown("since"),
        None,
        "the footer is the poster's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_alone_leaves_older_phones_without_a_pass_and_the_template_says_so() {
    let site = Site::start().await;
    let template = card(|pass| {
        pass["posterGeneric"] = poster();
        pass.as_object_mut().unwrap().remove("storeCard");
    });
    let warnings = template.warnings(site.clock.now().system_time());
    assert!(
        warnings.iter().any(|warning| warning.path == "pass.json posterGeneric"),
        "{warnings:?}"
    );
    site.upload("member", &template.to_bundle());
    site.followed().await;
    site.backend
        .put(
            LOYALTY,
            "M-1",
            json!({"template": "member", "fields": {"since": "2020"}}),
        )
        .await;
    site.published().await;
    let key = PassKey::parse(LOYALTY, "M-1").unwrap();
    let (old, new) = (
        phone(&site, Ios::Ios26, &key).await,
        phone(&site, Ios::Ios27, &key).await,
    );
    assert_eq!(old.pass(&key).unwrap().shown("since"), None);
    assert_eq!(new.pass(&key).unwrap().shown("since").as_deref(), Some("2020"));
}
