//! The DynamoDB engine: in process, on a file, and served as DynamoDB.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use cloud::{DynamoDb, Template};
use dynoxide::Database;
use tokio::net::TcpListener;

use crate::error::StackError;

pub(crate) struct Engine {
    database: Database,
    tables: BTreeMap<String, String>,
    served: DynamoDb,
}

impl Engine {
    /// Opens `dynamodb.sqlite`, creates the template's tables that are missing, and serves.
    pub async fn start(dir: &Path, address: SocketAddr, template: &Template) -> Result<Self, StackError> {
        let path = dir.join("dynamodb.sqlite");
        let database = Database::new(&path.to_string_lossy()).map_err(|error| StackError::Engine(error.to_string()))?;
        for table in template.tables().values() {
            table.create_in(&database)?;
        }
        let tables = template
            .tables()
            .iter()
            .map(|(logical_id, table)| (logical_id.clone(), table.name.clone()))
            .collect();
        let listener = listen(address).await?;
        let served = DynamoDb::start(listener, database.clone()).await?;
        Ok(Self {
            database,
            tables,
            served,
        })
    }

    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Where SDKs find it.
    pub fn url(&self) -> String {
        self.served.url()
    }

    /// A shorter way, for the functions.
    pub fn direct_url(&self) -> String {
        self.served.engine_url()
    }

    /// The name of the table with this logical id.
    pub fn table(&self, logical_id: &str) -> Result<String, StackError> {
        self.tables
            .get(logical_id)
            .cloned()
            .ok_or_else(|| StackError::Template(format!("has no table `{logical_id}`")))
    }

    /// Tables by logical id, as `!Ref` gives them.
    pub fn tables(&self) -> &BTreeMap<String, String> {
        &self.tables
    }

    pub async fn shutdown(self) {
        self.served.shutdown().await;
    }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, StackError> {
    if !address.ip().is_loopback() {
        return Err(StackError::NotLoopback(address));
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| StackError::Listen { address, source })
}
