//! What both bots are told on the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, ensure, Context, Result};
use clap::Args;
use novate_client::rpc::Cluster;
use novate_client::Pubkey;
use solana_keypair::{read_keypair_file, Keypair};
use solana_signer::Signer;
use tokio::task::JoinHandle;

use crate::metrics::Metrics;
use crate::sender::Sender;
use crate::server::{self, Pulse};

/// Least lamports of the key that pays, below which a bot says that it is not well: 200 signatures.
pub const LEAST_BALANCE: u64 = 1_000_000;

/// Where, for whom and how.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// JSON-RPC of the node.
    #[arg(long, default_value = "http://127.0.0.1:8899")]
    pub url: String,
    /// Its subscriptions.
    #[arg(long, default_value = "ws://127.0.0.1:8900")]
    pub ws: String,
    /// File of the key that signs and pays, as solana-keygen writes it.
    #[arg(long)]
    pub keypair: PathBuf,
    /// Address of the pool.
    #[arg(long)]
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
    /// Makes the pool's lookup tables, with this key as their authority, where they are missing.
    #[arg(long)]
    pub publish_tables: bool,
}

/// What both bots begin with.
pub struct Begun {
    pub sender: Sender,
    pub metrics: Arc<Metrics>,
    pub pulse: Arc<Pulse>,
    pub server: JoinHandle<()>,
}

impl Common {
    pub fn cluster(&self) -> Cluster {
        Cluster::new(&self.url, &self.ws)
    }

    /// Reads the key, opens the port and finds lookup tables.
    pub async fn begin(&self) -> Result<Begun> {
        let (cluster, key) = (self.cluster(), Arc::new(key(&self.keypair)?));
        let (metrics, pulse) = (Arc::new(Metrics::new()), Arc::new(Pulse::default()));
        let (listening, server) = server::serve(self.listen, metrics.clone(), pulse.clone()).await?;
        tracing::info!(%listening, key = %key.pubkey(), pool = %self.pool, dry_run = self.dry_run, "starting");
        let tables = match self.publish_tables && !self.dry_run {
            true => {
                let view = cluster.view(&self.pool).await.context("reading the pool")?;
                cluster.publish_tables(&view, &*key).await.context("making lookup tables")?
            }
            false => cluster.tables(&key.pubkey()).await.context("reading lookup tables")?,
        };
        let how = (self.unit_price, self.dry_run);
        Ok(Begun { sender: Sender::new(cluster, key, tables, how, metrics.clone()), metrics, pulse, server })
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

/// Logs to standard error, of this level and above.
pub fn log(level: tracing::Level) {
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false).init();
}

/// Ends when the process is asked to: SIGTERM or SIGINT.
pub async fn asked_to_stop() -> Result<()> {
    use tokio::signal::unix::{signal, SignalKind};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}
