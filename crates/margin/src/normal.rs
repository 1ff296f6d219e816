//! The standard normal distribution in binary fixed point (MRG-10): its tail by a table of cubics, one for each 64th of
//! a unit, and its density by the exponential.

use crate::transcendental::exp;

/// Fractional bits of an argument.
pub const ARGUMENT_BITS: u32 = 37;
/// Fractional bits of a probability or density.
pub const BITS: u32 = 40;
/// Certainty.
pub const ONE: i64 = 1 << BITS;
/// Absolute error bound of [`cdf`] in units of 2^-40: less than 2e-11.
pub const CDF_ERROR: i64 = 16;
/// Absolute error bound of [`density`] in units of 2^-40: less than 2e-11.
pub const DENSITY_ERROR: i64 = 16;

/// Where the table ends: beyond 7 the tail is 1.3e-12 or less, and counts as zero.
const END: usize = 7;
/// Cubics per unit, as a power of two.
const STEP_BITS: u32 = 6;
/// Cubics in all: 14 KiB.
const STEPS: usize = END << STEP_BITS;
/// Fractional bits of the place within a step.
const PLACE_BITS: u32 = ARGUMENT_BITS - STEP_BITS;
/// 1/√(2π) in units of 2^-60, to nearest.
const DENSITY_AT_ZERO_60: i128 = 459_949_134_171_706_403;
/// 1/√(2π) in units of 2^-40, to nearest.
const DENSITY_AT_ZERO: i64 = 438_641_676_113;

/// The tail 1 - N(x) in step i as a cubic of t = 64·x - i - 1/2, from -1/2 to 1/2: its four coefficients, lowest power
/// first, in units of 2^-40.
///
/// They are the Taylor series at the step's centre, to the fourth power, with t⁴ replaced by t²/4 - 1/128: the
/// quadratic nearest to it. The difference is at most 1/128, and the coefficient h⁴·φ'''/24 at most 1.4e-9: so each
/// cubic is within 1.1e-11. Rounding adds at most two units.
static TAIL: [[i64; 4]; STEPS] = tail();

// Runs in the compiler only, where an overflow or an index out of bounds fails the build.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn tail() -> [[i64; 4]; STEPS] {
    const fn round(n: i128) -> i64 {
        ((n + (1 << 19)) >> 20) as i64
    }
    /// e^(-2^-k) in units of 2^-60, for k from 12.
    const fn exp_of_power(k: u32) -> i128 {
        let one = 1i128 << 60;
        one - (one >> k) + (one >> (2 * k + 1)) - (one >> (3 * k)) / 6 + (one >> (4 * k)) / 24
    }
    let mut table = [[0; 4]; STEPS];
    // All in units of 2^-60: the tail at the step's lower edge, the density at its centre (2i+1)/128, and the ratio of
    // the next centre's density to it, e^(-(i+1)·h²).
    let mut edge = 1i128 << 59;
    let mut p0 = (DENSITY_AT_ZERO_60 * exp_of_power(15)) >> 60;
    let mut ratio = exp_of_power(12);
    let mut i = 0;
    while i < STEPS {
        let x = 2 * i as i128 + 1;
        // xⁿ·φ, and from them the derivatives of φ.
        let p1 = p0 * x / 128;
        let p2 = p1 * x / 128;
        let p3 = p2 * x / 128;
        let p4 = p3 * x / 128;
        let (d1, d2, d3, d4) = (-p1, p2 - p0, 3 * p1 - p3, p4 - 6 * p2 + 3 * p0);
        // The integrals of φ over the lower and the upper half of the step, with h = 2^-6.
        let even = (p0 >> 7) + (d2 >> 18) / 48 + (d4 >> 30) / 3840;
        let odd = (d1 >> 12) / 8 + (d3 >> 24) / 384;
        let centre = edge - (even - odd);
        edge = centre - (even + odd);
        let fourth = (-d3 >> 24) / 24;
        table[i] =
            [round(centre - fourth / 128), round(-(p0 >> 6)), round((-d1 >> 13) + fourth / 4), round((-d2 >> 18) / 6)];
        p0 = (p0 * ratio) >> 60;
        ratio = (ratio * exp_of_power(12)) >> 60;
        i += 1;
    }
    table
}

/// 1 - N(x) for x = `size` in units of 2^-37, in units of 2^-40.
#[inline(always)]
fn tail_of(size: u64) -> i64 {
    let Some([c0, c1, c2, c3]) = usize::try_from(size >> PLACE_BITS).ok().and_then(|i| TAIL.get(i)) else {
        return 0;
    };
    let place = (size & const { (1u64 << PLACE_BITS).wrapping_sub(1) }).cast_signed();
    let t = place.wrapping_sub(const { 1i64 << (PLACE_BITS - 1) });
    // |t| ≤ 2^30 and |c1| < 2^32.7, the others less: each product is below 2^63.
    let sum = c2.wrapping_add(c3.wrapping_mul(t) >> PLACE_BITS);
    let sum = c1.wrapping_add(sum.wrapping_mul(t) >> PLACE_BITS);
    c0.wrapping_add(sum.wrapping_mul(t) >> PLACE_BITS)
}

/// N(x), the probability of a standard normal number below x, from 0 to [`ONE`]; within [`CDF_ERROR`]. The argument is
/// in units of 2^-37.
#[inline(always)]
pub fn cdf(x: i64) -> i64 {
    let tail = tail_of(x.unsigned_abs());
    if x < 0 {
        tail
    } else {
        ONE.wrapping_sub(tail)
    }
}

/// The standard normal density; within [`DENSITY_ERROR`]. The argument is in units of 2^-37.
pub fn density(x: i64) -> i64 {
    let x = i128::from(x);
    // x²/2, from 2^-74 to 2^-40; where it does not fit, the density is zero.
    let Ok(half_square) = i64::try_from(x.wrapping_mul(x) >> 35) else {
        return 0;
    };
    let density = i128::from(exp(half_square.wrapping_neg())).wrapping_mul(i128::from(DENSITY_AT_ZERO)) >> BITS;
    i64::try_from(density).unwrap_or_default()
}
