//! What a perpetual is worth beside its index and what holding it costs: the premium (CLR-15) and funding (CLR-11).
//!
//! Venues report mids, each of which has a premium over the index of its time. Their median draws the premium of the mark
//! behind it; the average of that premium is the funding rate, which accrues into a cumulative index per contract. Each
//! position remembers the index up to which it has paid. Of the time in between nothing is known but what the last refresh
//! left, so premium, rate and price hold until the next one: nobody gains by choosing when to call.

use anchor_lang::prelude::*;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{Contracts, Price, Ratio, Usd};

use super::{Market, Position};
use crate::error::NovateError;

/// One, as premiums count: 1e-12. In 1e-6 the steps of a second would be cut off.
pub const PREMIUM_ONE: i64 = 1_000_000_000_000;
/// Widest premium, of a mid and of the mark: 0.5 % (CLR-15).
pub const MAX_PREMIUM: i64 = PREMIUM_ONE / 200;
/// Mids that a market holds at once.
pub const MAX_MIDS: usize = 8;
/// Fewest mids that make a premium.
pub const MIN_MIDS: usize = 3;
/// Seconds for which a mid counts, and for which the median holds where nobody calls.
pub const MID_SECONDS: i64 = 60;
/// The premium of the mark is an average over this time.
pub const PREMIUM_SECONDS: i64 = 1_800;
/// The funding rate is an average over this time, and a gap accrues no longer than it.
pub const FUNDING_SECONDS: i64 = 3_600;
/// Funding rates are for eight hours.
pub const RATE_SECONDS: i64 = 28_800;
/// Largest funding rate, 0.75 % (CLR-11). An average of premiums does not reach it, so nothing is cut off.
pub const MAX_RATE: i64 = PREMIUM_ONE / 10_000 * 75;
const _: () = assert!(MAX_PREMIUM <= MAX_RATE);
/// Where the cumulative index stops, so that the difference of two fits an i64.
pub const MAX_FUNDING: i64 = i64::MAX / 2;
/// A unit of the settlement asset in the unit of a quantity times the index.
pub const DUST_ONE: i64 = 1_000_000_000_000;

/// What a venue reported last.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Mid {
    /// Unix time of the report; 0 where the seat is free.
    pub time: i64,
    /// Mid over index, less one, 1e-12, at most [`MAX_PREMIUM`] either way.
    pub premium: i64,
    /// Index of the venue.
    pub venue: u16,
    pub padding: [u8; 6],
}

impl Mid {
    fn counts(&self, now: i64) -> bool {
        self.time != 0 && now.saturating_sub(self.time) <= MID_SECONDS
    }
}

impl Market {
    /// Accrues funding up to `now`: at the average premium and the index price as they are, which have held since the last
    /// time, for an hour at most. Then the average follows the premium of that time. Where the clock went backwards nothing
    /// happens. What is below a unit is kept for the next time; the index stops at [`MAX_FUNDING`] rather than failing.
    pub fn accrue(&mut self, now: i64) {
        let elapsed = now.saturating_sub(self.funding_time);
        if elapsed <= 0 {
            return;
        }
        self.funding_time = now;
        if self.premium_average != 0 {
            const UNIT: i64 = RATE_SECONDS * PREMIUM_ONE;
            // Below 2^63 · 2^33 · 2^12 in size, and the quotient below 2^53.
            let rate = self.premium_average.wrapping_mul(elapsed.min(FUNDING_SECONDS));
            let due = i128::from(self.index_price.0)
                .wrapping_mul(i128::from(rate))
                .wrapping_add(i128::from(self.funding_remainder));
            let step = due.div_euclid(i128::from(UNIT));
            let rest = due.wrapping_sub(step.wrapping_mul(i128::from(UNIT)));
            self.funding_remainder = i64::try_from(rest).unwrap_or_default();
            let funding = self.funding.0.saturating_add(i64::try_from(step).unwrap_or_default());
            self.funding = Price(funding.clamp(-MAX_FUNDING, MAX_FUNDING));
        }
        self.premium_average = follow(self.premium_average, self.premium_exact, elapsed, FUNDING_SECONDS);
    }

    /// Brings the premium up to `now` (CLR-15) and takes the median of the mids of now. Since the last refresh the premium
    /// has followed the median of that time, for a minute at most, and nothing after that.
    pub(super) fn move_premium(&mut self, now: i64) {
        let elapsed = now.saturating_sub(self.refreshed).max(0);
        let held = elapsed.min(MID_SECONDS);
        let followed = follow(self.premium_exact, self.premium_target, held, PREMIUM_SECONDS);
        self.premium_exact = follow(followed, 0, elapsed.saturating_sub(held), PREMIUM_SECONDS);
        self.premium = Ratio(self.premium_exact.checked_div(PREMIUM_ONE / Ratio::ONE.0).unwrap_or_default());
        self.premium_target = self.median(now);
    }

    /// Keeps a mid over an index price, both positive, in the seat of its venue; or in one that is free, or whose mid counts
    /// no longer.
    pub fn seat(&mut self, venue: u16, mid: Price, index: Price, now: i64) -> Result<()> {
        let held = self.mids.iter().position(|m| m.time != 0 && m.venue == venue);
        let at = held.or_else(|| self.mids.iter().position(|m| !m.counts(now)));
        let seat = at.and_then(|at| self.mids.get_mut(at)).ok_or(NovateError::MidsFull)?;
        // At most twice the index counts, so that the quotient fits.
        let beside = mid.sub(index).map_err(NovateError::from)?.0.min(index.0);
        let premium = mul_div_floor(beside, PREMIUM_ONE, index.0).map_err(NovateError::from)?;
        *seat = Mid { time: now, premium: premium.clamp(-MAX_PREMIUM, MAX_PREMIUM), venue, ..Mid::default() };
        Ok(())
    }

    /// Frees the seat of a venue, and takes the median of the others.
    pub fn unseat(&mut self, venue: u16, now: i64) {
        for mid in self.mids.iter_mut().filter(|m| m.venue == venue) {
            *mid = Mid::default();
        }
        self.premium_target = self.median(now);
    }

    /// The median of the mids that count, the mean of the middle two of an even number; 0 where they are too few.
    fn median(&self, now: i64) -> i64 {
        let mut premiums = [0i64; MAX_MIDS];
        let mut count = 0usize;
        for (place, mid) in premiums.iter_mut().zip(self.mids.iter().filter(|m| m.counts(now))) {
            *place = mid.premium;
            count = count.saturating_add(1);
        }
        let premiums = premiums.get_mut(..count).unwrap_or_default();
        premiums.sort_unstable();
        let middle = |at: usize| premiums.get(at).copied().unwrap_or_default();
        if count < MIN_MIDS {
            return 0;
        }
        // The same one twice where the number is odd.
        let (low, high) = (middle(count.saturating_sub(1) / 2), middle(count / 2));
        low.wrapping_add(high) / 2
    }

    /// Charges a position of the perpetual what it owes up to the cumulative index, and has it remember the index; one that
    /// holds nothing owes nothing. Returns what was added to its cost.
    ///
    /// What rounding adds is kept as dust until it is a unit, and then is rounding like any other. So what was applied and
    /// what is pending, exactly, always sum to the dust.
    pub fn apply_funding(&mut self, position: &mut Position) -> Result<Usd> {
        let owed = position.funding_owed(self.funding)?;
        if position.funding == self.funding.0 {
            return Ok(owed);
        }
        let exact = position.quantity.wrapping_mul(self.funding.0.wrapping_sub(position.funding));
        // A unit or less apart: the difference is exact although neither need fit.
        let dust = owed.0.wrapping_mul(DUST_ONE).wrapping_sub(exact).wrapping_add(self.funding_dust);
        let whole = i64::from(dust >= DUST_ONE);
        self.funding_dust = dust.wrapping_sub(whole.wrapping_mul(DUST_ONE));
        self.rounding = self.rounding.add(Usd(whole)).map_err(NovateError::from)?;
        let applied = owed.sub(Usd(whole)).map_err(NovateError::from)?;
        self.funding_applied = self.funding_applied.add(applied).map_err(NovateError::from)?;
        position.funding = self.funding.0;
        position.add_cost(owed.0)?;
        Ok(owed)
    }
}

impl Position {
    /// Funding that a perpetual owes up to a cumulative index of its market, rounded up; negative where it receives.
    pub fn funding_owed(&self, funding: Price) -> Result<Usd> {
        if self.funding == funding.0 || self.quantity == 0 {
            return Ok(Usd::ZERO);
        }
        // Neither is beyond MAX_FUNDING.
        let difference = Price(funding.0.wrapping_sub(self.funding));
        Ok(Contracts(self.quantity).value_ceil(difference).map_err(NovateError::from)?)
    }
}

/// The average of a value that has been `to` for `elapsed` seconds, over `period`: it goes the share elapsed / period of the
/// way, rounded towards where it is, and all of it at the most.
fn follow(from: i64, to: i64, elapsed: i64, period: i64) -> i64 {
    // Premiums are below 2^33 in size and periods below 2^12.
    let way = to.wrapping_sub(from).wrapping_mul(elapsed.min(period));
    from.wrapping_add(way.checked_div(period).unwrap_or_default())
}
