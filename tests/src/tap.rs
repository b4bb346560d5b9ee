//! A tap between an adapter and the database engine: sees every call, and can do things before
//! one, refuse it, or lose its answer. The engine itself never conflicts, throttles or fails.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

/// One call to DynamoDB.
#[derive(Debug, Clone)]
pub struct Call {
    /// E.g. `UpdateItem`.
    pub action: String,
    pub body: Value,
}

impl Call {
    /// Whether the request mentions this text: a key, a table, a part of an expression.
    pub fn mentions(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }
}

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What happens to a call.
enum Action {
    /// This is done first; then the call goes through.
    Before(Meanwhile),
    /// The call is answered so and never reaches the engine.
    Refuse(StatusCode, Value),
    /// The call is carried out, but its answer gets lost on the way back.
    LoseAnswer,
    /// The engine's answer is changed on the way back.
    Change(fn(&Call, Value) -> Value),
}

struct Rule {
    matches: Box<dyn Fn(&Call) -> bool + Send>,
    action: Option<Action>,
}

#[derive(Default)]
struct Shared {
    upstream: String,
    client: reqwest::Client,
    calls: Mutex<Vec<Call>>,
    rules: Mutex<Vec<Rule>>,
}

/// A running tap. Each rule acts once, on the first call that it matches.
#[derive(Clone)]
pub struct Tap {
    url: String,
    shared: Arc<Shared>,
}

impl Tap {
    /// Listens on a free port in front of the engine at `upstream`.
    pub async fn start(upstream: String) -> Self {
        let shared = Arc::new(Shared {
            upstream,
            ..Shared::default()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(pass_on).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every call since the last [`Tap::forget`].
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    pub fn forget(&self) {
        self.shared.calls.lock().unwrap().clear();
    }

    /// Does something right before the first call of `action` that mentions `text`.
    pub fn before(
        &self,
        action: &'static str,
        text: &'static str,
        meanwhile: impl Future<Output = ()> + Send + 'static,
    ) {
        self.rule(action, text, Action::Before(Box::pin(meanwhile)));
    }

    /// Answers with one of DynamoDB's errors instead of carrying the call out.
    pub fn refuse(&self, action: &'static str, text: &'static str, error: &str) {
        let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{error}"), "message": "injected"});
        self.rule(action, text, Action::Refuse(StatusCode::BAD_REQUEST, body));
    }

    /// Cancels a transaction for this reason, e.g. `TransactionConflict`.
    pub fn cancel(&self, text: &'static str, reason: &str) {
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}, None]"),
            "CancellationReasons": [{"Code": reason, "Message": "injected"}, {"Code": "None"}],
        });
        self.rule(
            "TransactWriteItems",
            text,
            Action::Refuse(StatusCode::BAD_REQUEST, body),
        );
    }

    /// Carries the call out and answers 500, as after a broken connection.
    pub fn lose_answer(&self, action: &'static str, text: &'static str) {
        self.rule(action, text, Action::LoseAnswer);
    }

    /// Changes the engine's answer.
    pub fn change_answer(&self, action: &'static str, text: &'static str, change: fn(&Call, Value) -> Value) {
        self.rule(action, text, Action::Change(change));
    }

    /// Panics unless every rule has acted: a test whose fault never came proves nothing.
    pub fn assert_all_acted(&self) {
        let left = self.shared.rules.lock().unwrap().len();
        assert_eq!(left, 0, "{left} rules of the tap never met their call");
    }

    fn rule(&self, wanted: &'static str, text: &'static str, action: Action) {
        self.shared.rules.lock().unwrap().push(Rule {
            matches: Box::new(move |call| call.action == wanted && call.mentions(text)),
            action: Some(action),
        });
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let call = Call {
        action: target.rsplit('.').next().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    shared.calls.lock().unwrap().push(call.clone());
    let action = {
        let mut rules = shared.rules.lock().unwrap();
        let met = rules.iter().position(|rule| (rule.matches)(&call));
        met.and_then(|index| rules.remove(index).action)
    };
    match action {
        Some(Action::Before(meanwhile)) => meanwhile.await,
        Some(Action::Refuse(status, error)) => return answer(status, error.to_string().into()),
        Some(Action::LoseAnswer) => {
            forward(&shared, &headers, body).await;
            let error = json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"});
            return answer(StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into());
        }
        Some(Action::Change(change)) => {
            let (status, bytes) = forward(&shared, &headers, body).await;
            let changed = change(&call, serde_json::from_slice(&bytes).expect("JSON"));
            return answer(status, changed.to_string().into());
        }
        None => {}
    }
    let (status, bytes) = forward(&shared, &headers, body).await;
    answer(status, bytes)
}

async fn forward(shared: &Shared, headers: &HeaderMap, body: Bytes) -> (StatusCode, Bytes) {
    let mut request = shared.client.post(&shared.upstream).body(body);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.expect("the engine answers");
    let status = response.status();
    (status, response.bytes().await.expect("a whole answer"))
}

fn answer(status: StatusCode, body: Bytes) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .body(Body::from(body))
        .expect("a response")
}
