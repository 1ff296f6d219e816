//! What keepers send: prices, forecasts, values of options, settlement.

use anyhow::{Context, Result};
use novate_client::instructions::{self as ix, ExpirySlots};
use novate_client::instrument::{market_of, Instrument};
use novate_client::state::Position;
use novate_client::{Forecast, StrikeRange};
use novate_margin::{volatility, Contracts, Price};

use super::pool::{unless, Pool, DATED};
use crate::demo::committee;
use crate::demo::prices::{self, DAY};
use crate::demo::products;
use crate::demo::smile::Level;

const YEAR: f64 = 365.0 * DAY as f64;
/// Forecasts are published until so long before expiry, and not more often than the program lets them.
const PUBLISHED_UNTIL: i64 = DAY;
const INTERVAL: i64 = 10;
/// What may stand in the way of a loan, and of a settlement.
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
const UNSETTLED: &[&str] = &["NothingToSettle", "PriceStale", "GainsPending", "HaircutOpen", "GainsHeldBack"];

impl Pool {
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

    pub(super) fn refresh(&mut self, time: i64) -> Result<()> {
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
    pub(super) fn level(&self, coin: &str, now: i64) -> Result<Level> {
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
            let target = self.level(coin, now)?.within(committee::day_of(&expiry, now));
            let forecast = Level::of(&Forecast::from(&*expiry)).step(target).forecast();
            self.publish(market, expiry.time, forecast)?;
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, market: u16, time: i64, forecast: Forecast) -> Result<()> {
        let (publish, members) = committee::publication(&self.market(market)?, time, forecast, self.chain.now());
        self.chain.send(&publish, &members.iter().collect::<Vec<_>>())?;
        Ok(())
    }

    pub(super) fn refresh_options(&mut self) -> Result<()> {
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
        self.mind_haircuts()?;
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

    /// Registers every gain while the window of a market's haircut is open; after it charges them and closes the haircut (CLR-32).
    fn mind_haircuts(&mut self) -> Result<()> {
        for index in 0..self.markets() {
            let (round, now) = (self.market(index)?.round, self.chain.now());
            if !round.stands() {
                continue;
            }
            for seat in 0..self.seats.len() {
                let (portfolio, key) = (self.portfolio(seat)?, self.seats[seat].portfolio);
                for position in portfolio.positions().iter().filter(|p| market_of(p.instrument) == index) {
                    if round.is_open(now) && position.round != round.number {
                        let register = ix::register_gain(&self.keys.pool, key, position.instrument);
                        unless(self.by_anyone(register), &["NoGain"])?;
                    } else if !round.is_open(now) && position.gain != 0 {
                        self.by_anyone(ix::charge_gain(&self.keys.pool, key, position.instrument))?;
                    }
                }
            }
            if !round.is_open(now) {
                let close = ix::close_haircut(&self.keys.pool, index);
                self.charging(None, |pool| pool.by_anyone(close).map(|()| true))?;
            }
        }
        Ok(())
    }

    /// What a position is owed, 1e-6 USD; none of an option that is held.
    fn profit(&self, position: &Position) -> Result<Option<i64>> {
        let market = self.market(market_of(position.instrument))?;
        let (asset, now) = (self.asset(market.asset)?, self.chain.now());
        let mark = match products::parse(position.instrument)? {
            _ if position.quantity == 0 => Price(0),
            Instrument::Perpetual => market.mark_at(asset.price)?,
            Instrument::Future { .. } => self.expiry(market.index).context("no expiry")?.expected_at(&asset, now)?,
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
}
