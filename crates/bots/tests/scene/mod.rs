//! A local validator with a pool on it that a [`World`] has made, and bots beside it.

#![allow(dead_code, unused_imports)]

mod bot;
mod net;
mod node;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anchor_lang::ZeroCopy;
use novate_client::state::{Asset, Portfolio, DISCRIMINATOR};
use novate_client::{addresses, Pubkey, ID};
use novate_margin::Price;
use novate_tests::feed::Quote;
use novate_tests::world::program_path;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE, USDC};
use serde_json::json;
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;

pub use bot::Bot;
pub use net::{Hook, Proxy};
pub use node::{free_port, Node};

use node::hex;

/// Price of a coin in the beginning, USD.
pub const SPOT: f64 = 20_000.0;
/// Where whoever is just above initial margin there is below maintenance margin.
pub const FALLEN: f64 = 19_000.0;

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

/// A long of two coins just above initial margin, and who is short of them.
pub fn long_at_initial(world: &mut World) -> (Actor, Actor) {
    let (long, short) = (world.trader(10_000), world.trader(1_000_000));
    world.trade(&long, &short, &[(BTC_PERP, 2 * CONTRACT, SPOT as i64 * PRICE)]);
    world.to_initial(&long);
    (long, short)
}
