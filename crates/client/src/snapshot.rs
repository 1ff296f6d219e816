//! A pool as one reader saw it, and the health of portfolios in it, computed as the program computes it.

use std::collections::BTreeMap;
use std::ops::Deref;

use bytemuck::zeroed_box;
use novate::error::NovateError;
use novate::health::{fill, Held, Prices, Source, Terms};
use novate::state::{Asset, Expiry, Market, Pool, Portfolio, Scenarios};
use novate_margin::{Book, Health, MarginError};

/// Why health could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HealthError {
    /// As the program would refuse: an account is missing, or a price too old.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Margin(#[from] MarginError),
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
        let mut book: Box<Book> = zeroed_box();
        let terms = Terms { now, prices: Prices::Fresh };
        fill(&mut book, Held::by(portfolio), &mut &*self, terms).map_err(|e| HealthError::Refused(e.to_string()))?;
        let health = book.health(Some(&self.scenarios.rows()), &self.pool.params)?;
        Ok((book, health))
    }
}

impl Source for &Snapshot {
    fn asset(&mut self, index: u16) -> anchor_lang::Result<impl Deref<Target = Asset>> {
        self.assets.get(&index).ok_or_else(|| NovateError::AssetMissing.into())
    }

    fn market(&mut self, index: u16) -> anchor_lang::Result<impl Deref<Target = Market>> {
        self.markets.get(&index).ok_or_else(|| NovateError::MarketMissing.into())
    }

    fn expiry(&mut self, id: u64) -> anchor_lang::Result<impl Deref<Target = Expiry>> {
        self.expiries.get(&id).map(Box::as_ref).ok_or_else(|| NovateError::ExpiryMissing.into())
    }
}
