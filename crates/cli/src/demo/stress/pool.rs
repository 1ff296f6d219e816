//! A pool for one window: its assets, markets and expiries, its members, and what they and the keepers send.

use anyhow::{anyhow, Context, Result};
use novate_client::instructions::{self as ix, ExpirySlots, Holdings, PoolKeys, Token, TokenMove, TradeSide};
use novate_client::instrument::{self, market_of, Instrument};
use novate_client::state::{minutes_of, Asset, Expiry, Insurance, Market, Portfolio, Position, Stake};
use novate_client::{
    addresses, AssetTerms, Forecast, Instruction, Leg, Lending, MarketTerms, Pubkey, Right, Snapshot, StrikeRange,
};
use novate_margin::{volatility, Contracts, Price};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::book::{Act, Member, BOOK, DEALER, MAKER, STRIKES};
use super::window::Window;
use crate::demo::cast;
use crate::demo::chain::{Chain, Refused};
use crate::demo::ledger::{Books, Ledger};
use crate::demo::prices::{self, Feed, PricePath, DAY, RECEIVER};
use crate::demo::products::{self, Coin, Perpetual, COINS, PERPETUALS};
use crate::demo::rows::ScenarioRows;
use crate::demo::smile::Level;
use crate::demo::tokens;

const ONE: i64 = 1_000_000;
const USD: i128 = 1_000_000;
/// Seconds that a price may be old.
const MAX_AGE: i64 = 60;
/// The guard's band of USDC, 1e-6; coins have their scan range.
const USDC_BAND: i64 = 20_000;
/// What founders pay into the insurance fund, 1e-6 USD.
pub const CAPITAL: u64 = 50_000_000_000;
/// Coins with an expiry.
const DATED: [&str; 2] = ["BTC", "ETH"];
/// Quotes are this far from the mark, 1e-6: at first, and for a bidder's risk.
const SPREAD: [i128; 2] = [300, 1_500];
/// Terms of both banks: 10 % a year at a kink of 80 %, 100 % where all is lent out; loans up to 90 %.
const LENDING: Lending = Lending {
    rate_zero: 0,
    rate_kink: ONE / 10,
    rate_full: ONE,
    kink: ONE * 4 / 5,
    reserve_share: ONE / 10,
    utilisation_cap: ONE * 9 / 10,
};
const LENT: [&str; 2] = ["USDC", "BTC"];
const YEAR: f64 = 365.0 * DAY as f64;
/// Forecasts are published until so long before expiry, and not more often than the program lets them.
const PUBLISHED_UNTIL: i64 = DAY;
const INTERVAL: i64 = 10;

/// A coin of the pool, and its market where it has one.
struct Listed {
    coin: Coin,
    market: Option<Perpetual>,
    feed: Feed,
}

/// A member with its key and portfolio.
pub struct Seat {
    pub member: &'static Member,
    owner: Keypair,
    pub portfolio: Pubkey,
}

pub struct Pool {
    pub chain: Chain,
    pub window: Window,
    pub path: PricePath,
    keys: PoolKeys,
    governance: Keypair,
    listed: Vec<Listed>,
    pub seats: Vec<Seat>,
}

/// Whether it was done, or refused for one of these reasons; any other is an error.
pub fn unless<T>(sent: Result<T>, reasons: &[&str]) -> Result<bool> {
    let Err(error) = sent else { return Ok(true) };
    match error.downcast_ref::<Refused>() {
        Some(refused) if reasons.contains(&refused.name.as_str()) => Ok(false),
        _ => Err(error),
    }
}

impl Pool {
    /// Founds the pool at the window's first prices, and has everyone act.
    pub fn open(chain: Chain, window: Window, rows: &ScenarioRows) -> Result<Self> {
        let path = window.prices()?;
        let governance = Keypair::new_from_array([2; 32]);
        let pool = addresses::pool(&governance.pubkey(), 1);
        let keys = PoolKeys { pool, scenarios: addresses::scenarios(&pool, 1) };
        let listed = list(&path)?;
        let seats = seats(&path, &pool);
        let mut pool = Self { chain, window, path, keys, governance, listed, seats };
        pool.chain.set_time(window.start);
        pool.found(rows).context("founding the pool")?;
        for at in 0..pool.seats.len() {
            pool.enter(at).with_context(|| format!("{} enters", pool.seats[at].member.name))?;
        }
        Ok(pool)
    }

    fn governed(&mut self, instruction: Instruction) -> Result<()> {
        let governance = self.governance.insecure_clone();
        self.chain.send(&[instruction], &[&governance])?;
        Ok(())
    }

    pub fn by_anyone(&mut self, instruction: Instruction) -> Result<()> {
        self.chain.send(&[instruction], &[])?;
        Ok(())
    }

    pub fn by_owner(&mut self, seat: usize, instruction: Instruction) -> Result<()> {
        let owner = self.seats[seat].owner.insecure_clone();
        self.chain.send(&[instruction], &[&owner])?;
        Ok(())
    }

    fn found(&mut self, rows: &ScenarioRows) -> Result<()> {
        let (pool, authority) = (self.keys.pool, self.governance.pubkey());
        self.chain.fund(authority)?;
        for asset in 0..self.listed.len() {
            tokens::write_mint(&mut self.chain, cast::mint(asset as u16), self.listed[asset].coin.decimals)?;
        }
        self.governed(ix::create_pool(authority, 1, cast::mint(0)))?;
        for asset in 0..self.listed.len() {
            let terms = asset_terms(&self.listed[asset]);
            self.governed(ix::add_asset(authority, pool, asset as u16, token(asset as u16), terms))?;
        }
        for asset in 1..self.listed.len() {
            let market = self.listed[asset].market.context("a market")?;
            self.governed(ix::add_market(authority, pool, asset as u16, asset as u16 - 1, market_terms(&market)))?;
        }
        for range in rows.ranges_of(self.listed.len() - 1)? {
            self.governed(ix::stage_scenarios(authority, pool, 1, range))?;
        }
        for coin in LENT {
            let asset = self.asset_of(coin)?;
            self.governed(ix::set_lending(authority, pool, asset, LENDING))?;
        }
        let account = Pubkey::new_from_array([4; 32]);
        tokens::write_account(&mut self.chain, account, cast::mint(0), authority, CAPITAL)?;
        let capital = TokenMove { asset: 0, token: token(0), account, amount: CAPITAL };
        self.governed(ix::fund_insurance(authority, pool, capital))?;
        self.refresh(self.window.start)?;
        for coin in DATED {
            self.list_expiry(coin)?;
        }
        self.refresh_options()
    }

    fn list_expiry(&mut self, coin: &str) -> Result<()> {
        let (time, now, authority) = (self.window.expiry(), self.chain.now(), self.governance.pubkey());
        let market = self.asset_of(coin)? - 1;
        let forecast = self.level(coin, now)?.forecast();
        self.governed(ix::list_expiry(authority, &self.market(market)?, time, forecast, now))?;
        let price = self.asset(market + 1)?.price.0;
        // Strikes are whole hundredths of the greatest power of ten below the price.
        let unit = 10i64.pow(price.ilog10()) / 100;
        let strikes = STRIKES.iter().map(|share| price / 100 * share / unit * unit).collect();
        self.governed(ix::list_strikes(authority, &self.market(market)?, time, strikes))
    }

    // What is where.

    pub fn coins(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.listed.iter().map(|l| l.coin.symbol)
    }

    fn asset_of(&self, coin: &str) -> Result<u16> {
        let at = self.listed.iter().position(|l| l.coin.symbol == coin);
        Ok(u16::try_from(at.with_context(|| format!("no {coin}"))?)?)
    }

    pub fn seat(&self, name: &str) -> Result<usize> {
        self.seats.iter().position(|s| s.member.name == name).with_context(|| format!("no {name}"))
    }

    pub fn asset(&self, index: u16) -> Result<Asset> {
        self.chain.read(&addresses::asset(&self.keys.pool, index))
    }

    fn market(&self, index: u16) -> Result<Market> {
        self.chain.read(&addresses::market(&self.keys.pool, index))
    }

    fn markets(&self) -> u16 {
        self.listed.len() as u16 - 1
    }

    pub fn insurance(&self) -> Result<Insurance> {
        self.chain.read(&addresses::insurance(&self.keys.pool))
    }

    pub fn portfolio(&self, seat: usize) -> Result<Portfolio> {
        self.chain.read(&self.seats[seat].portfolio)
    }

    fn expiry_address(&self, market: u16) -> Pubkey {
        addresses::expiry(&addresses::market(&self.keys.pool, market), self.window.expiry())
    }

    /// The expiry of a market, while it is there.
    fn expiry(&self, market: u16) -> Option<Box<Expiry>> {
        self.chain.read(&self.expiry_address(market)).ok().map(Box::new)
    }

    /// Tokens in each vault.
    pub fn vaults(&self) -> Result<Vec<u64>> {
        (0..self.listed.len() as u16).map(|i| tokens::amount(&self.chain, &self.asset(i)?.vault)).collect()
    }

    pub fn check(&self) -> Result<Ledger> {
        Books { chain: &self.chain, pool: self.keys.pool }.check()
    }

    pub fn snapshot(&self) -> Result<Snapshot> {
        let expiries = (0..self.markets()).filter_map(|m| self.expiry(m));
        Ok(Snapshot {
            pool: self.chain.read(&self.keys.pool)?,
            scenarios: Box::new(self.chain.read(&self.keys.scenarios)?),
            assets: (0..self.listed.len() as u16).map(|i| Ok((i, self.asset(i)?))).collect::<Result<_>>()?,
            markets: (0..self.markets()).map(|i| Ok((i, self.market(i)?))).collect::<Result<_>>()?,
            expiries: expiries.map(|e| (e.id(), e)).collect(),
        })
    }

    /// What a member's stake is worth, 1e-6 USD.
    pub fn staked(&self, seat: usize) -> Result<i64> {
        let stake: Stake = match self.chain.read(&addresses::stake(&self.keys.pool, &self.seats[seat].owner.pubkey())) {
            Ok(stake) => stake,
            Err(_) => return Ok(0),
        };
        let insurance = self.insurance()?;
        let shares = if stake.era == insurance.era { stake.shares.get() } else { 0 };
        Ok(if shares == 0 { 0 } else { i64::try_from(insurance.fund().claim_floor(shares)?)? })
    }

    pub fn holdings(&self, seats: &[usize]) -> Result<Holdings> {
        let portfolios: Vec<Portfolio> = seats.iter().map(|s| self.portfolio(*s)).collect::<Result<_>>()?;
        Ok(Holdings::of(&portfolios))
    }

    pub fn side(&self, seat: usize) -> TradeSide {
        TradeSide { portfolio: self.seats[seat].portfolio, signer: self.seats[seat].owner.pubkey() }
    }

    pub fn keys(&self) -> PoolKeys {
        self.keys
    }

    // Keepers.

    /// Writes every price of a moment and has the program read them: prices, marks, forecasts, values of options.
    pub fn advance(&mut self, time: i64) -> Result<()> {
        self.chain.set_time(time);
        self.refresh(time)?;
        self.publish_forecasts()?;
        self.refresh_options()
    }

    fn speaks(&self, at: usize) -> bool {
        !self.window.is_silent(self.listed[at].coin.symbol, self.chain.now())
    }

    fn refresh(&mut self, time: i64) -> Result<()> {
        let speaking: Vec<usize> = (0..self.listed.len()).filter(|at| self.speaks(*at)).collect();
        let mut pairs = Vec::new();
        for at in &speaking {
            let feed = self.listed[*at].feed;
            let price = self.window.price(&self.path, feed.coin, time)?;
            prices::write(&mut self.chain, &feed, [price; 2], time)?;
            pairs.push((*at as u16, feed.address));
        }
        self.by_anyone(ix::refresh_asset(&self.keys.pool, &pairs))?;
        for at in speaking.into_iter().filter(|at| *at > 0) {
            // A price that the guard refused for a minute is stale.
            let refresh = ix::refresh_market(&self.keys.pool, &[(at as u16 - 1, at as u16)]);
            unless(self.by_anyone(refresh), &["PriceStale"])?;
        }
        Ok(())
    }

    /// Coins whose last reading was no price: beyond the guard's band.
    pub fn refused(&self) -> Result<Vec<&'static str>> {
        let mut out = Vec::new();
        for (at, listed) in self.listed.iter().enumerate().filter(|(at, _)| self.speaks(*at)) {
            if self.asset(at as u16)?.publish_time < self.chain.now() {
                out.push(listed.coin.symbol);
            }
        }
        Ok(out)
    }

    /// What the rule of the demo says of an expiry of a coin now.
    fn level(&self, coin: &str, now: i64) -> Result<Level> {
        let at = self.asset_of(coin)?;
        let daily = volatility::sigma_ceil(self.asset(at)?.variance_fast).0 as f64 / 1e6;
        let years = (self.window.expiry() - now) as f64 / YEAR;
        Ok(Level::target(self.listed[usize::from(at)].coin.calm_vol, daily, years))
    }

    /// One step of each forecast towards the rule, as far as the program lets it move at once.
    fn publish_forecasts(&mut self) -> Result<()> {
        let now = self.chain.now();
        for coin in DATED {
            let market = self.asset_of(coin)? - 1;
            let Some(expiry) = self.expiry(market) else { continue };
            if expiry.time - now < PUBLISHED_UNTIL || now - expiry.published < INTERVAL {
                continue;
            }
            let forecast = Level::of(&Forecast::from(&*expiry)).step(self.level(coin, now)?).forecast();
            let authority = self.governance.pubkey();
            self.governed(ix::publish_forecast(authority, &self.market(market)?, expiry.time, forecast, now))?;
        }
        Ok(())
    }

    fn refresh_options(&mut self) -> Result<()> {
        for coin in DATED {
            let asset = self.asset_of(coin)?;
            let Some(expiry) = self.expiry(asset - 1).filter(|e| e.time > self.chain.now()) else { continue };
            let range = StrikeRange { first: 0, count: expiry.strike_count };
            let slots = ExpirySlots { market: asset - 1, asset, time: expiry.time, range };
            let refresh = ix::refresh_expiry(&self.keys.pool, &[slots]);
            unless(self.by_anyone(refresh), &["PriceStale"])?;
        }
        Ok(())
    }

    /// Losers pay: out of cash, and where that does not do out of a loan; then winners are paid.
    pub fn settle_all(&mut self) -> Result<()> {
        for winners in [false, true] {
            for seat in 0..self.seats.len() {
                let (portfolio, key) = (self.portfolio(seat)?, self.seats[seat].portfolio);
                for position in portfolio.positions() {
                    let Some(profit) = self.profit(position)? else { continue };
                    if winners != (profit > 0) {
                        continue;
                    }
                    let (instrument, market) = (position.instrument, market_of(position.instrument));
                    let means = portfolio.cash + position.pending_old + position.pending_new;
                    if profit < 0 && means + profit < 0 {
                        let holdings = self.holdings(&[seat])?;
                        let borrow = ix::borrow_for_loss(self.keys, key, &holdings, instrument);
                        unless(self.by_anyone(borrow), UNBORROWED)?;
                    }
                    if profit != 0 || position.pending_old + position.pending_new > 0 {
                        let settle = ix::settle_variation(&self.keys.pool, key, instrument, market + 1);
                        unless(self.by_anyone(settle), UNSETTLED)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What a position is owed, 1e-6 USD; none of an option that is held.
    fn profit(&self, position: &Position) -> Result<Option<i64>> {
        let market = self.market(market_of(position.instrument))?;
        let index = self.asset(market.asset)?.price;
        let mark = match products::parse(position.instrument)? {
            _ if position.quantity == 0 => Price(0),
            Instrument::Perpetual => market.mark_at(index)?,
            Instrument::Future { .. } => self.expiry(market.index).context("no expiry")?.forward(index)?,
            Instrument::Option { .. } => return Ok(None),
        };
        Ok(Some(Contracts(position.quantity).value_floor(mark)?.0 - position.cost))
    }

    /// Samples the window of the expiry, fixes its price and settles everyone.
    pub fn expire(&mut self) -> Result<()> {
        let time = self.window.expiry();
        for sampled in (time - 1_800..=time).step_by(90) {
            self.advance(sampled)?;
        }
        for coin in DATED {
            let market = self.asset_of(coin)? - 1;
            let expiry = self.expiry(market).context("an expiry")?;
            self.by_anyone(ix::fix_expiry(&expiry))?;
            for seat in 0..self.seats.len() {
                let settle = ix::settle_expiry(&self.keys.pool, self.seats[seat].portfolio, market, time);
                unless(self.by_anyone(settle), &["NothingExpired"])?;
            }
            let expiry = self.expiry(market).context("an expiry")?;
            self.by_anyone(ix::close_expiry(&expiry))?;
        }
        Ok(())
    }

    // Members.

    /// Opens the portfolio, or none for a staker, and has the member act.
    fn enter(&mut self, seat: usize) -> Result<()> {
        let (owner, pool) = (self.seats[seat].owner.pubkey(), self.keys.pool);
        self.chain.fund(owner)?;
        self.by_owner(seat, ix::open_portfolio(owner, pool, 0))?;
        let mut legs = [Vec::new(), Vec::new()];
        for act in self.seats[seat].member.acts {
            match *act {
                Act::Perpetual(..) => legs[0].push(self.leg(act, 0)?),
                Act::Future(..) | Act::Call(..) | Act::Put(..) => legs[1].push(self.leg(act, 0)?),
                _ => self.fetch(seat, act)?,
            }
        }
        for (legs, other) in legs.into_iter().zip([MAKER, DEALER]) {
            if !legs.is_empty() {
                self.trade(seat, self.seat(other)?, &legs)?;
            }
        }
        Ok(())
    }

    /// Deposits, lends, borrows or stakes.
    fn fetch(&mut self, seat: usize, act: &Act) -> Result<()> {
        let (owner, portfolio) = (self.seats[seat].owner.pubkey(), self.seats[seat].portfolio);
        let (keys, asset) = (self.keys, self.asset_of(act.coin())?);
        let account = token_account(&owner, asset);
        let of = |usd: i64| -> Result<TokenMove> {
            let unit = 10i128.pow(self.listed[usize::from(asset)].coin.decimals.into());
            let amount = i128::from(usd) * unit * i128::from(Price::ONE.0) / i128::from(self.asset(asset)?.price.0);
            Ok(TokenMove { asset, token: token(asset), account, amount: u64::try_from(amount)? })
        };
        match *act {
            Act::Deposit(_, usd) => {
                let tokens = of(usd)?;
                tokens::write_account(&mut self.chain, account, cast::mint(asset), owner, tokens.amount)?;
                self.by_owner(seat, ix::deposit(owner, keys.pool, portfolio, tokens))
            }
            Act::Stake(usd) => {
                let tokens = of(usd)?;
                tokens::write_account(&mut self.chain, account, cast::mint(asset), owner, tokens.amount)?;
                self.by_owner(seat, ix::stake(owner, keys.pool, tokens))
            }
            Act::Lend(_, usd) => {
                let amount = of(usd)?.amount;
                self.by_owner(seat, ix::lend(owner, &keys.pool, portfolio, asset, amount))
            }
            Act::Borrow(_, usd) => {
                let tokens = of(usd)?;
                tokens::write_account(&mut self.chain, account, cast::mint(asset), owner, 0)?;
                let holdings = self.holdings(&[seat])?;
                self.by_owner(seat, ix::borrow(owner, keys, portfolio, &holdings, (asset, tokens.amount)))?;
                let holdings = self.holdings(&[seat])?;
                self.by_owner(seat, ix::withdraw(owner, keys, portfolio, &holdings, tokens))
            }
            _ => Err(anyhow!("{act:?} is a trade")),
        }
    }

    /// A leg of so many USD at the quote of whoever takes the other side.
    fn leg(&self, act: &Act, haste: usize) -> Result<Leg> {
        let (asset, minutes) = (self.asset_of(act.coin())?, minutes_of(self.window.expiry()));
        let (instrument, usd) = match *act {
            Act::Perpetual(_, usd) => (instrument::perpetual(asset - 1), usd),
            Act::Future(_, usd) => (instrument::future(asset - 1, minutes), usd),
            Act::Call(_, slot, usd) => (instrument::option(asset - 1, minutes, slot, Right::Call), usd),
            Act::Put(_, slot, usd) => (instrument::option(asset - 1, minutes, slot, Right::Put), usd),
            _ => return Err(anyhow!("{act:?} is no trade")),
        };
        let market = self.market(asset - 1)?;
        let contracts = i128::from(usd) * i128::from(Price::ONE.0) * i128::from(Price::ONE.0)
            / i128::from(self.asset(asset)?.price.0);
        let quantity = i64::try_from(contracts)? / market.lot.0 * market.lot.0;
        Ok(Leg { instrument, quantity, price: self.quote(instrument, quantity > 0, haste)? })
    }

    /// The mark, and a spread in favour of whoever quotes.
    fn quote(&self, instrument: u64, taker_buys: bool, haste: usize) -> Result<i64> {
        let market = self.market(market_of(instrument))?;
        let index = self.asset(market.asset)?.price;
        let dated = || self.expiry(market.index).context("no expiry");
        let (mark, tick) = match products::parse(instrument)? {
            Instrument::Perpetual => (market.mark_at(index)?, market.tick),
            Instrument::Future { .. } => (dated()?.forward(index)?, market.tick),
            Instrument::Option { slot, right, .. } => {
                let expiry = dated()?;
                let strike = expiry.strike(slot)?;
                let put = strike.mark.0 - expiry.forward(index)?.0 + strike.strike.0;
                let mark = if right == Right::Call { strike.mark.0 } else { put.max(0) };
                (Price(mark), market.option_tick)
            }
        };
        let (mark, tick) = (i128::from(mark.0), i128::from(tick.0));
        let away = mark * SPREAD[haste] / USD;
        let price = if taker_buys { (mark + away + tick - 1) / tick * tick } else { (mark - away) / tick * tick };
        Ok(i64::try_from(price.max(tick))?)
    }

    fn trade(&mut self, first: usize, second: usize, legs: &[Leg]) -> Result<()> {
        let mut holdings = self.holdings(&[first, second])?;
        for leg in legs {
            holdings = holdings.with_traded(leg.instrument, market_of(leg.instrument) + 1);
        }
        let trade = ix::trade(self.keys, self.side(first), self.side(second), &holdings, legs.to_vec());
        let signers = [first, second].map(|s| self.seats[s].owner.insecure_clone());
        self.chain.send(&[trade], &[&signers[0], &signers[1]])?;
        Ok(())
    }

    /// A bidder closes its perpetuals with the market maker, as far as either has the means and the price is known.
    pub fn lay_off(&mut self, seat: usize) -> Result<()> {
        let maker = self.seat(MAKER)?;
        for position in self.portfolio(seat)?.positions() {
            let perpetual = products::parse(position.instrument)? == Instrument::Perpetual;
            if perpetual && position.quantity != 0 {
                let (instrument, quantity) = (position.instrument, -position.quantity);
                let price = self.quote(instrument, quantity > 0, 1)?;
                unless(self.trade(seat, maker, &[Leg { instrument, quantity, price }]), UNTRADED)?;
            }
        }
        Ok(())
    }
}

/// What may stand in the way of a loan, a settlement, a trade.
const UNBORROWED: &[&str] = &[
    "NothingToSettle",
    "NoVariation",
    "PriceStale",
    "BelowMaintenance",
    "UtilisationCap",
    "InAuction",
    "Restricted",
    "ChainStale",
    "ChainShifted",
    "UnsettledGains",
    "ExpiryNotSettled",
];
const UNSETTLED: &[&str] = &["NothingToSettle", "PriceStale", "GainsPending"];
const UNTRADED: &[&str] = &["BelowInitialMargin", "Restricted", "PriceStale", "ChainNotCurrent", "ForecastStale"];

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

fn token(asset: u16) -> Token {
    Token { mint: cast::mint(asset), program: tokens::PROGRAM }
}

fn token_account(owner: &Pubkey, asset: u16) -> Pubkey {
    let mut bytes = owner.to_bytes();
    (bytes[30], bytes[31]) = (0x7a, asset as u8);
    Pubkey::new_from_array(bytes)
}

fn padded(text: &str) -> [u8; 16] {
    let mut out = [0; 16];
    out[..text.len()].copy_from_slice(text.as_bytes());
    out
}

/// The terms of the demo, but for deposits of any size.
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
