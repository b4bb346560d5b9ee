//! The DynamoDB engine: in process, on a file, and served over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use cloud::Template;
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::StackError;

pub(crate) struct Engine {
    database: Database,
    tables: BTreeMap<String, String>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
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
        let address = listener
            .local_addr()
            .map_err(|source| StackError::Listen { address, source })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = database.clone();
        let serving = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, served, until).await {
                tracing::error!(error, "the database engine stopped");
            }
        });
        Ok(Self {
            database,
            tables,
            address,
            stop,
            serving,
        })
    }

    pub fn database(&self) -> Database {
        self.database.clone()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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
        let _ = self.stop.send(());
        let _ = self.serving.await;
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
