//! A pool as one reader saw it, and the health of portfolios in it, computed as the program computes it.

use std::collections::BTreeMap;
use std::ops::Deref;

use bytemuck::zeroed_box;
use novate::error::NovateError;
use novate::health::{fill, Held, Prices, Source, Terms};
use novate::state::{Asset, Expiry, Market, Pool, Portfolio, Scenarios};
use novate::{HealthReport, UnderlyingReport};
use novate_margin::{is_liquidatable, Book, Health, MarginError, Usd};

use crate::refused::Refused;

/// Why health could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HealthError {
    /// As the program would refuse: an account is missing, or a price too old.
    #[error("{0}")]
    Refused(Refused),
    #[error(transparent)]
    Margin(#[from] MarginError),
}

impl HealthError {
    pub fn refused(error: anchor_lang::error::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// The accounts of a pool by index, expiries by [`novate::instrument::expiry_id`].
#[derive(Clone)]
pub struct Snapshot {
    pub pool: Pool,
    pub scenarios: Box<Scenarios>,
    pub assets: BTreeMap<u16, Asset>,
    pub markets: BTreeMap<u16, Market>,
    pub expiries: BTreeMap<u64, Box<Expiry>>,
}

impl Snapshot {
    /// Equity and requirement of a portfolio at unix time `now`: equal to the chain's to the unit.
    pub fn health(&self, portfolio: &Portfolio, now: i64) -> Result<Health, HealthError> {
        Ok(self.book(portfolio, now)?.1)
    }

    /// The same, with the book behind it: underlying by underlying.
    pub fn book(&self, portfolio: &Portfolio, now: i64) -> Result<(Box<Book>, Health), HealthError> {
        self.judge(portfolio, Terms { now, prices: Prices::Fresh })
    }

    /// What `health` returns for a portfolio, with every underlying, however many there are.
    pub fn report(&self, portfolio: &Portfolio, now: i64) -> Result<HealthReport, HealthError> {
        let (book, health) = self.book(portfolio, now)?;
        let by_underlying = book.underlyings().iter().map(|u| UnderlyingReport {
            asset: u.asset,
            net_delta: u.net_delta.0,
            scan_loss: u.scan_loss.0,
            worst_move: u.worst_spot.0,
            worst_vol: u.worst_vol,
            es_alone: u.es_alone.0,
            basis: u.basis.0,
            naked_short: u.naked_short.0,
            option_charge: u.option_charge.0,
            confidence: u.confidence_charge.0,
            concentration: u.concentration.0,
            term_vega: u.term_vega.0,
        });
        Ok(HealthReport {
            equity: health.equity.0,
            counted_equity: health.counted_equity.0,
            settled_equity: health.settled_equity.0,
            option_value: health.option_value.0,
            initial: health.initial.0,
            maintenance: health.maintenance.0,
            gross: health.gross.0,
            es_alone: health.es_alone.0,
            es_joint: health.es_joint.0,
            core: health.core.0,
            net_delta_floor: health.net_delta_floor.0,
            contingencies: health.contingencies.0,
            outside: health.outside.0,
            by_underlying: by_underlying.collect(),
        })
    }

    /// The auction that `start_auction` would find the portfolio in need of, whatever runs already: an insolvent one (`true`) or a
    /// solvent one. None where the portfolio owes nothing, or is at or above maintenance margin at prices or at the averages of the
    /// last minute (CLR-42).
    pub fn auction(&self, portfolio: &Portfolio, now: i64) -> Result<Option<bool>, HealthError> {
        if !portfolio.owes() {
            return Ok(None);
        }
        let mut insolvent = true;
        for prices in [Prices::Sampled, Prices::Averaged] {
            let (_, health) = self.judge(portfolio, Terms { now, prices })?;
            if !is_liquidatable(&health) {
                return Ok(None);
            }
            // A reserve that stands is not taken back by an average.
            let stands = prices == Prices::Averaged && portfolio.auction_insolvent != 0;
            insolvent &= stands || health.equity <= Usd::ZERO;
        }
        Ok(Some(insolvent))
    }

    /// Equity and requirement by the prices of another purpose than reading, and the book behind them.
    pub fn judge(&self, portfolio: &Portfolio, terms: Terms) -> Result<(Box<Book>, Health), HealthError> {
        let mut book: Box<Book> = zeroed_box();
        let health = self.judge_in(&mut book, portfolio, terms)?;
        Ok((book, health))
    }

    /// The same in a book of the caller's, whatever was in it: for who judges many.
    pub fn judge_in(&self, book: &mut Book, portfolio: &Portfolio, terms: Terms) -> Result<Health, HealthError> {
        fill(book, Held::by(portfolio), &mut &*self, terms).map_err(HealthError::refused)?;
        Ok(book.health(Some(&self.scenarios.rows()), &self.pool.params_at(terms.now))?)
    }
}

impl<'s> Source for &'s Snapshot {
    type Market = &'s Market;

    fn asset(&mut self, index: u16) -> anchor_lang::Result<impl Deref<Target = Asset>> {
        self.assets.get(&index).ok_or_else(|| NovateError::AssetMissing.into())
    }

    fn market(&mut self, index: u16) -> anchor_lang::Result<Self::Market> {
        self.markets.get(&index).ok_or_else(|| NovateError::MarketMissing.into())
    }

    fn expiry(&mut self, id: u64) -> anchor_lang::Result<impl Deref<Target = Expiry>> {
        self.expiries.get(&id).map(Box::as_ref).ok_or_else(|| NovateError::ExpiryMissing.into())
    }
}
