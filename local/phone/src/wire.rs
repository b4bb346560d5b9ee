//! Requests as Wallet sends them.

use std::time::{Duration, Instant};

use passes::tokens::AuthenticationToken;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MODIFIED_SINCE};
use reqwest::{Method, Url, redirect};
use tokio::sync::mpsc;

use crate::error::PhoneError;
use crate::exchange::{Event, Exchange};
use crate::phone::{Clock, PhoneConfig};

/// One request. Without `token` there is no Authorization header.
#[derive(Clone)]
pub(crate) struct Request {
    pub method: Method,
    pub url: Url,
    pub token: Option<AuthenticationToken>,
    pub if_modified_since: Option<HeaderValue>,
    /// JSON.
    pub body: Option<String>,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            token: None,
            if_modified_since: None,
            body: None,
        }
    }
}

/// An answer, read to its end.
pub(crate) struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The phone's side of the network: sends, and tells everyone who watches.
pub(crate) struct Wire {
    http: reqwest::Client,
    clock: Clock,
    exchanges: Vec<Exchange>,
    watchers: Vec<mpsc::UnboundedSender<Event>>,
}

impl Wire {
    pub(crate) fn new(config: &PhoneConfig) -> Result<Self, PhoneError> {
        let http = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .timeout(config.timeout)
            // Wallet follows none for passes, and a proxy could not reach a loopback host.
            .redirect(redirect::Policy::none())
            .no_proxy()
            // Every repetition is Wallet's own, and must be seen.
            .retry(reqwest::retry::never())
            .build()
            .map_err(PhoneError::Client)?;
        Ok(Self {
            http,
            clock: config.clock.clone(),
            exchanges: Vec::new(),
            watchers: Vec::new(),
        })
    }

    pub(crate) fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    pub(crate) fn watch(&mut self) -> mpsc::UnboundedReceiver<Event> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watchers.push(sender);
        receiver
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        self.watchers.retain(|watcher| watcher.send(event.clone()).is_ok());
    }

    /// Sends once. `Err` says in words why no answer came.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<Response, String> {
        let at = (self.clock)();
        let started = Instant::now();
        let outcome = self.transmit(request).await.map_err(innermost);
        let exchange = Exchange {
            at,
            method: request.method.to_string(),
            path: path_and_query(&request.url),
            status: outcome.as_ref().ok().map(|response| response.status),
            duration_ms: millis(started.elapsed()),
            note: outcome.as_ref().err().cloned(),
        };
        self.exchanges.push(exchange.clone());
        self.tell(&Event::Exchanged(exchange));
        outcome
    }

    async fn transmit(&self, request: &Request) -> Result<Response, reqwest::Error> {
        let mut outgoing = self.http.request(request.method.clone(), request.url.clone());
        if let Some(token) = &request.token {
            let credentials = format!("ApplePass {}", token.expose());
            // The type of the token holds printable ASCII alone.
            if let Ok(mut value) = HeaderValue::from_str(&credentials) {
                value.set_sensitive(true);
                outgoing = outgoing.header(AUTHORIZATION, value);
            }
        }
        if let Some(date) = &request.if_modified_since {
            outgoing = outgoing.header(IF_MODIFIED_SINCE, date);
        }
        if let Some(body) = &request.body {
            outgoing = outgoing.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = outgoing.send().await?;
        Ok(Response {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?.to_vec(),
        })
    }
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The last cause, "connection refused" rather than "error sending request", and never the URL
/// with its secrets.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
