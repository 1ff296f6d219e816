//! Haircuts of cash (CLR-32): a charge on all holders at once, pro rata, that touches none of them.
//!
//! A [`Factor`] says what a unit of the beginning is still worth; a holder remembers the one up to which its amount was brought
//! up to date, and [`Factor::worth`] brings it to now. A factor is a binary fraction with 96 significant bits and an exponent of
//! its own, so that any number of haircuts of any depth leaves its precision as it is: one takes less than 2^-32 of a unit too
//! much, over all holders together. What a holder is left with is rounded down; what that cuts off is returned, in 2^-32 of a
//! unit, for the caller to count.

use crate::error::{MarginError, Result};

/// Bits of the fraction; the highest is set.
const BITS: u32 = 96;
/// One.
const WHOLE: u128 = 1 << (BITS - 1);
const FRACTION: u128 = (1 << BITS) - 1;
/// Bits of a unit that dust is counted in.
pub const DUST_BITS: u32 = 32;
const DIGIT: u128 = (1 << 32) - 1;
/// Beyond this many binary places nothing is left of any amount: 2^64 units of 2^32 parts, twice.
const NOTHING: u32 = 128;

/// What a unit of the beginning is still worth, above 0, at most 1: the low 96 bits divided by 2^95, moved right by as many places
/// as the high 32 bits say. Zero stands for 1, so that zeroed memory is one that no haircut has lowered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factor(pub u128);

/// floor(value·numerator/denominator), the value in digits of 32 bits, the highest first. Numerator and denominator below 2^96;
/// the result below 2^128.
fn scale(digits: &[u128], numerator: u128, denominator: u128) -> Result<u128> {
    let (mut quotient, mut rest) = (0u128, 0u128);
    for digit in digits {
        // As on paper: both dividends are below 2^128, both remainders below the denominator.
        let (carried, product) = (rest << 32, numerator.wrapping_mul(*digit));
        let divide = |n: u128| n.checked_div(denominator).ok_or(MarginError::ZeroDivisor);
        let (first, second) = (divide(carried)?, divide(product)?);
        let remainders = carried
            .wrapping_sub(first.wrapping_mul(denominator))
            .wrapping_add(product.wrapping_sub(second.wrapping_mul(denominator)));
        let third = divide(remainders)?;
        rest = remainders.wrapping_sub(third.wrapping_mul(denominator));
        let shifted = quotient.checked_mul(1 << 32).ok_or(MarginError::Overflow)?;
        quotient =
            [first, second, third].into_iter().try_fold(shifted, u128::checked_add).ok_or(MarginError::Overflow)?;
    }
    Ok(quotient)
}

fn digits(value: u64) -> [u128; 2] {
    let value = u128::from(value);
    [value >> 32, value & DIGIT]
}

impl Factor {
    /// No haircut yet.
    pub const WHOLE: Self = Self(0);

    /// The fraction, and the places that it is moved right by.
    fn parts(self) -> (u128, u32) {
        if self.0 == 0 {
            return (WHOLE, 0);
        }
        (self.0 & FRACTION, u32::try_from(self.0 >> BITS).unwrap_or(u32::MAX))
    }

    /// After a haircut that leaves `left` of what was `whole`, rounded down. Fails where more would be left than was.
    pub fn cut(self, left: u64, whole: u64) -> Result<Self> {
        if left > whole {
            return Err(MarginError::Overflow);
        }
        if left == whole {
            return Ok(self);
        }
        let (fraction, places) = self.parts();
        let (fraction, moved) = if left == 0 {
            (WHOLE, NOTHING)
        } else {
            // At least 2^95/2^64.
            let cut = scale(&digits(left), fraction, whole.into())?;
            let moved = cut.leading_zeros().wrapping_sub(u128::BITS.wrapping_sub(BITS));
            (cut.checked_shl(moved).ok_or(MarginError::Overflow)?, moved)
        };
        let places = places.checked_add(moved).ok_or(MarginError::Overflow)?;
        Ok(Self((u128::from(places) << BITS) | fraction))
    }

    /// What an amount as of an earlier factor is worth now, rounded down, and what that cuts off, in 2^-32 of a unit.
    pub fn worth(self, then: Self, amount: u64) -> Result<(u64, u32)> {
        if self == then {
            return Ok((amount, 0));
        }
        let ((now, places), (then, earlier)) = (self.parts(), then.parts());
        let places = places.checked_sub(earlier).ok_or(MarginError::Overflow)?;
        let [high, low] = digits(amount);
        // Below 2^64·2·2^32.
        let parts = scale(&[high, low, 0], now, then)?.checked_shr(places).unwrap_or(0);
        let whole = u64::try_from(parts >> DUST_BITS).map_err(|_| MarginError::Overflow)?;
        Ok((whole, u32::try_from(parts & DIGIT).unwrap_or(u32::MAX)))
    }
}

/// Cash and what stands beside it, as one base that a haircut is taken from pro rata. Units of the settlement asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// Cash of portfolios that is free to leave.
    pub free: u64,
    /// Cash that is held back for what left during a shortage.
    pub held: u64,
    /// What left, which bears out of what is held back for it.
    pub left: u64,
    /// What lenders own and is not lent out.
    pub lent: u64,
}

/// Who pays a haircut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Free cash.
    pub free: u64,
    /// Cash that is held back.
    pub held: u64,
    /// Lenders.
    pub lent: u64,
}

impl Base {
    /// Everything that bears.
    pub fn total(&self) -> u128 {
        [self.free, self.held, self.left, self.lent].into_iter().map(u128::from).fold(0, u128::wrapping_add)
    }

    /// What can be taken at most.
    pub fn most(&self) -> u128 {
        [self.free, self.held, self.lent].into_iter().map(u128::from).fold(0, u128::wrapping_add)
    }

    /// Splits `amount`, exactly: each bears the same rate; what is held back, rounded up, also that of what left, as far as it
    /// goes. Fails where there is less.
    pub fn charge(&self, amount: u64) -> Result<Charge> {
        let total = self.total().max(1);
        let of = |part: u128| Some((u128::from(amount).checked_mul(part)?, total));
        let (product, total) = of(self.lent.into()).ok_or(MarginError::Overflow)?;
        let lent = product.checked_div(total).ok_or(MarginError::ZeroDivisor)?;
        let gone = u128::from(self.held).wrapping_add(self.left.into());
        let (product, total) = of(gone).ok_or(MarginError::Overflow)?;
        let held = crate::fixed::div_ceil(product, total)?.min(self.held.into());
        // Neither exceeds the amount but by the rounding of what is held back.
        let (mut lent, mut held) = (u64::try_from(lent).unwrap_or(u64::MAX), u64::try_from(held).unwrap_or(u64::MAX));
        held = held.min(amount.saturating_sub(lent));
        let mut free = amount.saturating_sub(lent).saturating_sub(held);
        // What leaves bears no more than it left behind: the rest is on those that stay.
        for (taken, whole) in [(&mut held, self.held), (&mut lent, self.lent)] {
            let beyond = free.saturating_sub(self.free).min(whole.saturating_sub(*taken));
            *taken = taken.saturating_add(beyond);
            free = free.saturating_sub(beyond);
        }
        if free > self.free {
            return Err(MarginError::Overflow);
        }
        Ok(Charge { free, held, lent })
    }

    /// What has to stay behind for `left` that left, while insurance is short of `shortage`: with the rate p, the shortage over
    /// the base, left·p/(1-p), rounded up. None where p is 1: nothing leaves.
    pub fn kept_back(&self, shortage: u64, left: u64) -> Option<u128> {
        let (total, shortage) = (self.total(), u128::from(shortage));
        let rest = total.checked_sub(shortage).filter(|rest| *rest > 0)?;
        crate::fixed::div_ceil(u128::from(left).checked_mul(shortage)?, rest).ok()
    }
}
