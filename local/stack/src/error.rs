use std::net::SocketAddr;

/// Why the stack cannot start or go on. Each names what to change.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    #[error("cannot listen on {address}; choose another address or port, or end the process that holds it")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("{0} is no loopback address; the local stack listens on 127.0.0.1 only")]
    NotLoopback(SocketAddr),
    #[error("the stack's folder cannot be used")]
    Folder(#[source] std::io::Error),
    #[error("another `livepass dev` runs on {0}; end it, or choose another folder with --dir")]
    FolderInUse(std::path::PathBuf),
    #[error("the stack's folder cannot be made")]
    Seed(#[from] seed::SeedError),
    #[error("the database engine: {0}")]
    Engine(String),
    #[error("the APNs simulator")]
    Simulator(#[from] apns_simulator::SimulatorError),
    #[error(transparent)]
    Cloud(#[from] cloud::Error),
    #[error("an invocation failed")]
    Invocation(#[from] cloud::FunctionError),
    #[error("template.yaml: {0}")]
    Template(String),
    #[error("{function}")]
    Configuration {
        function: String,
        source: edge::ConfigurationFaults,
    },
    #[error("seeding the tables: {0}")]
    Seeding(String),
}
