//! What both bots are told on the command line.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{anyhow, ensure, Context, Result};
use clap::Args;
use novate_client::rpc::{Changes, Cluster, Mirror};
use novate_client::Pubkey;
use solana_keypair::{read_keypair_file, Keypair};
use solana_signer::Signer;
use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::feeds::Feeds;
use crate::metrics::Metrics;
use crate::sender::Sender;
use crate::server::{self, Pulse};
use crate::tables::Tables;
use crate::vitals::Vitals;

/// Where, for whom and how.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// JSON-RPC of the node.
    #[arg(long, env = "NOVATE_URL", default_value = "http://127.0.0.1:8899")]
    pub url: String,
    /// Its subscriptions.
    #[arg(long, env = "NOVATE_WS", default_value = "ws://127.0.0.1:8900")]
    pub ws: String,
    /// File of the key that signs and pays, as solana-keygen writes it.
    #[arg(long, env = "NOVATE_KEYPAIR")]
    pub keypair: PathBuf,
    /// Address of the pool.
    #[arg(long, env = "NOVATE_POOL")]
    pub pool: Pubkey,
    /// Where /metrics and /health answer; port 0 takes one that is free.
    #[arg(long, default_value = "127.0.0.1:9464")]
    pub listen: SocketAddr,
    /// Price of a compute unit, 1e-6 lamports: the priority fee.
    #[arg(long, default_value_t = 0)]
    pub unit_price: u64,
    /// Simulates what it would send, and sends nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Makes the pool's lookup tables, with this key as their authority, where it has none; those of the pool's authority serve without.
    #[arg(long)]
    pub publish_tables: bool,
}

/// What both bots begin with.
pub struct Begun {
    pub sender: Sender,
    pub metrics: Arc<Metrics>,
    pub vitals: Vitals,
    pub mirror: Arc<Mirror>,
    pub changes: Changes,
    pub feeds: Feeds,
    /// Indices of assets whose price account has changed.
    pub prices: mpsc::UnboundedReceiver<u16>,
    pub server: JoinHandle<()>,
}

impl Common {
    pub fn cluster(&self) -> Cluster {
        Cluster::new(&self.url, &self.ws)
    }

    /// Reads the key, opens the port, mirrors the pool, finds its lookup tables and follows its price accounts.
    pub async fn begin(&self) -> Result<Begun> {
        let (cluster, key) = (self.cluster(), Arc::new(key(&self.keypair)?));
        let (metrics, pulse) = (Arc::new(Metrics::new()), Arc::new(Pulse::default()));
        let (listening, server) = server::serve(self.listen, metrics.clone(), pulse.clone()).await?;
        tracing::info!(%listening, key = %key.pubkey(), pool = %self.pool, dry_run = self.dry_run, "starting");
        let (mirror, changes) = Mirror::start(&cluster, self.pool).await.context("reading the pool")?;
        let mirror = Arc::new(mirror);
        let publish = self.publish_tables && !self.dry_run;
        let tables = Tables::start(&cluster, mirror.clone(), key.clone(), publish).await?;
        let (feeds, prices) = Feeds::start(&cluster, mirror.clone()).await?;
        let mut vitals = Vitals::new(pulse, metrics.clone());
        let sender = Sender::new(cluster, key, tables, (self.unit_price, self.dry_run), metrics.clone());
        vitals.look_at_balance(&sender).await;
        Ok(Begun { sender, metrics, vitals, mirror, changes, feeds, prices, server })
    }
}

fn key(path: &Path) -> Result<Keypair> {
    read_keypair_file(path).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// A level or share as `1.25`, in 1e-6.
pub fn ratio(text: &str) -> Result<novate_margin::Ratio> {
    let value: f64 = text.parse()?;
    ensure!((0.0..=1_000.0).contains(&value), "from 0 to 1000");
    // Within the range of an i64.
    Ok(novate_margin::Ratio((value * 1e6).round() as i64))
}

/// Runs a bot until the process is asked to stop, by SIGTERM or SIGINT, with its log of this level on standard error.
pub fn run<F: Future<Output = Result<()>>>(log: tracing::Level, bot: impl FnOnce(Stop) -> F) -> ExitCode {
    tracing_subscriber::fmt().with_max_level(log).with_writer(std::io::stderr).with_ansi(false).init();
    let ran = tokio::runtime::Runtime::new().context("starting").and_then(|runtime| {
        runtime.block_on(async {
            let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let stop = async move {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
            };
            bot(Box::pin(stop)).await
        })
    });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends when a bot is to stop.
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;
