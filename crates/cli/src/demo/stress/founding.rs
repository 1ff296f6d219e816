//! Founds the pool of a window, by the terms of the demo.

use anyhow::{Context, Result};
use novate_client::instructions::{self as ix, PoolKeys, TokenMove};
use novate_client::order::Cluster;
use novate_client::{addresses, AssetTerms, Lending, MarketTerms, Pubkey};
use novate_margin::Price;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::book::{Member, BOOK, STRIKES};
use super::members::token;
use super::pool::{Listed, Pool, Seat, DATED};
use super::waterfall::Waterfall;
use super::window::Window;
use crate::demo::cast;
use crate::demo::chain::Chain;
use crate::demo::committee;
use crate::demo::prices::{self, PricePath, RECEIVER};
use crate::demo::products::{Perpetual, COINS, PERPETUALS};
use crate::demo::rows::ScenarioRows;
use crate::demo::tokens;

const ONE: i64 = 1_000_000;
/// Seconds that a price may be old.
const MAX_AGE: i64 = 60;
/// The guard's band of USDC, 1e-6; coins have their scan range.
const USDC_BAND: i64 = 20_000;
/// What founders pay into the insurance fund, 1e-6 USD.
pub const CAPITAL: u64 = 50_000_000_000;
/// Terms of both banks: 10 % a year at a kink of 80 %, 100 % where all is lent out; loans up to 90 %.
const LENDING: Lending = Lending {
    rate_zero: 0,
    rate_kink: ONE / 10,
    rate_full: ONE,
    kink: ONE * 4 / 5,
    reserve_share: ONE / 10,
    utilisation_cap: ONE * 9 / 10,
    borrow_cap: u64::MAX,
};
const LENT: [&str; 2] = ["USDC", "BTC"];

impl Pool {
    /// Founds the pool at the window's first prices, and has everyone act.
    pub fn open(chain: Chain, window: Window, rows: &ScenarioRows) -> Result<Self> {
        let path = window.prices()?;
        let governance = Keypair::new_from_array([2; 32]);
        let pool = addresses::pool(&governance.pubkey(), 1);
        let keys = PoolKeys { pool, scenarios: addresses::scenarios(&pool, 1) };
        let listed = list(&path)?;
        let seats = seats(&path, &pool);
        let waterfall = Waterfall::of(listed.iter().skip(1).map(|l| l.coin.symbol));
        let mut pool = Self { chain, window, path, keys, governance, listed, seats, waterfall };
        pool.chain.set_time(window.start);
        pool.found(rows).context("founding the pool")?;
        for at in 0..pool.seats.len() {
            pool.enter(at).with_context(|| format!("{} enters", pool.seats[at].member.name))?;
        }
        let insurance = pool.insurance()?;
        pool.waterfall.fund = (insurance.capital, insurance.staked);
        Ok(pool)
    }

    fn found(&mut self, rows: &ScenarioRows) -> Result<()> {
        let (pool, authority) = (self.keys.pool, self.governance.pubkey());
        self.chain.fund(authority)?;
        for asset in 0..self.listed.len() {
            tokens::write_mint(&mut self.chain, cast::mint(asset as u16), self.listed[asset].coin.decimals)?;
        }
        self.governed(ix::create_pool(authority, 1, Cluster::Localnet, cast::mint(0), cast::roles()))?;
        for asset in 0..self.listed.len() {
            let terms = asset_terms(&self.listed[asset]);
            self.governed(ix::add_asset(authority, pool, asset as u16, token(asset as u16), terms))?;
        }
        for asset in 1..self.listed.len() {
            let market = self.listed[asset].market.context("a market")?;
            self.governed(ix::add_market(authority, pool, asset as u16, asset as u16 - 1, market_terms(&market)))?;
        }
        for coin in LENT {
            let asset = self.asset_of(coin)?;
            self.governed(ix::set_lending(authority, pool, asset, LENDING))?;
        }
        self.refresh(self.window.start)?;
        self.governed(committee::set(authority, pool))?;
        for coin in DATED {
            self.list_expiry(coin)?;
        }
        // With its rows the pool opens: what is listed later waits (CLR-50).
        for range in rows.ranges_of(self.listed.len() - 1)? {
            self.governed(ix::stage_scenarios(authority, pool, 1, range))?;
        }
        let account = Pubkey::new_from_array([4; 32]);
        tokens::write_account(&mut self.chain, account, cast::mint(0), authority, CAPITAL)?;
        let capital = TokenMove { asset: 0, token: token(0), account, amount: CAPITAL };
        self.governed(ix::fund_insurance(authority, pool, capital))?;
        self.refresh_options()
    }

    fn list_expiry(&mut self, coin: &str) -> Result<()> {
        let (time, now, authority) = (self.window.expiry(), self.chain.now(), self.governance.pubkey());
        let market = self.asset_of(coin)? - 1;
        let forecast = self.level(coin, now)?.forecast();
        self.governed(ix::list_expiry(authority, &self.market(market)?, time, forecast, now))?;
        self.publish(market, time, forecast)?;
        let price = self.asset(market + 1)?.price.0;
        // Strikes are whole hundredths of the greatest power of ten below the price.
        let unit = 10i64.pow(price.ilog10()) / 100;
        let strikes = STRIKES.iter().map(|share| price / 100 * share / unit * unit).collect();
        self.governed(ix::list_strikes(authority, &self.market(market)?, time, strikes))
    }
}

/// USDC and every coin of the window's file, in the order of the scenarios' columns.
fn list(path: &PricePath) -> Result<Vec<Listed>> {
    let feeds = prices::feeds()?;
    let coins = ["USDC", "BTC", "ETH", "SOL"].into_iter();
    let there = coins.filter(|coin| *coin == "USDC" || path.coins().iter().any(|c| c == coin));
    let listed = there.map(|symbol| {
        let at = COINS.iter().position(|c| c.symbol == symbol).context("a coin of the demo")?;
        let feed = *feeds.iter().find(|f| f.coin == symbol).context("a feed")?;
        let market = PERPETUALS.iter().find(|p| usize::from(p.asset) == at).copied();
        Ok(Listed { coin: COINS[at], market, feed })
    });
    listed.collect()
}

fn seats(path: &PricePath, pool: &Pubkey) -> Vec<Seat> {
    let there = |coin: &str| coin == "USDC" || path.coins().iter().any(|c| c == coin);
    let members = BOOK.iter().enumerate().filter(|(_, m)| m.acts.iter().all(|act| there(act.coin())));
    let seat = |(at, member): (usize, &'static Member)| {
        let owner = Keypair::new_from_array([0x80 + at as u8; 32]);
        Seat { member, portfolio: addresses::portfolio(pool, &owner.pubkey(), 0), owner }
    };
    members.map(seat).collect()
}

fn padded(text: &str) -> [u8; 16] {
    let mut out = [0; 16];
    out[..text.len()].copy_from_slice(text.as_bytes());
    out
}

/// The terms of the demo, but for deposits of any size, which may leave at once.
fn asset_terms(listed: &Listed) -> AssetTerms {
    let coin = listed.coin;
    AssetTerms {
        symbol: padded(coin.symbol),
        contract_exponent: 0,
        oracle: novate_client::state::ORACLE_PRICE_UPDATE,
        feed: listed.feed.address,
        feed_owner: RECEIVER,
        feed_id: listed.feed.id,
        max_age: MAX_AGE,
        max_confidence: ONE / 100,
        band: if listed.market.is_some() { coin.base_range } else { USDC_BAND },
        base_range: coin.base_range,
        depth: coin.depth * ONE,
        haircut_base: coin.haircut,
        haircut_volatility_multiple: 2 * ONE,
        days_to_liquidate: coin.days_to_liquidate,
        haircut_size_add_on: 0,
        deposit_cap: u64::MAX,
        outflow_limit: 0,
        minimum_balance: 0,
        redemption: None,
    }
}

/// The terms of the demo, but for lots of a thousandth and positions of any size.
fn market_terms(market: &Perpetual) -> MarketTerms {
    let cap = 10_000_000 * Price::ONE.0;
    MarketTerms {
        symbol: padded(market.symbol),
        tick: market.tick / 10,
        lot: ONE,
        minimum: ONE,
        open_interest_cap: cap,
        position_cap: cap,
        band: ONE / 50,
        fee: ONE / 5_000,
        sigma_limit: market.sigma_limit,
        option_tick: market.tick / 10,
        option_fee_cap: ONE / 8,
    }
}
