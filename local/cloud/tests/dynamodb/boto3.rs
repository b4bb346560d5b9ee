//! The API as the AWS SDK for Python uses it, which checks requests against the API's model and
//! parses ARNs before it sends anything.

use std::process::Command;

use crate::start;

const PROGRAM: &str = include_str!("boto3_client.py");

#[tokio::test(flavor = "multi_thread")]
async fn boto3_reads_and_writes_tables_and_streams() {
    let has_boto3 = Command::new("python3").args(["-c", "import boto3"]).output();
    if !has_boto3.is_ok_and(|tried| tried.status.success()) {
        println!("skipped: no python3 with boto3");
        return;
    }
    let dynamodb = start().await;
    let url = dynamodb.url();
    let run = move || {
        Command::new("python3")
            .args(["-c", PROGRAM, &url])
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dynamodb.shutdown().await;
}
