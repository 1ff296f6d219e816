//! Haircuts of collateral outside the scan (MRG-60): what its value may fall by while it is sold.

use crate::fixed::{div_ceil, isqrt_ceil};
use crate::units::Ratio;

/// What governance sets for an asset. Negative values count as zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HaircutTerms {
    /// The least haircut, in [0, 1].
    pub base: Ratio,
    /// How many deviations of the time that selling takes.
    pub volatility_multiple: Ratio,
    /// That time in days, 1e-6.
    pub days_to_liquidate: Ratio,
    /// Added for the size of what is held.
    pub size_add_on: Ratio,
}

/// sqrt of days in 1e-6 counted in 1e-9 is sqrt(days·1e12).
const DAYS_TO_ROOT: u128 = 1_000_000_000_000;
/// Multiple (1e-6) times deviation (1e-6) times root (1e-9), over this, is a ratio (1e-6).
const TO_RATIO: u128 = 1_000_000_000_000_000;

/// The haircut clamp(base + a·sigma·sqrt(days) + add-on, base, 1), rounded up (MRG-60). Always in [0, 1]: what does
/// not fit is 1.
pub fn haircut(terms: HaircutTerms, sigma: Ratio) -> Ratio {
    let size = |r: Ratio| u128::from(r.or_zero().0.unsigned_abs());
    let base = terms.base.clamp(Ratio::ZERO, Ratio::ONE);
    let root = isqrt_ceil(size(terms.days_to_liquidate).saturating_mul(DAYS_TO_ROOT));
    let swing = size(terms.volatility_multiple).saturating_mul(size(sigma)).saturating_mul(root);
    let total = div_ceil(swing, TO_RATIO)
        .unwrap_or(u128::MAX)
        .saturating_add(size(base))
        .saturating_add(size(terms.size_add_on));
    i64::try_from(total).map_or(Ratio::ONE, Ratio).clamp(base, Ratio::ONE)
}
