//! Requests and answers, byte for byte what an SDK would send and get.

use bytes::Bytes;
use cloud::DynamoDb;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::start;

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Passes";

async fn send(url: &str, target: &str, body: &str) -> Response<Bytes> {
    let request = Request::post(url)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .header("x-amz-date", "20261201T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20261201/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    let answer = Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
        .unwrap();
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

async fn call(dynamodb: &DynamoDb, target: &str, body: Value) -> (u16, Value) {
    let answer = send(&dynamodb.url(), target, &body.to_string()).await;
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
}

fn row(serial: &str) -> Value {
    json!({"serialNumber": {"S": serial}, "passTypeIdentifier": {"S": "pass.com.example.loyalty"}})
}

async fn put(dynamodb: &DynamoDb, table: &str) {
    let request = json!({"TableName": table, "Item": row("1")});
    let (status, answer) = call(dynamodb, "DynamoDB_20120810.PutItem", request).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_stream_is_read_by_the_shard_id_that_describe_stream_gives() {
    let dynamodb = start().await;
    put(&dynamodb, "Passes").await;
    let streams = |operation: &str, request| {
        let (dynamodb, target) = (&dynamodb, format!("DynamoDBStreams_20120810.{operation}"));
        async move {
            let (status, answer) = call(dynamodb, &target, request).await;
            assert_eq!(status, 200, "{answer}");
            answer
        }
    };
    let listed = streams("ListStreams", json!({"TableName": "Passes"})).await;
    let stream = &listed["Streams"][0]["StreamArn"];
    let described = streams("DescribeStream", json!({"StreamArn": stream})).await;
    let shard = &described["StreamDescription"]["Shards"][0];
    assert_eq!(shard["ShardId"], "shardId-00000000000000000001-Passes");
    assert!(
        shard["SequenceNumberRange"].get("EndingSequenceNumber").is_none(),
        "{shard}"
    );

    let from_start = json!({"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = streams("GetShardIterator", from_start).await;
    let read = streams("GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await;
    assert_eq!(read["Records"][0]["dynamodb"]["Keys"], row("1"));
}

#[tokio::test]
async fn a_tables_arn_is_taken_in_place_of_its_name() {
    let dynamodb = start().await;
    put(&dynamodb, ARN).await;

    let get = json!({"TableName": ARN, "Key": row("1"), "ReturnConsumedCapacity": "TOTAL"});
    let (status, answer) = call(&dynamodb, "DynamoDB_20120810.GetItem", get).await;
    assert_eq!((status, &answer["Item"]), (200, &row("1")));
    assert_eq!(answer["ConsumedCapacity"]["TableName"], ARN);

    let batch = json!({"RequestItems": {ARN: {"Keys": [row("1")]}}});
    let (status, answer) = call(&dynamodb, "DynamoDB_20120810.BatchGetItem", batch).await;
    assert_eq!((status, &answer["Responses"]), (200, &json!({ARN: [row("1")]})));

    let transaction = json!({"TransactItems": [{"Delete": {"TableName": ARN, "Key": row("1")}}]});
    let (status, answer) = call(&dynamodb, "DynamoDB_20120810.TransactWriteItems", transaction).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn an_operation_that_is_not_there_is_refused_with_a_sentence() {
    let dynamodb = start().await;
    let (status, answer) = call(&dynamodb, "DynamoDB_20120810.ListBackups", json!({})).await;
    let expected = json!({
        "__type": "com.amazon.coral.service#UnknownOperationException",
        "message": "ListBackups: the local DynamoDB has no backups. To keep its tables, stop it and copy its folder; \
                    to go back, put the copy in its place.",
    });
    assert_eq!((status, answer), (400, expected));
}

#[tokio::test]
async fn what_needs_no_mending_passes_byte_for_byte() {
    let dynamodb = start().await;
    for (target, body) in [
        ("DynamoDB_20120810.ListTables", "{}"),
        (
            "DynamoDB_20120810.GetItem",
            r#"{"TableName": "Nobody", "Key": {"id": {"S": "1"}}}"#,
        ),
        ("DynamoDB_20120810.GetItem", "no JSON"),
        ("DynamoDB_20111205.ListTables", "{}"),
    ] {
        let through = send(&dynamodb.url(), target, body).await;
        let direct = send(&dynamodb.engine_url(), target, body).await;
        assert_eq!(through.status(), direct.status(), "{target}");
        assert_eq!(through.body(), direct.body(), "{target}");
        assert_eq!(
            through.headers().get("x-amz-crc32"),
            direct.headers().get("x-amz-crc32")
        );
    }
}

#[tokio::test]
async fn a_shutdown_ends_front_and_engine() {
    let dynamodb = start().await;
    put(&dynamodb, "Passes").await;
    let addresses = [dynamodb.url(), dynamodb.engine_url()];
    dynamodb.shutdown().await;
    for address in addresses {
        let address = address.strip_prefix("http://").unwrap();
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{address}");
    }
}
