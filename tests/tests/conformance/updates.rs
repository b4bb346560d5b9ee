//! Row 31: a change that nobody would see.

use passes::ids::PassKey;
use serde_json::json;
use tests::{DEMO, LOYALTY, Site};

#[tokio::test(flavor = "multi_thread")]
async fn row_31_an_attribute_that_the_pass_does_not_show_changes_nothing() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    let key = PassKey::parse(LOYALTY, DEMO).unwrap();
    let revision = site.revision(&key).await.number;
    let date = edge::date::last_modified(revision);

    for (name, value) in [
        ("internalNote", json!("called on Monday")),
        ("internalNote", json!({"nested": [1, 2]})),
        // The values that are there already, once as a field and once as a whole.
        ("template", json!("loyalty")),
        (
            "fields",
            json!({"balance": 25, "member": "Ada Lovelace", "tier": "Silver"}),
        ),
        (
            "fields",
            json!({"tier": "Silver", "member": {"value": "Ada Lovelace"}, "balance": 25}),
        ),
        ("pass", json!({})),
    ] {
        site.backend.set(LOYALTY, DEMO, name, value.clone()).await;
        site.published().await;
        assert_eq!(site.revision(&key).await.number, revision, "{name} {value}");
        assert_eq!(site.caller.list(&who, Some(&tag)).await.status, 204, "{name} {value}");
        assert_eq!(site.caller.pass(&who, Some(&date)).await.status, 304, "{name} {value}");
    }
    assert_eq!(site.pushes_to(&who.push_token), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_31_a_hidden_change_beside_a_visible_one_is_one_change() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    site.backend.set(LOYALTY, DEMO, "internalNote", json!("x")).await;
    site.backend.set_field(LOYALTY, DEMO, "balance", json!(26)).await;
    site.backend.set(LOYALTY, DEMO, "internalNote", json!("y")).await;
    site.published().await;

    assert_eq!(site.pushes_to(&who.push_token).len(), 1);
    let list = site.caller.list(&who, Some(&tag)).await;
    assert_eq!(list.serials(), [DEMO]);
    assert_eq!(site.caller.list(&who, Some(&list.tag())).await.status, 204);
}
