//! `livepass dev`: everything on this machine, until Ctrl-C.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use passes::ids::PassKey;
use stack::{Endpoints, Stack, StackConfig};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::link::link;
use crate::output::Format;
use crate::place::Place;

/// Run everything on this machine: the deployed handlers, a DynamoDB, an APNs
///
/// No AWS account, no Apple account, no Docker. What is stored lies in DIR; starting again on the
/// same DIR goes on where it stopped.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  livepass dev\n  livepass dev --dir /tmp/trial --http 127.0.0.1:9000\n  livepass dev --format json | head -1 | jq -r .dynamodb_endpoint"
)]
pub struct Arguments {
    /// Folder for data, test certificates and keys
    #[arg(long, value_name = "DIR", default_value = ".livepass")]
    dir: PathBuf,
    /// Address of the web service; it is baked into every pass
    #[arg(long, value_name = "ADDR", default_value_t = loopback(8080))]
    http: SocketAddr,
    /// Address of the DynamoDB engine
    #[arg(long, value_name = "ADDR", default_value_t = loopback(8000))]
    dynamodb: SocketAddr,
    /// Address of the APNs simulator
    #[arg(long, value_name = "ADDR", default_value_t = loopback(8443))]
    apns: SocketAddr,
    /// Address of the control API: pushes received, answers to give
    #[arg(long, value_name = "ADDR", default_value_t = loopback(8081))]
    control: SocketAddr,
    /// The URL under which phones reach the web service, where that is not --http: it is baked into
    /// every pass, e.g. for `sam local start-api` on this stack's tables
    #[arg(long, value_name = "URL")]
    web_service_url: Option<String>,
    /// What is printed: `text` to read, `json` for one line with all addresses when ready
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    start_log(arguments.format);
    let stack = Stack::start(StackConfig {
        http: arguments.http,
        dynamodb: arguments.dynamodb,
        apns: arguments.apns,
        control: arguments.control,
        web_service_url: arguments.web_service_url,
        ..StackConfig::on_free_ports(&arguments.dir)
    })
    .await?;
    let interrupt = Interrupt::watch()?;
    let ready = match arguments.format {
        Format::Json => serde_json::to_string(stack.endpoints())?,
        Format::Text => welcome(&arguments.dir, stack.endpoints()).await?,
    };
    // The stack runs on whether or not somebody reads: `head` may have left.
    let _ = writeln!(std::io::stdout(), "{ready}");
    interrupt.received().await;
    if arguments.format == Format::Text {
        let kept = arguments.dir.display();
        let _ = writeln!(std::io::stderr(), "Stopping. Everything is kept in {kept}.");
    }
    stack.shutdown().await;
    Ok(())
}

/// The functions' log goes to standard error, flat JSON as in deployment or readable text.
fn start_log(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,dynoxide=error"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr);
    match format {
        Format::Text => log.compact().init(),
        Format::Json => log
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .init(),
    }
}

/// Ctrl-C, or what a service manager sends.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Interrupt {
    /// From now on a signal no longer ends the process by itself.
    pub(crate) fn watch() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    #[cfg_attr(not(unix), allow(unused_mut))]
    pub(crate) async fn received(mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// The AWS CLI line that changes the balance of the seeded pass.
fn change_balance(endpoints: &Endpoints) -> String {
    format!(
        "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1 \\\n\
         aws dynamodb update-item --endpoint-url {} --table-name {} \\\n  \
         --key '{{\"serialNumber\":{{\"S\":\"DEMO-1\"}},\"passTypeIdentifier\":{{\"S\":\"pass.com.example.loyalty\"}}}}' \\\n  \
         --update-expression 'SET #fields.balance = :balance' \\\n  \
         --expression-attribute-names '{{\"#fields\":\"fields\"}}' \\\n  \
         --expression-attribute-values '{{\":balance\":{{\"N\":\"42.50\"}}}}'",
        endpoints.dynamodb_endpoint, endpoints.passes_table
    )
}

async fn welcome(dir: &Path, endpoints: &Endpoints) -> Result<String, Failure> {
    let demo = PassKey::parse("pass.com.example.loyalty", "DEMO-1")?;
    let link = link(&Place::of_folder(dir)?, &demo, Duration::from_secs(3600)).await?;
    let dir_option = match dir == Path::new(".livepass") {
        true => String::new(),
        false => format!(" --dir {}", dir.display()),
    };
    Ok(format!(
        "livepass is running. Stop it with Ctrl-C; everything is kept in {dir}.

  web service        {web}
  DynamoDB           {dynamodb}   tables {passes} (yours) and {registry} (livepass's)
  APNs simulator     {apns}
  control            {control}/pushes
  root certificate   {root}

1. Let a simulated phone hold the pass DEMO-1, in a second terminal:

cargo run -- phone{dir_option}

   or download it yourself; the link holds for an hour:

curl -so demo.pkpass '{link}'

2. Change its balance, in a third terminal, and watch the phone:

{change}

3. See what was pushed:

curl -s {control}/pushes
",
        dir = dir.display(),
        web = endpoints.web_service_url,
        dynamodb = endpoints.dynamodb_endpoint,
        passes = endpoints.passes_table,
        registry = endpoints.registry_table,
        apns = endpoints.apns_url,
        control = endpoints.control_url,
        root = endpoints.root_certificate.display(),
        change = change_balance(endpoints),
    ))
}
