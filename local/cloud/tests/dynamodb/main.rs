//! DynamoDB as SDKs meet it: over HTTP, with the deployed template's tables.

mod boto3;
mod over_http;

use cloud::{DynamoDb, Template};
use dynoxide::Database;
use tokio::net::TcpListener;

const TEMPLATE: &str = include_str!("../../../../template.yaml");

async fn start() -> DynamoDb {
    let database = Database::memory().unwrap();
    for table in Template::parse(TEMPLATE).unwrap().tables().values() {
        table.create_in(&database).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    DynamoDb::start(listener, database).await.unwrap()
}
