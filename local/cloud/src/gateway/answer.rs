//! What a function returned as the HTTP response that API Gateway makes of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

/// An HTTP response whose body is whole.
pub(super) type Answer = Response<Full<Bytes>>;

/// The function answered with something that is no response; the client gets a 500.
#[derive(Debug, thiserror::Error)]
#[error("the function's answer is no response: {0}")]
pub(super) struct NoResponse(&'static str);

/// Headers that the gateway writes itself.
const OWN: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// One of the gateway's own answers, in its own form: `{"message":"Not Found"}`.
pub(super) fn message(status: StatusCode, text: &str) -> Answer {
    let body = serde_json::json!({ "message": text }).to_string();
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Reads a function's answer. A value without `statusCode` is the JSON body of a 200.
///
/// `multiValueHeaders` is of format 1.0 and understood all the same; a name that stands there
/// wins over the one in `headers`.
pub(super) fn answer(method: &Method, returned: &Value) -> Result<Answer, NoResponse> {
    if returned.get("statusCode").is_none() {
        let body = match returned {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut answer = Response::new(Full::from(body));
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(answer);
    }
    let status = status(&returned["statusCode"])?;
    let mut headers = headers(returned)?;
    let mut body = body(returned)?;

    let length_given = headers.get(header::CONTENT_LENGTH).cloned();
    for own in OWN {
        headers.remove(own);
    }
    if !body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        // What the gateway adds when the function names no type.
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=UTF-8"),
        );
    }
    if method == Method::HEAD {
        if let Some(length) = length_given.or_else(|| (!body.is_empty()).then(|| HeaderValue::from(body.len()))) {
            headers.insert(header::CONTENT_LENGTH, length);
        }
        body = Bytes::new();
    } else if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        body = Bytes::new();
    }
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn status(value: &Value) -> Result<StatusCode, NoResponse> {
    // Some runtimes write the number as a text, and the gateway takes it.
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .and_then(|number| StatusCode::from_u16(number).ok())
        // 1xx would leave the client waiting for the real answer.
        .filter(|status| !status.is_informational())
        .ok_or(NoResponse("statusCode is no HTTP status"))
}

fn headers(returned: &Value) -> Result<HeaderMap, NoResponse> {
    let mut headers = HeaderMap::new();
    for (name, value) in entries(&returned["headers"])? {
        headers.insert(header_name(name)?, header_value(value)?);
    }
    for (name, values) in entries(&returned["multiValueHeaders"])? {
        let name = header_name(name)?;
        headers.remove(&name);
        for value in items(values)? {
            headers.append(&name, header_value(value)?);
        }
    }
    for cookie in items(&returned["cookies"])? {
        headers.append(header::SET_COOKIE, header_value(cookie)?);
    }
    Ok(headers)
}

fn entries(value: &Value) -> Result<impl Iterator<Item = (&String, &Value)>, NoResponse> {
    match value {
        Value::Null => Ok(None),
        Value::Object(entries) => Ok(Some(entries)),
        _ => Err(NoResponse("headers must be an object")),
    }
    .map(|entries| entries.into_iter().flatten())
}

fn items(value: &Value) -> Result<&[Value], NoResponse> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(NoResponse("cookies and multi-value headers must be arrays")),
    }
}

fn header_name(name: &str) -> Result<HeaderName, NoResponse> {
    name.parse().map_err(|_| NoResponse("a header's name is none"))
}

fn header_value(value: &Value) -> Result<HeaderValue, NoResponse> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(NoResponse("a header's value is no text")),
    };
    HeaderValue::from_str(&text).map_err(|_| NoResponse("a header's value cannot be sent"))
}

fn body(returned: &Value) -> Result<Bytes, NoResponse> {
    let encoded = match &returned["isBase64Encoded"] {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        _ => return Err(NoResponse("isBase64Encoded must be true or false")),
    };
    match &returned["body"] {
        Value::Null => Ok(Bytes::new()),
        Value::String(text) if encoded => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|_| NoResponse("the body is no base64")),
        Value::String(text) => Ok(Bytes::from(text.clone())),
        _ => Err(NoResponse("body must be a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use serde_json::json;

    async fn parts(answer: Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let (head, body) = answer.into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        (head.status.as_u16(), headers, body)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn headers_of_both_kinds_and_cookies() {
        let returned = json!({
            "statusCode": 201,
            "headers": { "Content-Type": "application/json", "X-One": "1", "Vary": "lost" },
            "multiValueHeaders": { "Vary": ["a", "b"] },
            "cookies": ["c=1", "d=2"],
            "body": "{}"
        });
        let (status, mut headers, body) = parts(answer(&Method::GET, &returned).unwrap()).await;
        headers.sort();
        assert_eq!(status, 201);
        assert_eq!(
            headers,
            [
                pair("content-type", "application/json"),
                pair("set-cookie", "c=1"),
                pair("set-cookie", "d=2"),
                pair("vary", "a"),
                pair("vary", "b"),
                pair("x-one", "1"),
            ]
        );
        assert_eq!(body, b"{}");
    }

    #[tokio::test]
    async fn a_base64_body_becomes_its_bytes() {
        let returned = json!({
            "statusCode": 200,
            "headers": { "content-type": "application/vnd.apple.pkpass" },
            "isBase64Encoded": true,
            "body": STANDARD.encode(b"PK\x03\x04\xff")
        });
        let (_, headers, body) = parts(answer(&Method::GET, &returned).unwrap()).await;
        assert_eq!(body, b"PK\x03\x04\xff");
        assert_eq!(headers, [pair("content-type", "application/vnd.apple.pkpass")]);
    }

    #[tokio::test]
    async fn without_a_status_the_value_is_the_body_of_a_200() {
        for (returned, expected) in [
            (json!({ "message": "hello" }), r#"{"message":"hello"}"#),
            (json!("hello"), "hello"),
            (json!([1, 2]), "[1,2]"),
        ] {
            let (status, headers, body) = parts(answer(&Method::GET, &returned).unwrap()).await;
            assert_eq!(status, 200);
            assert_eq!(headers, [pair("content-type", "application/json")]);
            assert_eq!(body, expected.as_bytes());
        }
    }

    #[tokio::test]
    async fn a_head_keeps_its_length_and_sends_nothing() {
        let returned = json!({ "statusCode": 200, "headers": { "Content-Length": "4711" } });
        let (_, headers, body) = parts(answer(&Method::HEAD, &returned).unwrap()).await;
        assert_eq!(headers, [pair("content-length", "4711")]);
        assert_eq!(body, b"");

        // On any other method the length is the gateway's business.
        let (_, headers, _) = parts(answer(&Method::GET, &returned).unwrap()).await;
        assert_eq!(headers, []);
    }

    #[tokio::test]
    async fn no_content_and_not_modified_have_no_body() {
        for status in [204, 304] {
            let returned = json!({ "statusCode": status, "headers": { "ETag": "x" } });
            let (given, headers, body) = parts(answer(&Method::GET, &returned).unwrap()).await;
            assert_eq!((given, body.as_slice()), (status, &b""[..]));
            assert_eq!(headers, [pair("etag", "x")]);
        }
    }

    #[test]
    fn what_is_no_response() {
        for returned in [
            json!({ "statusCode": "ok" }),
            json!({ "statusCode": 99 }),
            json!({ "statusCode": 101 }),
            json!({ "statusCode": null }),
            json!({ "statusCode": 200, "body": { "not": "text" } }),
            json!({ "statusCode": 200, "headers": ["a"] }),
            json!({ "statusCode": 200, "headers": { "a b": "c" } }),
            json!({ "statusCode": 200, "headers": { "a": "line\nbreak" } }),
            json!({ "statusCode": 200, "body": "***", "isBase64Encoded": true }),
        ] {
            assert!(answer(&Method::GET, &returned).is_err(), "{returned}");
        }
    }
}
