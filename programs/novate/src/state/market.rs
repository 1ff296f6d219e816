use anchor_lang::prelude::*;
use novate_margin::book::INITIAL_MULTIPLIER;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::{volatility, Contracts, Price, Ratio, Usd};

use super::{Asset, Mid, Round, Wide, DISCRIMINATOR, MAX_MIDS, SEASONING};
use crate::error::NovateError;

/// Most expiries that a market lists at once.
pub const MAX_EXPIRIES: usize = 32;

/// Part of the insurance fund that stands behind a market in its first two weeks: one in so many.
const YOUNG_PART: u64 = 10;

/// A market on an underlying: its perpetual, its order limits and the variation that its positions owe each other.
///
/// Address: `[MARKET, pool, index]`. Amounts are settlement asset, 1e-6. The ledger of the market is closed:
/// `variation_pool + option_cash + sum of costs of all its positions + sum of settled of its expiries + haircut = accrued_fees +
/// rounding + funding_applied` holds after every instruction.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Market {
    pub version: u8,
    pub bump: u8,
    pub index: u16,
    /// Index of the underlying asset.
    pub asset: u16,
    pub padding: [u8; 2],
    pub pool: Pubkey,
    pub symbol: [u8; 16],

    // Order limits.
    pub tick: Price,
    pub lot: Contracts,
    /// Smallest trade.
    pub minimum: Contracts,
    /// Most that all long positions may hold together.
    pub open_interest_cap: Contracts,
    /// Most that one portfolio may hold on either side.
    pub position_cap: Contracts,
    /// How far from the mark a leg may trade.
    pub band: Ratio,
    /// Fee on notional, of each side.
    pub fee: Ratio,

    // Marks (CLR-15).
    /// Premium of the perpetual's mark over the index, 1e-6: `premium_exact`, cut off.
    pub premium: Ratio,
    /// Mark and index at the last refresh, for readers; clearing computes the mark from the asset's price.
    pub mark: Price,
    pub index_price: Price,
    pub refreshed: i64,

    // Variance breaker (CLR-41, MRG-40).
    /// Daily volatility above which initial margin rises in proportion.
    pub sigma_limit: Ratio,
    pub initial_multiplier: Ratio,

    // Open interest and the variation ledger.
    pub long: Contracts,
    pub short: Contracts,
    /// Variation paid by losers and not yet by winners received.
    pub variation_pool: Usd,
    /// Fees charged and not yet collected: a claim on the variation pool.
    pub accrued_fees: Usd,
    /// Units that rounding kept from both sides.
    pub rounding: Usd,

    // Funding (CLR-11).
    /// Cumulative: what a long contract has paid since the market was listed.
    pub funding: Price,
    /// What the last accrual left below a unit of it, 0 or more.
    pub funding_remainder: i64,
    /// Unix time up to which funding has accrued.
    pub funding_time: i64,

    /// Expiries that are not closed, in minutes of unix time, ascending, zero where free.
    pub expiries: [u32; MAX_EXPIRIES],
    /// Tick of option prices.
    pub option_tick: Price,
    /// Most that the fee on an option may be, as a share of its premium.
    pub option_fee_cap: Ratio,

    // Premium and funding, continued.
    /// Funding added to costs so far, less what was received and what became `rounding`.
    pub funding_applied: Usd,
    /// What rounding up has added beyond that, 1e-18: below a unit of the settlement asset.
    pub funding_dust: i64,
    /// The premium, its average that funding accrues at, and the median that it follows, 1e-12.
    pub premium_exact: i64,
    pub premium_average: i64,
    pub premium_target: i64,
    pub mids: [Mid; MAX_MIDS],

    // Haircut of gains (CLR-32).
    /// Forgiven so far, and neither charged to those who gained nor taken from deposits.
    pub haircut: Usd,
    pub round: Round,

    // Fees and roundings of options, paid in cash.
    /// Cash that trades of options left here and that is not in the variation pool yet. Like cash of a portfolio it bears haircuts
    /// (CLR-32), so that such a trade moves cash from one holder to others and writes no asset.
    pub option_cash: Usd,
    /// Haircuts that it has borne, and what a unit of cash was worth then.
    pub option_haircuts: u64,
    pub option_factor: Wide,

    // What was decided of the next settlement price at the opening of the round (CLR-12): for when, its share and its average.
    pub round_expiry: i64,
    pub round_decided: Ratio,
    pub round_average: Price,
    /// Unix times of the last change of its terms by the authority, and of the last tightening (CLR-50).
    pub set: i64,
    pub tightened: i64,
    /// Unix time at which the round was first opened.
    pub round_first: i64,
    /// Of `haircut`, what was forgiven and is too little to open a round for.
    pub carried: Usd,
    /// Unix time at which it was listed in a pool that trades; 0 where it was there before, or [`SEASONING`] is over.
    pub listed: i64,
    /// What the insurance fund may have paid for its losses within [`SEASONING`], settlement asset, 1e-6 (CLR-32).
    pub insured: u64,
    pub reserve: [u8; 1256],
}

impl Market {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// The perpetual's mark at an index price (CLR-15).
    pub fn mark_at(&self, index: Price) -> Result<Price> {
        if self.premium.0 == 0 {
            return Ok(index);
        }
        let premium = index.scale_floor(self.premium).map_err(NovateError::from)?;
        Ok(index.add(premium).map_err(NovateError::from)?)
    }

    /// Accrues funding and moves the premium (CLR-11, CLR-15), records mark and index, and sets the initial multiplier: the
    /// asset's daily volatility over the market's limit, from 1 to 3 (CLR-41, MRG-40).
    pub fn refresh(&mut self, asset: &Asset, now: i64) -> Result<()> {
        self.accrue(now);
        self.move_premium(now);
        if self.listed != 0 && !self.is_young(now) {
            self.listed = 0;
        }
        self.index_price = asset.price;
        self.mark = self.mark_at(asset.price)?;
        self.refreshed = self.refreshed.max(now);
        self.bind(asset)
    }

    /// Sets the initial multiplier: the asset's daily volatility over the market's limit, times what a scan range that is about to
    /// rise asks for already (CLR-50), from 1 to 3.
    pub fn bind(&mut self, asset: &Asset) -> Result<()> {
        let sigma = volatility::sigma_ceil(asset.variance_fast.max(asset.variance_slow));
        let ratio = mul_div_ceil(sigma.0, Ratio::ONE.0, self.sigma_limit.0).map_err(NovateError::from)?;
        let bounded = Ratio(ratio).clamp(INITIAL_MULTIPLIER.0, INITIAL_MULTIPLIER.1);
        let ahead = mul_div_ceil(bounded.0, asset.range_ahead()?.0, Ratio::ONE.0).map_err(NovateError::from)?;
        self.initial_multiplier = Ratio(ahead).min(INITIAL_MULTIPLIER.1);
        Ok(())
    }

    /// Listed in a pool that trades, less than [`SEASONING`] ago.
    pub fn is_young(&self, now: i64) -> bool {
        self.listed != 0 && self.seasoning(now) < SEASONING
    }

    /// Refuses expiries of one that is: what an option's writer lost nobody has gained yet, and only the fund could pay it (CLR-32).
    pub fn require_seasoned(&self, now: i64) -> Result<()> {
        require!(!self.is_young(now), NovateError::MarketSeasoning);
        Ok(())
    }

    /// Most that long positions may hold together now: of a market listed in a pool that trades nothing at first, and its cap after
    /// [`SEASONING`] (CLR-50).
    pub fn open_interest_limit(&self, now: i64) -> Contracts {
        if self.listed == 0 {
            return self.open_interest_cap;
        }
        Contracts(mul_div_floor(self.open_interest_cap.0, self.seasoning(now), SEASONING).unwrap_or_default())
    }

    /// What the insurance fund may still pay for its losses, of so much that the fund holds: while it is young a tenth of that in all, times
    /// the days since the listing over 14 (CLR-32). Only of one that is young.
    pub fn insurable(&self, fund: u64, now: i64) -> u64 {
        let share = i64::try_from(fund / YOUNG_PART).unwrap_or(i64::MAX);
        let share = mul_div_floor(share, self.seasoning(now), SEASONING).unwrap_or_default();
        share.max(0).unsigned_abs().saturating_sub(self.insured)
    }

    /// Seconds since the listing, as far as they count.
    fn seasoning(&self, now: i64) -> i64 {
        now.saturating_sub(self.listed).clamp(0, SEASONING)
    }

    /// Books what a trade left with the market, and returns it. It is in the costs of both sides; of an option it was paid in
    /// cash, see [`Market::keep_cash`].
    pub fn charge(&mut self, rounding: Usd, fees: Usd) -> Result<Usd> {
        self.rounding = self.rounding.add(rounding).map_err(NovateError::from)?;
        self.accrued_fees = self.accrued_fees.add(fees).map_err(NovateError::from)?;
        Ok(rounding.add(fees).map_err(NovateError::from)?)
    }

    /// Carries a position in the perpetual from one quantity to another into its open interest, and returns the long side.
    pub fn move_open_interest(&mut self, from: i64, to: i64) -> Result<Contracts> {
        let change = |total: i64, from: i64, to: i64| {
            total.checked_sub(from.max(0)).and_then(|t| t.checked_add(to.max(0))).ok_or(NovateError::MathOverflow)
        };
        self.long.0 = change(self.long.0, from, to)?;
        self.short.0 = change(self.short.0, from.saturating_neg(), to.saturating_neg())?;
        Ok(self.long)
    }
}

const _: () = assert!(Market::SPACE == 2048);
const _: () = assert!(core::mem::offset_of!(Market, tick) == 56);
const _: () = assert!(core::mem::offset_of!(Market, funding_applied) == 368);
const _: () = assert!(core::mem::offset_of!(Market, haircut) == 600);
