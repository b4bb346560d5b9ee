//! An HTTP API of API Gateway on the loopback interface.
//!
//! Requests become events in payload format 2.0, answers become HTTP again, and where something
//! fails the client sees what the gateway would let it see.

mod answer;
mod encoding;
mod event;
mod routes;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Clock, Error, Function, Functions, clock::system_clock, function::invoke_detached, identifiers};
use answer::{Answer, answer, message};
use event::{Circumstances, event};
pub use routes::Route;

/// Largest request body: 10 MB, a quota of API Gateway that cannot be raised.
const MAXIMUM_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// Largest answer of a function: 6 MB of JSON, a quota of Lambda for synchronous invocations.
/// Binary bodies grow by a third in base64, so 4.5 MB of them fit.
const MAXIMUM_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// How long a function may take behind an HTTP API; the quota is 30 s.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// A running front. Dropping it stops it at once; [`Gateway::shutdown`] lets requests end first.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// Listens on `address` (port 0 for any free one) and answers by `routes`.
    ///
    /// # Errors
    /// A route without its function, and an address that cannot be bound.
    pub async fn start(address: SocketAddr, routes: Vec<Route>, functions: &Functions) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        Self::start_on(listener, routes, functions)
    }

    /// The same on an address that is held already, for functions that have to know it before they
    /// can answer.
    ///
    /// # Errors
    /// A route without its function.
    pub fn start_on(listener: TcpListener, routes: Vec<Route>, functions: &Functions) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(|source| Error::Listen {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            source,
        })?;
        let front = Arc::new(Front::new(routes, functions, address.port(), system_clock())?);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, front, stop.clone(), tasks.clone()));
        Ok(Self { address, stop, tasks })
    }

    /// The address that it listens on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets running requests end, and returns when the last one has.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, front: Arc<Front>, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let connection = tokio::select! {
            () = stop.cancelled() => return,
            connection = listener.accept() => connection,
        };
        match connection {
            Ok((stream, client)) => {
                // Small answers must not wait for the client's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                tasks.spawn(serve(stream, client, Arc::clone(&front), stop.clone()));
            }
            Err(failure) => {
                // Most often too many open files: the next attempt would fail at once as well.
                tracing::warn!(%failure, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, client: SocketAddr, front: Arc<Front>, stop: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.take(request, client).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(failure) = ended {
        tracing::debug!(%failure, "a connection broke off");
    }
}

/// The gateway without its socket.
struct Front {
    /// Most specific first.
    routes: Vec<Route>,
    functions: Functions,
    port: u16,
    clock: Clock,
}

impl Front {
    fn new(mut routes: Vec<Route>, functions: &Functions, port: u16, clock: Clock) -> Result<Self, Error> {
        routes.sort_by(Route::by_specificity);
        for route in &routes {
            if !functions.contains_key(&route.function) {
                return Err(Error::UnknownFunction {
                    route_key: route.key.clone(),
                    function: route.function.clone(),
                });
            }
        }
        Ok(Self {
            routes,
            functions: functions.clone(),
            port,
            clock,
        })
    }

    async fn take(&self, request: Request<Incoming>, client: SocketAddr) -> Answer {
        let (parts, body) = request.into_parts();
        match Limited::new(body, MAXIMUM_REQUEST_BYTES).collect().await {
            Ok(body) => self.answer(&parts, &body.to_bytes(), client).await,
            Err(failure) if failure.is::<LengthLimitError>() => {
                message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
            }
            Err(_) => message(StatusCode::BAD_REQUEST, "Bad Request"),
        }
    }

    async fn answer(&self, request: &Parts, body: &Bytes, client: SocketAddr) -> Answer {
        let request_id = identifiers::request_id();
        let mut answer = self.route(request, body, client, &request_id).await;
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            let name = HeaderName::from_static("apigw-requestid");
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    async fn route(&self, request: &Parts, body: &Bytes, client: SocketAddr, request_id: &str) -> Answer {
        let bad_request = || message(StatusCode::BAD_REQUEST, "Bad Request");
        let found = routes::find(&self.routes, request.method.as_str(), request.uri.path());
        let matched = match found {
            Ok(Some(matched)) => matched,
            Ok(None) => return message(StatusCode::NOT_FOUND, "Not Found"),
            Err(encoding::Malformed) => return bad_request(),
        };
        let Some(function) = self.functions.get(&matched.route.function) else {
            unreachable!("every route's function was there when the gateway started");
        };
        let circumstances = Circumstances {
            client,
            port: self.port,
            now_ms: (self.clock)(),
            request_id: request_id.to_owned(),
        };
        let Ok(event) = event(request, body, &matched, &circumstances) else {
            return bad_request();
        };
        invoke(function, event, request, &matched.route.function).await
    }
}

/// Invokes the function and hides from the client why it failed, as the gateway does.
async fn invoke(function: &Arc<dyn Function>, event: serde_json::Value, request: &Parts, name: &str) -> Answer {
    let internal_error = || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    let run = tokio::time::timeout(INTEGRATION_TIMEOUT, invoke_detached(function, event));
    let returned = match run.await {
        Ok(Ok(returned)) => returned,
        Ok(Err(failure)) => {
            tracing::error!(function = name, %failure, "the function failed");
            return internal_error();
        }
        Err(_) => {
            tracing::error!(function = name, "the function took longer than 30 s");
            return message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
        }
    };
    let bytes = returned.to_string().len();
    if bytes > MAXIMUM_ANSWER_BYTES {
        tracing::error!(function = name, bytes, "the answer is larger than 6 MB");
        return internal_error();
    }
    answer(&request.method, &returned).unwrap_or_else(|failure| {
        tracing::error!(function = name, %failure, "the function's answer cannot be sent");
        internal_error()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FunctionError;
    use serde_json::{Value, json};
    use tokio::sync::Notify;

    fn front<F, Fut>(function: F) -> Front
    where
        F: Fn(Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        let functions: Functions = [("f".to_owned(), Arc::new(function) as Arc<dyn Function>)].into();
        let routes = vec![Route::new("GET /", "f").unwrap()];
        Front::new(routes, &functions, 80, Arc::new(|| 0)).unwrap()
    }

    async fn get(front: &Front) -> (u16, Value) {
        let (parts, ()) = Request::get("/").body(()).unwrap().into_parts();
        let client = "127.0.0.1:50000".parse().unwrap();
        let answer = front.answer(&parts, &Bytes::new(), client).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn ask<F, Fut>(function: F) -> (u16, Value)
    where
        F: Fn(Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
    {
        get(&front(function)).await
    }

    #[tokio::test]
    async fn a_phone_that_hangs_up_does_not_end_the_function() {
        let [started, go_on, ended] = [(); 3].map(|()| Arc::new(Notify::new()));
        let (tell, wait, finish) = (started.clone(), go_on.clone(), ended.clone());
        let front = front(move |_| {
            let (tell, wait, finish) = (tell.clone(), wait.clone(), finish.clone());
            async move {
                tell.notify_one();
                wait.notified().await;
                finish.notify_one();
                Ok(Value::Null)
            }
        });
        // The server drops the request when its connection is gone.
        tokio::select! {
            _ = get(&front) => panic!("the function waits"),
            () = started.notified() => {}
        }
        go_on.notify_one();
        let ends = tokio::time::timeout(Duration::from_secs(20), ended.notified());
        ends.await.expect("the function ended with its request");
    }

    #[tokio::test]
    async fn a_failure_is_a_500_that_tells_nothing() {
        let failed = ask(async |_| Err(FunctionError("secret".into()))).await;
        assert_eq!(failed, (500, json!({ "message": "Internal Server Error" })));

        let unreadable = ask(async |_| Ok(json!({ "statusCode": "ok" }))).await;
        assert_eq!(unreadable, failed);
    }

    #[tokio::test]
    async fn an_answer_beyond_6_mb_is_a_500() {
        let of_size = |bytes: usize| {
            move |_: Value| {
                let body = "x".repeat(bytes);
                async move { Ok(json!({ "statusCode": 200, "body": body })) }
            }
        };
        assert_eq!(ask(of_size(6 * 1024 * 1024)).await.0, 500);
        assert_eq!(ask(of_size(6 * 1024 * 1024 - 100)).await.0, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_that_takes_more_than_30_s_is_a_503() {
        assert_eq!(
            ask(|_| std::future::pending()).await,
            (503, json!({ "message": "Service Unavailable" }))
        );
    }

    #[test]
    fn a_route_without_its_function_is_named() {
        let routes = vec![Route::new("GET /", "nobody").unwrap()];
        let Err(error) = Front::new(routes, &Functions::new(), 80, Arc::new(|| 0)) else {
            panic!("a route without a function was accepted");
        };
        assert_eq!(
            error.to_string(),
            "route `GET /` needs the function `nobody`, which is not there"
        );
    }
}
