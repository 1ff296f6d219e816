//! The node as a process, asked over its ports.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{json, Value};
use solana_commitment_config::CommitmentConfig;
use solana_keypair::Keypair;
use solana_pubkey::Pubkey;
use solana_pubsub_client::pubsub_client::PubsubClient;
use solana_rpc_client::rpc_client::RpcClient;
use solana_rpc_client_api::config::RpcAccountInfoConfig;
use solana_signer::Signer;
use solana_system_interface::instruction::transfer;
use solana_transaction::Transaction;

const SOL: u64 = 1_000_000_000;

struct Node {
    process: Child,
    rpc: String,
    subscriptions: String,
}

impl Node {
    /// On ports that are free, ready.
    fn start(slot_ms: u64) -> Node {
        let mut process = Command::new(env!("CARGO_BIN_EXE_novate-localnet"))
            .args(["--rpc-port", "0", "--ws-port", "0", "--slot-ms", &slot_ms.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let &["ready", rpc, subscriptions] = words.as_slice() else { panic!("{line:?}") };
        Node { process, rpc: rpc.into(), subscriptions: subscriptions.into() }
    }

    fn client(&self) -> RpcClient {
        RpcClient::new_with_commitment(self.rpc.clone(), CommitmentConfig::confirmed())
    }

    /// Sends one HTTP request whose headers the test chooses, and returns all that comes back.
    fn post(&self, headers: &str, body: &str) -> String {
        let address: SocketAddr = self.rpc.trim_start_matches("http://").parse().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\n{headers}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn call(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters }).to_string();
        let reply = self.post("Host: localhost", &body);
        serde_json::from_str(&reply[reply.find('{').unwrap()..reply.rfind('}').unwrap() + 1]).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A key with ten SOL.
fn funded(client: &RpcClient) -> Keypair {
    let key = Keypair::new();
    let signature = client.request_airdrop(&key.pubkey(), 10 * SOL).unwrap();
    within(Duration::from_secs(10), || client.confirm_transaction(&signature).unwrap());
    key
}

fn within(time: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while !holds() {
        assert!(Instant::now() < end, "not within {time:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn transferred(client: &RpcClient, from: &Keypair, to: &Keypair, lamports: u64) -> Transaction {
    let blockhash = client.get_latest_blockhash().unwrap();
    Transaction::new_signed_with_payer(
        &[transfer(&from.pubkey(), &to.pubkey(), lamports)],
        Some(&from.pubkey()),
        &[from],
        blockhash,
    )
}

#[test]
fn a_transfer_is_confirmed_once() {
    let node = Node::start(50);
    let client = node.client();
    let (from, to) = (funded(&client), Keypair::new());
    let transaction = transferred(&client, &from, &to, SOL);
    client.send_and_confirm_transaction(&transaction).unwrap();
    assert_eq!(client.get_balance(&to.pubkey()).unwrap(), SOL);
    assert!(client.send_transaction(&transaction).is_err(), "the same transaction again");
    assert_eq!(client.get_balance(&to.pubkey()).unwrap(), SOL);
}

#[test]
fn slots_pass_by_themselves() {
    let node = Node::start(50);
    let client = node.client();
    let slot = client.get_slot().unwrap();
    within(Duration::from_secs(10), || client.get_slot().unwrap() > slot + 10);
}

#[test]
fn every_notification_comes_after_its_number_and_none_is_lost() {
    let node = Node::start(50);
    let client = node.client();
    let from = funded(&client);
    for _ in 0..10 {
        let to = Keypair::new();
        let config = RpcAccountInfoConfig { commitment: Some(CommitmentConfig::confirmed()), ..Default::default() };
        let (subscription, notices) =
            PubsubClient::account_subscribe(&node.subscriptions, &to.pubkey(), Some(config)).unwrap();
        client.send_transaction(&transferred(&client, &from, &to, SOL / 100)).unwrap();
        let notice = notices.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(notice.value.lamports, SOL / 100);
        // It ends with the node: to unsubscribe is to wait for another message.
        std::mem::forget(subscription);
    }
}

#[test]
fn accounts_are_written_and_time_moves_forward() {
    let node = Node::start(50);
    let client = node.client();
    let (key, owner) = (Keypair::new().pubkey(), Keypair::new().pubkey());
    let account = json!({ "lamports": SOL, "data": "0102ff", "owner": owner.to_string(), "executable": false });
    let reply = node.call("surfnet_setAccount", json!([key.to_string(), account]));
    assert!(reply.get("error").is_none(), "{reply}");
    let account = client.get_account(&key).unwrap();
    assert_eq!((account.data, account.owner), (vec![1, 2, 255], owner));

    let clock = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
    let time = || i64::from_le_bytes(client.get_account_data(&clock).unwrap()[32..].try_into().unwrap());
    let tomorrow = time() + 86_400;
    let reply = node.call("surfnet_timeTravel", json!([{ "absoluteTimestamp": tomorrow * 1_000 }]));
    assert!(reply.get("error").is_none(), "{reply}");
    within(Duration::from_secs(10), || time() >= tomorrow);
}

#[test]
fn a_taken_port_is_named() {
    let node = Node::start(400);
    let port = node.rpc.rsplit(':').next().unwrap();
    for ports in [["--rpc-port", port, "--ws-port", "0"], ["--rpc-port", "0", "--ws-port", port]] {
        let second = Command::new(env!("CARGO_BIN_EXE_novate-localnet")).args(ports).output().unwrap();
        assert!(!second.status.success());
        let told = String::from_utf8(second.stderr).unwrap();
        assert!(told.contains(&format!("on port {port}: ")), "{told}");
        assert!(!told.contains("panicked"), "{told}");
        assert!(second.stdout.is_empty());
    }
}

#[test]
fn what_reaches_outside_is_no_method() {
    let node = Node::start(400);
    for method in
        ["surfnet_streamAccount", "surfnet_cloneProgramAccount", "surfnet_exportSnapshot", "loadPlugin", "exit"]
    {
        assert_eq!(node.call(method, json!([]))["error"]["code"], json!(-32601), "{method}");
    }
    let address = node.subscriptions.trim_start_matches("ws://").to_string();
    assert_eq!(subscribed(&address, "slotSubscribe").get("error"), None);
    assert_eq!(subscribed(&address, "snapshotSubscribe")["error"]["code"], json!(-32601));
}

/// What a subscription without parameters is answered.
fn subscribed(address: &str, method: &str) -> Value {
    let (mut socket, _) = tungstenite::connect(format!("ws://{address}")).unwrap();
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] }).to_string();
    socket.send(tungstenite::Message::text(request)).unwrap();
    loop {
        let reply: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
        if reply.get("id").is_some() {
            return reply;
        }
    }
}

#[test]
fn pages_from_elsewhere_are_not_answered() {
    let node = Node::start(400);
    let health = r#"{"jsonrpc":"2.0","id":1,"method":"getHealth"}"#;
    assert!(node.post("Host: localhost", health).contains(r#""result":"ok""#));
    assert!(node.post("Host: localhost\r\nOrigin: http://localhost:5173", health).contains(r#""result":"ok""#));
    for headers in ["Host: novate.example", "Host: localhost\r\nOrigin: https://novate.example"] {
        let reply = node.post(headers, health);
        assert!(reply.starts_with("HTTP/1.1 403"), "{reply}");
    }
}
