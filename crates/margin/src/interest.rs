//! Interest by indices. A deposit or a loan is held as shares; an index says what a share is worth and only grows,
//! but for a haircut of what lenders own (CLR-32), so that interest reaches every holder without touching any. Indices are unsigned with 64 fractional bits: a
//! ratio of 1e-6 could not hold the rate of one second. Nothing is ever truncated to fit: what does not fit is
//! refused.
//!
//! Who rounds which way: a deposit buys `shares_floor` and is worth `amount_floor`; a loan costs `shares_ceil` and
//! is owed `amount_ceil`; what is withdrawn burns `shares_ceil`, what is repaid cancels `shares_floor`. Each leaves
//! the dust with the bank.

use crate::error::{MarginError, Result};
use crate::fixed::div_ceil;
use crate::units::{Ratio, Seconds};

/// Fractional bits of an [`Index`].
pub const INDEX_BITS: u32 = 64;
/// Seconds of a year of 365 days.
pub const YEAR: Seconds = Seconds(31_536_000);

/// What one share is worth: units of 2^-64, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index(pub u128);

impl Default for Index {
    fn default() -> Self {
        Self::ONE
    }
}

const WORD: u128 = u64::MAX as u128;

impl Index {
    /// A share worth one unit.
    pub const ONE: Self = Self(1 << INDEX_BITS);

    /// From the two words that accounts store, (high, low).
    pub fn from_words(high: u64, low: u64) -> Self {
        Self((u128::from(high) << INDEX_BITS) | u128::from(low))
    }

    /// The two words that accounts store, (high, low).
    pub fn to_words(self) -> (u64, u64) {
        let word = |w: u128| u64::try_from(w & WORD).unwrap_or(u64::MAX);
        (word(self.0 >> INDEX_BITS), word(self.0))
    }

    /// floor(shares·index / 2^64), and whether something was cut off.
    fn amount(self, shares: u64) -> Result<(u64, bool)> {
        // As long as nothing has accrued, which is the common case of collateral that is not lent.
        if self == Self::ONE {
            return Ok((shares, false));
        }
        let shares = u128::from(shares);
        // Two products of 64-bit words, and a carry below 2^64: none wraps.
        let low = (self.0 & WORD).wrapping_mul(shares);
        let whole =
            (self.0 >> INDEX_BITS).wrapping_mul(shares).checked_add(low >> INDEX_BITS).ok_or(MarginError::Overflow)?;
        Ok((u64::try_from(whole).map_err(|_| MarginError::Overflow)?, low & WORD != 0))
    }

    /// What the shares are worth, rounded down: deposits.
    pub fn amount_floor(self, shares: u64) -> Result<u64> {
        Ok(self.amount(shares)?.0)
    }

    /// What the shares are worth, rounded up: loans.
    pub fn amount_ceil(self, shares: u64) -> Result<u64> {
        let (amount, cut) = self.amount(shares)?;
        amount.checked_add(u64::from(cut)).ok_or(MarginError::Overflow)
    }

    /// How many shares an amount buys, rounded down: deposits made, loans repaid.
    pub fn shares_floor(self, amount: u64) -> Result<u64> {
        let shares = (u128::from(amount) << INDEX_BITS).checked_div(self.0).ok_or(MarginError::InvalidIndex)?;
        u64::try_from(shares).map_err(|_| MarginError::Overflow)
    }

    /// How many shares an amount costs, rounded up: loans taken, deposits withdrawn.
    pub fn shares_ceil(self, amount: u64) -> Result<u64> {
        if self.0 == 0 {
            return Err(MarginError::InvalidIndex);
        }
        let shares = div_ceil(u128::from(amount) << INDEX_BITS, self.0)?;
        u64::try_from(shares).map_err(|_| MarginError::Overflow)
    }

    /// floor(index·annual·elapsed / year) in units of 2^-64, and whether something was cut off.
    fn growth(self, annual: Ratio, elapsed: Seconds) -> Result<(u128, bool)> {
        let (Ok(rate), Ok(time)) = (u64::try_from(annual.0), u64::try_from(elapsed.0)) else {
            return Err(MarginError::NegativeAccrual);
        };
        let factor = rate.checked_mul(time).map(u128::from).ok_or(MarginError::Overflow)?;
        let year = u128::from(const { YEAR.0.unsigned_abs() * Ratio::ONE.0.unsigned_abs() });
        // Word by word as on paper: the remainder of the high word, below `year` < 2^45, is carried into the low
        // one.
        let high = (self.0 >> INDEX_BITS).checked_mul(factor).ok_or(MarginError::Overflow)?;
        let low = (self.0 & WORD).wrapping_mul(factor);
        let whole = high.checked_div(year).ok_or(MarginError::ZeroDivisor)?;
        let carried = high.wrapping_sub(whole.wrapping_mul(year)) << INDEX_BITS;
        let rest = carried.checked_add(low).ok_or(MarginError::Overflow)?;
        let part = rest.checked_div(year).ok_or(MarginError::ZeroDivisor)?;
        let grown = whole
            .checked_mul(const { 1u128 << INDEX_BITS })
            .and_then(|w| w.checked_add(part))
            .ok_or(MarginError::Overflow)?;
        Ok((grown, part.wrapping_mul(year) != rest))
    }

    /// floor(index·part/whole), for a part of the whole: deposits that bear a haircut.
    pub fn scale_floor(self, part: u64, whole: u64) -> Result<Self> {
        if part > whole {
            return Err(MarginError::Overflow);
        }
        let (part, whole) = (u128::from(part), u128::from(whole));
        let divide = |n: u128| {
            let quotient = n.checked_div(whole).ok_or(MarginError::ZeroDivisor)?;
            Ok((quotient, n.wrapping_sub(quotient.wrapping_mul(whole))))
        };
        // Word by word as on paper; each product is below 2^128, each remainder below 2^64.
        let (high, rest) = divide((self.0 >> INDEX_BITS).wrapping_mul(part))?;
        let (carried, rest) = divide(rest << INDEX_BITS)?;
        let (low, other) = divide((self.0 & WORD).wrapping_mul(part))?;
        let (last, _) = divide(rest.wrapping_add(other))?;
        // At most the index.
        Ok(Self((high << INDEX_BITS).wrapping_add(carried).wrapping_add(low).wrapping_add(last)))
    }

    /// The index after `elapsed` at a yearly rate, simple interest within the step, rounded down: deposits. Fails
    /// for a negative rate or time, and where the result does not fit.
    pub fn grow_floor(self, annual: Ratio, elapsed: Seconds) -> Result<Self> {
        let (growth, _) = self.growth(annual, elapsed)?;
        self.0.checked_add(growth).map(Self).ok_or(MarginError::Overflow)
    }

    /// The same, rounded up: loans.
    pub fn grow_ceil(self, annual: Ratio, elapsed: Seconds) -> Result<Self> {
        let (growth, cut) = self.growth(annual, elapsed)?;
        let grown = self.0.checked_add(growth).and_then(|g| g.checked_add(u128::from(cut)));
        grown.map(Self).ok_or(MarginError::Overflow)
    }
}
