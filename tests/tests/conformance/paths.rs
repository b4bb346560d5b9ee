//! Rows 27 and 28: methods, slashes and encodings.

use reqwest::Method;
use serde_json::json;
use tests::{DEMO, LOYALTY, Registrant, Site};

#[tokio::test(flavor = "multi_thread")]
async fn row_27_a_wrong_method_on_a_known_path_answers_405_with_allow() {
    let site = Site::start().await;
    let (who, tag) = site.installed("d1", LOYALTY, DEMO).await;
    let lifecycle = format!("{}/passLifecycleUpdate", who.pass_path());
    let add = format!("/add/{LOYALTY}/{DEMO}");

    for (path, taken) in [
        (who.registration_path(), "POST, DELETE"),
        (who.list_path(), "GET"),
        (who.pass_path(), "GET, HEAD"),
        ("/v1/log".to_owned(), "POST"),
        (lifecycle, "POST"),
        (add, "GET, HEAD"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if taken.split(", ").any(|taken| taken == method) {
                continue;
            }
            let wanted: Method = method.parse().unwrap();
            for authorization in [None, Some(who.authorization())] {
                let answer = site.caller.call(wanted.clone(), &path, authorization.as_deref()).await;
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(answer.header("allow"), Some(taken), "{method} {path}");
                if method != "HEAD" {
                    assert_eq!(
                        answer.json(),
                        json!({"message": "This path does not take that method."})
                    );
                }
            }
        }
    }
    assert_eq!(site.held_by(&who).await, [DEMO]);
    assert_eq!(site.caller.list(&who, Some(&tag)).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_28_a_slash_at_either_end_of_the_path_does_not_count() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let authorization = who.authorization();
    let link = site.link_signature(
        &passes::ids::PassKey::parse(LOYALTY, DEMO).unwrap(),
        site.clock.now().seconds() + 60,
    );
    let query = format!("?e={}&k={}&s={}", link.expiry, link.key_name, link.mac);
    let call = async |method: Method, path: String| {
        let request = site
            .caller
            .request(method, &path)
            .header("Authorization", &authorization)
            .json(&json!({"pushToken": who.push_token}));
        site.caller.send(request).await
    };

    // A webServiceURL that ends in a slash doubles the first one.
    for shape in [|path: String| format!("{path}/"), |path: String| format!("/{path}")] {
        assert_eq!(call(Method::POST, shape(who.registration_path())).await.status, 201);
        let list = call(Method::GET, shape(who.list_path())).await;
        assert_eq!(list.serials(), [DEMO]);
        let pass = call(Method::GET, shape(who.pass_path())).await;
        assert_eq!(site.opened(&pass)["serialNumber"], DEMO);
        assert_eq!(call(Method::HEAD, shape(who.pass_path())).await.status, 200);
        assert_eq!(call(Method::POST, shape("/v1/log".into())).await.status, 200);
        let lifecycle = shape(format!("{}/passLifecycleUpdate", who.pass_path()));
        assert_eq!(call(Method::POST, lifecycle).await.status, 200);
        let add = shape(format!("/add/{LOYALTY}/{DEMO}")) + &query;
        assert_eq!(call(Method::HEAD, add.clone()).await.status, 200);
        assert_eq!(call(Method::GET, add).await.status, 200);
        assert_eq!(call(Method::DELETE, shape(who.registration_path())).await.status, 200);
        assert_eq!(site.held_by(&who).await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_28_an_encoded_or_doubly_encoded_serial_is_understood() {
    let site = Site::start().await;
    let plain = site.registrant("d1", LOYALTY, DEMO).await;
    for serial in ["DEMO%2D1", "DEMO%252D1", "%44EMO-1", "%2544EMO-1"] {
        let who = Registrant {
            serial: serial.into(),
            ..plain.clone()
        };
        assert_eq!(site.caller.register(&who).await.status, 201, "{serial}");
        assert_eq!(site.held_by(&who).await, [DEMO]);
        let pass = site.caller.pass(&who, None).await;
        assert_eq!(site.opened(&pass)["serialNumber"], DEMO, "{serial}");
        assert_eq!(site.caller.unregister(&who).await.status, 200, "{serial}");
        assert_eq!(site.held_by(&who).await, Vec::<String>::new());
    }
}
