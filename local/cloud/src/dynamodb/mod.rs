//! DynamoDB as SDKs meet it: the engine over HTTP, behind a front that puts right what the engine
//! says otherwise than the API's model and what it does not say at all.

mod missing;
mod names;
mod shards;

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use dynoxide::Database;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, StatusCode, Uri, request::Parts};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use names::TableNames;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Error;

/// Services of the header `X-Amz-Target`, which stands for the path in this protocol.
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

/// Largest request and answer: DynamoDB's 16 MB, and room for names that grow when they are put back.
const MAXIMUM_BODY_BYTES: usize = 17 * 1024 * 1024;

/// A running DynamoDB. Dropping it stops it; [`DynamoDb::shutdown`] lets requests end first.
#[derive(Debug)]
pub struct DynamoDb {
    address: SocketAddr,
    engine: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl DynamoDb {
    /// Serves `database` on `listener`, and the bare engine on a loopback port beside it.
    ///
    /// # Errors
    /// No port is free for the engine.
    pub async fn start(listener: TcpListener, database: Database) -> Result<Self, Error> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = |source| Error::Listen { address: any, source };
        let behind = TcpListener::bind(any).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let engine = behind.local_addr().map_err(listen)?;
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, behind, engine, database, stopped));
        Ok(Self {
            address,
            engine,
            stop,
            serving,
        })
    }

    /// For SDKs and whoever else comes from outside.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Straight to the engine, for callers that use no more of the API than it has: a way less.
    pub fn engine_url(&self) -> String {
        format!("http://{}", self.engine)
    }

    /// Stops listening, lets running requests end, and returns when the last one has.
    pub async fn shutdown(self) {
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}

/// Both servers. The front goes first, since the engine waits for its connections to end.
async fn serve(
    listener: TcpListener,
    behind: TcpListener,
    engine: SocketAddr,
    database: Database,
    stopped: oneshot::Receiver<()>,
) {
    let (stop_engine, engine_stopped) = oneshot::channel::<()>();
    let served = dynoxide::server::serve_with_shutdown(behind, database, async {
        let _ = engine_stopped.await;
    });
    let engine_serves = tokio::spawn(served);
    let app = Router::new().fallback(take).with_state(Front::new(engine));
    // Small answers must not wait for the client's delayed acknowledgement.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let front = axum::serve(listener, app).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    if let Err(error) = front.await {
        tracing::error!(%error, "the front of the database engine stopped");
    }
    let _ = stop_engine.send(());
    match engine_serves.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(error, "the database engine stopped"),
        Err(error) => tracing::error!(%error, "the database engine broke off"),
    }
}

#[derive(Clone)]
struct Front {
    engine: SocketAddr,
    client: Client<HttpConnector, Body>,
}

impl Front {
    fn new(engine: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { engine, client }
    }

    async fn forward(&self, mut parts: Parts, body: Bytes) -> Result<Response, hyper_util::client::legacy::Error> {
        let mut target = parts.uri.into_parts();
        target.scheme = Some(Scheme::HTTP);
        target.authority = Authority::try_from(self.engine.to_string()).ok();
        target.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        parts.uri = Uri::from_parts(target).unwrap_or_default();
        // The body is whole by now, and may have another length.
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(TRANSFER_ENCODING);
        let request = Request::from_parts(parts, Body::from(body));
        Ok(self.client.request(request).await?.map(Body::new))
    }
}

async fn take(State(front): State<Front>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(mut body) = to_bytes(body, MAXIMUM_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let operation = operation(&parts.headers);
    let mut names = TableNames::default();
    if let Some(operation) = &operation
        && let Some(rewritten) = rewrite_request(operation, &body, &mut names)
    {
        body = rewritten;
    }
    let answer = match front.forward(parts, body).await {
        Ok(answer) => answer,
        Err(failure) => {
            tracing::warn!(%failure, "the database engine did not answer");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    match operation {
        Some(operation) => put_right(&operation, &names, answer).await,
        None => answer,
    }
}

/// The operation that is asked for, if it is one of DynamoDB's.
fn operation(headers: &HeaderMap) -> Option<String> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    let operation = TARGETS.iter().find_map(|service| target.strip_prefix(service))?;
    let is_name = !operation.is_empty() && operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| operation.to_owned())
}

/// The body as the engine takes it; none where it takes it as it is.
fn rewrite_request(operation: &str, body: &Bytes, names: &mut TableNames) -> Option<Bytes> {
    let of_shards = matches!(operation, "GetShardIterator" | "DescribeStream");
    // No quicker way to tell is needed: an item that mentions an ARN is rare, and goes through unharmed.
    if !of_shards && !body.windows(4).any(|window| window == b"arn:") {
        return None;
    }
    let mut request: Value = serde_json::from_slice(body).ok()?;
    names.take_from(&mut request);
    if of_shards {
        shards::narrow(&mut request);
    }
    Some(request.to_string().into())
}

/// The engine's answer as the API's model has it.
async fn put_right(operation: &str, names: &TableNames, answer: Response) -> Response {
    let concerned = operation == "DescribeStream" || !names.is_empty() || answer.status() == StatusCode::BAD_REQUEST;
    if !concerned {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, MAXIMUM_BODY_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Ok(mut json) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    if parts.status == StatusCode::BAD_REQUEST {
        if !is_unknown(&json) {
            return Response::from_parts(parts, Body::from(body));
        }
        json["message"] = json!(missing::sentence(operation));
    } else {
        names.give_back_to(&mut json);
        if operation == "DescribeStream" {
            shards::widen(&mut json);
        }
    }
    // The checksum is of the engine's body; SDKs look at it only where it is there.
    parts.headers.remove("x-amz-crc32");
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json.to_string()))
}

/// Whether this is the engine's refusal of an operation that it does not have.
fn is_unknown(refusal: &Value) -> bool {
    let kind = refusal["__type"].as_str().unwrap_or_default();
    kind.ends_with("#UnknownOperationException") && refusal.get("message").is_none()
}
