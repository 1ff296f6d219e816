//! Variances, scan ranges and haircuts against double precision, and their direction of rounding.

use novate_margin::collateral::{haircut, HaircutTerms};
use novate_margin::volatility::*;
use novate_margin::*;
use proptest::prelude::*;

fn decay(fast: bool) -> (Decay, f64) {
    if fast {
        (Decay::Fast, 0.94)
    } else {
        (Decay::Slow, 0.99)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn average_against_double_precision(
        v in 0i64..1_000_000_000_000,
        from in 1_000_000i64..1_000_000_000_000_000_000,
        r in -0.9f64..3.0,
        hours in 0f64..12.0,
        fast in any::<bool>(),
    ) {
        let elapsed = 3_600 + (hours.exp() * 3_600.0) as i64;
        let to = ((from as f64 * (1.0 + r)) as i64).max(1);
        let (decay, d) = decay(fast);
        let got = ewma(Variance(v), Price(from), Price(to), Seconds(elapsed), decay).unwrap().0 as f64;
        let days = elapsed as f64 / 86_400.0;
        let (w, r) = (d.powf(days), (to as f64 - from as f64) / from as f64);
        let exact = w * v as f64 + (1.0 - w) * r * r / days * 1e12;
        // Rounding up of the return (1e-12), its square and the average; above it, the error of the doubles.
        let slack = 3.0 + exact * 1e-10 + 60.0 * r.abs() / days;
        prop_assert!(got >= exact * (1.0 - 1e-13) - 1e-3 && got <= exact + slack, "{} {}", got, exact);
    }

    #[test]
    fn steps_of_any_length_agree_where_nothing_moves(
        v in 0i64..1_000_000_000_000,
        first in 3_600i64..500_000,
        second in 3_600i64..500_000,
        fast in any::<bool>(),
    ) {
        let (decay, _) = decay(fast);
        let step = |v, t| ewma(v, Price::ONE, Price::ONE, Seconds(t), decay).unwrap();
        let (two, one) = (step(step(Variance(v), first), second), step(Variance(v), first + second));
        prop_assert!(two.0 >= one.0 && two.0 <= one.0 + 2);
    }

    #[test]
    fn no_price_or_time_panics(
        v in any::<i64>(),
        from in any::<i64>(),
        to in any::<i64>(),
        t in any::<i64>(),
        fast in any::<bool>(),
    ) {
        if let Ok(v) = ewma(Variance(v), Price(from), Price(to), Seconds(t), decay(fast).0) {
            prop_assert!(v >= Variance::ZERO);
        }
    }

    #[test]
    fn a_deviation_is_the_root_rounded_up(v in 0i64..) {
        let s = i128::from(sigma_ceil(Variance(v)).0);
        prop_assert!(s * s >= i128::from(v) && (v == 0 || (s - 1) * (s - 1) < i128::from(v)));
    }

    #[test]
    fn scan_range_is_three_deviations_between_base_and_twice_base(
        fast in 0i64..100_000_000_000,
        slow in 0i64..100_000_000_000,
        base in 1i64..500_000,
    ) {
        let got = scan_range(Variance(fast), Variance(slow), Ratio(base)).0;
        let exact = 3.0 * (fast.max(slow) as f64).sqrt();
        let clamped = exact.clamp(base as f64, 2.0 * base as f64);
        prop_assert!(got as f64 >= clamped - 1e-6 && (got as f64) < clamped + 1.0 + 1e-6);
    }

    /// A deviation that is forecast counts as one that is measured does.
    #[test]
    fn range_of_a_deviation_is_that_of_its_variance(sigma in 0i64..1_000_000, base in 1i64..500_000) {
        let range = range_of(Ratio(sigma), Ratio(base));
        prop_assert_eq!(range, scan_range(Variance(sigma * sigma), Variance::ZERO, Ratio(base)));
    }

    #[test]
    fn haircut_against_double_precision(
        base in 0i64..=1_000_000,
        a in 0i64..10_000_000,
        days in 0i64..60_000_000,
        add in 0i64..500_000,
        sigma in 0i64..1_000_000,
    ) {
        let terms = HaircutTerms {
            base: Ratio(base),
            volatility_multiple: Ratio(a),
            days_to_liquidate: Ratio(days),
            size_add_on: Ratio(add),
        };
        let exact = base as f64 + a as f64 * 1e-6 * sigma as f64 * (days as f64 * 1e-6).sqrt() + add as f64;
        let clamped = exact.clamp(base as f64, 1e6);
        let got = haircut(terms, Ratio(sigma)).0 as f64;
        prop_assert!(got >= clamped - 1e-6 && got < clamped + 1.1, "{} {}", got, clamped);
    }

    #[test]
    fn haircut_stays_in_range_and_grows_with_volatility(
        t in any::<[i64; 4]>(),
        shift in 0u32..60,
        sigma in 0i64..,
        more in 0i64..,
    ) {
        let [base, a, days, add] = t.map(|n| Ratio(n >> shift));
        let terms = HaircutTerms { base, volatility_multiple: a, days_to_liquidate: days, size_add_on: add };
        let (low, high) = (haircut(terms, Ratio(sigma)), haircut(terms, Ratio(sigma.saturating_add(more))));
        prop_assert!(Ratio::ZERO <= low && low <= high && high <= Ratio::ONE);
        prop_assert!(low >= base.clamp(Ratio::ZERO, Ratio::ONE));
    }
}

#[test]
fn a_sample_is_refused_by_name() {
    let (v, p, hour) = (Variance(1), Price::ONE, MIN_SAMPLE);
    let e = |v, from, to, t| ewma(v, from, to, t, Decay::Fast);
    assert_eq!(e(v, p, p, Seconds(3_599)), Err(MarginError::SampleTooEarly));
    assert_eq!(e(v, p, Price::ZERO, hour), Err(MarginError::InvalidPrice));
    assert_eq!(e(v, Price(-1), p, hour), Err(MarginError::InvalidPrice));
    assert_eq!(e(Variance(-1), p, p, hour), Err(MarginError::NegativeVariance));
    assert_eq!(e(v, Price(1), Price(i64::MAX), hour), Err(MarginError::Overflow));
}

#[test]
fn a_day_keeps_its_share() {
    let day = |decay| ewma(Variance(1_000_000_000), Price::ONE, Price::ONE, DAY, decay).unwrap();
    // Rounded up: the weight itself lies within 2e-17 of 0.94 and 0.99.
    assert_eq!(day(Decay::Fast), Variance(940_000_001));
    assert_eq!(day(Decay::Slow), Variance(990_000_001));
}
