//! `novate localnet`: a validator with a pool that trades, in one tree of processes. This process is the world around it: it publishes
//! prices and forecasts, and at the end it checks the books.

mod cast;
mod committee;
mod crowd;
pub mod node;
mod prices;
mod setup;
mod tree;

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use novate_client::state::Portfolio;
use novate_client::Pubkey;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use solana_keypair::Keypair;
use solana_signer::Signer;

use cast::{LIQUIDATOR, MAKER};
use crowd::Crowd;
use node::{Node, Ports};
use prices::{Prices, Quotes, Replay};
use setup::{Folders, Place};
use tree::Tree;

use crate::books::Ledger;
use crate::demo::products::COINS;
use crate::trader::Matcher;

/// What is run, and where.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Prices of days that broke markets; without it a random walk.
    #[arg(long, value_enum)]
    replay: Option<Replay>,
    /// First day of the replay, counted from 0.
    #[arg(long, requires = "replay", default_value_t = 0)]
    from_day: i64,
    /// Days of the replay; to its end where it is not given.
    #[arg(long, requires = "replay")]
    days: Option<i64>,
    /// Seconds that the clock of a replay leaps at every turn.
    #[arg(long, requires = "replay", default_value_t = 300)]
    leap: i64,
    /// Milliseconds between two turns: prices are published anew at each.
    #[arg(long, default_value_t = 2_000)]
    turn_ms: u64,
    /// Of the random walk: the same seed gives the same prices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A wallet that gets lamports and tokens.
    #[arg(long = "wallet")]
    wallets: Vec<Pubkey>,
    /// Port of JSON-RPC over HTTP; 0 takes one that is free.
    #[arg(long, default_value_t = 8899)]
    rpc_port: u16,
    /// Port of subscriptions over websocket; 0 takes one that is free.
    #[arg(long, default_value_t = 8900)]
    ws_port: u16,
    /// Length of a slot, milliseconds.
    #[arg(long, default_value_t = 400)]
    slot_ms: u64,
    /// Port of the keeper's metrics and health; 0 takes one that is free.
    #[arg(long, default_value_t = 9464)]
    keeper_port: u16,
    /// The same of the liquidator.
    #[arg(long, default_value_t = 9465)]
    liquidator_port: u16,
    /// Port of the matcher's API; 0 takes one that is free.
    #[arg(long, default_value_t = 8080)]
    matcher_port: u16,
    /// Start no liquidator: who falls short is left to yours.
    #[arg(long)]
    no_liquidator: bool,
    /// The program that is deployed.
    #[arg(long, default_value = "target/deploy/novate.so")]
    program: PathBuf,
    /// The validator; beside this program where it is not given.
    #[arg(long)]
    validator: Option<PathBuf>,
    /// Folder of the migrations that make the pool.
    #[arg(long, default_value = "migrations")]
    migrations: PathBuf,
    /// Folder for keys, logs and addresses of this run; emptied first.
    #[arg(long, default_value = "target/localnet")]
    state: PathBuf,
}

impl Options {
    /// Seconds that orders are good for: a minute, and as many leaps of the clock as a settlement that is tried again may see.
    fn good(&self) -> i64 {
        if self.replay.is_some() {
            self.leap.saturating_mul(10).saturating_add(60)
        } else {
            60
        }
    }
}

/// Runs until the replay ends, or until this process is asked to stop.
pub fn run(options: &Options) -> Result<String> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, stop.clone()).context("waiting for signals")?;
    }
    let mut prices = match options.replay {
        Some(which) => Prices::replay(which, options.from_day, options.days)?,
        None => Prices::walk(options.seed),
    };
    empty(&options.state)?;
    let validator = options.validator.clone().map_or_else(Node::built, Ok)?;
    let ports = Ports { rpc: options.rpc_port, websocket: options.ws_port, slot_ms: options.slot_ms };
    let log = File::create(options.state.join("validator.log"))?;
    let node = Node::start(&validator, ports, log.into())?;
    node.deploy(&options.program)?;
    let quotes = prices.after(0)?;
    let folders = Folders { migrations: &options.migrations, state: &options.state };
    let place = setup::build(&node, &folders, &quotes).context("making the pool")?;
    for wallet in &options.wallets {
        setup::endow(&node, &place, wallet, &quotes)?;
    }
    let mut tree = Tree::new(&options.state);
    let matcher = start_matcher(&mut tree, options, &node, &place)?;
    let described = describe(&node, &place, &matcher);
    let state = options.state.join("addresses.json");
    std::fs::write(&state, serde_json::to_string_pretty(&described)?)?;
    std::fs::write(options.state.join("env"), variables(options, &node, &place, &matcher))?;
    println!(
        "{}\nready: addresses in {}, stop with Ctrl-C",
        serde_json::to_string_pretty(&described)?,
        state.display()
    );

    start_bots(&mut tree, options, &node, &place)?;
    let began = node.cluster.now()?;
    let crowd = Crowd::new(Matcher::new(&matcher)?, options.seed, options.good());
    let mut world = World { options, node: &node, place: &place, prices: &mut prices, crowd, elapsed: 0, began };
    while !stop.load(Ordering::Relaxed) && world.turn()? {
        tree.check()?;
    }
    let orders = (world.crowd.taken, world.crowd.matcher.settled()?);
    tree.stop_all()?;
    let ledger = audit(&node, &place).context("the books")?;
    summary(&node, &place, &ledger, orders)
}

/// The matcher, and a market maker in its books. Where it listens.
fn start_matcher(tree: &mut Tree, options: &Options, node: &Node, place: &Place) -> Result<String> {
    let key = Keypair::new();
    node.fund(&key.pubkey(), setup::LAMPORTS)?;
    let key = setup::key_file(&options.state, "matcher", &key)?.display().to_string();
    let (pool, listen) = (place.keys.pool.to_string(), format!("127.0.0.1:{}", options.matcher_port));
    let journal = options.state.join("matcher-journal").display().to_string();
    let at = ["--url", &node.url, "--ws", &node.websocket, "--pool", &pool];
    let matcher = ["--keypair", &key, "--listen", &listen, "--journal", &journal, "--publish-tables"];
    let arguments = at.iter().chain(&matcher).map(|word| word.to_string());
    tree.start("matcher", "novate-matcher", &arguments.collect::<Vec<_>>())?;
    let url = tree.said("matcher", "matcher ")?;
    let key = options.state.join(format!("{MAKER}.json")).display().to_string();
    let good = format!("{}s", options.good());
    let maker = ["--keypair", &key, "--matcher", &url, "--for", &good];
    let arguments = ["maker"].iter().chain(&at).chain(&maker).map(|word| word.to_string());
    tree.start("market-maker", "novate", &arguments.collect::<Vec<_>>())?;
    Ok(url)
}

/// The keeper, and a liquidator that keeps what it takes over.
fn start_bots(tree: &mut Tree, options: &Options, node: &Node, place: &Place) -> Result<()> {
    let keeper = Keypair::new();
    node.fund(&keeper.pubkey(), setup::LAMPORTS)?;
    let keys = [setup::key_file(&options.state, "keeper", &keeper)?, options.state.join(format!("{LIQUIDATOR}.json"))];
    let bots = [
        ("keeper", "novate-keeper", options.keeper_port, vec!["--settle-every", "10"]),
        ("liquidator", "novate-liquidator", options.liquidator_port, vec!["--mode", "inventory", "--call", "1.2"]),
    ];
    let wanted = if options.no_liquidator { 1 } else { bots.len() };
    for ((name, program, port, more), key) in bots.into_iter().zip(keys).take(wanted) {
        let key = key.display().to_string();
        let (pool, listen) = (place.keys.pool.to_string(), format!("127.0.0.1:{port}"));
        let arguments = [
            ["--url", &node.url],
            ["--ws", &node.websocket],
            ["--pool", &pool],
            ["--keypair", &key],
            ["--listen", &listen],
        ];
        let arguments = arguments.into_iter().flatten().chain(more).map(String::from);
        tree.start(name, program, &arguments.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Removes what an earlier run left.
fn empty(folder: &Path) -> Result<()> {
    let ours = folder.join("addresses.json");
    if folder.exists() {
        let is_empty = folder.read_dir()?.next().is_none();
        ensure!(
            is_empty || ours.exists(),
            "{} is not the folder of an earlier run: name another with --state",
            folder.display()
        );
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    // A run that fails leaves a folder that the next one may empty.
    std::fs::write(ours, "{}")?;
    Ok(())
}

struct World<'a> {
    options: &'a Options,
    node: &'a Node,
    place: &'a Place,
    prices: &'a mut Prices,
    crowd: Crowd,
    /// Seconds of the chain since the start, and when that was.
    elapsed: i64,
    began: i64,
}

impl World<'_> {
    /// Lets time pass, publishes what prices and forecasts are then. Says whether there are prices left.
    fn turn(&mut self) -> Result<bool> {
        let next = Instant::now() + Duration::from_millis(self.options.turn_ms);
        // The market maker has had a turn's time to follow the last prices.
        self.crowd.trade(self.node, self.place)?;
        if self.options.replay.is_some() {
            self.elapsed += self.options.leap;
            self.node.leap(self.began + self.elapsed)?;
        }
        self.elapsed = self.node.cluster.now()? - self.began;
        let quotes: Quotes = self.prices.after(self.elapsed)?;
        setup::publish(self.node, &self.place.feeds, &quotes)?;
        // Whoever looks at a price after a leap finds it taken over.
        self.node.cluster.send_by(&[setup::refresh(self.place)], &[&self.place.governor])?;
        committee::forecast(self.node, self.place)?;
        sleep(next.saturating_duration_since(Instant::now()));
        Ok(self.prices.length().is_none_or(|length| self.elapsed < length))
    }
}

/// What a wallet or a bot needs to know.
fn describe(node: &Node, place: &Place, matcher: &str) -> serde_json::Value {
    let text = |key: &Pubkey| key.to_string();
    let mints = COINS.iter().zip(&place.mints).map(|(coin, mint)| (coin.symbol.to_string(), text(mint).into()));
    let feeds = place.feeds.iter().map(|feed| (feed.coin.to_string(), text(&feed.address).into()));
    let accounts = place.accounts.iter().map(|account| {
        let addresses = json!({ "owner": text(&account.owner.pubkey()), "portfolio": text(&account.portfolio) });
        (account.name.to_string(), addresses)
    });
    json!({
        "rpc": node.url,
        "websocket": node.websocket,
        "matcher": matcher,
        "program": text(&novate_client::ID),
        "pool": text(&place.keys.pool),
        "scenarios": text(&place.keys.scenarios),
        "authority": text(&place.governor.pubkey()),
        "mints": mints.collect::<serde_json::Map<_, _>>(),
        "feeds": feeds.collect::<serde_json::Map<_, _>>(),
        "accounts": accounts.collect::<serde_json::Map<_, _>>(),
    })
}

/// The same for a shell to read: what commands and bots look for in their environment, and a portfolio by each name.
fn variables(options: &Options, node: &Node, place: &Place, matcher: &str) -> String {
    let mut out = format!(
        "export NOVATE_URL={}\nexport NOVATE_WS={}\nexport NOVATE_MATCHER={matcher}\nexport NOVATE_POOL={}\nexport PROGRAM={}\nexport KEYS='{}'\n",
        node.url,
        node.websocket,
        place.keys.pool,
        novate_client::ID,
        options.state.display()
    );
    for account in &place.accounts {
        let name = account.name.replace('-', "_").to_uppercase();
        out.push_str(&format!("export {name}={}\n", account.portfolio));
    }
    out
}

/// Checks the books once nobody writes any more.
fn audit(node: &Node, place: &Place) -> Result<Ledger> {
    crate::books::read(&node.cluster, &place.keys.pool)?.check()
}

fn summary(node: &Node, place: &Place, ledger: &Ledger, (taken, settled): (u64, u64)) -> Result<String> {
    let mut out = String::new();
    for account in &place.accounts {
        let portfolio: Box<Portfolio> = Box::new(node.cluster.account(&account.portfolio)?);
        let (cash, held) = (portfolio.cash as f64 / 1e6, portfolio.position_count);
        let auction = if portfolio.in_auction() { ", in an auction" } else { "" };
        writeln!(out, "{:12} cash {cash:>18.6}, {held} positions{auction}", account.name)?;
    }
    writeln!(out, "{taken} orders of the crowd were taken by the matcher, {settled} fills settled on chain")?;
    write!(out, "every vault balances: {:.6} USDC in the settlement vault", ledger.vault as f64 / 1e6)?;
    Ok(out)
}
