//! A service that answers every request alike: what an engine never says.

use aws::Connections;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::moto::configuration;

/// Connections to a service that answers with this status, these headers and this body.
pub async fn answering(status: u16, headers: &str, body: &str) -> Connections {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.1 {status} Scripted\r\nconnection: close\r\n{headers}\r\n{body}");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    Connections::with(configuration(&url)).await
}

/// An S3 error.
pub async fn s3_error(status: u16, code: &str) -> Connections {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>scripted</Message></Error>");
    let headers = format!("content-type: application/xml\r\ncontent-length: {}\r\n", body.len());
    answering(status, &headers, &body).await
}

/// A Secrets Manager error.
pub async fn secrets_error(status: u16, code: &str) -> Connections {
    let body = format!(r#"{{"__type":"{code}","Message":"scripted"}}"#);
    let headers = format!(
        "content-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n",
        body.len()
    );
    answering(status, &headers, &body).await
}

/// An answer of SQS.
pub async fn sqs_answer(status: u16, body: &str) -> Connections {
    let headers = format!(
        "content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n",
        body.len()
    );
    answering(status, &headers, body).await
}

/// Connections to a port where nobody listens.
pub async fn unreachable() -> Connections {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    Connections::with(configuration(&format!("http://{address}"))).await
}

/// The error and its causes in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
