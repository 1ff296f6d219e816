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
use novate_client::rpc::CONFIRMED;
use novate_client::state::{Asset, Portfolio, DISCRIMINATOR};
use novate_client::{addresses, Pubkey, ID};
use novate_margin::Price;
use novate_tests::checker::{counts, violations, Raw};
use novate_tests::feed::Quote;
use novate_tests::world::program_path;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE, USDC};
use serde_json::json;
use solana_account::Account;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_keypair::Keypair;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use solana_signer::Signer;

pub use bot::Bot;
pub use net::{Fate, Gate, Hook, Proxy};
pub use node::{free_port, Node};

use node::hex;

/// Price of a coin in the beginning, USD.
pub const SPOT: f64 = 20_000.0;
/// Where whoever is just above initial margin there is below maintenance margin.
pub const FALLEN: f64 = 19_000.0;

/// How a bot reaches the node.
pub struct Ways {
    pub url: String,
    pub ws: String,
}

fn encoded() -> RpcProgramAccountsConfig {
    let account_config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CONFIRMED),
        ..RpcAccountInfoConfig::default()
    };
    RpcProgramAccountsConfig { account_config, ..RpcProgramAccountsConfig::default() }
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

    /// Writes the program and every account of the world that is not the machine's own.
    pub fn put(&self) {
        let program = fs::read(program_path()).unwrap();
        self.node.cheat("surfnet_writeProgram", json!([ID.to_string(), hex(&program), 0]));
        self.put_accounts();
    }

    pub fn put_accounts(&self) {
        let own = self.world.svm.get_program_accounts(&ID).into_iter().map(|(address, _)| address);
        let listed = self.world.listings.iter().flat_map(|listing| [listing.token.mint, listing.feed.address]);
        for address in own.chain(listed).chain(self.vaults()) {
            self.node.write(&address, &self.world.account(&address));
        }
        self.publish(USDC, 1.0);
    }

    fn vaults(&self) -> Vec<Pubkey> {
        (0..self.world.listings.len() as u16).map(|index| self.world.asset(index).vault).collect()
    }

    /// What does not hold in the pool as it is on the node; nothing where all is well.
    pub fn violations(&self) -> Vec<String> {
        let vaults = self.vaults().into_iter().map(|vault| (vault, self.node.client.get_account(&vault).unwrap()));
        let own = self.node.client.get_program_ui_accounts_with_config(&ID, encoded()).unwrap();
        let own = own.into_iter().map(|(address, account)| (address, account.to_account().unwrap()));
        let raw = |(address, account): (Pubkey, Account)| Raw { address: address.to_bytes(), data: account.data };
        let accounts: Vec<Raw> = vaults.chain(own).map(raw).collect();
        assert!(counts(&accounts, self.world.pool.to_bytes()).iter().all(|count| *count > 0));
        violations(&accounts, self.world.pool.to_bytes())
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

    /// Publishes a coin's price, and those of all other assets, every second until it holds.
    #[track_caller]
    pub fn publishing_until(&self, usd: f64, holds: impl FnMut() -> bool) {
        self.publishing_within(30, usd, holds);
    }

    #[track_caller]
    pub fn publishing_within(&self, seconds: u64, usd: f64, mut holds: impl FnMut() -> bool) {
        let mut published = None;
        within(seconds, || {
            if published.is_none_or(|at: Instant| at.elapsed() > Duration::from_secs(1)) {
                for asset in 0..self.world.listings.len() as u16 {
                    self.publish(asset, if asset == BTC { usd } else { self.world.listing(asset).usd });
                }
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

    /// Has an asset's price read from another account from now on, as `set_oracle` does, and published there.
    pub fn move_oracle(&mut self, asset: u16) {
        let address = addresses::asset(&self.world.pool, asset);
        let mut state: Asset = self.node.state(&address);
        let feed = Pubkey::new_unique();
        assert_ne!(state.feed, Pubkey::default(), "it is any account of the feed");
        state.feed = feed;
        self.write_state(&address, &state);
        self.world.listings[usize::from(asset)].feed.address = feed;
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
        self.liquidator_by(&self.ways(), taker, more)
    }

    /// By other ways to the node.
    pub fn liquidator_by(&self, ways: &Ways, taker: &Actor, more: &[&str]) -> Bot {
        self.bot(env!("CARGO_BIN_EXE_novate-liquidator"), ways, &taker.key, more)
    }

    pub fn keeper(&self, more: &[&str]) -> Bot {
        self.keeper_by(&self.ways(), &Keypair::new(), more)
    }

    pub fn keeper_by(&self, ways: &Ways, key: &Keypair, more: &[&str]) -> Bot {
        self.bot(env!("CARGO_BIN_EXE_novate-keeper"), ways, key, more)
    }

    pub fn ways(&self) -> Ways {
        Ways { url: self.node.url(), ws: self.node.ws() }
    }

    fn bot(&self, binary: &str, ways: &Ways, key: &Keypair, more: &[&str]) -> Bot {
        let key = self.wallet(key);
        let port = free_port();
        let log = self.folder.join(format!("{port}.log"));
        let process = Command::new(binary)
            .args(["--url", &ways.url, "--ws", &ways.ws, "--keypair", &key.display().to_string()])
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
