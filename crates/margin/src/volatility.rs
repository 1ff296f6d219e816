//! Measured volatility and the scan range that follows from it (MRG-50, MRG-51).
//!
//! Two exponentially weighted averages of squared returns, one with a memory of some two weeks, one of some three
//! months. Samples come when somebody sends them, so a step has any length of at least an hour, and its weight
//! follows from the time it spans.

use crate::error::{MarginError, Result};
use crate::fixed::{div_ceil, exp_neg, isqrt_ceil, EXP_BITS, EXP_ERROR, EXP_ONE};
use crate::units::{Price, Ratio, Seconds, Variance};

/// The shortest step between two samples (MRG-50).
pub const MIN_SAMPLE: Seconds = Seconds(3_600);
/// A day.
pub const DAY: Seconds = Seconds(86_400);
/// MRG-51: the scan range in deviations of a day.
pub const RANGE_DEVIATIONS: i64 = 3;

/// How fast an average forgets (MRG-50).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// A day keeps 0.94 of the average.
    Fast,
    /// A day keeps 0.99 of the average.
    Slow,
}

impl Decay {
    /// -ln(decay) per day, in units of 2^-62, rounded to the nearest below.
    const fn rate(self) -> u128 {
        match self {
            Self::Fast => 285_349_934_211_254_006,
            Self::Slow => 46_348_993_336_092_084,
        }
    }
}

/// Digits of a return within [`ewma`], 1e-12, and 1e12 squared over the unit of a variance.
const RETURN_ONE: u128 = 1_000_000_000_000;

/// One step of the average (MRG-50): w·v + (1 - w)·r²/days with r = to/from - 1 and w = decay^days. Rounded up:
/// the weight is taken at the end of its error interval that gives more, and the return away from zero.
///
/// Fails where `v` is negative, a price is not positive, `elapsed` is below [`MIN_SAMPLE`], or the price rose by so
/// much (some ten-thousandfold) that the result does not fit.
pub fn ewma(v: Variance, from: Price, to: Price, elapsed: Seconds, decay: Decay) -> Result<Variance> {
    if v < Variance::ZERO {
        return Err(MarginError::NegativeVariance);
    }
    if from <= Price::ZERO || to <= Price::ZERO {
        return Err(MarginError::InvalidPrice);
    }
    if elapsed < MIN_SAMPLE {
        return Err(MarginError::SampleTooEarly);
    }
    // All are positive from here on.
    let elapsed = u128::from(elapsed.0.unsigned_abs());
    let day = u128::from(DAY.0.unsigned_abs());
    let change = u128::from(to.0.abs_diff(from.0));
    // |r| in 1e-12: below 2^63·2^40.
    let size = div_ceil(change.wrapping_mul(RETURN_ONE), u128::from(from.0.unsigned_abs()))?;
    let square = size.checked_mul(size).and_then(|s| s.checked_mul(day)).ok_or(MarginError::Overflow)?;
    let sample = div_ceil(square, elapsed.checked_mul(RETURN_ONE).ok_or(MarginError::Overflow)?)?;
    let sample = i64::try_from(sample).map_err(|_| MarginError::Overflow)?;

    let exponent = decay.rate().checked_mul(elapsed).ok_or(MarginError::Overflow)?;
    let weight = exp_neg(exponent.checked_div(day).ok_or(MarginError::ZeroDivisor)?);
    // Two words below 2^63, each times a weight of at most 2^62: the sum stays below 2^126.
    let old = u128::from(weight.saturating_add(EXP_ERROR).min(EXP_ONE));
    let new = u128::from(EXP_ONE.saturating_sub(weight.saturating_sub(EXP_ERROR)));
    let sum = u128::from(v.0.unsigned_abs())
        .wrapping_mul(old)
        .wrapping_add(u128::from(sample.unsigned_abs()).wrapping_mul(new));
    let average = div_ceil(sum, 1u128 << EXP_BITS)?;
    i64::try_from(average).map(Variance).map_err(|_| MarginError::Overflow)
}

/// The square root of a variance: the deviation of a day's return, rounded up. A negative variance counts as zero.
pub fn sigma_ceil(v: Variance) -> Ratio {
    let root = isqrt_ceil(u128::from(v.or_zero().0.unsigned_abs()));
    Ratio(i64::try_from(root).unwrap_or(i64::MAX))
}

/// The scan range of one deviation, clamp(3·sigma, base, 2·base) (MRG-51, MRG-52). `base` is positive.
pub fn range_of(sigma: Ratio, base: Ratio) -> Ratio {
    let base = base.or_zero();
    Ratio(sigma.0.saturating_mul(RANGE_DEVIATIONS)).clamp(base, Ratio(base.0.saturating_mul(2)))
}

/// The scan range clamp(3·max(sigma), base, 2·base), rounded up (MRG-51). `base` is positive; a negative variance
/// counts as zero.
pub fn scan_range(fast: Variance, slow: Variance, base: Ratio) -> Ratio {
    let v = u128::from(fast.max(slow).or_zero().0.unsigned_abs());
    // 3·sqrt(v) = sqrt(9·v), rounded once.
    let three = isqrt_ceil(v.saturating_mul(const { (RANGE_DEVIATIONS * RANGE_DEVIATIONS).unsigned_abs() as u128 }));
    let base = base.or_zero();
    let range = Ratio(i64::try_from(three).unwrap_or(i64::MAX));
    range.clamp(base, Ratio(base.0.saturating_mul(2)))
}
