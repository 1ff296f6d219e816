//! What dealers quote: a spread around the mark, on the tick and within the band (CLR-15).

use anyhow::{Context, Result};
use novate_client::instrument::{market_of, Instrument};
use novate_margin::dated::{option_at, Right};
use novate_margin::{Contracts, Price};

use super::expiries;
use super::products::{self, underlying};
use super::world::World;

/// A quote is this far from the mark, 1e-6: of perpetuals and futures when there is time, and for a liquidator's risk.
const SPREAD: [i128; 2] = [300, 1_500];
/// The same for options, of their mark.
const OPTION_SPREAD: [i128; 2] = [10_000, 50_000];
/// An option's quote stays within this share of its band, 1e-6.
const WITHIN: i128 = 750_000;
const ONE: i128 = 1_000_000;

/// How much a quote gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    Patient,
    Urgent,
}

impl World {
    /// The price at which a position in a perpetual or a future is settled now.
    pub fn mark(&self, instrument: u64) -> Result<Price> {
        let asset = self.asset(underlying(instrument))?;
        match expiries::of(instrument) {
            Some(expiry) => Ok(self.expiry(expiry)?.expected_at(&asset, self.chain.now())?),
            None => Ok(self.market(market_of(instrument))?.mark_at(asset.price)?),
        }
    }

    /// An option's mark, and the most that a quote may be away from it.
    fn option(&self, instrument: u64, slot: u8, right: Right) -> Result<(i128, i128)> {
        let (asset, market) = (self.asset(underlying(instrument))?, self.market(market_of(instrument))?);
        let expiry = self.expiry(expiries::of(instrument).context("no such expiry")?)?;
        let now = self.chain.now();
        let (spot, facts) = ((asset.price, asset.scan_range), expiry.facts(asset.decided(expiry.time, now)?, now)?);
        let option = option_at(expiry.strike(slot)?, right, spot, facts)?;
        let Contracts(delta) = option.delta;
        let reach =
            i128::from(option.mark.0) + i128::from(delta) * i128::from(asset.price.0) / i128::from(Price::ONE.0);
        Ok((option.mark.0.into(), reach * i128::from(market.band.0) / ONE * WITHIN / ONE))
    }

    /// The price at which a dealer sells or buys.
    pub fn quote(&self, instrument: u64, taker_buys: bool, haste: Haste) -> Result<i64> {
        let market = self.market(market_of(instrument))?;
        let haste = haste as usize;
        let (mark, away, tick) = match products::parse(instrument)? {
            Instrument::Option { slot, right, .. } => {
                let (mark, most) = self.option(instrument, slot, right)?;
                (mark, (mark * OPTION_SPREAD[haste] / ONE).min(most), market.option_tick)
            }
            _ => {
                let mark = i128::from(self.mark(instrument)?.0);
                (mark, mark * SPREAD[haste] / ONE, market.tick)
            }
        };
        let tick = i128::from(tick.0);
        let price = if taker_buys { (mark + away + tick - 1) / tick * tick } else { (mark - away) / tick * tick };
        Ok(i64::try_from(price.max(tick))?)
    }
}
