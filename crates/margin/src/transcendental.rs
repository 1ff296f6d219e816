//! Logarithm, exponential and square root in binary fixed point, for prices of options (MRG-10, MRG-12). The machine
//! divides 64-bit integers in one instruction and has no wide multiplication, so these divide freely, take the first
//! seven bits of an argument from a table and multiply 64 bits wide where the range allows it.

use core::num::NonZeroU64;

/// Fractional bits of [`ln`]'s result and of [`exp`]'s argument and result.
pub const BITS: u32 = 40;
/// One, in units of 2^-40.
pub const ONE: i64 = 1 << BITS;
/// Absolute error bound of [`ln`] in units of 2^-40, less than 1e-12.
pub const LN_ERROR: i64 = 1;
/// Relative error bound of [`exp`], as a power of one half: 1.5e-11.
pub const EXP_ERROR_BITS: u32 = 36;
/// Absolute error bound of [`sqrt`], in units of its result.
pub const SQRT_ERROR: u64 = 3;

/// Bits of an argument that index a table.
const INDEX_BITS: u32 = 7;
/// Entries of a table.
const ENTRIES: usize = 1 << INDEX_BITS;
/// Fractional bits within [`ln`].
const LN_BITS: u32 = 46;
/// ln 2 in units of 2^-46, to nearest.
const LN_2: i64 = 48_775_896_626_292;
/// ln 2 / 128 in units of 2^-50, to nearest.
const LN_2_STEP: i64 = 6_096_987_078_286;
/// 128 / ln 2 in units of 2^-16, to nearest.
const STEPS_PER_ONE: i64 = 12_102_203;
/// 2^(1/128) in units of 2^-62, to nearest.
const ROOT_OF_TWO: u128 = 4_636_727_017_470_743_990;

/// ln(1 + i/128) in units of 2^-46: the sum of ln((n+1)/n) = 2·artanh(1/(2n+1)) for n from 128. Each of the sums'
/// terms is cut at 2^-62: below 2^-51 in all.
static LOGARITHMS: [i64; ENTRIES] = logarithms();

/// 2^(i/128) in units of 2^-40, by repeated multiplication at 2^-62: below 2^-54 in all before rounding.
static POWERS: [i64; ENTRIES] = powers();

// Runs in the compiler only, where an overflow or an index out of bounds fails the build.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn logarithms() -> [i64; ENTRIES] {
    let mut table = [0; ENTRIES];
    let (mut i, mut sum) = (0, 0i128);
    while i < ENTRIES {
        table[i] = ((sum + (1 << 15)) >> 16) as i64;
        let odd = 2 * (ENTRIES as i128 + i as i128) + 1;
        let (mut power, mut n) = ((1i128 << 63) / odd, 1);
        while power > 0 {
            sum += power / n;
            power /= odd * odd;
            n += 2;
        }
        i += 1;
    }
    table
}

// As above.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn powers() -> [i64; ENTRIES] {
    let mut table = [0; ENTRIES];
    let (mut i, mut power) = (0, 1u128 << 62);
    while i < ENTRIES {
        table[i] = ((power + (1 << 21)) >> 22) as i64;
        power = (power * ROOT_OF_TWO) >> 62;
        i += 1;
    }
    table
}

/// The natural logarithm of an integer, in units of 2^-40, within [`LN_ERROR`]; at most 45 · 2^40.
///
/// n = 2^e·(1 + i/128)·(1 + r) with 0 ≤ r < 2^-7, and ln(1 + r) is its series to the fifth power: what is left out is
/// below 2^-42/6.
#[inline]
pub fn ln(n: NonZeroU64) -> i64 {
    let zeros = n.leading_zeros();
    let mantissa = n.get() << zeros;
    // The highest bit is set: from 128 to 255.
    let leading = mantissa >> (64 - INDEX_BITS - 1);
    let table = usize::try_from(leading).ok().and_then(|i| LOGARITHMS.get(i.wrapping_sub(ENTRIES)));
    let rest = mantissa & (u64::MAX >> (INDEX_BITS + 1));
    // rest < 2^56 over leading·2^56, in 2^-46: below 2^39. The divisor is never zero.
    let r = rest.checked_div(leading << 10).unwrap_or_default().cast_signed();
    // Powers from a 31-bit r: products below 2^62 and falling.
    let short = r >> 8;
    let square = short.wrapping_mul(short) >> 30;
    let cube = square.wrapping_mul(short) >> 38;
    let fourth = cube.wrapping_mul(short) >> 38;
    let fifth = fourth.wrapping_mul(short) >> 38;
    // 1/3 and 1/5 as multiples of 2^-20, for a cube below 2^25.
    let odd = cube.wrapping_mul(349_525).wrapping_add(fifth.wrapping_mul(209_715)) >> 20;
    let series = r.wrapping_sub(square >> 1).wrapping_add(odd).wrapping_sub(fourth >> 2);
    let exponent = 63i64.wrapping_sub(i64::from(zeros));
    // At most 64·ln 2 in 2^-46: below 2^52.
    let sum = exponent.wrapping_mul(LN_2).wrapping_add(table.copied().unwrap_or_default()).wrapping_add(series);
    sum.wrapping_add(1 << (LN_BITS - BITS - 1)) >> (LN_BITS - BITS)
}

/// e^x, argument and result in units of 2^-40, within one unit and 2^-36 of itself. An argument above 15 counts as 15,
/// one below -28 as minus infinity.
///
/// x = j·ln 2/128 + r with r from 0 to ln 2/128 (up to the error of j, a millionth of it), so
/// e^x = 2^(j/128)·e^r; and e^r is its series to the fourth power: what is left out is below 2^-44.
pub fn exp(x: i64) -> i64 {
    if x < const { ONE.wrapping_mul(-28) } {
        return 0;
    }
    let x = x.min(const { ONE.wrapping_mul(15) });
    // 2^35 times 2^24.
    let j = (x >> 10).wrapping_mul(STEPS_PER_ONE) >> 46;
    // Both below 2^56.
    let r = i128::from((x << 10).wrapping_sub(j.wrapping_mul(LN_2_STEP)));
    let one = const { 1i128 << 50 };
    // Each product is below 2^95: r is below 2^44, and the sums are close to one.
    let sum = one.wrapping_add(r >> 2);
    let sum = one.wrapping_add((r.wrapping_mul(sum) >> 50).wrapping_mul(1_431_655_765) >> 32);
    let sum = one.wrapping_add(r.wrapping_mul(sum) >> 51);
    let sum = one.wrapping_add(r.wrapping_mul(sum) >> 50);
    let index = usize::try_from(j & const { (1i64 << INDEX_BITS).wrapping_sub(1) }).unwrap_or_default();
    let power = POWERS.get(index).copied().unwrap_or_default();
    let mantissa = i64::try_from(i128::from(power).wrapping_mul(sum) >> 50).unwrap_or(i64::MAX);
    // From -41 to 21 doublings of a number below 2^41.01.
    let doublings = j >> INDEX_BITS;
    let places = u32::try_from(doublings.unsigned_abs()).unwrap_or(63);
    if doublings < 0 {
        mantissa.checked_shr(places).unwrap_or_default()
    } else {
        mantissa.checked_shl(places).unwrap_or(i64::MAX)
    }
}

/// The square root of an integer, within [`SQRT_ERROR`] and within 2^-61 of itself: with n in units of 2^-80 the
/// result is in units of 2^-40.
///
/// The 64 leading bits h (shifted by an even number) have the exact root s, 32 bits, and the remainder h - s²; a
/// Newton step from there is too large by at most half of 2^-32.
pub fn sqrt(n: u128) -> u64 {
    let zeros = n.leading_zeros() & !1;
    let Some(shifted) = n.checked_shl(zeros) else {
        return 0;
    };
    let high = u64::try_from(shifted >> 64).unwrap_or_default();
    let root = high.isqrt();
    // At most 2·root < 2^33.
    let rest = high.wrapping_sub(root.wrapping_mul(root));
    let step = (rest << 31).checked_div(root).unwrap_or_default();
    (root << 32).saturating_add(step) >> (zeros >> 1)
}
