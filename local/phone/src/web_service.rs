//! What the phone knows of one web service, and how it reads its answers.

use std::collections::BTreeSet;

use passes::ids::{DeviceLibraryIdentifier, PassKey, PassTypeIdentifier, SerialNumber};
use passes::tokens::{AuthenticationToken, PushToken};
use reqwest::header::{CONTENT_TYPE, HeaderValue, LAST_MODIFIED};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::complaint::Grievance;
use crate::wire::{Request, Response};

/// Wallet's content type of a package.
pub(crate) const PACKAGE_TYPE: &str = "application/vnd.apple.pkpass";

/// Wallet refuses larger answers. Field reports: "about 15 MiB".
pub(crate) const MAX_PACKAGE_BYTES: usize = 15 * 1024 * 1024;

/// One pass type at one `webServiceURL`: to such a pair belong one device id and one update tag.
pub(crate) struct WebService {
    pub pass_type: PassTypeIdentifier,
    /// As the passes write it.
    pub url: String,
    pub device: DeviceLibraryIdentifier,
    /// `lastUpdated` of the last list that had one.
    pub tag: Option<String>,
    /// Listed but not fetched yet: the list will not name them again.
    pub pending: BTreeSet<SerialNumber>,
}

/// The answer to "What changed?".
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// As they were sent, repetitions included.
    pub serials: Vec<String>,
    pub tag: Option<String>,
}

/// The answer to a request for a pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Download {
    NotModified,
    Package {
        bytes: Vec<u8>,
        /// Absent also when it is no HTTP date.
        last_modified: Option<HeaderValue>,
    },
}

impl WebService {
    pub(crate) fn register(&self, serial: &SerialNumber, token: &AuthenticationToken, push: &PushToken) -> Request {
        let mut request = self.authorized(Method::POST, &self.registration(serial), token);
        request.body = Some(json!({"pushToken": push.expose()}).to_string());
        request
    }

    pub(crate) fn unregister(&self, serial: &SerialNumber, token: &AuthenticationToken) -> Request {
        self.authorized(Method::DELETE, &self.registration(serial), token)
    }

    /// Without authorization: the device id is the secret.
    pub(crate) fn list(&self) -> Request {
        let mut url = self.at(&format!(
            "devices/{}/registrations/{}",
            self.device.as_str(),
            self.pass_type
        ));
        if let Some(tag) = &self.tag {
            // Not as a form would encode it: `+ & = : /` travel bare.
            url.set_query(Some(&format!("passesUpdatedSince={tag}")));
        }
        Request::new(Method::GET, url)
    }

    pub(crate) fn pass(
        &self,
        serial: &SerialNumber,
        token: &AuthenticationToken,
        if_modified_since: Option<HeaderValue>,
    ) -> Request {
        let path = format!("passes/{}/{serial}", self.pass_type);
        let mut request = self.authorized(Method::GET, &path, token);
        request.if_modified_since = if_modified_since;
        request
    }

    fn registration(&self, serial: &SerialNumber) -> String {
        format!(
            "devices/{}/registrations/{}/{serial}",
            self.device.as_str(),
            self.pass_type
        )
    }

    fn authorized(&self, method: Method, path: &str, token: &AuthenticationToken) -> Request {
        let mut request = Request::new(method, self.at(path));
        request.token = Some(token.clone());
        request
    }

    fn at(&self, path: &str) -> Url {
        at(&self.url, path)
    }

    pub(crate) fn key(&self, serial: &SerialNumber) -> PassKey {
        PassKey {
            pass_type: self.pass_type.clone(),
            serial: serial.clone(),
        }
    }
}

/// Lines for the log, without authorization.
pub(crate) fn log(web_service: &str, lines: &[String]) -> Request {
    let mut request = Request::new(Method::POST, at(web_service, "log"));
    request.body = Some(json!({"logs": lines}).to_string());
    request
}

fn at(web_service: &str, path: &str) -> Url {
    format!("{}/v1/{path}", web_service.trim_end_matches('/'))
        .parse()
        .expect("the URL was judged when its pass was installed, and the path holds identifiers alone")
}

/// 200 or 201.
pub(crate) fn registered(response: &Response) -> Result<(), Grievance> {
    match response.status {
        200 | 201 => Ok(()),
        other => Err(Grievance::status(other)),
    }
}

/// 200 alone: 204 and 404 were seen repeated.
pub(crate) fn unregistered(response: &Response) -> Result<(), Grievance> {
    match response.status {
        200 => Ok(()),
        other => Err(Grievance::status(other)),
    }
}

/// 200 with JSON of exactly the right types, or 204, which gives `None`.
pub(crate) fn listed(response: &Response) -> Result<Option<List>, Grievance> {
    let malformed = |reason: &str| Grievance::Malformed(reason.to_owned());
    match response.status {
        200 => {}
        204 => return Ok(None),
        other => return Err(Grievance::status(other)),
    }
    if response.body.is_empty() {
        return Err(malformed("Missing response data"));
    }
    let json: Value = serde_json::from_slice(&response.body).map_err(|error| malformed(&error.to_string()))?;
    let serials = json["serialNumbers"]
        .as_array()
        .ok_or_else(|| malformed("serialNumbers is no array"))?
        .iter()
        .map(|serial| serial.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or_else(|| malformed("serialNumbers holds something else than strings"))?;
    let tag = match json.get("lastUpdated") {
        None | Some(Value::Null) => None,
        Some(Value::String(tag)) => Some(tag.clone()),
        Some(_) => return Err(malformed("lastUpdated is no string")),
    };
    Ok(Some(List { serials, tag }))
}

/// 200 with a package, or 304 where a condition was sent.
pub(crate) fn downloaded(response: &Response, conditional: bool) -> Result<Download, Grievance> {
    match response.status {
        200 => {}
        304 if conditional => return Ok(Download::NotModified),
        other => return Err(Grievance::status(other)),
    }
    package(response).map_err(Grievance::InvalidPassData)?;
    let last_modified = response.headers.get(LAST_MODIFIED).filter(|value| is_http_date(value));
    Ok(Download::Package {
        bytes: response.body.clone(),
        last_modified: last_modified.cloned(),
    })
}

/// Whether the answer can be a package at all, by its type and size.
pub(crate) fn package(response: &Response) -> Result<(), String> {
    let content_type = response.headers.get(CONTENT_TYPE).map_or("", |value| {
        let text = value.to_str().unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim()
    });
    if !content_type.eq_ignore_ascii_case(PACKAGE_TYPE) {
        return Err(format!("the content type is '{content_type}', not {PACKAGE_TYPE}"));
    }
    if response.body.len() > MAX_PACKAGE_BYTES {
        return Err(format!(
            "{} bytes are more than Wallet takes, {MAX_PACKAGE_BYTES}",
            response.body.len()
        ));
    }
    Ok(())
}

fn is_http_date(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| httpdate::parse_http_date(text).is_ok())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn service(url: &str, tag: Option<&str>) -> WebService {
        WebService {
            pass_type: "pass.t".parse().unwrap(),
            url: url.to_owned(),
            device: "d1".parse().unwrap(),
            tag: tag.map(str::to_owned),
            pending: BTreeSet::new(),
        }
    }

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_tag_travels_bare() {
        let url = |tag| service("https://u/stage", Some(tag)).list().url.to_string();
        assert_eq!(
            url("1795255200"),
            "https://u/stage/v1/devices/d1/registrations/pass.t?passesUpdatedSince=1795255200"
        );
        assert!(url("a+b&c=d:e/f").ends_with("?passesUpdatedSince=a+b&c=d:e/f"));
        assert!(url("a b").ends_with("?passesUpdatedSince=a%20b"));
    }

    #[test]
    fn a_list_is_read_with_strict_types() {
        let list = |body: &str| listed(&answer(200, body));
        assert_eq!(
            list(r#"{"serialNumbers": ["A"], "lastUpdated": "7", "more": 1}"#),
            Ok(Some(List {
                serials: vec!["A".to_owned()],
                tag: Some("7".to_owned())
            }))
        );
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"serialNumbers": "A", "lastUpdated": "7"}"#,
            r#"{"serialNumbers": [1], "lastUpdated": "7"}"#,
            r#"{"serialNumbers": ["A"], "lastUpdated": 7}"#,
        ] {
            assert!(matches!(list(bad), Err(Grievance::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn every_other_status_of_a_list_is_a_failure() {
        assert_eq!(listed(&answer(204, "")), Ok(None));
        for status in [201, 301, 304, 400, 404, 500, 503] {
            let expected = Err(Grievance::UnexpectedResponseCode(status));
            assert_eq!(listed(&answer(status, "")), expected);
        }
        assert_eq!(listed(&answer(401, "")), Err(Grievance::AuthenticationFailure));
    }

    #[test]
    fn a_304_answers_a_condition_only() {
        let not_modified = answer(304, "");
        assert_eq!(downloaded(&not_modified, true), Ok(Download::NotModified));
        assert_eq!(
            downloaded(&not_modified, false),
            Err(Grievance::UnexpectedResponseCode(304))
        );
    }
}
