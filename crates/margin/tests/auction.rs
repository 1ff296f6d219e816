//! CLR-30: the discount's course, the largest slice, its price, and what a slice restores. CLR-31: the premium's course, what
//! the fund pays and reserves.

use novate_margin::auction::*;
use novate_margin::*;
use proptest::prelude::*;

fn usd(n: i64) -> Usd {
    Usd(n * 1_000_000)
}

#[test]
fn the_example_of_the_rule() {
    let (equity, maintenance, five) = (usd(1_000), usd(1_500), Fraction(50_000_000));
    let fraction = max_fraction(equity, maintenance, five).unwrap();
    // A = 725; f = 725 / (725 + 950).
    assert_eq!(fraction, Fraction(432_835_820));
    let price = price_ceil(equity, fraction, five).unwrap();
    assert!((price.0 - 411_194_029).abs() <= 1, "{price:?}");
}

#[test]
fn the_course_of_the_discount() {
    let percent = |t| discount(Seconds(t)).0 as f64 / 1e7;
    for (t, d) in [(-5, 2.0), (0, 2.0), (450, 16.0), (900, 30.0), (2_250, 65.0), (3_600, 100.0), (i64::MAX, 100.0)] {
        assert_eq!(percent(t), d, "after {t} s");
    }
    let all: Vec<Fraction> = (0..4_000).map(|t| discount(Seconds(t))).collect();
    assert!(all.windows(2).all(|w| w[0] <= w[1]));
}

#[test]
fn each_refusal_has_its_name() {
    let d = Fraction(50_000_000);
    assert_eq!(max_fraction(usd(10), usd(10), d), Err(MarginError::NotLiquidatable));
    assert_eq!(max_fraction(usd(0), usd(0), d), Err(MarginError::NotLiquidatable));
    assert_eq!(max_fraction(usd(0), usd(10), d), Err(MarginError::Insolvent));
    assert_eq!(max_fraction(usd(-1), usd(10), d), Err(MarginError::Insolvent));
    assert_eq!(max_fraction(usd(1), usd(10), Fraction(-1)), Err(MarginError::InvalidFraction));
    assert_eq!(price_ceil(usd(1), Fraction(1_000_000_001), d), Err(MarginError::InvalidFraction));
    assert_eq!(price_ceil(usd(0), Fraction::ONE, d), Err(MarginError::Insolvent));
}

#[test]
fn what_is_left_is_rounded_against_the_end_of_the_auction() {
    let (third, paid, grain) = (Fraction(333_333_333), Usd(7), Usd(100));
    // Two thirds and a third of 1e-9: of 10, 6.67 less grain, and of 20, 13.33 and grain.
    assert_eq!(left_by((Usd(10), Usd(20)), third, paid, grain), Ok((Usd(6 + 7 - 100), Usd(14 + 100))));
    assert_eq!(left_by((Usd(10), Usd(20)), Fraction::ONE, paid, grain), Ok((paid, Usd::ZERO)));
    assert_eq!(left_by((Usd(10), Usd(20)), Fraction(-1), paid, grain), Err(MarginError::InvalidFraction));
}

#[test]
fn a_small_account_goes_whole() {
    let d = Fraction(20_000_000);
    assert_eq!(max_fraction(Usd(99_999_998), Usd(99_999_999), d), Ok(Fraction::ONE));
    assert!(max_fraction(Usd(99_999_999), usd(100), d).unwrap() < Fraction::ONE);
}

#[test]
fn an_insolvent_account_by_hand() {
    // E -500, M 1,500, after half an hour g = 12.5 %: 500 + 187.50.
    let (equity, maintenance, g) = (usd(-500), usd(1_500), premium(Seconds(1_800)));
    assert_eq!(g, Fraction(125_000_000));
    assert_eq!(payout_floor(equity, maintenance, Fraction::ONE, g), Ok(Usd(687_500_000)));
    assert_eq!(payout_floor(equity, maintenance, Fraction(400_000_000), g), Ok(usd(275)));
    assert_eq!(reserve_ceil(equity, maintenance), Ok(usd(875)));
}

#[test]
fn the_course_of_the_premium() {
    let percent = |t| premium(Seconds(t)).0 as f64 / 1e7;
    for (t, g) in [(-5, 0.0), (0, 0.0), (900, 6.25), (1_800, 12.5), (3_600, 25.0), (i64::MAX, 25.0)] {
        assert_eq!(percent(t), g, "after {t} s");
    }
    let all: Vec<Fraction> = (0..4_000).map(|t| premium(Seconds(t))).collect();
    assert!(all.windows(2).all(|w| w[0] <= w[1]));
}

#[test]
fn without_margin_a_deficit_is_all_that_is_owed() {
    assert_eq!(reserve_ceil(usd(-7), Usd::ZERO), Ok(usd(7)));
    assert_eq!(payout_floor(usd(-7), Usd::ZERO, Fraction::ONE, FULL_PREMIUM), Ok(usd(7)));
    assert_eq!(payout_floor(usd(3), usd(8), Fraction::ONE, FULL_PREMIUM), Ok(usd(2)));
    assert_eq!(payout_floor(usd(-7), Usd(-1), Fraction::ONE, FULL_PREMIUM), Err(MarginError::Overflow));
    assert_eq!(reserve_ceil(Usd(i64::MIN), Usd::ZERO), Err(MarginError::Overflow));
    assert_eq!(payout_floor(usd(-7), usd(1), Fraction(-1), FULL_PREMIUM), Err(MarginError::InvalidFraction));
    assert_eq!(payout_floor(usd(-7), usd(1), Fraction::ONE, Fraction(-1)), Err(MarginError::InvalidFraction));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Rounded down, growing with time, and slices together never above the whole nor the whole above the reserve.
    #[test]
    fn a_payout_is_rounded_down_and_within_the_reserve(
        e in -1_000_000_000_000_000_000i64..=0,
        m in 0i64..1_000_000_000_000_000_000,
        f in 0i64..=1_000_000_000,
        t in 0i64..4_000,
        later in 0i64..4_000,
    ) {
        let pays = |f, t| payout_floor(Usd(e), Usd(m), Fraction(f), premium(Seconds(t))).unwrap();
        let (part, rest, whole) = (pays(f, t), pays(1_000_000_000 - f, t), pays(1_000_000_000, t));
        prop_assert!(part.0 + rest.0 <= whole.0 && whole.0 <= part.0 + rest.0 + 1);
        prop_assert!(pays(f, t + later) >= part && whole <= reserve_ceil(Usd(e), Usd(m)).unwrap());
        let g = i128::from(premium(Seconds(t)).0);
        let exact = (-i128::from(e) * 1_000_000_000 + i128::from(m) * g) * i128::from(f);
        let (paid, one) = (i128::from(part.0), 1_000_000_000_000_000_000);
        prop_assert!(paid * one <= exact && (paid + 1) * one > exact);
    }

    /// E - f·E + price = (1 + b)·(1 - f)·M within rounding of the fraction (1e-9 of the sums) and never above the
    /// target by more than the price's unit.
    #[test]
    fn the_largest_slice_restores_exactly(
        m in 100_000_000i64..1_000_000_000_000_000,
        share in 0.000_001f64..1.0,
        t in 0i64..3_600,
    ) {
        let e = ((m as f64 * share) as i64).clamp(1, m - 1);
        let d = discount(Seconds(t));
        let f = max_fraction(Usd(e), Usd(m), d).unwrap();
        let price = price_ceil(Usd(e), f, d).unwrap();
        let part = f.0 as f64 * 1e-9;
        let (equity, margin) = (e as f64 * (1.0 - part) + price.0 as f64, m as f64 * (1.0 - part));
        let slack = 4.0 + 4e-9 * m as f64;
        prop_assert!((equity - 1.15 * margin).abs() <= slack, "{} {}", equity, 1.15 * margin);
        prop_assert!(equity <= 1.15 * margin + 2.0 + 1e-12 * m as f64);
    }

    #[test]
    fn a_fraction_is_the_exact_one_rounded_down(e in 1i64.., m in 1i64.., d in 0i64..=1_000_000_000) {
        let (e, m) = if e < m { (e, m) } else if m < e { (m, e) } else { (e - 1, m) };
        prop_assume!(e > 0 && m >= 100_000_000);
        let f = max_fraction(Usd(e), Usd(m), Fraction(d)).unwrap();
        let (a, e) = (1.15 * m as f64 - e as f64, e as f64);
        let exact = a / (a + e * (1.0 - d as f64 * 1e-9)) * 1e9;
        prop_assert!(f <= Fraction::ONE && (f.0 as f64) <= exact + 1e-3 && (f.0 as f64) > exact - 1.001, "{:?} {}", f, exact);
    }

    #[test]
    fn a_price_is_rounded_up_and_falls_with_the_discount(
        e in 1i64..,
        f in 0i64..=1_000_000_000,
        t in 0i64..4_000,
        later in 0i64..4_000,
    ) {
        let at = |t| price_ceil(Usd(e), Fraction(f), discount(Seconds(t))).unwrap();
        prop_assert!(at(t + later) <= at(t));
        let kept = i128::from(1_000_000_000 - discount(Seconds(t)).0);
        let (price, exact) = (i128::from(at(t).0), i128::from(e) * i128::from(f) * kept);
        let one = 1_000_000_000_000_000_000;
        prop_assert!(price * one >= exact && (price - 1) * one < exact);
    }

    #[test]
    fn nothing_panics(
        e in any::<i64>(),
        m in any::<i64>(),
        d in any::<i64>(),
        f in any::<i64>(),
        shift in 0u32..63,
    ) {
        let _ = max_fraction(Usd(e), Usd(m), Fraction(d >> shift));
        let _ = price_ceil(Usd(e), Fraction(f >> shift), Fraction(d >> shift));
        let _ = payout_floor(Usd(e), Usd(m), Fraction(f >> shift), Fraction(d >> shift));
        let _ = reserve_ceil(Usd(e), Usd(m));
        let _ = premium(Seconds(d));
        let _ = left_by((Usd(e), Usd(m)), Fraction(f >> shift), Usd(d), Usd(d));
    }
}
