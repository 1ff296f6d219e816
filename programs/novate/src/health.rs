//! Gathers the accounts of a portfolio into a book and has the margin crate judge it.
//!
//! Where the accounts come from is a [`Source`]: the list behind an instruction on chain, a snapshot in clients. Both run
//! the same code, so that they cannot disagree.

use std::ops::Deref;

use anchor_lang::prelude::*;
use novate_margin::dated::{Carry, Drift, NODE_ONE};
use novate_margin::{Book, Contracts, Health, Price, Ratio, Usd};

use crate::error::NovateError;
use crate::instrument::{self, expiry_id, market_of, Instrument};
use crate::listed::{Listed, Walk};
use crate::state::{
    Asset, Balance, Expiry, Market, Pool, Portfolio, Position, Redemption, Scenarios, SETTLEMENT_ASSET,
};

/// Oldest forecast, in seconds, that risk may rise on.
pub const FORECAST_AGE: i64 = 3_600;
/// Oldest option values, in seconds, that risk may rise on, and that anything may rest on (MRG-15).
pub const CHAIN_AGE: (i64, i64) = (60, 600);
/// Farthest that spot may be from where option values were made, in nodes of an eighth of the scan range: where risk may
/// rise, and at all (MRG-15).
pub const CHAIN_SHIFT: (i64, i64) = (NODE_ONE + POSITION_CUT, 4 * NODE_ONE + POSITION_CUT);
/// More than what a position is cut by: 2^-24 of the reference at a scan range of 1 %.
const POSITION_CUT: i64 = NODE_ONE >> 14;

/// How old the prices of a portfolio may be.
#[derive(Clone, Copy, Debug)]
pub enum PriceAge {
    /// Each asset's own limit.
    OfAsset,
    /// A stricter limit in seconds, where whoever posts the price could choose it (CLR-42).
    AtMost(i64),
}

/// Where assets and markets are found by index, and expiries by [`expiry_id`].
pub trait Source {
    fn asset(&mut self, index: u16) -> Result<impl Deref<Target = Asset>>;
    fn market(&mut self, index: u16) -> Result<impl Deref<Target = Market>>;
    fn expiry(&mut self, id: u64) -> Result<impl Deref<Target = Expiry>>;
}

/// What a portfolio holds, or held.
#[derive(Clone, Copy)]
pub struct Held<'a, P> {
    pub cash: i64,
    pub balances: &'a [Balance],
    /// In any order; fastest in the order of a portfolio.
    pub positions: P,
}

impl<'a> Held<'a, &'a [Position]> {
    /// As it is now.
    pub fn by(portfolio: &'a Portfolio) -> Self {
        Self { cash: portfolio.cash, balances: portfolio.balances(), positions: portfolio.positions() }
    }
}

/// When holdings are judged, and how.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub now: i64,
    pub age: PriceAge,
    pub carry: Carry,
}

/// Fills an empty book with what is held, and returns the unix time of the oldest forecast that it rests on. Fails where an
/// account is missing, a price or an option's value too old, or an expiry has passed.
pub fn fill<'p>(
    book: &mut Book,
    held: Held<impl IntoIterator<Item = &'p Position>>,
    source: &mut impl Source,
    terms: Terms,
) -> Result<i64> {
    book.clear();
    {
        let settlement = source.asset(SETTLEMENT_ASSET)?;
        require_fresh(&settlement, terms)?;
        book.set_settlement_price(settlement.price);
    }
    book.add_cash(Usd(held.cash)).map_err(NovateError::from)?;
    for balance in held.balances {
        let asset = source.asset(balance.asset)?;
        require_fresh(&asset, terms)?;
        let quantity = asset.quantity(balance.shares)?;
        if asset.is_yield_bearing() {
            let (redemption, price) = (asset.redemption, asset.price);
            drop(asset);
            add_yield_bearing(book, &redemption, (quantity, price), source, terms)?;
        } else if asset.is_underlying() {
            let slot = book.add_underlying(asset.index, asset.facts()).map_err(NovateError::from)?;
            book.add_spot(slot, quantity).map_err(NovateError::from)?;
        } else {
            book.add_outside(quantity, asset.price, asset.average, asset.haircut).map_err(NovateError::from)?;
        }
    }
    let mut forecast = i64::MAX;
    let mut place: Option<Place> = None;
    for position in held.positions {
        let here = match &mut place {
            Some(here) if here.market == market_of(position.instrument) => here,
            other => other.insert(Place::of(book, position, source, terms)?),
        };
        add_position(book, position, here, source, terms.now, &mut forecast)?;
    }
    for held in 0..book.expiries().len() {
        let Some(id) = book.expiries().get(held).filter(|e| e.needs_chain()).map(|e| e.id) else { continue };
        let expiry = source.expiry(id)?;
        book.add_chain(held, &expiry.strikes, terms.carry).map_err(NovateError::from)?;
    }
    require_usable(book.drift(), terms.now)?;
    Ok(forecast)
}

/// Refuses option values too far from now for anything to rest on them (MRG-15).
pub fn require_usable(drift: Drift, now: i64) -> Result<()> {
    require!(drift.nodes <= CHAIN_SHIFT.1, NovateError::ChainShifted);
    require!(now.saturating_sub(drift.oldest.0) <= CHAIN_AGE.1, NovateError::ChainStale);
    Ok(())
}

/// A yield-bearing balance and the market price of a contract of it: in the scan as what it is worth of its underlying, which
/// need not have a market (MRG-61).
fn add_yield_bearing(
    book: &mut Book,
    redemption: &Redemption,
    (quantity, price): (Contracts, Price),
    source: &mut impl Source,
    terms: Terms,
) -> Result<()> {
    let underlying = source.asset(redemption.underlying)?;
    require_fresh(&underlying, terms)?;
    let slot = match book.slot_of(underlying.index) {
        Some(slot) => slot,
        None => book.add_underlying(underlying.index, underlying.facts()).map_err(NovateError::from)?,
    };
    let worth = redemption.worth(quantity, price, underlying.price, terms.now)?;
    Ok(book.add_staked(slot, worth.quantity, worth.counts).map_err(NovateError::from)?)
}

/// A market's part in the book, found once for all positions that follow each other in it.
struct Place {
    market: u16,
    /// Of the underlying in the book.
    slot: usize,
    /// The perpetual's.
    mark: Price,
    multiplier: Ratio,
}

impl Place {
    fn of(book: &mut Book, position: &Position, source: &mut impl Source, terms: Terms) -> Result<Self> {
        let slot = match book.slot_of(position.underlying) {
            Some(slot) => slot,
            None => {
                let asset = source.asset(position.underlying)?;
                require_fresh(&asset, terms)?;
                book.add_underlying(asset.index, asset.facts()).map_err(NovateError::from)?
            }
        };
        let price = book.underlyings().get(slot).ok_or(NovateError::AssetMissing)?.price;
        let market = source.market(market_of(position.instrument))?;
        Ok(Self { market: market.index, slot, mark: market.mark_at(price)?, multiplier: market.initial_multiplier })
    }
}

fn add_position(
    book: &mut Book,
    position: &Position,
    place: &Place,
    source: &mut impl Source,
    now: i64,
    forecast: &mut i64,
) -> Result<()> {
    let Place { market, slot, mark, multiplier } = *place;
    let (quantity, cost) = (Contracts(position.quantity), Usd(position.cost));
    let held = match instrument::parse(position.instrument)? {
        Instrument::Perpetual => book.add_perpetual(slot, quantity, mark, cost, multiplier),
        // A closed future whose variation is not settled: only its cost counts, whatever became of the expiry.
        Instrument::Future { .. } if position.quantity == 0 => {
            book.add_perpetual(slot, quantity, mark, cost, multiplier)
        }
        Instrument::Future { minutes } => {
            let held = hold(book, slot, expiry_id(market, minutes), source, now, forecast)?;
            book.add_future(held, quantity, cost, multiplier)
        }
        Instrument::Option { minutes, slot: at, right } => {
            let held = hold(book, slot, expiry_id(market, minutes), source, now, forecast)?;
            book.add_option(held, usize::from(at), right, quantity, multiplier)
        }
    };
    held.map_err(NovateError::from)?;
    if position.pending_old != 0 || position.pending_new != 0 {
        book.add_pending(Usd(position.pending_old)).map_err(NovateError::from)?;
        book.add_pending(Usd(position.pending_new)).map_err(NovateError::from)?;
    }
    Ok(())
}

/// The slot of an expiry in the book, where it is entered with its first position.
fn hold(
    book: &mut Book,
    slot: usize,
    id: u64,
    source: &mut impl Source,
    now: i64,
    forecast: &mut i64,
) -> Result<usize> {
    if let Some(held) = book.expiry_of(id) {
        return Ok(held);
    }
    let expiry = source.expiry(id)?;
    *forecast = (*forecast).min(expiry.published);
    Ok(book.add_expiry(slot, id, expiry.facts(now)?).map_err(NovateError::from)?)
}

fn require_fresh(asset: &Asset, terms: Terms) -> Result<()> {
    let limit = match terms.age {
        PriceAge::OfAsset => asset.max_age,
        PriceAge::AtMost(seconds) => seconds.min(asset.max_age),
    };
    asset.require_fresh(terms.now, limit)
}

/// One workspace an instruction, on the heap and used for both sides.
pub struct Examiner<'a, 'info> {
    book: Box<Book>,
    listed: &'a Listed<'a, 'info>,
    pool: &'a Pool,
    scenarios: &'a Scenarios,
    now: i64,
    /// Unix time of the oldest forecast that the last check rests on.
    forecast: i64,
}

impl<'a, 'info> Examiner<'a, 'info> {
    pub fn new(listed: &'a Listed<'a, 'info>, pool: &'a Pool, scenarios: &'a Scenarios, now: i64) -> Self {
        Self { book: bytemuck::zeroed_box(), listed, pool, scenarios, now, forecast: i64::MAX }
    }

    /// Equity and requirement of a portfolio at the prices of the list.
    pub fn health(&mut self, portfolio: &Portfolio, age: PriceAge, carry: Carry) -> Result<Health> {
        self.health_of(Held::by(portfolio), age, carry)
    }

    /// Equity and requirement of what is held, at the prices of the list.
    pub fn health_of<'p>(
        &mut self,
        held: Held<impl IntoIterator<Item = &'p Position>>,
        age: PriceAge,
        carry: Carry,
    ) -> Result<Health> {
        let mut walk = Walk::new(self.listed);
        self.forecast = fill(&mut self.book, held, &mut walk, Terms { now: self.now, age, carry })?;
        Ok(self.book.health(Some(&self.scenarios.rows()), &self.pool.params).map_err(NovateError::from)?)
    }

    /// Whether the last check rests on forecasts and option values that risk may rise on (MRG-15).
    pub fn require_current(&self) -> Result<()> {
        self.require_current_values()?;
        require!(self.now.saturating_sub(self.forecast) <= FORECAST_AGE, NovateError::ForecastStale);
        Ok(())
    }

    /// The same without the forecasts, which only the publisher can renew: what a liquidation asks of the taker, so that no
    /// holding shields the rest (CLR-34).
    pub fn require_current_values(&self) -> Result<()> {
        let drift = self.book.drift();
        let current = drift.nodes <= CHAIN_SHIFT.0 && self.now.saturating_sub(drift.oldest.0) <= CHAIN_AGE.0;
        require!(current, NovateError::ChainNotCurrent);
        Ok(())
    }

    /// The book of the last health check, underlying by underlying.
    pub fn book(&self) -> &Book {
        &self.book
    }
}

/// What every withdrawal and transfer needs of a portfolio with positions: initial margin covered without gains that are
/// unsettled or pending (MRG-45). Without positions there is no requirement and no price is read.
pub fn require_settled_margin<'a, 'info>(
    portfolio: &Portfolio,
    listed: &'a Listed<'a, 'info>,
    pool: &'a Pool,
    scenarios: &'a Scenarios,
    now: i64,
) -> Result<()> {
    if portfolio.position_count == 0 {
        return Ok(());
    }
    let mut examiner = Examiner::new(listed, pool, scenarios, now);
    let health = examiner.health(portfolio, PriceAge::OfAsset, Carry::Central)?;
    examiner.require_current()?;
    require!(health.meets_initial(), NovateError::BelowInitialMargin);
    require!(health.meets_initial_settled(), NovateError::UnsettledGains);
    Ok(())
}
