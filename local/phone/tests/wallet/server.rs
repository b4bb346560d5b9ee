//! A web service that answers by a script, and fails the test for any request that is not in it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One answer.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn list(serials: &[&str], tag: &str) -> Self {
        Self::json(json!({"serialNumbers": serials, "lastUpdated": tag}))
    }

    pub fn json(body: Value) -> Self {
        Self::status(200)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub fn package(bytes: Vec<u8>) -> Self {
        Self::status(200)
            .header("content-type", "application/vnd.apple.pkpass")
            .body(bytes)
    }

    pub fn modified(self, date: &str) -> Self {
        self.header("last-modified", date)
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The id that stands as `*` in the script.
    pub device: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Default)]
struct State {
    script: VecDeque<(String, Answer)>,
    log_answers: VecDeque<u16>,
    seen: Vec<Seen>,
    logs: Vec<String>,
    unexpected: Vec<String>,
}

/// Dropping it fails the test when a request came that was not expected, or an expected one never
/// came. The log is answered 200 unless told otherwise.
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = shared.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(shared.clone(), request));
                    // The phone may hang up at any time.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, state, task }
    }

    /// The next request must be this, e.g. `GET /v1/devices/*/registrations/pass.t`.
    pub fn expect(&self, line: &str, answer: Answer) {
        self.state.lock().unwrap().script.push_back((line.to_owned(), answer));
    }

    /// The next request to the log is answered so.
    pub fn answer_log(&self, status: u16) {
        self.state.lock().unwrap().log_answers.push_back(status);
    }

    /// What came since the last call, without the log's.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    /// The lines that were posted to the log since the last call.
    pub fn take_logs(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().logs)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            return;
        }
        let state = self.state.lock().unwrap();
        let never_came: Vec<&String> = state.script.iter().map(|(line, _)| line).collect();
        assert!(state.unexpected.is_empty(), "not in the script: {:?}", state.unexpected);
        assert!(never_came.is_empty(), "never came: {never_came:?}");
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let target = head.uri.path_and_query().unwrap().as_str();
    let (line, device) = without_device(&format!("{} {target}", head.method));
    let seen = Seen {
        device,
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let mut state = state.lock().unwrap();
    let answer = if line == "POST /v1/log" {
        log(&mut state, &seen)
    } else {
        state.seen.push(seen);
        match state.script.pop_front() {
            Some((expected, answer)) if expected == line => answer,
            other => {
                let expected = other.map(|(line, _)| line);
                state.unexpected.push(format!("{line}, where {expected:?} was due"));
                Answer::status(500)
            }
        }
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(answer.body)).unwrap())
}

fn log(state: &mut State, seen: &Seen) -> Answer {
    assert_eq!(seen.header("authorization"), None, "the log is anonymous");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let status = state.log_answers.pop_front().unwrap_or(200);
    if status == 200 {
        let lines = body["logs"].as_array().unwrap().iter();
        state.logs.extend(lines.map(|line| line.as_str().unwrap().to_owned()));
    }
    Answer::status(status)
}

fn without_device(line: &str) -> (String, Option<String>) {
    let Some((before, rest)) = line.split_once("/v1/devices/") else {
        return (line.to_owned(), None);
    };
    let (device, after) = rest.split_once('/').unwrap();
    (format!("{before}/v1/devices/*/{after}"), Some(device.to_owned()))
}
