//! A cluster, as commands use it: the client's, on a runtime of its own, call by call.

use std::future::Future;
use std::path::{Path, PathBuf};

use anchor_lang::ZeroCopy;
use anyhow::{anyhow, Context, Result};
use novate_client::rpc::{self, Options};
use novate_client::{Instruction, Pubkey};
use solana_keypair::{read_keypair_file, Keypair};
use solana_signer::Signer;
use tokio::runtime::{Builder, Runtime};

/// Where the pool is.
#[derive(Clone, Debug, clap::Args)]
pub struct At {
    /// JSON-RPC of a node.
    #[arg(long, env = "NOVATE_URL", default_value = "http://127.0.0.1:8899")]
    url: String,
    /// Its websocket; by default the same with ws, a port that is given one higher.
    #[arg(long, env = "NOVATE_WS")]
    ws: Option<String>,
}

/// Who signs and pays.
#[derive(Clone, Debug, clap::Args)]
pub struct By {
    /// Key file, as solana-keygen writes it.
    #[arg(long, env = "NOVATE_KEYPAIR", value_name = "FILE")]
    keypair: PathBuf,
}

impl At {
    pub fn cluster(&self) -> Result<Cluster> {
        Cluster::new(&self.url, &self.ws.clone().unwrap_or_else(|| subscriptions(&self.url)))
    }
}

impl By {
    pub fn key(&self) -> Result<Keypair> {
        key(&self.keypair)
    }
}

/// Where a node usually takes subscriptions.
fn subscriptions(url: &str) -> String {
    let ws = url.replacen("http", "ws", 1);
    let port =
        ws.rsplit_once(':').and_then(|(host, port)| Some((host, port.trim_end_matches('/').parse::<u16>().ok()?)));
    match port {
        Some((host, port)) => format!("{host}:{}", port.saturating_add(1)),
        None => ws,
    }
}

/// A key as `solana-keygen` writes it.
pub fn key(path: &Path) -> Result<Keypair> {
    read_keypair_file(path).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// Reads and sends at the commitment `confirmed`, and waits.
pub struct Cluster {
    pub rpc: rpc::Cluster,
    runtime: Runtime,
}

impl Cluster {
    pub fn new(url: &str, ws: &str) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().context("starting tokio")?;
        Ok(Self { rpc: rpc::Cluster::new(url, ws), runtime })
    }

    /// Waits for what is asynchronous.
    pub fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// An account of the program, of the kind that is asked for; none where there is no account.
    pub fn find<T: ZeroCopy>(&self, address: &Pubkey) -> Result<Option<T>> {
        Ok(self.wait(self.rpc.find(address))?)
    }

    /// The same of an account that has to be there.
    pub fn account<T: ZeroCopy>(&self, address: &Pubkey) -> Result<T> {
        Ok(self.wait(self.rpc.account(address))?)
    }

    /// Every account of a kind, of all pools.
    pub fn all<T: ZeroCopy>(&self) -> Result<Vec<(Pubkey, T)>> {
        Ok(self.wait(self.rpc.all())?)
    }

    /// What a token account holds, mint's units.
    pub fn tokens(&self, address: &Pubkey) -> Result<u64> {
        let account = self.wait(self.rpc.find_raw(address))?;
        let amount = account.and_then(|account| novate_client::tokens::amount(&account.data));
        amount.with_context(|| format!("{address} is not a token account"))
    }

    /// Program that owns an account.
    pub fn owner(&self, address: &Pubkey) -> Result<Pubkey> {
        Ok(self.wait(self.rpc.owner(address))?)
    }

    /// Unix time of the chain.
    pub fn now(&self) -> Result<i64> {
        Ok(self.wait(self.rpc.now())?)
    }

    /// Sends a transaction, paid and signed by one key, and waits until it is confirmed. An error of the program comes back as
    /// [`rpc::Refused`].
    pub fn send(&self, instructions: &[Instruction], signer: &Keypair) -> Result<String> {
        self.send_by(instructions, &[signer])
    }

    /// The same, signed by several, of whom the first pays.
    pub fn send_by(&self, instructions: &[Instruction], signers: &[&Keypair]) -> Result<String> {
        let signers: Vec<&dyn Signer> = signers.iter().map(|signer| *signer as &dyn Signer).collect();
        self.wait(self.rpc.run(instructions, &[], &Options::default(), &signers)).map_err(plain)
    }
}

/// A refusal as such, so that who called can tell which.
pub fn plain(error: rpc::Error) -> anyhow::Error {
    match error {
        rpc::Error::Refused(refused) => refused.into(),
        other => other.into(),
    }
}
