//! The integer arithmetic against wider integers and against double precision, over the whole of its input range.

use novate_margin::fixed::*;
use novate_margin::*;
use proptest::prelude::*;

/// All of i64, with small numbers, powers and both ends more often than chance would have them.
fn any_i64() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -10i64..10,
        (0u32..63, -2i64..=2).prop_map(|(k, d)| (1i64 << k).wrapping_add(d)),
        (0u32..18, -2i64..=2).prop_map(|(k, d)| 10i64.pow(k) + d),
        (0u32..63, any::<i64>()).prop_map(|(k, n)| n >> k),
        Just(i64::MIN),
        Just(i64::MAX),
    ]
}

fn fits(n: i128) -> Result<i64> {
    // The smallest i64 is out of reach of a magnitude with a sign, and refused.
    i64::try_from(n).ok().filter(|n| *n != i64::MIN).ok_or(MarginError::Overflow)
}

/// floor and ceil of n/d with d of either sign.
fn quotients(n: i128, d: i128) -> (i128, i128) {
    let (n, d) = if d < 0 { (-n, -d) } else { (n, d) };
    let floor = n.div_euclid(d);
    (floor, floor + i128::from(floor * d != n))
}

fn check_ten_pow<const K: u32>(a: i64, b: i64) {
    let (floor, ceil) = quotients(i128::from(a) * i128::from(b), 10i128.pow(K));
    assert_eq!(product_over_ten_pow_floor::<K>(a, b), fits(floor), "floor {a}*{b}/10^{K}");
    assert_eq!(product_over_ten_pow_ceil::<K>(a, b), fits(ceil), "ceil {a}*{b}/10^{K}");
    let both = fits(floor).and_then(|f| Ok((f, fits(ceil)?)));
    assert_eq!(product_over_ten_pow_bounds::<K>(a, b), both, "bounds {a}*{b}/10^{K}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn products_over_powers_of_ten(a in any_i64(), b in any_i64()) {
        check_ten_pow::<1>(a, b);
        check_ten_pow::<6>(a, b);
        check_ten_pow::<9>(a, b);
        check_ten_pow::<12>(a, b);
        check_ten_pow::<13>(a, b);
    }

    #[test]
    fn notional_of_a_quantity_at_a_price(q in any_i64(), p in 1i64..) {
        let (floor, ceil) = quotients(i128::from(q) * i128::from(p), 1_000_000_000_000);
        prop_assert_eq!(Contracts(q).value_floor(Price(p)), fits(floor).map(Usd));
        prop_assert_eq!(Contracts(q).value_ceil(Price(p)), fits(ceil).map(Usd));
    }

    #[test]
    fn products_over_any_divisor(a in any_i64(), b in any_i64(), d in any_i64()) {
        if d == 0 {
            prop_assert_eq!(mul_div_floor(a, b, d), Err(MarginError::ZeroDivisor));
            prop_assert_eq!(mul_div_ceil(a, b, d), Err(MarginError::ZeroDivisor));
        } else {
            let (floor, ceil) = quotients(i128::from(a) * i128::from(b), i128::from(d));
            prop_assert_eq!(mul_div_floor(a, b, d), fits(floor));
            prop_assert_eq!(mul_div_ceil(a, b, d), fits(ceil));
        }
    }

    #[test]
    fn square_roots(n in any::<u128>(), k in 0u32..128) {
        let n = n >> k;
        let ceil = isqrt_ceil(n);
        prop_assert!(ceil.checked_mul(ceil).is_none_or(|square| square >= n));
        prop_assert!(ceil == 0 || (ceil - 1) * (ceil - 1) < n);
    }

    #[test]
    fn exponential_against_double_precision(x in prop_oneof![0f64..1.0, 0f64..50.0]) {
        let fixed = exp_neg((x * EXP_ONE as f64) as u128) as f64 / EXP_ONE as f64;
        prop_assert!((fixed - (-x).exp()).abs() < 4e-16, "{} {}", fixed, (-x).exp());
    }

    #[test]
    fn exponential_falls(x in 0u128..(60 << 62), step in 0u128..(1 << 62)) {
        // Up to the stated error: it is not exactly monotone.
        prop_assert!(exp_neg(x + step) <= exp_neg(x) + 2 * EXP_ERROR);
    }

    #[test]
    fn exponential_of_a_sum_is_the_product(x in 0u128..(20 << 62), y in 0u128..(20 << 62)) {
        let product = (u128::from(exp_neg(x)) * u128::from(exp_neg(y))) >> EXP_BITS;
        let sum = u128::from(exp_neg(x + y));
        prop_assert!(sum.abs_diff(product) <= 3 * u128::from(EXP_ERROR), "{} {}", sum, product);
    }

    #[test]
    fn sums_are_checked(a in any_i64(), b in any_i64()) {
        prop_assert_eq!(Usd(a).add(Usd(b)).ok(), a.checked_add(b).map(Usd));
        prop_assert_eq!(Usd(a).sub(Usd(b)).ok(), a.checked_sub(b).map(Usd));
        prop_assert_eq!(Usd(a).neg().ok(), a.checked_neg().map(Usd));
        prop_assert_eq!(Usd(a).abs().ok(), a.checked_abs().map(Usd));
        prop_assert_eq!(Usd(a).or_zero(), Usd(a.max(0)));
    }

    #[test]
    fn a_slice_and_its_complement_make_the_whole(amount in any_i64(), part in 0i64..=1_000_000_000) {
        let part = Fraction(part);
        let rest = part.complement().unwrap();
        if amount != i64::MIN {
            let whole = Usd(amount).slice_floor(part).unwrap().add(Usd(amount).slice_ceil(rest).unwrap());
            prop_assert_eq!(whole, Ok(Usd(amount)));
        }
    }
}

#[test]
fn exponential_at_known_points() {
    assert_eq!(exp_neg(0), EXP_ONE);
    assert_eq!(exp_neg(u128::MAX), 0);
    assert_eq!(exp_neg(63 << 62), 0);
    // floor(e^-1 · 2^62), from a computation with 50 digits.
    let e = 1_696_544_475_317_221_318u64;
    assert!(exp_neg(1 << 62).abs_diff(e) <= EXP_ERROR, "{}", exp_neg(1 << 62));
}

#[test]
fn fractions_outside_of_the_whole_are_refused() {
    assert_eq!(Fraction(-1).complement(), Err(MarginError::InvalidFraction));
    assert_eq!(Fraction(1_000_000_001).complement(), Err(MarginError::InvalidFraction));
    assert_eq!(Fraction(i64::MIN).complement(), Err(MarginError::Overflow));
    assert_eq!(Fraction::ONE.complement(), Ok(Fraction::ZERO));
}
