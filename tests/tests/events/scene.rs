//! A site in the situation of a file, and what a function answers to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::PassKey;
use passes::ports::ReadRevision as _;
use serde_json::Value;
use tests::{DEMO, LOYALTY, Registrant, Site};

/// The device of all files.
pub const DEVICE: &str = "8a1f0e9c7b5d4f3e2a1b0c9d8e7f6a5b";
pub const PUSH_TOKEN: &str = "6a1f0e9c7b5d4f3e2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f";

/// A ZIP archive begins with `PK\x03\x04`; in base64.
pub const PACKAGE: &str = "UEsDB";
pub const PACKAGE_TYPE: &str = "application/vnd.apple.pkpass";
pub const JSON: (&str, &str) = ("content-type", "application/json");

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn demo() -> PassKey {
    PassKey::parse(LOYALTY, DEMO).unwrap()
}

/// A site and the device of the files.
pub struct Scene {
    pub site: Site,
    pub who: Registrant,
}

impl Scene {
    pub async fn set() -> Self {
        let site = Site::start().await;
        let who = Registrant {
            push_token: PUSH_TOKEN.to_owned(),
            ..site.registrant(DEVICE, LOYALTY, DEMO).await
        };
        Self { site, who }
    }

    /// The device holds the pass and has asked once; with its tag.
    pub async fn registered() -> (Self, String) {
        let scene = Self::set().await;
        assert_eq!(scene.site.caller.register(&scene.who).await.status, 201);
        let list = scene.site.caller.list(&scene.who, None).await;
        let tag = list.tag();
        (scene, tag)
    }

    /// The revision's date, which is the Last-Modified of its packages.
    pub async fn last_modified(&self) -> String {
        edge::date::last_modified(self.site.revision(&demo()).await.number)
    }

    /// The Registry loses a revision, which gives no stream record: only an event brings it back.
    pub async fn lose_revision(&self, key: &PassKey) {
        let s = |text: String| AttributeValue::S(text);
        self.site
            .backend
            .client
            .delete_item()
            .table_name(&self.site.stack.endpoints().registry_table)
            .key("PK", s(format!("PASS#{}#{}", key.pass_type, key.serial)))
            .key("SK", s("REVISION".into()))
            .send()
            .await
            .expect("the revision is deleted");
    }

    /// The device's mark falls behind the pass's revision by one.
    pub async fn fall_behind(&self, key: &PassKey) {
        let s = |text: String| AttributeValue::S(text);
        self.site
            .backend
            .client
            .update_item()
            .table_name(&self.site.stack.endpoints().registry_table)
            .key("PK", s(format!("DEVICE#{DEVICE}#{}", key.pass_type)))
            .key("SK", s("DEVICE".into()))
            .update_expression("SET serials.#k.r = serials.#k.r - :one")
            .expression_attribute_names("#k", key.serial.as_str())
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .send()
            .await
            .expect("the mark is set back");
    }

    /// The function's answer to a file, whose placeholders become values of this site.
    pub async fn replay(&self, name: &str) -> Value {
        let path = root().join(format!("events/{name}.json"));
        let mut text = std::fs::read_to_string(&path).expect("the event");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let revision = self
            .site
            .registry
            .revision(&demo())
            .await
            .expect("the registry answers");
        let last_modified = revision.map_or(String::new(), |revision| edge::date::last_modified(revision.number));
        let tag = self.site.device(&self.who).await.map(|device| device.tag.to_string());
        let expiry = self.site.clock.now().seconds() + 3600;
        let expires_at = file["queryStringParameters"]["e"]
            .as_str()
            .and_then(|e| e.parse().ok())
            .unwrap_or(expiry);
        let link = self.site.link_signature(&demo(), expires_at);
        for (placeholder, value) in [
            ("{{authentication_token}}", self.who.token.clone()),
            ("{{last_modified}}", last_modified),
            ("{{tag}}", tag.unwrap_or_default()),
            ("{{link_expiry}}", link.expiry),
            ("{{link_key}}", link.key_name),
            ("{{link_signature}}", link.mac),
        ] {
            text = text.replace(placeholder, &value);
        }
        assert!(!text.contains("{{"), "{name} has a placeholder that is not known");
        let (function, _) = name.split_once("--").expect("function--situation");
        let event = serde_json::from_str(&text).expect("JSON");
        let answer = self.site.stack.functions()[function].invoke(event).await;
        answer.expect("the function answers")
    }

    /// As [`replay`](Self::replay), for a function behind the API.
    pub async fn call(&self, name: &str) -> Answer {
        let answer = self.replay(name).await;
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        let headers = serde_json::from_value(answer["headers"].clone()).expect("texts by name");
        Answer {
            status: answer["statusCode"].as_u64().expect("a status"),
            headers,
            base64: answer["isBase64Encoded"] == true,
            body,
        }
    }
}

#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u64,
    pub headers: BTreeMap<String, String>,
    pub base64: bool,
    pub body: String,
}

impl Answer {
    pub fn new<const N: usize>(status: u64, headers: [(&str, &str); N], body: impl ToString) -> Self {
        Self {
            status,
            headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
            base64: false,
            body: body.to_string(),
        }
    }

    pub fn unauthorized() -> Self {
        Self::new(
            401,
            [JSON, ("www-authenticate", "ApplePass")],
            r#"{"message":"The authentication token does not fit this pass."}"#,
        )
    }

    /// The signature of a package is never the same twice, so its beginning stands for it.
    pub fn with_package_cut(mut self) -> Self {
        assert!(self.body.len() > 1000);
        self.body.truncate(PACKAGE.len());
        self
    }

    /// In base64, as every binary answer.
    pub fn in_base64(self) -> Self {
        Self { base64: true, ..self }
    }
}
