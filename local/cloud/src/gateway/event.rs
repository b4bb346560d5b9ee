//! An HTTP request as the event that API Gateway makes of it (payload format 2.0).

use std::{collections::BTreeMap, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Version, header, request::Parts};
use serde_json::{Value, json};

use super::{
    encoding::{self, Malformed},
    routes::Match,
};
use crate::{ACCOUNT, calendar};

/// Everything about a request beyond the request itself.
pub(super) struct Circumstances {
    pub client: SocketAddr,
    /// The port that the gateway listens on.
    pub port: u16,
    pub now_ms: u64,
    pub request_id: String,
}

/// Headers between two machines, not between client and function.
const HOP_BY_HOP: [header::HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

/// Builds the event.
///
/// As the gateway does it: `rawPath` is decoded, `rawQueryString` is not; parts that a request
/// lacks (query, cookies, parameters, body) are absent, not empty.
pub(super) fn event(
    request: &Parts,
    body: &Bytes,
    matched: &Match<'_>,
    circumstances: &Circumstances,
) -> Result<Value, Malformed> {
    let path = encoding::decode_path(request.uri.path())?;
    let query = request.uri.query().unwrap_or_default();
    let (headers, cookies) = headers(&request.headers, circumstances);
    let host = headers.get("host").cloned().unwrap_or_default();
    let domain = host.split(':').next().unwrap_or_default();
    let seconds = circumstances.now_ms / 1_000;

    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.route.key,
        "rawPath": path,
        "rawQueryString": query,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": protocol(request.version),
                "sourceIp": circumstances.client.ip().to_string(),
                "userAgent": headers.get("user-agent").map_or("", String::as_str),
            },
            "requestId": circumstances.request_id,
            "routeKey": matched.route.key,
            "stage": "$default",
            "time": calendar::common_log(seconds),
            "timeEpoch": circumstances.now_ms,
        },
        "isBase64Encoded": false,
    });
    if !query.is_empty() {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in encoding::query_pairs(query)? {
            append(&mut values, name, &value);
        }
        event["queryStringParameters"] = json!(values);
    }
    if !matched.parameters.is_empty() {
        let parameters: BTreeMap<_, _> = matched.parameters.iter().cloned().collect();
        event["pathParameters"] = json!(parameters);
    }
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !body.is_empty() {
        let content_type = headers.get("content-type").map_or("", String::as_str);
        match std::str::from_utf8(body) {
            Ok(text) if is_text(content_type) => event["body"] = text.into(),
            _ => {
                event["body"] = STANDARD.encode(body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event["headers"] = json!(headers);
    Ok(event)
}

fn protocol(version: Version) -> &'static str {
    if version == Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    }
}

/// Header values by lower-case name, repeated ones joined by commas, and the cookies apart.
fn headers(headers: &HeaderMap, circumstances: &Circumstances) -> (BTreeMap<String, String>, Vec<String>) {
    let mut plain = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == header::COOKIE {
            cookies.extend(value.split("; ").map(str::to_owned));
        } else if !HOP_BY_HOP.contains(name) {
            append(&mut plain, name.as_str().to_owned(), &value);
        }
    }
    append(
        &mut plain,
        "x-forwarded-for".into(),
        &circumstances.client.ip().to_string(),
    );
    plain.insert("x-forwarded-port".into(), circumstances.port.to_string());
    plain.insert("x-forwarded-proto".into(), "http".into());
    (plain, cookies)
}

fn append(values: &mut BTreeMap<String, String>, name: String, value: &str) {
    values
        .entry(name)
        .and_modify(|before| {
            before.push(',');
            before.push_str(value);
        })
        .or_insert_with(|| value.to_owned());
}

/// The content types whose bodies an HTTP API hands on as text; every other body travels as
/// base64, forms and bodies without a type too.
fn is_text(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence.starts_with("text/")
        || ["application/json", "application/xml", "application/javascript"].contains(&essence.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::routes::{self, Route};
    use http::Request;

    fn built(request: http::request::Builder, body: &'static [u8]) -> Value {
        let mut routes: Vec<Route> = ["POST /v1/log", "ANY /v1/passes/{passType}/{serial}"]
            .map(|key| Route::new(key, "function").unwrap())
            .into();
        routes.sort_by(Route::by_specificity);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let matched = routes::find(&routes, parts.method.as_str(), parts.uri.path())
            .unwrap()
            .unwrap();
        let circumstances = Circumstances {
            client: "127.0.0.1:50000".parse().unwrap(),
            port: 8080,
            now_ms: 1_795_292_291_042,
            request_id: "JKJaXmPLvHcESHA=".into(),
        };
        event(&parts, &Bytes::from_static(body), &matched, &circumstances).unwrap()
    }

    #[test]
    fn a_whole_event() {
        let request = Request::get("/v1/passes/pass.com.example/A%252DB/?a=1&b=x+y&a=%2B")
            .header("Host", "api.example.com:8080")
            .header("User-Agent", "Wallet/1.0")
            .header("Authorization", "ApplePass secret")
            .header("Cookie", "one=1; two=2")
            .header("X-Twice", "a")
            .header("X-Twice", "b")
            .header("Connection", "keep-alive")
            .header("X-Forwarded-For", "10.0.0.1");
        assert_eq!(
            built(request, b""),
            json!({
                "version": "2.0",
                "routeKey": "ANY /v1/passes/{passType}/{serial}",
                "rawPath": "/v1/passes/pass.com.example/A%2DB/",
                "rawQueryString": "a=1&b=x+y&a=%2B",
                "cookies": ["one=1", "two=2"],
                "headers": {
                    "authorization": "ApplePass secret",
                    "host": "api.example.com:8080",
                    "user-agent": "Wallet/1.0",
                    "x-forwarded-for": "10.0.0.1,127.0.0.1",
                    "x-forwarded-port": "8080",
                    "x-forwarded-proto": "http",
                    "x-twice": "a,b"
                },
                "queryStringParameters": { "a": "1,+", "b": "x y" },
                "pathParameters": { "passType": "pass.com.example", "serial": "A%2DB" },
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "local",
                    "domainName": "api.example.com",
                    "domainPrefix": "api",
                    "http": {
                        "method": "GET",
                        "path": "/v1/passes/pass.com.example/A%2DB/",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "Wallet/1.0"
                    },
                    "requestId": "JKJaXmPLvHcESHA=",
                    "routeKey": "ANY /v1/passes/{passType}/{serial}",
                    "stage": "$default",
                    "time": "21/Nov/2026:20:18:11 +0000",
                    "timeEpoch": 1_795_292_291_042_u64
                },
                "isBase64Encoded": false
            })
        );
    }

    #[test]
    fn text_travels_plain_and_everything_else_as_base64() {
        let body = br#"{"logs":[]}"#;
        for (content_type, plain) in [
            (Some("application/json"), true),
            (Some("application/json; charset=utf-8"), true),
            (Some("TEXT/plain"), true),
            (Some("application/x-www-form-urlencoded"), false),
            (Some("application/octet-stream"), false),
            (None, false),
        ] {
            let mut request = Request::post("/v1/log");
            if let Some(content_type) = content_type {
                request = request.header("Content-Type", content_type);
            }
            let event = built(request, body);
            let expected = if plain { r#"{"logs":[]}"# } else { "eyJsb2dzIjpbXX0=" };
            assert_eq!(event["body"], expected, "{content_type:?}");
            assert_eq!(event["isBase64Encoded"], !plain, "{content_type:?}");
        }
        let request = Request::post("/v1/log").header("Content-Type", "application/json");
        assert_eq!(built(request, b"\xff")["isBase64Encoded"], true);
    }

    #[test]
    fn what_a_request_lacks_is_absent() {
        let event = built(Request::post("/v1/log"), b"");
        for absent in ["cookies", "queryStringParameters", "pathParameters", "body"] {
            assert_eq!(event.get(absent), None, "{absent}");
        }
        assert_eq!(event["rawQueryString"], "");
    }
}
