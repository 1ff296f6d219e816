//! Contingencies: what the scan cannot see, charged per underlying on top of it (MRG-30, MRG-32 to MRG-35, MRG-37).

use crate::dated::HeldExpiry;
use crate::error::{MarginError, Result};
use crate::fixed::{div_ceil, isqrt_ceil, mul_div_ceil, product_over_ten_pow_ceil};
use crate::params::Params;
use crate::pricing::{DAY, YEAR};
use crate::units::{Contracts, Price, Ratio, Tenor, Usd};

/// Digits of the square root in [`concentration_ceil`].
const ROOT_DIGITS: u32 = 9;
const ROOT_ONE: i64 = 1_000_000_000;
const ROOT_ONE_SQUARED: u128 = 1_000_000_000_000_000_000;
const _: () =
    assert!(ROOT_ONE == 10i64.pow(ROOT_DIGITS) && ROOT_ONE_SQUARED == (ROOT_ONE as u128) * (ROOT_ONE as u128));

/// A second, as a [`Tenor`] counts.
const SECOND: u64 = 1_000_000_000;
const _: () = assert!(YEAR.0.unsigned_abs().is_multiple_of(SECOND));

/// MRG-61: charge on the value of yield-bearing collateral.
pub const STAKED_BASIS: Ratio = Ratio(50_000);

/// Basis and roll between the buckets of an underlying (MRG-30): on the hedged quantity at the price, the smaller of the sum of
/// long buckets and the sum of short ones, both 0 or more, the greater of a fixed rate and one that grows with the time to the
/// furthest expiry held. Spot is a bucket, each yield-bearing balance, each expiry, and so is each market's perpetual: variation
/// is settled by market, and a gain in one does not pay a loss in another at once. Rounded up.
pub fn basis_ceil(longs: Contracts, shorts: Contracts, price: Price, furthest: Tenor, params: &Params) -> Result<Usd> {
    let hedged = longs.min(shorts);
    if hedged.0 <= 0 {
        return Ok(Usd::ZERO);
    }
    let notional = hedged.value_ceil(price)?;
    let least = notional.scale_ceil(params.basis_rate)?;
    // Most books hold nothing that far out: 0.2 years at the default rates.
    if furthest.0 == 0 {
        return Ok(least);
    }
    let yearly = notional.scale_ceil(params.basis_rate_per_year)?;
    // In seconds, rounded up, so that most products fit a word.
    let (seconds, year) = (furthest.0.unsigned_abs().div_ceil(SECOND), const { YEAR.0.unsigned_abs() / SECOND });
    let seconds = i64::try_from(seconds).map_err(|_| MarginError::Overflow)?;
    let year = i64::try_from(year).map_err(|_| MarginError::Overflow)?;
    Ok(least.max(Usd(mul_div_ceil(yearly.0, seconds, year)?)))
}

/// Net short options (MRG-32): rate·price per contract. Rounded up.
pub fn naked_short_ceil(naked: Contracts, price: Price, rate: Ratio) -> Result<Usd> {
    if naked.0 <= 0 {
        return Ok(Usd::ZERO);
    }
    naked.value_ceil(price)?.scale_ceil(rate)
}

/// Option value of one expiry (MRG-33): a share of a net positive value, another of a net negative one; in the last day also
/// what is left of the day times the net time value, where that is positive. Rounded up.
pub fn option_value_ceil(expiry: &HeldExpiry, params: &Params) -> Result<Usd> {
    if expiry.valued == 0 {
        return Ok(Usd::ZERO);
    }
    let value = expiry.value;
    let charge = if value.0 >= 0 {
        // The value was rounded down.
        value.add(Usd(1))?.scale_ceil(params.long_option_discount)?
    } else {
        value.neg()?.scale_ceil(params.short_option_premium)?
    };
    if expiry.time_value.0 <= 0 || expiry.remaining >= DAY {
        return Ok(charge);
    }
    let vanishing = DAY.sub(expiry.remaining)?;
    charge.add(Usd(mul_div_ceil(expiry.time_value.0, vanishing.0, DAY.0)?))
}

/// Term structure of vol (MRG-37): a share of the vega hedged between expiries, the smaller of the gains and of the losses that
/// expiries show with vol up. Rounded up.
pub fn term_vega_ceil(gains: Usd, losses: Usd, rate: Ratio) -> Result<Usd> {
    gains.min(losses).or_zero().scale_ceil(rate)
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
/// N is the greater of the net notional and G/R; of linear legs both are the same.
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
