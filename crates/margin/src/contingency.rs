//! Contingencies: what the scan cannot see, charged per underlying on top of it (MRG-30, MRG-34, MRG-35).

use crate::error::{MarginError, Result};
use crate::fixed::{div_ceil, isqrt_ceil, product_over_ten_pow_ceil};
use crate::units::{Contracts, Price, Ratio, Usd};

/// Digits of the square root in [`concentration_ceil`].
const ROOT_DIGITS: u32 = 9;
const ROOT_ONE: i64 = 1_000_000_000;
const ROOT_ONE_SQUARED: u128 = 1_000_000_000_000_000_000;
const _: () =
    assert!(ROOT_ONE == 10i64.pow(ROOT_DIGITS) && ROOT_ONE_SQUARED == (ROOT_ONE as u128) * (ROOT_ONE as u128));

/// Basis between the buckets of an underlying (MRG-30): rate·price on the hedged quantity, the smaller of the sum of long
/// buckets and the sum of short ones, both 0 or more. Spot is a bucket and so is each market's perpetual: variation is
/// settled by market, and a gain in one does not pay a loss in another at once. No bucket is dated, so the yearly part of
/// the rule does not apply. Rounded up.
pub fn basis_ceil(longs: Contracts, shorts: Contracts, price: Price, rate: Ratio) -> Result<Usd> {
    let hedged = longs.min(shorts);
    if hedged.0 <= 0 {
        return Ok(Usd::ZERO);
    }
    hedged.value_ceil(price)?.scale_ceil(rate)
}

/// Oracle confidence (MRG-34): multiple·confidence·|net delta|. Rounded up.
pub fn confidence_ceil(net_delta: Contracts, confidence: Price, multiple: Ratio) -> Result<Usd> {
    if confidence.0 == 0 || net_delta.0 == 0 {
        return Ok(Usd::ZERO);
    }
    net_delta.abs()?.value_ceil(confidence)?.scale_ceil(multiple)
}

/// Concentration (MRG-35): R·N·(sqrt(N/D) - 1) for a notional N above the depth D; nothing where D is 0. Rounded
/// up; the root is an integer square root in 1e-9, rounded up, so the charge exceeds the exact one by at most
/// 1e-9·R·N and 2 units.
///
/// For linear legs N is the net notional: G/R, the other operand of the rule's maximum, equals it. A net long book is
/// charged no more than brings G to N, since it cannot lose more.
pub fn concentration_ceil(notional: Usd, depth: Usd, range: Ratio) -> Result<Usd> {
    if depth <= Usd::ZERO || notional <= depth {
        return Ok(Usd::ZERO);
    }
    // Both are positive here, and N·1e18 is below 2^63·2^60.
    let (n, d) = (u128::from(notional.0.unsigned_abs()), u128::from(depth.0.unsigned_abs()));
    let root = isqrt_ceil(div_ceil(n.wrapping_mul(ROOT_ONE_SQUARED), d)?);
    let root = i64::try_from(root).map_err(|_| MarginError::Overflow)?;
    let excess = root.checked_sub(ROOT_ONE).ok_or(MarginError::Overflow)?;
    product_over_ten_pow_ceil::<ROOT_DIGITS>(notional.0, excess).map(Usd)?.scale_ceil(range)
}
