use anchor_lang::prelude::*;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{Contracts, Price, Ratio};

use crate::error::NovateError;

/// Oldest redemption rate, in seconds, that a balance counts for new risk on: three days.
pub const REDEMPTION_AGE: i64 = 259_200;
/// Lowest and highest rate that is accepted. A stake pool begins at 1 and at 8 % a year takes three decades to 10; half is lost
/// by no slashing that leaves a token worth lending on.
pub const REDEMPTION_RATES: (Contracts, Contracts) = (Contracts(500_000_000), Contracts(10_000_000_000));
/// Most that a rate rises by in a day: four times what 8 % a year adds.
pub const REDEMPTION_RISE: Ratio = Ratio(1_000);

const DAY: i64 = 86_400;

/// What a yield-bearing asset is redeemed for (MRG-61); all zero in any other asset.
#[zero_copy]
#[derive(Debug)]
#[repr(C)]
pub struct Redemption {
    /// Account of the SPL stake pool whose token the asset is.
    pub stake_pool: Pubkey,
    /// Program that must own the stake pool.
    pub stake_program: Pubkey,
    /// Farthest that the market price may be from redemption value, as a share of the latter, for a balance to count for new
    /// risk.
    pub depeg_limit: Ratio,
    /// Of the underlying, what a contract is redeemed for; 0 before the first refresh.
    pub rate: Contracts,
    /// Unix time of the last refresh.
    pub time: i64,
    /// Index of the underlying, always below the asset's own; 0, the settlement asset's, where the asset is not yield-bearing.
    pub underlying: u16,
    pub padding: [u8; 6],
}

/// What a yield-bearing balance is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// Of the underlying, rounded down.
    pub quantity: Contracts,
    /// Whether it counts for new risk.
    pub counts: bool,
}

impl Redemption {
    /// Takes in the stake pool's rate: a fall at once, since slashing is final; a rise by at most [`REDEMPTION_RISE`] a day since
    /// the last refresh, rounded down, so that lamports sent to a stake pool lift collateral only slowly.
    pub fn accept(&mut self, rate: Contracts, now: i64) -> Result<()> {
        let mut most = rate;
        if self.rate.0 != 0 {
            let parts = now.saturating_sub(self.time).max(0).saturating_mul(REDEMPTION_RISE.0);
            let rise = mul_div_floor(self.rate.0, parts, Ratio::ONE.0 * DAY).map_err(NovateError::from)?;
            most = self.rate.add(Contracts(rise)).map_err(NovateError::from)?;
        }
        self.rate = rate.min(most);
        self.time = now;
        Ok(())
    }

    /// Refuses where the rate was never refreshed.
    pub fn require_rate(&self) -> Result<()> {
        require!(self.rate.0 > 0, NovateError::RedemptionMissing);
        Ok(())
    }

    /// What `quantity` contracts, 0 or more, are worth at the market price of one and the price of the underlying: the lower of
    /// redemption value and market value. It counts while the two are within the depeg limit and the rate is at most
    /// [`REDEMPTION_AGE`] old. Fails where the rate was never refreshed.
    pub fn worth(&self, quantity: Contracts, market: Price, underlying: Price, now: i64) -> Result<Worth> {
        self.require_rate()?;
        let redeemed = self.rate.of_price_floor(underlying).map_err(NovateError::from)?;
        let (multiple, of) = if market < redeemed { (market.0, underlying.0) } else { (self.rate.0, Contracts::ONE.0) };
        let gap = redeemed.sub(market).and_then(Price::abs).map_err(NovateError::from)?;
        let widest = redeemed.scale_floor(self.depeg_limit).map_err(NovateError::from)?;
        Ok(Worth {
            quantity: Contracts(mul_div_floor(quantity.0, multiple, of).map_err(NovateError::from)?),
            counts: gap <= widest && now.saturating_sub(self.time) <= REDEMPTION_AGE,
        })
    }
}

const _: () = assert!(core::mem::size_of::<Redemption>() == 96);
