//! The front over real HTTP, with the routes of the deployed template.

use std::{collections::BTreeMap, sync::Arc};

use cloud::{Function, FunctionError, Functions, Gateway, Template};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};

const TEMPLATE: &str = include_str!("../../../template.yaml");

fn localhost() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// The template's routes, each function answering with its own name and the event it got.
async fn mirror() -> Gateway {
    let template = Template::parse(TEMPLATE).unwrap();
    let functions: Functions = template
        .functions()
        .iter()
        .map(|function| {
            let name = function.binary.clone();
            let echo = move |event: Value| {
                let answer = json!({ "function": name, "event": event });
                async move { Ok(answer) }
            };
            (function.binary.clone(), Arc::new(echo) as Arc<dyn Function>)
        })
        .collect();
    Gateway::start(localhost(), template.routes(), &functions)
        .await
        .unwrap()
}

async fn single<F, Fut>(route: &str, function: F) -> Gateway
where
    F: Fn(Value) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Value, FunctionError>> + Send + 'static,
{
    let route = cloud::gateway::Route::new(route, "f").unwrap();
    let functions = BTreeMap::from([("f".to_owned(), Arc::new(function) as Arc<dyn Function>)]);
    Gateway::start(localhost(), vec![route], &functions).await.unwrap()
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends a request as it stands and reads until the server closes.
async fn send(gateway: &Gateway, head: &str, body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(gateway.local_addr()).await.unwrap();
    let request = format!(
        "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // A body that is refused may not be read to its end.
    let _ = stream.write_all(body).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a response has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: bytes[end + 4..].to_vec(),
        head,
    }
}

async fn get(gateway: &Gateway, request: &str) -> Reply {
    send(gateway, &format!("{request} HTTP/1.1"), b"").await
}

#[tokio::test]
async fn every_call_reaches_its_function() {
    let gateway = mirror().await;
    let registration = "/v1/devices/D/registrations/pass.com.example/S";
    let list = "/v1/devices/D/registrations/pass.com.example";
    let pass = "/v1/passes/pass.com.example/S";
    for (request, function, route) in [
        (format!("POST {registration}"), "register-device", "POST"),
        (format!("DELETE {registration}"), "unregister-device", "DELETE"),
        (format!("GET {registration}"), "register-device", "ANY"),
        (format!("POST /{registration}"), "register-device", "POST"),
        (format!("POST {registration}/"), "register-device", "POST"),
        (
            format!("GET {list}?passesUpdatedSince=17"),
            "list-updated-passes",
            "GET",
        ),
        (format!("GET {list}/"), "list-updated-passes", "GET"),
        (format!("POST {list}"), "list-updated-passes", "ANY"),
        (format!("GET {pass}"), "send-pass", "GET"),
        (format!("PUT {pass}"), "send-pass", "ANY"),
        ("POST /v1/log".to_owned(), "log-messages", "POST"),
        ("GET /v1/log".to_owned(), "log-messages", "ANY"),
        (format!("POST {pass}/passLifecycleUpdate"), "log-messages", "POST"),
        ("GET /add/pass.com.example/S?e=1&k=a&s=b".to_owned(), "add-pass", "GET"),
    ] {
        let reply = get(&gateway, &request).await;
        assert_eq!(reply.status, 200, "{request}");
        let seen = reply.json();
        assert_eq!(seen["function"], function, "{request}");
        let key = seen["event"]["routeKey"].as_str().unwrap();
        assert_eq!(key.split(' ').next(), Some(route), "{request}");
    }
    for unknown in [
        "GET /",
        "GET /v1",
        "GET /v2/log",
        "GET /v1/passes/T",
        "GET /v1/passes/T/S/x",
    ] {
        let reply = get(&gateway, unknown).await;
        assert_eq!((reply.status, reply.json()), (404, json!({ "message": "Not Found" })));
    }
    gateway.shutdown().await;
}

#[tokio::test]
async fn values_of_the_path_are_decoded_once() {
    let gateway = mirror().await;
    for (serial, decoded) in [
        ("A%2DB", "A-B"),
        ("A%252DB", "A%2DB"),
        ("A%2520B", "A%20B"),
        ("A+B", "A+B"),
        ("A%2FB", "A/B"),
        ("Z%C3%BCrich", "Zürich"),
    ] {
        let reply = get(&gateway, &format!("GET /v1/passes/T/{serial}")).await;
        let event = &reply.json()["event"];
        assert_eq!(event["pathParameters"], json!({ "passType": "T", "serial": decoded }));
        assert_eq!(event["rawPath"], format!("/v1/passes/T/{decoded}"));
    }
    let broken = get(&gateway, "GET /v1/passes/T/%zz").await;
    assert_eq!(
        (broken.status, broken.json()),
        (400, json!({ "message": "Bad Request" }))
    );
}

#[tokio::test]
async fn the_runtimes_own_types_read_an_event() {
    use lambda_http::{Request, RequestExt, request::LambdaRequest};

    let gateway = mirror().await;
    let head = "POST /v1/devices/D/registrations/T/A%252DB?x=1 HTTP/1.1\r\n\
                Authorization: ApplePass t\r\nContent-Type: application/json";
    let reply = send(&gateway, head, br#"{"pushToken":"ab"}"#).await;
    let event = reply.json()["event"].take();
    let from_text: LambdaRequest = serde_json::from_str(&event.to_string()).unwrap();
    let from_value: LambdaRequest = serde_json::from_value(event).unwrap();
    for request in [from_text, from_value].map(Request::from) {
        assert_eq!(request.method(), "POST");
        assert_eq!(request.path_parameters().first("serial"), Some("A%2DB"));
        assert_eq!(request.query_string_parameters().first("x"), Some("1"));
        assert_eq!(request.headers()["authorization"], "ApplePass t");
        assert_eq!(&request.body()[..], br#"{"pushToken":"ab"}"#);
    }
}

#[tokio::test]
async fn bytes_arrive_and_return_unchanged() {
    let gateway = single("POST /", async |event: Value| {
        assert_eq!(event["isBase64Encoded"], true);
        Ok(json!({
            "statusCode": 200,
            "headers": { "Content-Type": "application/vnd.apple.pkpass" },
            "body": event["body"],
            "isBase64Encoded": true,
        }))
    })
    .await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let reply = send(&gateway, "POST / HTTP/1.1", &every_byte).await;
    assert_eq!(reply.body, every_byte);
    assert_eq!(reply.header("content-type"), Some("application/vnd.apple.pkpass"));
    assert_eq!(reply.header("content-length"), Some("256"));
    assert_eq!(reply.header("apigw-requestid").map(str::len), Some(16));
}

#[tokio::test]
async fn a_head_has_the_length_and_no_body() {
    let gateway = single("ANY /", async |event: Value| {
        let length = if event["requestContext"]["http"]["method"] == "HEAD" {
            4711
        } else {
            3
        };
        Ok(json!({
            "statusCode": 200,
            "headers": { "Content-Length": length.to_string() },
            "body": "abc",
        }))
    })
    .await;
    let reply = get(&gateway, "HEAD /").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-length"), Some("4711"));
    assert_eq!(reply.body, b"");
    assert_eq!(get(&gateway, "GET /").await.body, b"abc");
}

#[tokio::test]
async fn a_request_beyond_10_mb_never_reaches_the_function() {
    let gateway = single("POST /", async |_| Ok(json!("taken"))).await;
    let limit = 10 * 1024 * 1024;
    assert_eq!(send(&gateway, "POST / HTTP/1.1", &vec![0; limit]).await.status, 200);
    assert_eq!(send(&gateway, "POST / HTTP/1.1", &vec![0; limit + 1]).await.status, 413);
}

#[tokio::test]
async fn a_shutdown_lets_running_requests_end() {
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (started.clone(), go_on.clone());
    let gateway = single("GET /", move |_| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            Ok(json!({ "statusCode": 200, "body": "done" }))
        }
    })
    .await;
    let address = gateway.local_addr();
    let request = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let stop = async {
        started.notified().await;
        let shutdown = tokio::spawn(gateway.shutdown());
        go_on.notify_one();
        shutdown.await.unwrap();
    };
    let (answer, ()) = tokio::join!(request, stop);
    assert!(answer.ends_with("done"), "{answer}");
    assert!(TcpStream::connect(address).await.is_err());
}
