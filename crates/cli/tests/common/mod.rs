//! A local validator, and `novate` run against it.
#![allow(dead_code, reason = "each test file has a need of its own")]

pub mod scene;

use std::fs;
use std::io::BufRead;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use novate_cli::cluster::Cluster;
use novate_cli::localnet::node::{Node as Validator, Ports};
use novate_client::rpc::CONFIRMED;
use novate_client::Pubkey;
use novate_tests::world::program_path;
use solana_account::Account;
use solana_keypair::Keypair;
use solana_rpc_client::rpc_client::RpcClient;

/// `novate localnet` with free ports and short slots, which leaves what it makes in `state`.
pub fn localnet(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_novate"));
    command.arg("localnet");
    for process in ["rpc", "ws", "matcher", "keeper", "liquidator"] {
        command.args([&format!("--{process}-port"), "0"]);
    }
    command.args(["--slot-ms", "50", "--migrations", concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations")]);
    command.arg("--program").arg(program_path()).arg("--state").arg(state).args(arguments).stdout(Stdio::piped());
    command
}

/// Reads what it says until it is ready.
pub fn until_ready(lines: &mut impl BufRead) {
    let mut line = String::new();
    while !line.starts_with("ready") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
    }
}

/// A validator with the program on it, and a folder for the test's files.
pub struct Node {
    validator: Validator,
    pub url: String,
    /// Of its websocket.
    pub ws: String,
    pub client: RpcClient,
    folder: PathBuf,
}

impl Node {
    /// `name` is the test's own.
    pub fn start(name: &str) -> Node {
        let ports = Ports { rpc: 0, websocket: 0, slot_ms: 50 };
        let validator = Validator::start(&Validator::built().unwrap(), ports, Stdio::inherit()).unwrap();
        let (url, ws) = (validator.url.clone(), validator.websocket.clone());
        let client = RpcClient::new_with_commitment(url.clone(), CONFIRMED);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        validator.deploy(&program_path()).unwrap();
        Node { validator, url, ws, client, folder }
    }

    pub fn write(&self, address: &Pubkey, account: Account) {
        self.validator.write(address, &account).unwrap();
    }

    /// As commands reach it.
    pub fn cluster(&self) -> Cluster {
        Cluster::new(&self.url, &self.ws).unwrap()
    }

    pub fn now(&self) -> i64 {
        self.cluster().now().unwrap()
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.validator.leap(self.now() + seconds).unwrap();
    }

    /// A file of the test, by its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A key file.
    pub fn key(&self, name: &str, key: &Keypair) -> String {
        self.file(name, &format!("{:?}", key.to_bytes()))
    }

    fn novate(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_novate")).args(arguments).args(["--url", &self.url]).output().unwrap()
    }

    /// What it prints.
    pub fn says(&self, arguments: &[&str]) -> String {
        let output = self.novate(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it prints, or why it fails.
    pub fn tries(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.novate(arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    /// Why it fails.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.novate(arguments);
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A way to a socket that can be shut: what goes through it then is cut off, and nobody gets in.
pub struct Door {
    port: u16,
    open: Arc<AtomicBool>,
    through: Arc<Mutex<Vec<TcpStream>>>,
}

impl Door {
    /// To a node's websocket.
    pub fn open(ws: &str) -> Door {
        let target = ws.trim_start_matches("ws://").to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = Door { port: listener.local_addr().unwrap().port(), open: Arc::default(), through: Arc::default() };
        door.reopen();
        let (open, through) = (door.open.clone(), door.through.clone());
        std::thread::spawn(move || {
            for inside in listener.incoming().flatten() {
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let outside = TcpStream::connect(&target).unwrap();
                for (mut from, mut to) in
                    [(&inside, &outside), (&outside, &inside)].map(|(f, t)| (copy_of(f), copy_of(t)))
                {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                through.lock().unwrap().extend([inside, outside]);
            }
        });
        door
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub fn shut(&self) {
        self.open.store(false, Ordering::SeqCst);
        for stream in self.through.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn reopen(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

fn copy_of(stream: &TcpStream) -> TcpStream {
    stream.try_clone().unwrap()
}
