//! The liquidation auctions: how much of an account a bidder may take, and at what price.
//!
//! The solvent auction (CLR-30), equity E above zero and below the maintenance margin M.
//! A bid takes a fraction f of every balance and position for f·E·(1 - d). The discount d rises with time. Taking f
//! leaves the account with E - f·E·d of equity and (1 - f)·M of margin; the largest f allowed is the one after
//! which equity is 1 + b times the margin: f = A/(A + E·(1 - d)) with A = (1 + b)·M - E.
//!
//! The insolvent auction (CLR-31), E at or below zero. A bid takes any fraction f, and the insurance fund pays the taker
//! f·(-E + g·M): what is missing, and a premium for the risk. g rises with time.

use crate::error::{MarginError, Result};
use crate::units::{Fraction, Seconds, Usd};

/// Discount at the start: 2 %.
pub const FIRST_DISCOUNT: Fraction = Fraction(20_000_000);
/// Discount at [`SLOW_END`]: 30 %.
pub const MIDDLE_DISCOUNT: Fraction = Fraction(300_000_000);
/// Until here the discount rises to [`MIDDLE_DISCOUNT`].
pub const SLOW_END: Seconds = Seconds(900);
/// Until here it rises to all of it: 45 minutes later.
pub const FAST_END: Seconds = Seconds(3_600);
const _: () = assert!(SLOW_END.0 == 15 * 60 && FAST_END.0 == SLOW_END.0 + 45 * 60);
const _: () = assert!(FIRST_DISCOUNT.0 < MIDDLE_DISCOUNT.0 && MIDDLE_DISCOUNT.0 < Fraction::ONE.0);
/// Below this maintenance margin the whole account goes at once.
pub const WHOLE_BELOW: Usd = Usd(100_000_000);
/// 1 + b, b = 15 %, as a quotient: what a full bid restores, equity over maintenance margin.
pub const RESTORED: (u128, u128) = (23, 20);

/// The greatest g, premium over maintenance margin in an insolvent auction: 25 %.
pub const FULL_PREMIUM: Fraction = Fraction(250_000_000);
/// Until here g rises to [`FULL_PREMIUM`]: as long as a solvent auction takes to its full discount.
pub const PREMIUM_END: Seconds = FAST_END;

/// One, in the digits of a [`Fraction`].
const ONE: u128 = 1_000_000_000;
const _: () = assert!(ONE == Fraction::ONE.0 as u128 && RESTORED.0 * 100 == RESTORED.1 * 115);

/// The discount `elapsed` seconds after the start, rounded down, in the owner's favour. A negative time counts as
/// zero.
pub fn discount(elapsed: Seconds) -> Fraction {
    let elapsed = elapsed.or_zero();
    let (from, to, start, end) = if elapsed < SLOW_END {
        (FIRST_DISCOUNT, MIDDLE_DISCOUNT, Seconds::ZERO, SLOW_END)
    } else if elapsed < FAST_END {
        (MIDDLE_DISCOUNT, Fraction::ONE, SLOW_END, FAST_END)
    } else {
        return Fraction::ONE;
    };
    // Below 3,600 times 1e9, over a span of 900 or 2,700.
    let rise = to.0.saturating_sub(from.0).saturating_mul(elapsed.0.saturating_sub(start.0));
    let span = end.0.saturating_sub(start.0);
    Fraction(from.0.saturating_add(rise.checked_div(span).unwrap_or_default()))
}

/// The largest fraction that a bid may take, rounded down. Everything below [`WHOLE_BELOW`].
///
/// Fails where equity is not below maintenance margin, is not positive, or the discount is no fraction.
pub fn max_fraction(equity: Usd, maintenance: Usd, discount: Fraction) -> Result<Fraction> {
    if equity >= maintenance {
        return Err(MarginError::NotLiquidatable);
    }
    if equity <= Usd::ZERO {
        return Err(MarginError::Insolvent);
    }
    let kept = u128::from(discount.complement()?.0.unsigned_abs());
    if maintenance < WHOLE_BELOW {
        return Ok(Fraction::ONE);
    }
    // 0 < E < M < 2^63. A·20 is below 23·2^63, times 1e18 below 2^128; the divisor is smaller by far.
    let (e, m) = (u128::from(equity.0.unsigned_abs()), u128::from(maintenance.0.unsigned_abs()));
    let (over, under) = RESTORED;
    let missing = m.wrapping_mul(over).wrapping_sub(e.wrapping_mul(under));
    let taken = missing.checked_mul(const { ONE * ONE }).ok_or(MarginError::Overflow)?;
    let whole = missing.wrapping_mul(ONE).wrapping_add(e.wrapping_mul(under).wrapping_mul(kept));
    let fraction = taken.checked_div(whole).ok_or(MarginError::ZeroDivisor)?;
    Ok(Fraction(i64::try_from(fraction.min(ONE)).map_err(|_| MarginError::Overflow)?))
}

/// What a bid for the fraction pays, f·E·(1 - d), rounded up, in the owner's favour. Fails where equity is not
/// positive or an argument is no fraction.
pub fn price_ceil(equity: Usd, fraction: Fraction, discount: Fraction) -> Result<Usd> {
    if equity <= Usd::ZERO {
        return Err(MarginError::Insolvent);
    }
    let kept = u128::from(discount.complement()?.0.unsigned_abs());
    fraction.complement()?;
    // Below 2^63·2^30·2^30.
    let product =
        u128::from(equity.0.unsigned_abs()).wrapping_mul(u128::from(fraction.0.unsigned_abs())).wrapping_mul(kept);
    let price = crate::fixed::div_ceil(product, const { ONE * ONE })?;
    i64::try_from(price).map(Usd).map_err(|_| MarginError::Overflow)
}

/// g, the premium `elapsed` seconds after the start of an insolvent auction as a part of the maintenance margin: linear,
/// rounded down, in the fund's favour. A negative time counts as zero.
pub fn premium(elapsed: Seconds) -> Fraction {
    let elapsed = elapsed.or_zero().0.min(PREMIUM_END.0);
    // At most 250e6 times 3,600.
    Fraction(FULL_PREMIUM.0.wrapping_mul(elapsed).checked_div(PREMIUM_END.0).unwrap_or_default())
}

/// What the fund pays for the fraction of an insolvent account, f·(-E + g·M), rounded down, in the fund's favour. Equity
/// above zero counts as zero. Fails where an argument is no fraction, or margin is below zero.
pub fn payout_floor(equity: Usd, maintenance: Usd, fraction: Fraction, premium: Fraction) -> Result<Usd> {
    fraction.complement()?;
    owed(equity, maintenance, premium)?
        .checked_mul(u128::from(fraction.0.unsigned_abs()))
        .and_then(|product| product.checked_div(const { ONE * ONE }))
        .and_then(|payout| i64::try_from(payout).ok())
        .map(Usd)
        .ok_or(MarginError::Overflow)
}

/// The most that all bids on an insolvent account may be paid together, -E + 0.25·M, rounded up. Equity above zero counts
/// as zero. Fails where margin is below zero.
pub fn reserve_ceil(equity: Usd, maintenance: Usd) -> Result<Usd> {
    let reserve = crate::fixed::div_ceil(owed(equity, maintenance, FULL_PREMIUM)?, ONE)?;
    i64::try_from(reserve).map(Usd).map_err(|_| MarginError::Overflow)
}

/// -E + g·M in 1e-15 USD: at most 2^63·2^30 twice.
fn owed(equity: Usd, maintenance: Usd, premium: Fraction) -> Result<u128> {
    premium.complement()?;
    let deficit = if equity < Usd::ZERO { equity.0.unsigned_abs() } else { 0 };
    let margin = u64::try_from(maintenance.0).map_err(|_| MarginError::Overflow)?;
    let premium = u128::from(margin).wrapping_mul(u128::from(premium.0.unsigned_abs()));
    Ok(u128::from(deficit).wrapping_mul(ONE).wrapping_add(premium))
}

/// Equity and maintenance margin that a bid leaves (CLR-30): at least the first, at most the second.
///
/// `paid` is what the bid brought, USD, `grain` how far the slice may be from the fraction of everything:
/// [`Book::grain`](crate::Book::grain). Equity is kept but for the fraction; so is margin, since the model is homogeneous up to
/// rounding, and concentration falls faster. Where all is taken nothing is left to miss. Fails where the fraction is none.
pub fn left_by((equity, maintenance): (Usd, Usd), fraction: Fraction, paid: Usd, grain: Usd) -> Result<(Usd, Usd)> {
    let kept = fraction.complement()?;
    let grain = if kept == Fraction::ZERO { Usd::ZERO } else { grain };
    let equity = equity.slice_floor(kept)?.add(paid)?.sub(grain)?;
    Ok((equity, maintenance.slice_ceil(kept)?.add(grain)?))
}
