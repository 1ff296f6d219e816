//! A local validator with a pool on it that a [`World`] has made, and bots beside it.

#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anchor_lang::ZeroCopy;
use novate_client::rpc::Cluster;
use novate_client::state::{Asset, Portfolio, DISCRIMINATOR};
use novate_client::{addresses, decode, Pubkey, ID};
use novate_margin::Price;
use novate_tests::feed::Quote;
use novate_tests::world::program_path;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE, USDC};
use serde_json::{json, Value};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_rpc_client::rpc_client::RpcClient;
use solana_rpc_client_api::request::RpcRequest;
use solana_signer::Signer;

/// Price of a coin in the beginning, USD.
pub const SPOT: f64 = 20_000.0;
/// Where whoever is just above initial margin there is below maintenance margin.
pub const FALLEN: f64 = 19_000.0;

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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits until it holds.
#[track_caller]
pub fn within(seconds: u64, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "not within {seconds} s");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A node, and the pool that is on it, which can be put there again.
pub struct Scene {
    pub node: Node,
    pub world: World,
    folder: PathBuf,
}

impl Scene {
    /// The world is at the node's time before `make` fills it; the node is at the world's then.
    pub fn new<T>(name: &str, slot_ms: u64, make: impl FnOnce(World) -> (World, T)) -> (Scene, T) {
        Self::of(name, slot_ms, World::default(), make)
    }

    /// The same of a world other than the default.
    pub fn of<T>(name: &str, slot_ms: u64, mut world: World, make: impl FnOnce(World) -> (World, T)) -> (Scene, T) {
        let node = Node::start(slot_ms);
        world.pass(node.now() - world.now());
        world.refresh();
        let (world, made) = make(world);
        if world.now() > node.now() {
            node.pass(world.now() - node.now());
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let scene = Scene { node, world, folder };
        scene.put();
        (scene, made)
    }

    pub fn cluster(&self) -> Cluster {
        Cluster::new(&self.node.url(), &self.node.ws())
    }

    /// Writes the program and every account of the world that is not the machine's own.
    pub fn put(&self) {
        let program = fs::read(program_path()).unwrap();
        self.node.cheat("surfnet_writeProgram", json!([ID.to_string(), hex(&program), 0]));
        self.put_accounts();
    }

    pub fn put_accounts(&self) {
        let own = self.world.svm.get_program_accounts(&ID).into_iter().map(|(address, _)| address);
        let listed = self.world.listings.iter().flat_map(|listing| [listing.token.mint, listing.feed.address]);
        for address in own.chain(listed) {
            self.node.write(&address, &self.world.account(&address));
        }
        self.publish(USDC, 1.0);
    }

    /// A file with a key that has lamports on the node.
    pub fn wallet(&self, key: &Keypair) -> PathBuf {
        self.rich(key);
        let path = self.folder.join(format!("{}.json", key.pubkey()));
        fs::write(&path, format!("{:?}", key.to_bytes())).unwrap();
        path
    }

    pub fn rich(&self, key: &Keypair) {
        self.node.write(&key.pubkey(), &Account { lamports: 10_000_000_000, ..Account::default() });
    }

    /// Writes a price account as of now.
    pub fn publish(&self, asset: u16, usd: f64) {
        let feed = self.world.listing(asset).feed;
        let data = Quote::new(usd, self.node.now()).encode(&feed);
        let account = Account { lamports: 10_000_000, data, owner: feed.owner, ..Account::default() };
        self.node.write(&feed.address, &account);
    }

    /// Publishes a coin's price, and that of the settlement asset, every second until it holds.
    #[track_caller]
    pub fn publishing_until(&self, usd: f64, mut holds: impl FnMut() -> bool) {
        let mut published = None;
        within(30, || {
            if published.is_none_or(|at: Instant| at.elapsed() > Duration::from_secs(1)) {
                self.publish(USDC, 1.0);
                self.publish(BTC, usd);
                published = Some(Instant::now());
            }
            holds()
        });
    }

    /// The asset with a price of now, and an average of the last minute.
    pub fn set_average(&self, asset: u16, usd: f64, mean: f64) {
        let now = self.node.now();
        let mut state: Asset = self.world.asset(asset);
        let price = |usd: f64| Price((usd * 1e9).round() as i64);
        (state.price, state.average, state.mean) = (price(usd), price(usd), price(mean));
        (state.publish_time, state.guard.time, state.guard.average) = (now, now, price(usd));
        self.write_state(&addresses::asset(&self.world.pool, asset), &state);
    }

    /// Writes an account of the program that the world has, with other contents.
    pub fn write_state<T: ZeroCopy>(&self, address: &Pubkey, state: &T) {
        let mut account = self.world.account(address);
        account.data[DISCRIMINATOR..].copy_from_slice(bytemuck::bytes_of(state));
        self.node.write(address, &account);
    }

    /// A coin at spot, at an average at which those who hold it are short: the next price decides.
    pub fn on_the_edge(&self) {
        for asset in 0..self.world.listings.len() as u16 {
            let usd = self.world.listing(asset).usd;
            self.set_average(asset, usd, if asset == BTC { FALLEN - 200.0 } else { usd });
            self.publish(asset, usd);
        }
    }

    pub fn portfolio(&self, of: &Actor) -> Portfolio {
        self.node.state(&of.portfolio)
    }

    pub fn liquidator(&self, taker: &Actor, more: &[&str]) -> Bot {
        self.liquidator_at(&self.node.ws(), taker, more)
    }

    /// With subscriptions elsewhere.
    pub fn liquidator_at(&self, ws: &str, taker: &Actor, more: &[&str]) -> Bot {
        let key = self.wallet(&taker.key);
        self.bot(env!("CARGO_BIN_EXE_novate-liquidator"), ws, &key, more)
    }

    pub fn keeper(&self, more: &[&str]) -> Bot {
        let key = self.wallet(&Keypair::new());
        self.bot(env!("CARGO_BIN_EXE_novate-keeper"), &self.node.ws(), &key, more)
    }

    fn bot(&self, binary: &str, ws: &str, key: &Path, more: &[&str]) -> Bot {
        let port = free_port();
        let log = self.folder.join(format!("{port}.log"));
        let process = Command::new(binary)
            .args(["--url", &self.node.url(), "--ws", ws, "--keypair", &key.display().to_string()])
            .args(["--pool", &self.world.pool.to_string(), "--listen", &format!("127.0.0.1:{port}")])
            .args(["--log", "debug"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let bot = Bot { process: Some(process), port, log };
        within(20, || bot.ask("/health").starts_with("HTTP/1.1 200"));
        bot
    }
}

/// A bot as a process.
pub struct Bot {
    process: Option<Child>,
    port: u16,
    log: PathBuf,
}

impl Bot {
    /// What its port answers; nothing where it does not.
    pub fn ask(&self, path: &str) -> String {
        let mut answer = String::new();
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return answer };
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// Sum over all labels of a metric.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.ask("/metrics");
        let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        text.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// SIGTERM, and how it ended.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().unwrap();
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
        process.wait().unwrap()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// A long of two coins just above initial margin, and who is short of them.
pub fn long_at_initial(world: &mut World) -> (Actor, Actor) {
    let (long, short) = (world.trader(10_000), world.trader(1_000_000));
    world.trade(&long, &short, &[(BTC_PERP, 2 * CONTRACT, SPOT as i64 * PRICE)]);
    world.to_initial(&long);
    (long, short)
}

/// Passes connections on, until it is told to cut them.
pub struct Proxy {
    at: SocketAddr,
    open: std::sync::Arc<std::sync::Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub fn start(to: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let open = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
        let kept = open.clone();
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(to) else { continue };
                for (mut from, mut to) in [
                    (here.try_clone().unwrap(), there.try_clone().unwrap()),
                    (there.try_clone().unwrap(), here.try_clone().unwrap()),
                ] {
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
                kept.lock().unwrap().extend([here, there]);
            }
        });
        Proxy { at, open }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.at)
    }

    /// Every connection that is open ends.
    pub fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

/// A webhook that refuses the first request and keeps what it takes.
pub struct Hook {
    at: SocketAddr,
    taken: std::sync::Arc<std::sync::Mutex<Vec<Value>>>,
}

impl Hook {
    pub fn start() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let taken = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
        let kept = taken.clone();
        thread::spawn(move || {
            for (at, mut stream) in listener.incoming().flatten().enumerate() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let status = if at == 0 { "503 Service Unavailable" } else { "200 OK" };
                if at > 0 {
                    kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                }
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Hook { at, taken }
    }

    pub fn url(&self) -> String {
        format!("http://{}/alerts", self.at)
    }

    pub fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }
}
