//! Requests at the open door: whoever finds the address may send what he likes.

use std::collections::BTreeMap;

use passes::ids::PassKey;
use passes::ports::ReadRevision as _;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::Target;
use crate::{DEMO, LOYALTY, Site};

/// A device that holds the pass, and whom hostile requests may unregister.
const DEVICE: &str = "8a1f0e9c7b5d4f3e2a1b0c9d8e7f6a5b";

/// All functions behind the API of a running stack.
///
/// An input is `{"function", "method", "path": {}, "query": {}, "headers": {}, "body", "base64"}`,
/// which is made into an event as the gateway would: whatever it stands for, the answer is below
/// 500. Also an input that is no such object is a request: an empty one.
pub struct Requests {
    runtime: Runtime,
    site: Option<Site>,
    token: String,
    /// A sample event of each function.
    events: BTreeMap<&'static str, Value>,
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"];

/// The methods that each function serves; all others are answered 405.
fn serves(function: &str, method: &str) -> bool {
    match function {
        "register-device" | "log-messages" => method == "POST",
        "unregister-device" => method == "DELETE",
        "send-pass" | "add-pass" => matches!(method, "GET" | "HEAD"),
        _ => method == "GET",
    }
}

impl Requests {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let site = runtime.block_on(Site::start());
        let key = PassKey::parse(LOYALTY, DEMO).expect("a pass key");
        let revision = runtime.block_on(site.registry.revision(&key));
        let token = revision.expect("the registry answers").expect("a revision").token;
        let sample = |text: &str| serde_json::from_str(text).expect("an event");
        Self {
            runtime,
            token: token.expose().to_owned(),
            site: Some(site),
            events: BTreeMap::from([
                (
                    "register-device",
                    sample(include_str!("../../../events/register-device--new.json")),
                ),
                (
                    "unregister-device",
                    sample(include_str!("../../../events/unregister-device--registered.json")),
                ),
                (
                    "list-updated-passes",
                    sample(include_str!("../../../events/list-updated-passes--nothing-new.json")),
                ),
                (
                    "send-pass",
                    sample(include_str!("../../../events/send-pass--not-modified.json")),
                ),
                (
                    "log-messages",
                    sample(include_str!("../../../events/log-messages--malformed.json")),
                ),
                (
                    "add-pass",
                    sample(include_str!("../../../events/add-pass--signed-link.json")),
                ),
            ]),
        }
    }

    fn site(&self) -> &Site {
        self.site.as_ref().expect("the site runs")
    }

    /// The event of the gateway for what an input asks for.
    fn event(&self, function: &str, input: &Value) -> Value {
        let mut event = self.events[function].clone();
        let texts = |part: &str| -> Map<String, Value> {
            let Some(map) = input[part].as_object() else {
                return Map::new();
            };
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            map.iter()
                .map(|(name, value)| (name.clone(), text(value).into()))
                .collect()
        };
        // The gateway has split the path by its route, so these names are there.
        let asked = texts("path");
        if let Some(parameters) = event["pathParameters"].as_object_mut() {
            for (name, value) in parameters {
                let text = asked.get(name).and_then(Value::as_str).unwrap_or_default();
                *value = text.into();
            }
        }
        // A function whose route has no names in it goes by the path.
        if let Some(parameters) = event["pathParameters"].as_object() {
            let path: Vec<_> = parameters.values().filter_map(Value::as_str).collect();
            event["rawPath"] = format!("/v1/{}", path.join("/")).into();
            event["requestContext"]["http"]["path"] = event["rawPath"].clone();
        }
        let asked = input["method"].as_str().unwrap_or_default();
        let method = METHODS.into_iter().find(|method| *method == asked);
        // An altered one still is some method, since the gateway's `ANY` lets all through.
        event["requestContext"]["http"]["method"] = method.unwrap_or(METHODS[asked.len() % METHODS.len()]).into();
        let query = texts("query");
        event["rawQueryString"] = query
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value.as_str().unwrap_or_default())))
            .collect::<Vec<_>>()
            .join("&")
            .into();
        event["queryStringParameters"] = query.into();
        // HTTP itself lets nothing else through.
        let printable = |text: &str| text.chars().filter(|c| matches!(c, ' '..='~')).collect::<String>();
        event["headers"] = texts("headers")
            .into_iter()
            .filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
            .map(|(name, value)| (name, printable(value.as_str().unwrap_or_default()).into()))
            .collect::<Map<_, _>>()
            .into();
        let body = input["body"]
            .as_str()
            .map_or_else(|| input["body"].to_string(), str::to_owned);
        event["isBase64Encoded"] = input["base64"].as_bool().unwrap_or_default().into();
        event["body"] = match event["isBase64Encoded"] == true {
            true => base64(body.as_bytes()).into(),
            false => body.into(),
        };
        event
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        // Its parts end their tasks, which asks for the runtime.
        let _inside = self.runtime.enter();
        self.site = None;
    }
}

impl Target for Requests {
    fn name(&self) -> &'static str {
        "requests"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        let key = PassKey::parse(LOYALTY, DEMO).expect("a pass key");
        let link = self
            .site()
            .link_signature(&key, self.site().clock.now().seconds() + 3600);
        let path = json!({"device": DEVICE, "passType": LOYALTY, "serial": DEMO});
        let headers = json!({"authorization": format!("ApplePass {}", self.token), "content-type": "application/json", "if-modified-since": "Sat, 21 Nov 2026 10:00:00 GMT"});
        [
            json!({"function": "register-device", "method": "POST", "path": path, "query": {}, "headers": headers, "body": json!({"pushToken": "00".repeat(32)}).to_string(), "base64": false}),
            json!({"function": "unregister-device", "method": "DELETE", "path": path, "query": {}, "headers": headers, "body": "", "base64": false}),
            json!({"function": "list-updated-passes", "method": "GET", "path": path, "query": {"passesUpdatedSince": "1795255200"}, "headers": {}, "body": "", "base64": false}),
            json!({"function": "send-pass", "method": "GET", "path": path, "query": {}, "headers": headers, "body": "", "base64": false}),
            json!({"function": "log-messages", "method": "POST", "path": {}, "query": {}, "headers": headers, "body": json!({"logs": ["Unexpected response code 404"]}).to_string(), "base64": true}),
            json!({"function": "add-pass", "method": "GET", "path": path, "query": {"e": link.expiry, "k": link.key_name, "s": link.mac}, "headers": {}, "body": "", "base64": false}),
        ]
        .map(|value| value.to_string().into_bytes())
        .into()
    }

    fn take(&mut self, input: &[u8]) -> bool {
        let input: Value = serde_json::from_slice(input).unwrap_or_default();
        let asked = input["function"].as_str().unwrap_or_default();
        // An altered name still finds a function, so that no input is lost.
        let index = asked.len() % self.events.len();
        let function = self.events.keys().copied().find(|name| *name == asked);
        let function = function.unwrap_or_else(|| self.events.keys().copied().nth(index).expect("below the length"));
        let event = self.event(function, &input);
        let answer = self
            .runtime
            .block_on(self.site().stack.functions()[function].invoke(event.clone()));
        let answer = answer.unwrap_or_else(|error| panic!("{function} fails: {error}\n{event}"));
        let status = answer["statusCode"].as_u64().expect("a status");
        assert!(
            (200..500).contains(&status),
            "{function} answers {status}: {answer}\n{event}"
        );
        let method = event["requestContext"]["http"]["method"].as_str().expect("a method");
        assert_eq!(
            status == 405,
            !serves(function, method),
            "{function} answers {method} with {status}\n{event}"
        );
        let known: &[u64] = match function {
            _ if status == 405 => &[405],
            "list-updated-passes" => &[200, 204],
            "log-messages" => &[200],
            _ => &[200, 201, 304, 400, 401, 403, 404, 410],
        };
        assert!(
            known.contains(&status),
            "{function} answers {status}, which Wallet does not expect: {answer}\n{event}"
        );
        status < 400
    }
}

/// Percent-encoded, as a query travels.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b.is_ascii_alphanumeric() {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
