//! For tests: moto's server, which stands for the AWS services that have no engine in process (S3,
//! Secrets Manager, SQS, CloudFormation), on a free loopback port.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Python on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running server. Ends with the last test that uses it.
pub struct Moto {
    process: Child,
    address: SocketAddr,
}

impl Moto {
    /// The server of the tests that run now; `None`, and a line that says so, where there is none.
    pub fn shared() -> Option<Arc<Self>> {
        static RUNNING: Mutex<Weak<Moto>> = Mutex::new(Weak::new());
        let program = program()?;
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(moto) = running.upgrade() {
            return Some(moto);
        }
        let moto = Arc::new(Self::start(&program));
        *running = Arc::downgrade(&moto);
        Some(moto)
    }

    fn start(program: &PathBuf) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server starts");
        // Dropped, and so ended, also when it does not come up.
        let mut moto = Self { process, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = moto.process.try_wait().unwrap();
            assert!(ended.is_none(), "moto_server ended with {ended:?}");
            assert!(begun.elapsed() < PATIENCE, "moto_server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto
    }

    /// For `AWS_ENDPOINT_URL`; the server takes any credentials.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/ci-tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from(tools)])
        .map(|folder| folder.join("moto_server"))
        .find(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: no moto_server");
    }
    found
}
