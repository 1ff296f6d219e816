//! From a validator without anything on it to a pool that trades.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, ensure, Context, Result};
use novate_client::instructions::{self as build, Holdings, PoolKeys, Token, TokenMove, TradeSide};
use novate_client::instrument::perpetual;
use novate_client::state::{Asset, Market, Portfolio};
use novate_client::tokens::TOKEN_PROGRAM;
use novate_client::{addresses, Instruction, Leg, Pubkey};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::cast::{Member, CAST, MAKER};
use super::committee::{self, Listed};
use super::node::Node;
use super::prices::Quotes;
use crate::demo::committee::members;
use crate::demo::prices::{feeds, update, Feed, DAY, RECEIVER, UNIT};
use crate::demo::products::{BTC_PERP, COINS, ETH_PERP, PERPETUALS, USDC};
use crate::demo::tokens;

/// What a wallet gets.
pub const LAMPORTS: u64 = 1_000_000_000_000;
/// What the pool's founder pays into its insurance fund, whole USD.
const CAPITAL: u64 = 1_000_000;
const MICRO: u64 = 1_000_000;
/// Contracts in 1e-9.
const CONTRACT: i128 = 1_000_000_000;
/// Expiries: at 08:00 UTC so many days on, and strikes around the price, in tenths of it.
const EXPIRIES: [i64; 2] = [3, 30];
const TIME_OF_DAY: i64 = 8 * 3_600;
const STRIKES: [i64; 9] = [6, 7, 8, 9, 10, 11, 12, 13, 14];

/// A portfolio of the cast and the key that owns it.
pub struct Account {
    pub name: &'static str,
    pub owner: Keypair,
    pub portfolio: Pubkey,
}

/// A pool on a local validator, and who is in it.
pub struct Place {
    pub governor: Keypair,
    pub guardian: Keypair,
    pub risk: Keypair,
    pub keys: PoolKeys,
    pub mints: Vec<Pubkey>,
    pub feeds: Vec<Feed>,
    pub expiries: Vec<Listed>,
    pub accounts: Vec<Account>,
}

/// Where files come from and go to.
pub struct Folders<'a> {
    pub migrations: &'a Path,
    /// Keys, logs and what else a run leaves.
    pub state: &'a Path,
}

/// Makes mints, the pool by the migrations of a folder, a committee, expiries, and the cast with its first trades.
pub fn build(node: &Node, folders: &Folders, quotes: &Quotes) -> Result<Place> {
    let [governor, guardian, risk] = [(); 3].map(|()| Keypair::new());
    for key in [&governor, &guardian, &risk] {
        node.fund(&key.pubkey(), LAMPORTS)?;
    }
    let mints: Vec<Pubkey> = COINS.iter().map(|_| Keypair::new().pubkey()).collect();
    for (mint, coin) in mints.iter().zip(COINS) {
        node.write_foreign(mint, TOKEN_PROGRAM, tokens::mint(coin.decimals))?;
    }
    let pool = addresses::pool(&governor.pubkey(), 0);
    let keys = PoolKeys { pool, scenarios: addresses::scenarios(&pool, 1) };
    let now = node.cluster.now()?;
    let day = now - now.rem_euclid(DAY);
    let listed = [BTC_PERP, ETH_PERP]
        .into_iter()
        .flat_map(|market| EXPIRIES.map(|days| Listed { market, time: day + days * DAY + TIME_OF_DAY }));
    let expiries = listed.collect();
    let mut place = Place { governor, guardian, risk, keys, mints, feeds: feeds()?, expiries, accounts: vec![] };
    key_file(folders.state, "governor", &place.governor)?;
    key_file(folders.state, "guardian", &place.guardian)?;
    key_file(folders.state, "risk", &place.risk)?;

    // What needs no price, then what rests on one, then the rows, with which the pool opens.
    let copied = copy(folders, &place, now)?;
    migrate(node, folders, &place, &copied.join("first"))?;
    publish(node, &place.feeds, quotes)?;
    node.cluster.send_by(&[refresh(&place)], &[&place.governor])?;
    migrate(node, folders, &place, &copied.join("all"))?;
    list_strikes(node, &place)?;
    committee::forecast(node, &place)?;
    insure(node, &place)?;
    // What commands look for where a transaction is too wide without.
    let view = node.cluster.wait(node.cluster.rpc.view(&pool))?;
    node.cluster.wait(node.cluster.rpc.publish_tables(&view, &place.governor))?;
    for member in CAST {
        let account = open(node, &place, member, quotes).with_context(|| member.name)?;
        key_file(folders.state, member.name, &account.owner)?;
        place.accounts.push(account);
    }
    for (member, account) in CAST.iter().zip(&place.accounts) {
        enter(node, &place, member, account, quotes).with_context(|| member.name)?;
    }
    Ok(place)
}

impl Place {
    pub fn account(&self, name: &str) -> Result<&Account> {
        self.accounts.iter().find(|a| a.name == name).with_context(|| format!("nobody is called {name}"))
    }

    fn tokens(&self, owner: &Pubkey, asset: u16, amount: u64) -> TokenMove {
        let token = self.token(asset);
        TokenMove { asset, token, account: novate_client::tokens::account(owner, &token), amount }
    }

    fn token(&self, asset: u16) -> Token {
        Token { mint: self.mints[usize::from(asset)], program: TOKEN_PROGRAM }
    }
}

/// Publishes prices as of now.
pub fn publish(node: &Node, feeds: &[Feed], quotes: &Quotes) -> Result<()> {
    let now = node.cluster.now()?;
    for (feed, prices) in feeds.iter().zip(quotes) {
        node.write_foreign(&feed.address, RECEIVER, update(feed, *prices, now)?)?;
    }
    Ok(())
}

/// Takes all published prices over.
pub fn refresh(place: &Place) -> Instruction {
    let feeds: Vec<(u16, Pubkey)> = (0..).zip(&place.feeds).map(|(asset, feed)| (asset, feed.address)).collect();
    build::refresh_asset(&place.keys.pool, &feeds)
}

/// Gives a wallet lamports and a million USD of each coin.
pub fn endow(node: &Node, place: &Place, wallet: &Pubkey, quotes: &Quotes) -> Result<()> {
    node.fund(wallet, LAMPORTS)?;
    for asset in 0..COINS.len() as u16 {
        give(node, place, wallet, asset, units(asset, 1_000_000, quotes)?)?;
    }
    Ok(())
}

fn give(node: &Node, place: &Place, owner: &Pubkey, asset: u16, amount: u64) -> Result<()> {
    let token = place.token(asset);
    let account = novate_client::tokens::account(owner, &token);
    node.write_foreign(&account, TOKEN_PROGRAM, tokens::account(token.mint, *owner, amount))
}

/// Of an asset, the mint's units that are worth so many USD.
fn units(asset: u16, usd: i64, quotes: &Quotes) -> Result<u64> {
    let at = usize::from(asset);
    let unit = 10i128.pow(COINS[at].decimals.into());
    Ok(u64::try_from(i128::from(usd) * unit * i128::from(UNIT) / i128::from(quotes[at][0]))?)
}

pub fn key_file(folder: &Path, name: &str, key: &Keypair) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, format!("{:?}", key.to_bytes())).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Copies the migrations into two folders: `first` without what opens the pool, and `all`, with committee and expiries before that.
fn copy(folders: &Folders, place: &Place, now: i64) -> Result<PathBuf> {
    let to = folders.state.join("migrations");
    let missing = || format!("no migrations at {}: name their folder with --migrations", folders.migrations.display());
    for part in ["first", "all"] {
        std::fs::create_dir_all(to.join(part))?;
    }
    let mut written = 0;
    for entry in std::fs::read_dir(folders.migrations).with_context(missing)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| n.ends_with(".json")) else { continue };
        let mut file: Value =
            serde_json::from_str(&std::fs::read_to_string(&path)?).with_context(|| name.to_string())?;
        let mut opens = false;
        for step in file["steps"].as_array_mut().into_iter().flatten() {
            if let Some(rows) = step.pointer_mut("/stage_scenarios/rows") {
                let from = folders.migrations.join(rows.as_str().context("rows are a path")?);
                *rows = json!(from.canonicalize().with_context(|| from.display().to_string())?);
                opens = true;
            }
        }
        if opens {
            ensure!(written == 0, "more than one migration stages scenario rows");
            written += 1;
            let steps = file["steps"].as_array_mut().context("a migration has steps")?;
            let founding = founding(place, now);
            steps.splice(0..0, founding);
        } else {
            std::fs::write(to.join("first").join(name), file.to_string())?;
        }
        std::fs::write(to.join("all").join(name), file.to_string())?;
    }
    ensure!(written == 1, "no migration stages scenario rows");
    Ok(to)
}

/// The committee and what it forecasts.
fn founding(place: &Place, now: i64) -> Vec<Value> {
    let members: Vec<String> = members().iter().map(|m| m.pubkey().to_string()).collect();
    let mut steps = vec![json!({ "set_committee": { "members": members, "quorum": 2 } })];
    for listed in &place.expiries {
        let forecast = listed.calm(now);
        let [basis, a, b, rho, m, sigma] =
            [forecast.basis, forecast.a, forecast.b, forecast.rho, forecast.m, forecast.sigma];
        let forecast = json!({ "basis": basis, "a": a, "b": b, "rho": rho, "m": m, "sigma": sigma });
        steps.push(json!({ "list_expiry": { "market": listed.market, "time": listed.time, "forecast": forecast } }));
    }
    steps
}

/// Runs `novate migrate`.
fn migrate(node: &Node, folders: &Folders, place: &Place, folder: &Path) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    // The pool is a new one, whichever this process was told of.
    command.arg("migrate").arg(folder).args(["--url", &node.url]).env_remove("NOVATE_POOL");
    command.arg("--keypair").arg(folders.state.join("governor.json"));
    for (coin, mint) in COINS.iter().zip(&place.mints) {
        command.args(["--set", &format!("{}={mint}", coin.symbol.to_lowercase())]);
    }
    for (role, key) in [("guardian", &place.guardian), ("risk", &place.risk)] {
        command.args(["--set", &format!("{role}={}", key.pubkey())]);
    }
    let output = command.output()?;
    if !output.status.success() {
        bail!("novate migrate: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

fn list_strikes(node: &Node, place: &Place) -> Result<()> {
    let authority = place.governor.pubkey();
    for listed in &place.expiries {
        let market: Market = node.cluster.account(&addresses::market(&place.keys.pool, listed.market))?;
        let asset: Asset = node.cluster.account(&addresses::asset(&place.keys.pool, market.asset))?;
        // Two digits, as people quote.
        let tenth = asset.price.0 / 10;
        let grain = 10i64.pow(tenth.ilog10()) / 10;
        let strikes = STRIKES.map(|tenths| tenth * tenths / grain * grain).to_vec();
        node.cluster.send_by(&[build::list_strikes(authority, &market, listed.time, strikes)], &[&place.governor])?;
    }
    Ok(())
}

fn insure(node: &Node, place: &Place) -> Result<()> {
    let (founder, amount) = (place.governor.pubkey(), CAPITAL * MICRO);
    give(node, place, &founder, USDC, amount)?;
    let capital = place.tokens(&founder, USDC, amount);
    node.cluster.send_by(&[build::fund_insurance(founder, place.keys.pool, capital)], &[&place.governor])?;
    Ok(())
}

/// Opens a portfolio and deposits its collateral. The owner has as much again in its wallet.
fn open(node: &Node, place: &Place, member: &Member, quotes: &Quotes) -> Result<Account> {
    let (owner, pool) = (Keypair::new(), place.keys.pool);
    let key = owner.pubkey();
    node.fund(&key, LAMPORTS)?;
    let portfolio = addresses::portfolio(&pool, &key, 0);
    let mut instructions = vec![build::open_portfolio(key, pool, 0)];
    let cash = i64::try_from(member.cash)?;
    for (asset, usd) in [(USDC, cash)].into_iter().chain(member.spot.iter().copied()).filter(|(_, usd)| *usd > 0) {
        let amount = units(asset, usd, quotes)?;
        give(node, place, &key, asset, 2 * amount)?;
        instructions.push(build::deposit(key, pool, portfolio, place.tokens(&key, asset, amount)));
    }
    node.cluster.send_by(&instructions, &[&owner])?;
    Ok(Account { name: member.name, owner, portfolio })
}

/// A member's first trades, with the maker at the price.
fn enter(node: &Node, place: &Place, member: &Member, account: &Account, quotes: &Quotes) -> Result<()> {
    if member.trades.is_empty() {
        return Ok(());
    }
    let maker = place.account(MAKER)?;
    let sides = [node.cluster.account::<Portfolio>(&account.portfolio)?, node.cluster.account(&maker.portfolio)?];
    let mut holdings = Holdings::of(&sides);
    let mut legs = vec![];
    for (market, usd) in member.trades.iter().copied() {
        let terms = PERPETUALS[usize::from(market)];
        let price = i128::from(quotes[usize::from(terms.asset)][0]) * 10;
        let (tick, lot) = (i128::from(terms.tick), i128::from(terms.lot));
        let quantity = i128::from(usd) * CONTRACT * CONTRACT / price / lot * lot;
        holdings = holdings.with_traded(perpetual(market), terms.asset);
        let price = i64::try_from(price / tick * tick)?;
        legs.push(Leg { instrument: perpetual(market), quantity: i64::try_from(quantity)?, price });
    }
    // Prices were published a while ago, in which the clock went on.
    publish(node, &place.feeds, quotes)?;
    let side = |account: &Account| TradeSide { portfolio: account.portfolio, signer: account.owner.pubkey() };
    let trade = build::trade(place.keys, side(account), side(maker), &holdings, legs);
    node.cluster.send_by(&[refresh(place), trade], &[&account.owner, &maker.owner])?;
    Ok(())
}
