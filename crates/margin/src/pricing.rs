//! Black-76 without discounting (MRG-10): a European call on a forward F with strike K is worth F·N(d1) - K·N(d2),
//! where d1 = ln(F/K)/D + D/2, d2 = d1 - D and D = vol·√T, the deviation of the logarithm of the price at expiry.
//!
//! An error of ln(F/K) shifts d1 and d2 alike. Since F·φ(d1) = K·φ(d2), it cancels in the value but for its square:
//! what has to be precise is D, as the difference of the two, and N.

use core::num::NonZeroU64;

use crate::error::{MarginError, Result};
use crate::fixed::product_over_ten_pow_floor;
use crate::normal;
use crate::transcendental::{ln, sqrt};
use crate::units::{Contracts, Price, Ratio, Tenor, USD_DIGITS};

/// A day.
pub const DAY: Tenor = Tenor(86_400_000_000_000);
/// A year has 365 days.
pub const YEAR: Tenor = Tenor(DAY.0 * 365);
/// Fractional bits of [`Deviation`] and of [`root_time`].
pub const DEVIATION_BITS: u32 = 40;
/// A strike above so many forwards is priced as one there.
pub const MAX_MONEYNESS: i64 = 256;
/// Absolute error bound of [`call`]'s value, as a part of the forward plus the strike, as a power of one half: 3e-11.
/// Rounding to [`Price`] comes on top.
pub const VALUE_ERROR_BITS: u32 = 35;

/// Fractional bits of the first quotient in [`distances`].
const QUOTIENT_BITS: u32 = 18;
/// Fractional bits that the second quotient adds.
const REST_BITS: u32 = normal::ARGUMENT_BITS - QUOTIENT_BITS;
/// Deviations from zero beyond which [`distances`] does not count.
const FAR: u64 = 32 << QUOTIENT_BITS;

/// Vol times the square root of time in years: the deviation of the logarithm of the price at expiry, in units of
/// 2^-40, 0 or more. Above [`Deviation::MAX`] it counts as that, a negative one as zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deviation(pub i64);

impl Deviation {
    /// Where a call is worth the forward, whatever the strike up to [`MAX_MONEYNESS`]: sixteen.
    pub const MAX: Self = Self(16 << DEVIATION_BITS);

    /// The deviation within its range as a divisor; `None` where it is zero.
    #[inline]
    pub(crate) fn divisor(self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.0.clamp(0, Self::MAX.0).unsigned_abs())
    }
}

/// What a call is worth and how that changes. All per contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// The value, from max(F - K, 0) to F.
    pub value: Price,
    /// Change of the value for a change of the forward by one: N(d1), 1e-9.
    pub delta: Contracts,
    /// Change of the delta for a relative move of the forward by 1, 1e-9: φ(d1)/D. Saturates.
    pub gamma: Contracts,
    /// Change of the value for a vol higher by 1.00. Saturates.
    pub vega: Price,
    /// Change of the value per day that passes, as the derivative, 0 or less. Saturates.
    pub theta: Price,
}

/// The square root of the time to expiry in years, in units of 2^-40, to a unit. No time or less: zero.
pub fn root_time(tenor: Tenor) -> i64 {
    let tenor = u128::from(tenor.or_zero().0.unsigned_abs());
    // The tenor is below 2^63. A quotient in 2^-64 years, and its root from 2^-80.
    let years = (tenor << 64).checked_div(const { YEAR.0 as u128 }).unwrap_or_default();
    i64::try_from(sqrt(years << 16)).unwrap_or(i64::MAX)
}

/// The deviation of a vol over a time to expiry, rounded down; zero without time.
pub fn deviation(vol: Ratio, tenor: Tenor) -> Result<Deviation> {
    if vol < Ratio::ZERO {
        return Err(MarginError::NegativeVolatility);
    }
    product_over_ten_pow_floor::<USD_DIGITS>(vol.0, root_time(tenor)).map(Deviation)
}

/// d1 and d2 in units of 2^-37, from ln(F/K) and the deviation, both in units of 2^-40. Beyond 32 deviations the
/// logarithm counts as that.
///
/// Range: ln of 64-bit numbers is at most 45, so `log` is below 2^46 and the first dividend a 64-bit one. The remainder
/// is below the deviation, at most 2^44: so is the second.
#[inline(always)]
pub(crate) fn distances(log: i64, sd: NonZeroU64) -> (i64, i64) {
    let dividend = log.unsigned_abs() << QUOTIENT_BITS;
    let whole = dividend / sd;
    let size = if whole < FAR {
        let rest = dividend.wrapping_sub(whole.wrapping_mul(sd.get()));
        ((whole << REST_BITS) | ((rest << REST_BITS) / sd)).cast_signed()
    } else {
        const { (FAR << REST_BITS).cast_signed() }
    };
    let centre = if log < 0 { size.wrapping_neg() } else { size };
    // At most 2^41, and the centre at most 2^42.
    let sd = (sd.get() >> const { DEVIATION_BITS.wrapping_sub(normal::ARGUMENT_BITS) }).cast_signed();
    let d2 = centre.wrapping_sub(sd >> 1);
    (d2.wrapping_add(sd), d2)
}

/// Prices one call. The tenor only enters vega and theta. Fails where a price is not positive.
///
/// The value is within (F + K)·2^-35 of the true one, and so are differences: it rises with the forward and the
/// deviation and falls with the strike up to twice that.
pub fn call(forward: Price, strike: Price, sd: Deviation, tenor: Tenor) -> Result<Quote> {
    let strike = Price(strike.0.min(forward.0.saturating_mul(MAX_MONEYNESS)));
    let log = log_of(forward)?.wrapping_sub(log_of(strike)?);
    let intrinsic = Price(forward.0.saturating_sub(strike.0)).or_zero();
    let Some(divisor) = sd.divisor() else {
        let delta = if log > 0 { Contracts::ONE } else { Contracts::ZERO };
        return Ok(Quote { value: intrinsic, delta, ..Quote::default() });
    };
    let (d1, d2) = distances(log, divisor);
    let probability = normal::cdf(d1);
    // Two products below 2^104.
    let gain = i128::from(forward.0).wrapping_mul(i128::from(probability));
    let cost = i128::from(strike.0).wrapping_mul(i128::from(normal::cdf(d2)));
    let value = saturated(gain.wrapping_sub(cost) >> normal::BITS).clamp(intrinsic.0, forward.0);

    let density = normal::density(d1);
    let divisor = i128::from(divisor.get());
    let (root, days) = (i128::from(root_time(tenor)), i128::from(tenor.0.max(1)));
    // F·φ(d1) is below 2^62, the deviation and the root of time at most 2^45, a day below 2^47: all below 2^126.
    let slope = i128::from(forward.0).wrapping_mul(i128::from(density)) >> normal::BITS;
    let decay = (slope.wrapping_mul(divisor) >> DEVIATION_BITS).wrapping_mul(i128::from(DAY.0));
    let decay = decay.checked_div(days.wrapping_mul(2)).unwrap_or_default();
    let gamma = i128::from(density).wrapping_mul(i128::from(Contracts::ONE.0)).checked_div(divisor);
    Ok(Quote {
        value: Price(value),
        delta: Contracts(saturated(i128::from(probability).wrapping_mul(i128::from(Contracts::ONE.0)) >> normal::BITS)),
        gamma: Contracts(saturated(gamma.unwrap_or_default())),
        vega: Price(saturated(slope.wrapping_mul(root) >> DEVIATION_BITS)),
        theta: if tenor > Tenor::ZERO { Price(saturated(decay).wrapping_neg()) } else { Price::ZERO },
    })
}

/// The logarithm of a price in its own unit, 2^-40. Fails where it is not positive.
#[inline]
pub(crate) fn log_of(price: Price) -> Result<i64> {
    let units = NonZeroU64::new(price.or_zero().0.unsigned_abs()).ok_or(MarginError::InvalidPrice)?;
    Ok(ln(units))
}

/// The number, or the end of i64's range that it is beyond; never the smallest, which has no negative.
#[inline]
pub(crate) fn saturated(n: i128) -> i64 {
    i64::try_from(n).unwrap_or(if n < 0 { -i64::MAX } else { i64::MAX })
}
