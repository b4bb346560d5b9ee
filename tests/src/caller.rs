//! A bare HTTP client: sends exactly what a test says, where the simulated phone would know better.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// Calls one web service.
#[derive(Debug, Clone)]
pub struct Caller {
    pub client: reqwest::Client,
    /// webServiceURL.
    pub url: String,
}

/// One device with one pass: what stands in its requests.
#[derive(Debug, Clone)]
pub struct Registrant {
    pub device: String,
    pub pass_type: String,
    pub serial: String,
    /// The pass's authentication token.
    pub token: String,
    pub push_token: String,
}

impl Registrant {
    pub fn registration_path(&self) -> String {
        format!(
            "/v1/devices/{}/registrations/{}/{}",
            self.device, self.pass_type, self.serial
        )
    }

    pub fn list_path(&self) -> String {
        format!("/v1/devices/{}/registrations/{}", self.device, self.pass_type)
    }

    pub fn pass_path(&self) -> String {
        format!("/v1/passes/{}/{}", self.pass_type, self.serial)
    }

    pub fn authorization(&self) -> String {
        format!("ApplePass {}", self.token)
    }
}

/// An answer read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a whole body").to_vec(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// `serialNumbers` of a list, an array of strings.
    pub fn serials(&self) -> Vec<String> {
        serde_json::from_value(self.json()["serialNumbers"].clone()).expect("an array of strings")
    }

    /// `lastUpdated` of a list, a string of digits.
    pub fn tag(&self) -> String {
        let tag: String = serde_json::from_value(self.json()["lastUpdated"].clone()).expect("a string");
        assert!(!tag.is_empty() && tag.bytes().all(|b| b.is_ascii_digit()), "{tag}");
        tag
    }

    /// Status, headers and body, without what differs between two answers to the same request.
    pub fn comparable(&self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "date" && *name != "apigw-requestid")
            .map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }
}

impl Caller {
    /// A request without any header of ours.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// A request without a body.
    pub async fn call(&self, method: Method, path: &str, authorization: Option<&str>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        self.send(request).await
    }

    pub async fn register(&self, who: &Registrant) -> Answer {
        let request = self
            .request(Method::POST, &who.registration_path())
            .header("Authorization", who.authorization())
            .json(&json!({ "pushToken": who.push_token }));
        self.send(request).await
    }

    pub async fn unregister(&self, who: &Registrant) -> Answer {
        let request = self
            .request(Method::DELETE, &who.registration_path())
            .header("Authorization", who.authorization());
        self.send(request).await
    }

    /// The list call, which carries no authorization.
    pub async fn list(&self, who: &Registrant, since: Option<&str>) -> Answer {
        let mut path = who.list_path();
        if let Some(since) = since {
            path.push_str("?passesUpdatedSince=");
            path.push_str(since);
        }
        self.send(self.request(Method::GET, &path)).await
    }

    pub async fn pass(&self, who: &Registrant, if_modified_since: Option<&str>) -> Answer {
        self.pass_by(Method::GET, who, if_modified_since).await
    }

    /// As [`pass`](Self::pass), with `HEAD` for example.
    pub async fn pass_by(&self, method: Method, who: &Registrant, if_modified_since: Option<&str>) -> Answer {
        let mut request = self
            .request(method, &who.pass_path())
            .header("Authorization", who.authorization());
        if let Some(date) = if_modified_since {
            request = request.header("If-Modified-Since", date);
        }
        self.send(request).await
    }
}
