//! Which records reach the function, in which form and order.

use std::{sync::atomic::Ordering, time::Duration};

use dynoxide::actions::delete_item::DeleteItemRequest;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::scene::{Scene, drained, failed, key, put};

#[tokio::test]
async fn an_event_is_what_lambda_sends_for_keys_only() {
    let mut scene = Scene::new();
    scene.write(&["S-1"]);
    scene.write(&["S-1"]);
    let request = json!({ "TableName": "Passes", "Key": key("S-1") });
    let request: DeleteItemRequest = serde_json::from_value(request).unwrap();
    scene.database.delete_item(request).unwrap();
    let source = scene.start();
    drained(&source).await;

    let mut event = scene.events.recv().await.unwrap();
    let mut before = String::new();
    for record in event["Records"].as_array_mut().unwrap() {
        // These are the engine's own.
        assert_eq!(record["eventID"].take().as_str().unwrap().len(), 32);
        let arn = record["eventSourceARN"].take();
        let prefix = "arn:aws:dynamodb:dynoxide:000000000000:table/Passes/stream/";
        assert!(arn.as_str().unwrap().starts_with(prefix), "{arn}");
        let details = &mut record["dynamodb"];
        let number = details["SequenceNumber"].take().as_str().unwrap().to_owned();
        assert!(number.len() == 21 && number > before, "{number} after {before}");
        before = number;
        let created = details["ApproximateCreationDateTime"].take();
        let now = scene.now_ms.load(Ordering::SeqCst) / 1_000;
        assert!(created.as_u64().unwrap().abs_diff(now) <= 60, "{created}");
        assert!(details["SizeBytes"].take().as_u64().unwrap() > 0);
    }
    let record = |name: &str| {
        json!({
            "eventID": null,
            "eventName": name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "dynoxide",
            "dynamodb": {
                "ApproximateCreationDateTime": null,
                "Keys": key("S-1"),
                "SequenceNumber": null,
                "SizeBytes": null,
                "StreamViewType": "KEYS_ONLY"
            },
            "eventSourceARN": null
        })
    };
    // The second write changed nothing; the engine, unlike DynamoDB, records it. A hint too many
    // is harmless.
    assert_eq!(
        event,
        json!({ "Records": [record("INSERT"), record("MODIFY"), record("REMOVE")] })
    );
}

#[tokio::test]
async fn the_runtimes_own_types_read_an_event() {
    let mut scene = Scene::new();
    scene.write(&["S-1"]);
    let source = scene.start();
    drained(&source).await;
    let event = scene.events.recv().await.unwrap();
    let created = event.pointer("/Records/0/dynamodb/ApproximateCreationDateTime");
    let created = created.unwrap().as_i64().unwrap();
    // As text, which is how Lambda hands an event over, and as a value.
    let from_text: aws_lambda_events::event::dynamodb::Event = serde_json::from_str(&event.to_string()).unwrap();
    let from_value: aws_lambda_events::event::dynamodb::Event = serde_json::from_value(event).unwrap();
    for event in [from_text, from_value] {
        let record = &event.records[0];
        assert_eq!(record.event_name, "INSERT");
        assert_eq!(record.change.keys.len(), 2);
        let time = record.change.approximate_creation_date_time;
        assert_eq!(time.timestamp(), created);
    }
}

#[tokio::test]
async fn records_come_in_order_and_in_batches() {
    let mut scene = Scene::new();
    scene.settings.batch_size = 2;
    scene.write(&["a", "b", "c", "d", "e"]);
    let source = scene.start();
    drained(&source).await;
    scene.write(&["f"]);
    drained(&source).await;
    assert_eq!(scene.seen(), [vec!["a", "b"], vec!["c", "d"], vec!["e"], vec!["f"]]);
    source.shutdown().await;
}

#[tokio::test]
async fn a_batch_may_be_larger_than_one_read_of_the_stream() {
    let mut scene = Scene::new();
    scene.settings.batch_size = 10_000;
    let serials: Vec<String> = (0..1_100).map(|number| format!("S-{number}")).collect();
    for serial in &serials {
        put(&scene.database, serial);
    }
    let source = scene.start();
    drained(&source).await;
    assert_eq!(scene.seen(), [serials]);
}

#[tokio::test(start_paused = true)]
async fn a_window_gathers_records_until_it_is_over() {
    let mut scene = Scene::new();
    scene.settings.batching_window = Duration::from_secs(5);
    scene.write(&["a"]);
    let began = tokio::time::Instant::now();
    let source = scene.start();
    let database = scene.database.clone();
    let late = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        put(&database, "b");
    };
    let (first, ()) = tokio::join!(scene.batches.recv(), late);
    assert_eq!(first.unwrap(), ["a", "b"]);
    assert!(began.elapsed() >= Duration::from_secs(5));
    drop(source);
}

#[tokio::test]
async fn a_write_over_http_reaches_the_function() {
    let mut scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(dynoxide::server::serve_with_shutdown(
        listener,
        scene.database.clone(),
        async { drop(stopped.await) },
    ));
    let source = scene.start();

    let body = json!({ "TableName": "Passes", "Item": key("over-http") }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\
         X-Amz-Target: DynamoDB_20120810.PutItem\r\nX-Amz-Date: 20261121T201811Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=local/20261121/dynoxide/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    );
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    assert_eq!(scene.batches.recv().await.unwrap(), ["over-http"]);
    source.shutdown().await;
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_empty_stream_is_drained() {
    let scene = Scene::new();
    let source = scene.start();
    drained(&source).await;
}

#[tokio::test]
async fn records_can_be_given_out_again_in_either_order_and_nothing_else_moves() {
    let mut scene = Scene::new();
    scene.write(&["S-1"]);
    let source = scene.start();
    drained(&source).await;
    let position = source.handle().position().await.unwrap();
    scene.write(&["S-2", "S-3"]);
    drained(&source).await;
    scene.seen();

    let handle = source.handle();
    assert_eq!(handle.redeliver(position.clone(), false).await.unwrap(), 2);
    assert_eq!(handle.redeliver(position, true).await.unwrap(), 2);
    assert_eq!(handle.redeliver(None, false).await.unwrap(), 3);
    let again = [&["S-2", "S-3"] as &[&str], &["S-3", "S-2"], &["S-1", "S-2", "S-3"]];
    assert_eq!(scene.seen(), again);

    scene.next(|_, numbers| failed(&numbers[1]));
    let refused = handle.redeliver(None, false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "redelivered records failed: not all records were taken"
    );
    scene.seen();
    scene.write(&["S-4"]);
    drained(&source).await;
    assert_eq!(scene.seen(), [["S-4"]], "the source goes on from where it was");
    source.shutdown().await;
    scene.write(&["S-5"]);
    assert!(handle.drained().await.is_err(), "the handle does not keep it alive");
}
