//! Gathers the accounts of a portfolio into a book and has the margin crate judge it.
//!
//! Where the accounts come from is a [`Source`]: the list behind an instruction on chain, a snapshot in clients. Both run
//! the same code, so that they cannot disagree.

use std::cell::Ref;
use std::ops::Deref;

use anchor_lang::prelude::*;
use novate_margin::{Book, Contracts, Health, Usd};

use crate::error::NovateError;
use crate::instrument::market_of;
use crate::listed::{position, read, Listed};
use crate::state::{Asset, Market, Pool, Portfolio, Position, Scenarios, SETTLEMENT_ASSET};

/// How old the prices of a portfolio may be.
#[derive(Clone, Copy, Debug)]
pub enum PriceAge {
    /// Each asset's own limit.
    OfAsset,
    /// A stricter limit in seconds, where whoever posts the price could choose it (CLR-42).
    AtMost(i64),
}

/// Where assets and markets are found by index.
pub trait Source {
    fn asset(&mut self, index: u16) -> Result<impl Deref<Target = Asset>>;
    fn market(&mut self, index: u16) -> Result<impl Deref<Target = Market>>;
}

/// Fills an empty book with what a portfolio holds. Fails where an account is missing or a price too old.
pub fn fill(book: &mut Book, portfolio: &Portfolio, source: &mut impl Source, now: i64, age: PriceAge) -> Result<()> {
    book.clear();
    {
        let settlement = source.asset(SETTLEMENT_ASSET)?;
        require_fresh(&settlement, now, age)?;
        book.set_settlement_price(settlement.price);
    }
    book.add_cash(Usd(portfolio.cash)).map_err(NovateError::from)?;
    for balance in portfolio.balances() {
        let asset = source.asset(balance.asset)?;
        require_fresh(&asset, now, age)?;
        let quantity = asset.quantity(balance.shares)?;
        if asset.is_underlying() {
            let slot = book.add_underlying(asset.index, asset.facts()).map_err(NovateError::from)?;
            book.add_spot(slot, quantity).map_err(NovateError::from)?;
        } else {
            book.add_outside(quantity, asset.price, asset.haircut).map_err(NovateError::from)?;
        }
    }
    for position in portfolio.positions() {
        add_position(book, position, source, now, age)?;
    }
    Ok(())
}

fn add_position(book: &mut Book, position: &Position, source: &mut impl Source, now: i64, age: PriceAge) -> Result<()> {
    let slot = match book.slot_of(position.underlying) {
        Some(slot) => slot,
        None => {
            let asset = source.asset(position.underlying)?;
            require_fresh(&asset, now, age)?;
            book.add_underlying(asset.index, asset.facts()).map_err(NovateError::from)?
        }
    };
    let index_price = book.underlyings().get(slot).ok_or(NovateError::AssetMissing)?.price;
    let market = source.market(market_of(position.instrument))?;
    let mark = market.mark_at(index_price)?;
    let (quantity, cost) = (Contracts(position.quantity), Usd(position.cost));
    book.add_perpetual(slot, quantity, mark, cost, market.initial_multiplier).map_err(NovateError::from)?;
    if position.pending_old != 0 || position.pending_new != 0 {
        book.add_pending(Usd(position.pending_old)).map_err(NovateError::from)?;
        book.add_pending(Usd(position.pending_new)).map_err(NovateError::from)?;
    }
    Ok(())
}

fn require_fresh(asset: &Asset, now: i64, age: PriceAge) -> Result<()> {
    let limit = match age {
        PriceAge::OfAsset => asset.max_age,
        PriceAge::AtMost(seconds) => seconds.min(asset.max_age),
    };
    asset.require_fresh(now, limit)
}

/// The list behind an instruction as a source. Portfolios hold assets and markets in ascending order, as the list does, so
/// that a walk onwards finds most; where it has gone past, it searches.
struct Walk<'a, 'info> {
    listed: &'a Listed<'a, 'info>,
    asset_at: usize,
    market_at: usize,
}

impl<'a> Source for Walk<'a, '_> {
    fn asset(&mut self, index: u16) -> Result<impl Deref<Target = Asset>> {
        find(self.listed.assets, &mut self.asset_at, index, |a: &Asset| a.index, NovateError::AssetMissing)
    }

    fn market(&mut self, index: u16) -> Result<impl Deref<Target = Market>> {
        find(self.listed.markets, &mut self.market_at, index, |m: &Market| m.index, NovateError::MarketMissing)
    }
}

fn find<'a, T: anchor_lang::ZeroCopy>(
    list: &'a [AccountInfo],
    at: &mut usize,
    index: u16,
    index_of: fn(&T) -> u16,
    missing: NovateError,
) -> Result<Ref<'a, T>> {
    while let Some(info) = list.get(*at) {
        let account = read::<T>(info)?;
        let found = index_of(&account);
        if found == index {
            return Ok(account);
        }
        if found > index {
            break;
        }
        *at = at.saturating_add(1);
    }
    *at = position(list, index, index_of).ok_or(missing)?;
    read(list.get(*at).ok_or(missing)?)
}

/// One workspace an instruction, on the heap and used for both sides.
pub struct Examiner<'a, 'info> {
    book: Box<Book>,
    listed: &'a Listed<'a, 'info>,
    pool: &'a Pool,
    scenarios: &'a Scenarios,
    now: i64,
}

impl<'a, 'info> Examiner<'a, 'info> {
    pub fn new(listed: &'a Listed<'a, 'info>, pool: &'a Pool, scenarios: &'a Scenarios, now: i64) -> Self {
        Self { book: bytemuck::zeroed_box(), listed, pool, scenarios, now }
    }

    /// Equity and requirement of a portfolio at the prices of the list.
    pub fn health(&mut self, portfolio: &Portfolio, age: PriceAge) -> Result<Health> {
        let mut walk = Walk { listed: self.listed, asset_at: 0, market_at: 0 };
        fill(&mut self.book, portfolio, &mut walk, self.now, age)?;
        Ok(self.book.health(Some(&self.scenarios.rows()), &self.pool.params).map_err(NovateError::from)?)
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
    let health = Examiner::new(listed, pool, scenarios, now).health(portfolio, PriceAge::OfAsset)?;
    require!(health.meets_initial(), NovateError::BelowInitialMargin);
    require!(health.meets_initial_settled(), NovateError::UnsettledGains);
    Ok(())
}
