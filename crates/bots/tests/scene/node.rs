//! A local validator as a process.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anchor_lang::ZeroCopy;
use novate_client::{decode, Pubkey};
use serde_json::{json, Value};
use solana_account::Account;
use solana_rpc_client::rpc_client::RpcClient;
use solana_rpc_client_api::request::RpcRequest;

use super::within;

pub struct Node {
    process: Child,
    ports: (u16, u16),
    slot_ms: u64,
    pub client: RpcClient,
}

impl Node {
    pub fn start(slot_ms: u64) -> Node {
        let ports = (free_port(), free_port());
        let client = RpcClient::new_with_commitment(url(ports.0), novate_client::rpc::CONFIRMED);
        Node { process: spawn(ports, slot_ms), ports, slot_ms, client }
    }

    pub fn url(&self) -> String {
        url(self.ports.0)
    }

    pub fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.1)
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.0))
    }

    pub fn ws_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.1))
    }

    /// It goes away.
    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// It comes back with nothing on it.
    pub fn back(&mut self) {
        self.process = spawn(self.ports, self.slot_ms);
        // Connections of before are kept by the other.
        self.client = RpcClient::new_with_commitment(url(self.ports.0), novate_client::rpc::CONFIRMED);
    }

    pub fn cheat(&self, method: &'static str, parameters: Value) {
        self.client.send::<Value>(RpcRequest::Custom { method }, parameters).unwrap();
    }

    pub fn write(&self, address: &Pubkey, account: &Account) {
        let written = json!({
            "lamports": account.lamports,
            "data": hex(&account.data),
            "owner": account.owner.to_string(),
            "executable": account.executable,
        });
        self.cheat("surfnet_setAccount", json!([address.to_string(), written]));
    }

    pub fn now(&self) -> i64 {
        let clock = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
        let clock = self.client.get_account(&clock).unwrap();
        i64::from_le_bytes(*clock.data[32..].first_chunk().unwrap())
    }

    pub fn state<T: ZeroCopy>(&self, address: &Pubkey) -> T {
        decode(&self.client.get_account_data(address).unwrap()).unwrap()
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        let then = self.now() + seconds;
        self.cheat("surfnet_timeTravel", json!([{ "absoluteTimestamp": then * 1_000 }]));
        within(10, || self.now() >= then);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn((rpc, ws): (u16, u16), slot_ms: u64) -> Child {
    let mut process = Command::new(validator())
        .args(["--rpc-port", &rpc.to_string(), "--ws-port", &ws.to_string(), "--slot-ms", &slot_ms.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready "), "{line:?}");
    process
}

/// Where `make test` builds it: beside the folder of this test's profile.
fn validator() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let built = here.ancestors().nth(3).unwrap().join("localnet/debug/novate-localnet");
    assert!(built.exists(), "{} is not built: run make localnet-build", built.display());
    built
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
