//! Integer arithmetic with a stated direction of rounding. `floor` is towards minus infinity, `ceil` towards plus
//! infinity, for negative numbers too.
//!
//! Amounts are 64 bits wide and their products 128. A 128-bit division costs some 210 instructions on chain, a
//! 64-bit one a single instruction. Money is scaled by powers of ten, and 10^K = 2^K·5^K with 5^K below 2^32 for K
//! up to 13: so a product over 10^K is a shift by K and a schoolbook division by one 32-bit digit, two 64-bit
//! divisions in all.

use core::num::NonZeroU64;

use crate::error::{MarginError, Result};

const LOW: u64 = 0xffff_ffff;

/// Largest K of [`product_over_ten_pow_floor`]: 5^13 is the last power of five below 2^32.
pub const MAX_TEN_POW: u32 = 13;
const _: () = assert!(5u64.pow(MAX_TEN_POW) <= LOW && 5u64.pow(MAX_TEN_POW + 1) > LOW);

/// base^K as a divisor that cannot be zero.
const fn power(base: u64, k: u32) -> NonZeroU64 {
    match NonZeroU64::new(base.saturating_pow(k)) {
        Some(p) => p,
        None => NonZeroU64::MIN,
    }
}

/// The full 128-bit product as (high, low) words.
///
/// Range: with digits of 32 bits every partial product is at most (2^32-1)^2; `middle` is that and two digits more, at most
/// 2^64-1, and the high word is that of a product below 2^128. Nothing but the low word wraps.
#[inline]
const fn wide_product(a: u64, b: u64) -> (u64, u64) {
    let (a1, a0, b1, b0) = (a >> 32, a & LOW, b >> 32, b & LOW);
    let (left, right) = (a1.wrapping_mul(b0), a0.wrapping_mul(b1));
    let middle = (a0.wrapping_mul(b0) >> 32).wrapping_add(left & LOW).wrapping_add(right);
    let high = a1.wrapping_mul(b1).wrapping_add(left >> 32).wrapping_add(middle >> 32);
    (high, a.wrapping_mul(b))
}

/// floor(a·b / 10^K), and whether something was cut off. Exact for all inputs whose quotient is below 2^64.
#[inline]
fn quotient_over_ten_pow<const K: u32>(a: u64, b: u64) -> Result<(u64, bool)> {
    const { assert!(K > 0 && K <= MAX_TEN_POW) };
    let (ten, five) = const { (power(10, K), power(5, K)) };
    let (high, low) = wide_product(a, b);
    if high == 0 {
        let quotient = low / ten;
        return Ok((quotient, quotient.wrapping_mul(ten.get()) != low));
    }
    // n = product >> K has the words (top, rest); the cut bits only matter to know whether the quotient is exact.
    let top = high >> K;
    if top >= five.get() {
        return Err(MarginError::Overflow);
    }
    let rest = (high << const { 64u32.wrapping_sub(K) }) | (low >> K);
    let cut = low & const { (1u64 << K).wrapping_sub(1) };
    // Each partial dividend is remainder·2^32 + digit with remainder < 5^K < 2^32: below 2^64, quotient below 2^32.
    let dividend = (top << 32) | (rest >> 32);
    let first = dividend / five;
    let remainder = dividend.wrapping_sub(first.wrapping_mul(five.get()));
    let dividend = (remainder << 32) | (rest & LOW);
    let second = dividend / five;
    let remainder = dividend.wrapping_sub(second.wrapping_mul(five.get()));
    Ok(((first << 32) | second, (remainder | cut) != 0))
}

/// A magnitude and a sign back to i64, one unit further from zero if `outward`.
#[inline]
fn signed(magnitude: u64, negative: bool, outward: bool) -> Result<i64> {
    let value = i64::try_from(magnitude).map_err(|_| MarginError::Overflow)?;
    // The negated value is above i64::MIN, so that one less still fits.
    let outward = i64::from(outward);
    match negative {
        true => Ok(value.wrapping_neg().wrapping_sub(outward)),
        false => value.checked_add(outward).ok_or(MarginError::Overflow),
    }
}

/// floor(a·b / 10^K), K from 1 to 13. Exact; fails with [`MarginError::Overflow`] if it does not fit.
#[inline]
pub fn product_over_ten_pow_floor<const K: u32>(a: i64, b: i64) -> Result<i64> {
    let negative = (a ^ b) < 0;
    let (magnitude, inexact) = quotient_over_ten_pow::<K>(a.unsigned_abs(), b.unsigned_abs())?;
    signed(magnitude, negative, inexact & negative)
}

/// ceil(a·b / 10^K), K from 1 to 13. Exact; fails with [`MarginError::Overflow`] if it does not fit.
#[inline]
pub fn product_over_ten_pow_ceil<const K: u32>(a: i64, b: i64) -> Result<i64> {
    let negative = (a ^ b) < 0;
    let (magnitude, inexact) = quotient_over_ten_pow::<K>(a.unsigned_abs(), b.unsigned_abs())?;
    signed(magnitude, negative, inexact & !negative)
}

/// Both of the above from one product: (floor, ceil).
#[inline]
pub fn product_over_ten_pow_bounds<const K: u32>(a: i64, b: i64) -> Result<(i64, i64)> {
    let negative = (a ^ b) < 0;
    let (magnitude, inexact) = quotient_over_ten_pow::<K>(a.unsigned_abs(), b.unsigned_abs())?;
    let (inner, outer) = (signed(magnitude, negative, false)?, signed(magnitude, negative, inexact)?);
    Ok(if negative { (outer, inner) } else { (inner, outer) })
}

/// floor(|a·b| / |d|), its sign, and whether something was cut off. A product below 2^64 takes one machine
/// division.
fn quotient(a: i64, b: i64, d: i64) -> Result<(u64, bool, bool)> {
    let divisor = NonZeroU64::new(d.unsigned_abs()).ok_or(MarginError::ZeroDivisor)?;
    let negative = (a ^ b ^ d) < 0;
    let (high, low) = wide_product(a.unsigned_abs(), b.unsigned_abs());
    if high == 0 {
        let quotient = low / divisor;
        return Ok((quotient, negative, quotient.wrapping_mul(divisor.get()) != low));
    }
    let product = (u128::from(high) << 64) | u128::from(low);
    let wide = u128::from(divisor.get());
    let quotient = product.checked_div(wide).ok_or(MarginError::ZeroDivisor)?;
    let inexact = quotient.wrapping_mul(wide) != product;
    Ok((u64::try_from(quotient).map_err(|_| MarginError::Overflow)?, negative, inexact))
}

/// floor(a·b / d), exact. Fails where d = 0 or the result does not fit.
pub fn mul_div_floor(a: i64, b: i64, d: i64) -> Result<i64> {
    let (magnitude, negative, inexact) = quotient(a, b, d)?;
    signed(magnitude, negative, inexact & negative)
}

/// ceil(a·b / d), exact. Fails where d = 0 or the result does not fit.
pub fn mul_div_ceil(a: i64, b: i64, d: i64) -> Result<i64> {
    let (magnitude, negative, inexact) = quotient(a, b, d)?;
    signed(magnitude, negative, inexact & !negative)
}

/// ceil(n / d) of unsigned 128-bit numbers. Fails where d = 0.
pub fn div_ceil(n: u128, d: u128) -> Result<u128> {
    let quotient = n.checked_div(d).ok_or(MarginError::ZeroDivisor)?;
    // With d = 1 the division is exact, so the increment never meets the largest number.
    Ok(if quotient.wrapping_mul(d) == n { quotient } else { quotient.saturating_add(1) })
}

/// The smallest integer whose square is at least n.
pub fn isqrt_ceil(n: u128) -> u128 {
    let root = n.isqrt();
    // root < 2^64, so neither its square nor its successor wraps.
    if root.wrapping_mul(root) == n {
        root
    } else {
        root.wrapping_add(1)
    }
}

/// Fractional bits of [`exp_neg`]'s argument and result.
pub const EXP_BITS: u32 = 62;
/// One, as [`exp_neg`] counts.
pub const EXP_ONE: u64 = 1 << EXP_BITS;
/// floor(ln 2 · 2^62).
const LN_2: u64 = 3_196_577_161_300_663_914;
/// Terms of the series: ln(2)^21 / 21! is below 2^-76.
const EXP_TERMS: u64 = 20;
/// Absolute error bound of [`exp_neg`] in units of 2^-62; see there.
pub const EXP_ERROR: u64 = 64;

/// e^-x, argument and result in units of 2^-62, within [`EXP_ERROR`] of the true value (less than 2e-17).
///
/// x = k·ln 2 + r with 0 ≤ r < ln 2, so e^-x = 2^-k·e^-r; and e^-r is its series in Horner's form, one less
/// r/1·(1 - r/2·(1 - ...)). A step truncates twice, and its error shrinks by r/n < 0.7 in the next one: below 4
/// units at the end. The error of ln 2, at most one unit, is multiplied by k < 62, but then shifted by k: below one
/// unit.
pub fn exp_neg(x: u128) -> u64 {
    let k = x.checked_div(u128::from(LN_2)).unwrap_or_default();
    let Some(k) = u32::try_from(k).ok().filter(|k| *k < EXP_BITS) else {
        return 0;
    };
    let r = x.wrapping_sub(u128::from(LN_2).wrapping_mul(u128::from(k)));
    let mut sum = EXP_ONE;
    for n in (1..=EXP_TERMS).rev() {
        // r and sum are at most 2^62: the product is below 2^125, what is left of it fits a word, and r/n·sum is below one.
        let product = u64::try_from(r.wrapping_mul(u128::from(sum)) >> EXP_BITS).unwrap_or(EXP_ONE);
        sum = EXP_ONE.saturating_sub(product.checked_div(n).unwrap_or_default());
    }
    sum.checked_shr(k).unwrap_or_default()
}
