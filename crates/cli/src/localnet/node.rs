//! The local validator as a process, and what it offers beyond other nodes.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Context, Result};
use novate_client::{Pubkey, ID};
use serde_json::{json, Value};
use solana_account::Account;
use solana_rpc_client_api::request::RpcRequest;

use crate::cluster::Cluster;

/// How long the clock may take to follow.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than the rent of any account that is written.
const RENT: u64 = 100_000_000;

/// Ports, of which 0 takes one that is free, and the length of a slot.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub rpc: u16,
    pub websocket: u16,
    pub slot_ms: u64,
}

/// A validator that ends with this value.
pub struct Node {
    process: Child,
    /// Of JSON-RPC over HTTP, and of subscriptions.
    pub url: String,
    pub websocket: String,
    pub cluster: Cluster,
}

impl Node {
    /// Starts the validator and waits until it answers; `log` gets its warnings. It is not in the group of this process: who interrupts this one at a terminal
    /// leaves it to end the validator last.
    pub fn start(binary: &Path, ports: Ports, log: Stdio) -> Result<Self> {
        let mut process = Command::new(binary)
            .args(["--rpc-port", &ports.rpc.to_string(), "--ws-port", &ports.websocket.to_string()])
            .args(["--slot-ms", &ports.slot_ms.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{}: run `make localnet-build`", binary.display()))?;
        let mut line = String::new();
        let output = process.stdout.take().context("the validator has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        let mut words = line.split_whitespace().skip(1).map(String::from);
        let (Some(url), Some(websocket)) = (words.next(), words.next()) else {
            let _ = process.kill();
            let _ = process.wait();
            return Err(anyhow!("the validator did not start: see its log"));
        };
        let cluster = Cluster::new(&url, &websocket)?;
        Ok(Self { process, url, websocket, cluster })
    }

    /// Where `make localnet-build` leaves the validator: beside the folder of the profile that this program was built in.
    pub fn built() -> Result<PathBuf> {
        let this = std::env::current_exe().context("this program's own path")?;
        let found = this.ancestors().skip(1).map(|folder| folder.join("localnet/debug/novate-localnet"));
        let missing = "the validator is not built: run `make localnet-build`";
        found.take(4).find(|path| path.exists()).context(missing)
    }

    /// Puts the program where its address says.
    pub fn deploy(&self, program: &Path) -> Result<()> {
        let missing = || format!("no program at {}: build it with `make program`", program.display());
        let binary = std::fs::read(program).with_context(missing)?;
        self.cheat("surfnet_writeProgram", json!([ID.to_string(), hex(&binary), 0]))
    }

    /// Writes an account as it is given.
    pub fn write(&self, address: &Pubkey, account: &Account) -> Result<()> {
        let written = json!({
            "lamports": account.lamports,
            "data": hex(&account.data),
            "owner": account.owner.to_string(),
            "executable": account.executable,
        });
        self.cheat("surfnet_setAccount", json!([address.to_string(), written]))
    }

    /// Writes an account that is not the program's.
    pub fn write_foreign(&self, address: &Pubkey, owner: Pubkey, data: Vec<u8>) -> Result<()> {
        ensure!(owner != ID, "state of the program is written by its instructions only");
        self.write(address, &Account { lamports: RENT, data, owner, executable: false, rent_epoch: 0 })
    }

    /// Gives a wallet lamports.
    pub fn fund(&self, wallet: &Pubkey, lamports: u64) -> Result<()> {
        self.write(wallet, &Account { lamports, ..Account::default() })
    }

    fn cheat(&self, method: &'static str, parameters: Value) -> Result<()> {
        let client = self.cluster.rpc.client();
        self.cluster.wait(client.send::<Value>(RpcRequest::Custom { method }, parameters)).context(method)?;
        Ok(())
    }

    /// Moves the clock forward to a unix time.
    pub fn leap(&self, to: i64) -> Result<()> {
        self.cheat("surfnet_timeTravel", json!([{ "absoluteTimestamp": to * 1_000 }]))?;
        let end = Instant::now() + PATIENCE;
        while self.cluster.now()? < to {
            ensure!(Instant::now() < end, "the clock does not move");
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
